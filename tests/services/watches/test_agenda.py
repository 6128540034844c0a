"""`services.watches.agenda`: due times, and how long to sleep on a clock whose seconds are of any length."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.services.watches.agenda import Agenda, Pace

PLANS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 100)), max_size=40)


@given(PLANS, st.integers(0, 110))
def test_each_watch_is_due_once_and_at_the_earliest_time_it_named(plans: list[tuple[str, int]], now_ms: int) -> None:
    agenda, earliest = Agenda(), dict[str, int]()
    for watch, at_ms in plans:
        agenda.plan(watch, at_ms)
        earliest[watch] = min(at_ms, earliest.get(watch, at_ms))
    due = agenda.due(now_ms)
    assert sorted(due) == sorted(watch for watch, at_ms in earliest.items() if at_ms <= now_ms)
    assert [earliest[watch] for watch in due] == sorted(earliest[watch] for watch in due)
    assert agenda.due(now_ms) == []
    assert sorted(agenda.due(1_000)) == sorted(set(earliest) - set(due))


@given(PLANS)
def test_it_says_when_it_is_to_be_looked_at_sooner_than_before(plans: list[tuple[str, int]]) -> None:
    agenda = Agenda()
    for watch, at_ms in plans:
        before = agenda.next_ms
        sooner = agenda.plan(watch, at_ms)
        assert sooner or before is not None
        assert agenda.next_ms is not None
        if before is None or at_ms < before:
            assert sooner
            assert agenda.next_ms == at_ms


def test_a_watch_that_is_forgotten_is_not_due() -> None:
    agenda = Agenda()
    agenda.plan("a", 5)
    agenda.plan("b", 6)
    agenda.forget("a")
    agenda.forget("never there")
    assert agenda.due(10) == ["b"]
    agenda.plan("a", 20)
    assert agenda.due(20) == ["a"]


class Clocks:
    """Two clocks of which a test turns the hands."""

    def __init__(self, speed: float) -> None:
        self.at_s, self.speed = 50.0, speed

    def monotonic_s(self) -> float:
        return self.at_s

    def venue_now_ms(self) -> int:
        return round(self.at_s * 1_000 * self.speed)


@given(st.sampled_from([1.0, 10.0, 60.0, 150.0]), st.integers(1, 10_000_000))
def test_whatever_is_due_is_slept_for_in_steps_of_a_second_at_most_and_never_overslept(speed: float, ms: int) -> None:
    """Once it has measured how fast the venue's time passes, which takes it one look."""
    clocks = Clocks(speed)
    pace = Pace(clocks.monotonic_s, clocks.venue_now_ms)
    clocks.at_s += 1.0
    pace.wait_s(None)
    due_ms = clocks.venue_now_ms() + ms
    while (wait_s := pace.wait_s(due_ms)) > 0:
        assert wait_s <= 1.0
        clocks.at_s += wait_s
    assert due_ms <= clocks.venue_now_ms() <= due_ms + 0.026 * 1_000 * speed + 2


def test_time_that_stands_or_jumps_is_looked_at_again_within_a_second() -> None:
    clocks = Clocks(1.0)
    pace = Pace(clocks.monotonic_s, lambda: 7)
    clocks.at_s += 10.0
    assert pace.wait_s(1_000_000) == 1.0
    assert pace.wait_s(None) == 1.0
    assert pace.wait_s(7) == 0.0
