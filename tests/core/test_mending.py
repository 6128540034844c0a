"""When suspect books are asked for anew, and when their socket is given up."""

import itertools
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.mending import Mend, Mending, MendPolicy, mend

POLICY: Final = MendPolicy(first_s=0.125, longest_s=8.0, snapshot_s=1.5, peace_s=32.0)
"""The default but for thirds and tenths, so that sums of seconds are exact."""


def after(*looks: tuple[float, str]) -> tuple[Mending, list[Mend]]:
    """Return where it stands after looks at these times, and what was done: `s` for suspect, `a` for awaited."""
    state, done = Mending(), list[Mend]()
    for now, what in looks:
        state, do = mend(state, suspect="s" in what, awaited="a" in what, now=now, policy=POLICY)
        done.append(do)
    return state, done


def looked_at(until_s: int, *, awaited: bool, policy: MendPolicy = POLICY) -> list[tuple[float, Mend]]:
    """Return what is done, and when, of a book that is suspect at every look, 64 a second."""
    state, done = Mending(), list[tuple[float, Mend]]()
    for tick in range(until_s * 64):
        waits = awaited and state.asked_at is not None
        state, do = mend(state, suspect=True, awaited=waits, now=tick / 64, policy=policy)
        if do is not Mend.NOTHING:
            done.append((tick / 64, do))
    return done


def test_without_a_suspect_nothing_is_done() -> None:
    state, done = after((0.0, ""), (1e6, ""))
    assert (state, done) == (Mending(), [Mend.NOTHING, Mend.NOTHING])


def test_a_first_suspect_is_asked_for_at_once() -> None:
    state, done = after((5.0, "s"))
    assert (state, done) == (Mending(doubts=1, next_at=5.125, asked_at=5.0), [Mend.RESUBSCRIBE])


def test_doubts_within_the_delay_wait_for_its_end_and_are_mended_together() -> None:
    _, done = after((5.0, "s"), (5.05, "s"), (5.12, "s"), (5.125, "s"))
    assert done == [Mend.RESUBSCRIBE, Mend.NOTHING, Mend.NOTHING, Mend.RESUBSCRIBE]


def test_each_mending_waits_twice_as_long_as_the_one_before_up_to_the_longest() -> None:
    """A venue that sends garbage all the time must not be asked all the time."""
    asked = [at for at, do in looked_at(60, awaited=False) if do is Mend.RESUBSCRIBE]
    delays = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert delays == [0.125, 0.25, 0.5, 1, 2, 4, *[8] * 6]


def test_no_number_of_doubts_makes_the_delay_overflow() -> None:
    state, do = mend(Mending(doubts=1 << 40), suspect=True, awaited=False, now=0.0, policy=POLICY)
    assert (do, state.next_at) == (Mend.RESUBSCRIBE, 8.0)


def test_after_peace_all_is_as_at_the_start() -> None:
    late = Mending(doubts=7, next_at=10.0)
    before, _ = mend(late, suspect=True, awaited=False, now=41.99, policy=POLICY)
    at_peace, _ = mend(late, suspect=True, awaited=False, now=42.0, policy=POLICY)
    assert (before.doubts, before.next_at) == (8, 41.99 + 8.0)
    assert (at_peace.doubts, at_peace.next_at) == (1, 42.0 + 0.125)


def test_a_snapshot_that_comes_in_time_ends_the_waiting() -> None:
    state, done = after((0.0, "s"), (1.0, "a"), (1.4, ""), (9.0, "a"))
    assert (state.asked_at, done[1:]) == (None, [Mend.NOTHING] * 3)


def test_a_snapshot_that_does_not_come_in_time_costs_the_socket_once() -> None:
    state, done = after((0.0, "s"), (1.49, "a"), (1.5, "a"), (1.6, "a"))
    assert done[1:] == [Mend.NOTHING, Mend.RENEW, Mend.NOTHING]
    assert state == Mending(doubts=1, next_at=1.75, asked_at=None)


def test_a_missing_snapshot_costs_the_socket_though_other_books_are_suspect_too() -> None:
    _, done = after((0.0, "s"), (1.5, "sa"))
    assert done == [Mend.RESUBSCRIBE, Mend.RENEW]


def test_after_a_new_socket_the_next_mending_waits() -> None:
    _, done = after((0.0, "s"), (1.5, "a"), (1.74, "s"), (1.75, "s"))
    assert done[2:] == [Mend.NOTHING, Mend.RESUBSCRIBE]


def test_a_book_that_never_gets_its_snapshot_cannot_hide_behind_others_that_are_suspect_ever_again() -> None:
    """Each asking begins the waiting anew, but the delays between two soon are longer than it: 3 s by default."""
    done = looked_at(10, awaited=True, policy=MendPolicy())
    renewed = next(at for at, do in done if do is Mend.RENEW)
    assert (len([at for at, _ in done if at < renewed]), renewed <= 3.1) == (5, True)


LOOKS: Final = st.lists(st.tuples(st.integers(0, 40 * 64), st.booleans(), st.booleans()), min_size=1, max_size=80)


@given(looks=LOOKS)
def test_nothing_is_asked_within_the_delay_and_every_wait_for_a_snapshot_ends_in_time(looks: list[Any]) -> None:
    state, now, asked_at = Mending(), 0.0, None
    for ticks, suspect, missing in looks:
        now += ticks / 64
        before, awaited = state, missing and state.asked_at is not None  # nothing is awaited that was not asked for
        state, do = mend(before, suspect=suspect, awaited=awaited, now=now, policy=POLICY)
        asked_at = asked_at if awaited else None
        late = asked_at is not None and now >= asked_at + POLICY.snapshot_s
        due = suspect and now >= before.next_at
        assert do is (Mend.RENEW if late else Mend.RESUBSCRIBE if due else Mend.NOTHING)
        if do is Mend.NOTHING:
            assert (state.doubts, state.next_at) == (before.doubts, before.next_at)
        else:
            assert POLICY.first_s <= state.next_at - now <= POLICY.longest_s
            asked_at = now if do is Mend.RESUBSCRIBE else None
        assert state.asked_at == asked_at
