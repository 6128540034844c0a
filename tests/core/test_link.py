"""One connection as a table of phases: when to dial, to ping, to doubt, and to give up."""

from collections.abc import Iterable
from dataclasses import FrozenInstanceError, dataclass, field
from math import inf, isfinite
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.link_drawing import PAGE, drawn, marked
from polywire.core.link import TABLE, Action, Link, Phase, Policy, Signal, Step, due, new_link, step
from polywire.errors import LinkMisuse

POLICY: Final = Policy(
    dial_s=11.0, subscribe_s=13.0, ping_s=10.0, pong_s=30.0, data_s=60.0, silent_s=31.0, close_s=2.5, hush_s=3.0
)
CLOCK: Final = {Signal.DELAY_OVER, Signal.PING_DUE, Signal.PONG_LATE, Signal.DATA_LATE, Signal.OVERDUE}
WAYS: Final = {
    Phase.WAITING: (),
    Phase.DIALING: (Signal.DELAY_OVER,),
    Phase.SUBSCRIBING: (Signal.DELAY_OVER, Signal.OPENED),
    Phase.OPEN: (Signal.DELAY_OVER, Signal.OPENED, Signal.SUBSCRIBED),
    Phase.SILENT: (Signal.DELAY_OVER, Signal.OPENED, Signal.SUBSCRIBED, Signal.DATA_LATE),
    Phase.CLOSING: (Signal.DELAY_OVER, Signal.OPENED, Signal.CLOSE),
}
ROLL: Final = 0.5


def after(link: Link, *signals: Signal, at: float = 0.0, roll: float = ROLL) -> Link:
    for signal in signals:
        link = step(link, signal, at, POLICY, roll).link
    return link


def standing(phase: Phase) -> Link:
    """Return a link that came into a phase at 0 s."""
    return after(new_link(0.0), *WAYS[phase])


def next_by_clock(link: Link, now: float = -inf, roll: float = ROLL) -> tuple[float, Signal, Step]:
    """Sleep until the clock has something to say, and let it."""
    now = max(now, link.wake_at)
    signal = due(link, now)
    assert signal is not None
    return now, signal, step(link, signal, now, POLICY, roll)


# ------------------------------------------------------------ the table


@pytest.mark.parametrize(("phase", "signal"), TABLE, ids=lambda value: value.name)
def test_a_signal_with_a_row_leads_where_the_row_says(phase: Phase, signal: Signal) -> None:
    following = step(standing(phase), signal, 5.0, POLICY, ROLL)
    assert (following.link.phase, following.do) == TABLE[phase, signal]


@pytest.mark.parametrize(
    ("phase", "signal"),
    [(phase, signal) for phase in Phase for signal in Signal if (phase, signal) not in TABLE],
    ids=lambda value: value.name,
)
def test_a_signal_without_a_row_is_the_shell_s_mistake(phase: Phase, signal: Signal) -> None:
    with pytest.raises(LinkMisuse, match=f"signal {signal.name} cannot follow phase {phase.name};") as refusal:
        step(standing(phase), signal, 5.0, POLICY, ROLL)
    assert (refusal.value.phase, refusal.value.signal) == (phase.name, signal.name)


def test_the_page_shows_this_very_table() -> None:
    """Picture and code cannot drift: run `python tests/core/link_drawing.py` after a change of `TABLE`."""
    assert marked(PAGE.read_text(encoding="utf-8")) == drawn(TABLE)


def test_the_page_would_differ_if_any_row_did() -> None:
    for pair, (following, do) in TABLE.items():
        without = {other: row for other, row in TABLE.items() if other != pair}
        elsewhere = next(phase for phase in Phase if phase is not following)
        otherwise = next(action for action in Action if action is not do)
        for table in (without, TABLE | {pair: (elsewhere, do)}, TABLE | {pair: (following, otherwise)}):
            assert drawn(table) != drawn(TABLE)


def reachable(start: Phase, signals: Iterable[Signal]) -> set[Phase]:
    found, ahead = {start}, [start]
    while ahead:
        phase = ahead.pop()
        for signal in signals:
            following, _ = TABLE.get((phase, signal), (phase, Action.NOTHING))
            if following not in found:
                found.add(following)
                ahead.append(following)
    return found


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_can_be_reached_and_every_phase_can_lead_to_open(phase: Phase) -> None:
    assert phase in reachable(Phase.WAITING, Signal)
    assert Phase.OPEN in reachable(phase, Signal)


@pytest.mark.parametrize("phase", Phase)
def test_the_clock_alone_leads_from_every_phase_back_to_a_dial(phase: Phase) -> None:
    assert Phase.DIALING in reachable(phase, CLOCK)


@pytest.mark.parametrize("phase", Phase)
def test_the_owner_may_close_and_the_socket_may_be_lost_in_every_phase_but_where_there_is_none(phase: Phase) -> None:
    assert (phase, Signal.CLOSE) in TABLE
    assert TABLE[phase, Signal.LOST][0] is Phase.WAITING


def test_a_socket_is_closed_or_dropped_whenever_it_is_left_and_only_then() -> None:
    """No socket is leaked by a transition: it is lost already, closed politely, or dropped."""
    for (phase, signal), (following, do) in TABLE.items():
        left = following is not phase and following in {Phase.WAITING, Phase.CLOSING} and signal is not Signal.LOST
        assert (do in {Action.CLOSE, Action.DROP}) is left, (phase, signal)
        assert (do is Action.DROP) is (left and following is Phase.WAITING), (phase, signal)


def test_each_kind_of_work_has_its_one_occasion() -> None:
    assert {pair for pair, (_, do) in TABLE.items() if do is Action.DIAL} == {(Phase.WAITING, Signal.DELAY_OVER)}
    assert {pair for pair, (_, do) in TABLE.items() if do is Action.SUBSCRIBE} == {(Phase.DIALING, Signal.OPENED)}
    assert {signal for (_, signal), (_, do) in TABLE.items() if do is Action.PING} == {
        Signal.PING_DUE,
        Signal.HUSHED,
    }


# ------------------------------------------------------------ what entering a phase means


def test_a_new_link_dials_at_once() -> None:
    assert new_link(7.0) == Link(Phase.WAITING, 0, until=7.0)
    assert due(new_link(7.0), 7.0) is Signal.DELAY_OVER


@pytest.mark.parametrize(
    ("fact", "name"), [(new_link(0.0), "phase"), (POLICY, "ping_s"), (Step(new_link(0.0), Action.DIAL), "do")]
)
def test_a_link_its_policy_and_its_steps_are_values_that_nobody_changes(fact: object, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(fact, name, None)
    assert not hasattr(fact, "__dict__")


@pytest.mark.parametrize(
    ("link", "signal", "following"),
    [
        (standing(Phase.WAITING), Signal.DELAY_OVER, Link(Phase.DIALING, 0, 111.0)),
        (standing(Phase.DIALING), Signal.OPENED, Link(Phase.SUBSCRIBING, 0, 113.0)),
        (standing(Phase.SUBSCRIBING), Signal.SUBSCRIBED, Link(Phase.OPEN, 0, inf, 110.0, 130.0, 160.0)),
        (standing(Phase.OPEN), Signal.DATA_LATE, Link(Phase.SILENT, 0, 131.0, 10.0, 30.0, inf)),
        (standing(Phase.OPEN), Signal.PONG_LATE, Link(Phase.CLOSING, 0, 102.5)),
        (standing(Phase.SILENT), Signal.OVERDUE, Link(Phase.CLOSING, 0, 102.5)),
        (standing(Phase.SILENT), Signal.DATA, Link(Phase.OPEN, 0, inf, 10.0, 130.0, 160.0)),
        (standing(Phase.SILENT), Signal.VOUCHED, Link(Phase.OPEN, 0, inf, 10.0, 30.0, 160.0)),
        (standing(Phase.CLOSING), Signal.LOST, Link(Phase.WAITING, 1, 100.5)),
        (standing(Phase.CLOSING), Signal.OVERDUE, Link(Phase.WAITING, 1, 100.5)),
    ],
)
def test_a_phase_begins_with_the_instants_that_matter_in_it_and_no_others(
    link: Link, signal: Signal, following: Link
) -> None:
    """The heartbeat of an open socket goes through SILENT and back: it is the same socket."""
    assert after(link, signal, at=100.0) == following


@pytest.mark.parametrize(
    ("phase", "signal", "moved"),
    [
        (Phase.OPEN, Signal.DATA, Link(Phase.OPEN, 0, inf, 10.0, 35.0, 65.0)),
        (Phase.OPEN, Signal.PONG, Link(Phase.OPEN, 0, inf, 10.0, 35.0, 60.0, answers=True)),
        (Phase.OPEN, Signal.VOUCHED, Link(Phase.OPEN, 0, inf, 10.0, 30.0, 65.0)),
        (Phase.OPEN, Signal.PING_DUE, Link(Phase.OPEN, 0, inf, 15.0, 30.0, 60.0)),
        (Phase.SILENT, Signal.PONG, Link(Phase.SILENT, 0, 31.0, 10.0, 35.0, inf, answers=True)),
        (Phase.SILENT, Signal.PING_DUE, Link(Phase.SILENT, 0, 31.0, 15.0, 30.0, inf)),
        (Phase.CLOSING, Signal.CLOSE, standing(Phase.CLOSING)),
        (Phase.CLOSING, Signal.DATA, standing(Phase.CLOSING)),
        (Phase.CLOSING, Signal.PONG, standing(Phase.CLOSING)),
        (Phase.CLOSING, Signal.VOUCHED, standing(Phase.CLOSING)),
        (Phase.CLOSING, Signal.SUBSCRIBED, standing(Phase.CLOSING)),
        (Phase.WAITING, Signal.LOST, standing(Phase.WAITING)),
        (Phase.WAITING, Signal.CLOSE, standing(Phase.WAITING)),
        (Phase.SUBSCRIBING, Signal.DATA, standing(Phase.SUBSCRIBING)),
        (Phase.SUBSCRIBING, Signal.PONG, standing(Phase.SUBSCRIBING)),
    ],
)
def test_within_a_phase_each_signal_moves_its_own_instants_and_no_others(
    phase: Phase, signal: Signal, moved: Link
) -> None:
    assert after(standing(phase), signal, at=5.0) == moved


def test_the_default_patience_is_the_documented_one() -> None:
    """docs/protocol.md, "Heartbeat" and "Silence"; design.md §2, "reconnect"."""
    policy = Policy()
    assert (policy.ping_s, policy.pong_s, policy.data_s, policy.silent_s) == (10, 20, 60, 30)
    assert (policy.hush_s, policy.answer_s) == (2.5, 4)
    assert (policy.dial_s, policy.subscribe_s, policy.close_s) == (10, 10, 2)
    assert (policy.first_delay_s, policy.longest_delay_s) == (1, 60)


# ------------------------------------------------------------ the clock


@pytest.mark.parametrize("phase", Phase)
def test_nothing_is_due_a_moment_before_a_link_wants_to_be_woken(phase: Phase) -> None:
    link = standing(phase)
    assert due(link, link.wake_at - 1e-6) is None
    assert due(link, link.wake_at) is not None


def test_death_comes_before_silence_and_silence_before_a_heartbeat() -> None:
    assert due(Link(Phase.SILENT, 0, 1.0, 1.0, 1.0, 1.0), 1.0) is Signal.OVERDUE
    assert due(Link(Phase.WAITING, 0, 1.0, 1.0, 1.0, 1.0), 1.0) is Signal.DELAY_OVER
    assert due(Link(Phase.OPEN, 0, inf, 1.0, 1.0, 1.0), 1.0) is Signal.PONG_LATE
    assert due(Link(Phase.OPEN, 0, inf, 1.0, inf, 1.0), 1.0) is Signal.DATA_LATE
    assert due(Link(Phase.OPEN, 0, inf, 1.0, inf, inf), 1.0) is Signal.PING_DUE


def test_a_ping_is_written_every_ten_seconds_while_all_is_well() -> None:
    link, pings = standing(Phase.OPEN), []
    for now in range(1, 101):
        link = after(link, Signal.DATA, at=now)
        if (signal := due(link, now)) is not None:
            following = step(link, signal, now, POLICY, ROLL)
            link = following.link
            pings.append((now, following.do))
    assert pings == [(now, Action.PING) for now in range(10, 101, 10)]


def test_a_ping_is_written_every_ten_seconds_through_silence_as_well() -> None:
    """A silent link must still be told dead from quiet."""
    link, now, pings = standing(Phase.OPEN), 0.0, []
    while link.phase is not Phase.CLOSING:
        now, signal, following = next_by_clock(link, now)
        link = following.link
        if signal is Signal.PING_DUE:
            pings.append(now)
            link = after(link, Signal.PONG, at=now)
    assert pings == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
    assert now == 60.0 + 31.0


def test_a_late_clock_writes_one_ping_and_not_one_for_each_missed() -> None:
    link = after(standing(Phase.OPEN), Signal.DATA, at=44.0)
    link = after(link, Signal.PING_DUE, at=45.0)
    assert link.ping_at == 55.0
    assert due(link, 45.0) is None


@pytest.mark.parametrize(("heard", "dies_at"), [((), 30.0), ((Signal.PONG,), 50.0), ((Signal.DATA,), 50.0)])
def test_a_socket_is_given_up_30_seconds_after_the_last_pong_or_data(heard: tuple[Signal, ...], dies_at: float) -> None:
    """A venue under load sends data and leaves PINGs unanswered: that socket is alive."""
    link, now, signal, do = after(standing(Phase.OPEN), *heard, at=20.0), 20.0, Signal.PING_DUE, Action.PING
    while signal is Signal.PING_DUE:
        now, signal, following = next_by_clock(link, now)
        link, do = following.link, following.do
    assert (now, signal, link.phase, do) == (dies_at, Signal.PONG_LATE, Phase.CLOSING, Action.CLOSE)


def test_pongs_without_data_make_a_link_silent_after_60_seconds_and_closed_31_later() -> None:
    """An answered PING is no proof of a stream: the venue is known to freeze with PONGs."""
    link, now, story = standing(Phase.OPEN), 0.0, []
    while link.phase is not Phase.WAITING:
        now, signal, following = next_by_clock(link, now)
        link = following.link
        if signal is Signal.PING_DUE:
            link = after(link, Signal.PONG, at=now)
        else:
            story.append((now, signal, following.do))
    assert story == [
        (60.0, Signal.DATA_LATE, Action.NOTHING),
        (91.0, Signal.OVERDUE, Action.CLOSE),
        (93.5, Signal.OVERDUE, Action.DROP),
    ]


def test_a_silent_link_dies_at_once_when_its_pongs_stop_too() -> None:
    link = after(standing(Phase.OPEN), Signal.PONG, at=35.0)
    link = after(link, Signal.DATA_LATE, at=60.0)
    link = after(link, Signal.PING_DUE, at=60.0)
    assert due(link, 64.9) is None
    assert due(link, 65.0) is Signal.PONG_LATE
    assert step(link, Signal.PONG_LATE, 65.0, POLICY, ROLL).do is Action.CLOSE


def test_a_voucher_brings_a_silent_link_back_for_another_minute_and_no_longer() -> None:
    link = after(standing(Phase.SILENT), Signal.VOUCHED, at=70.0)
    assert (link.phase, link.data_by, link.until) == (Phase.OPEN, 130.0, inf)


def test_data_while_subscribing_is_taken_before_the_last_frame_is_written() -> None:
    """The venue answers the first of several subscription frames before it has the last."""
    link = after(standing(Phase.SUBSCRIBING), Signal.DATA, Signal.DATA, at=3.0)
    assert (link.phase, link.until, link.ping_at) == (Phase.SUBSCRIBING, 13.0, inf)


def test_a_subscription_that_cannot_be_written_closes_the_socket() -> None:
    _, signal, following = next_by_clock(standing(Phase.SUBSCRIBING))
    assert (signal, following.link.phase, following.do) == (Signal.OVERDUE, Phase.CLOSING, Action.CLOSE)


def test_asking_twice_to_close_gives_the_peer_no_more_time() -> None:
    link = after(standing(Phase.CLOSING), Signal.CLOSE, Signal.DATA, Signal.PONG, at=2.0)
    assert due(link, 2.5) is Signal.OVERDUE


# ------------------------------------------------------------ retries


def test_a_handshake_without_a_message_does_not_reset_the_backoff() -> None:
    """A venue that accepts and then drops us must not be hammered."""
    link = new_link(0.0)
    for attempt in range(1, 9):
        link = after(link, Signal.DELAY_OVER, Signal.OPENED, Signal.SUBSCRIBED, Signal.PONG, Signal.LOST, roll=0.999)
        assert link.attempt == attempt
        assert link.until == pytest.approx(0.999 * min(60, 2 ** (attempt - 1)))


@pytest.mark.parametrize("phase", [Phase.SUBSCRIBING, Phase.OPEN, Phase.SILENT])
def test_a_message_resets_the_backoff(phase: Phase) -> None:
    tried = after(new_link(0.0), *(Signal.DELAY_OVER, Signal.LOST) * 7)
    assert tried.attempt == 7
    link = after(tried, *WAYS[phase], Signal.DATA)
    assert link.attempt == 0
    assert after(link, Signal.LOST, at=100.0, roll=0.999).until == pytest.approx(100.999)


def test_what_still_arrives_while_closing_does_not_reset_the_backoff() -> None:
    """A venue that sends one message to every socket we close must not be hammered either."""
    tried = after(new_link(0.0), *(Signal.DELAY_OVER, Signal.LOST) * 7)
    assert after(tried, *WAYS[Phase.CLOSING], Signal.DATA).attempt == 7


def test_the_old_socket_s_last_word_does_not_postpone_the_next_dial() -> None:
    waiting = after(standing(Phase.DIALING), Signal.OVERDUE, at=11.0)
    assert after(waiting, Signal.LOST, Signal.CLOSE, at=11.2) == waiting


@given(attempt=st.integers(0, 10_000), roll=st.floats(0, 1, exclude_max=True))
def test_a_delay_lies_between_nothing_and_twice_the_last_limit_up_to_a_minute(attempt: int, roll: float) -> None:
    """design.md §2: first retry within 1 s, x2 with full jitter to 60 s, for ever."""
    delay = Policy().delay_s(attempt, roll)
    assert 0 <= delay <= min(60.0, 2.0 ** min(attempt, 6))
    assert delay == pytest.approx(roll * min(60.0, 2.0 ** min(attempt, 6)))


@pytest.mark.parametrize("roll", [0.0, 0.5, 0.999_999])
def test_the_first_retry_comes_within_a_second_of_the_loss(roll: float) -> None:
    for phase in (Phase.DIALING, Phase.SUBSCRIBING, Phase.OPEN, Phase.SILENT, Phase.CLOSING):
        link = after(standing(phase), Signal.LOST, at=50.0, roll=roll)
        assert 50.0 <= link.until < 51.0
        assert due(link, link.until) is Signal.DELAY_OVER


def test_data_that_stops_is_asked_after_early_and_an_answer_that_does_not_come_ends_the_socket() -> None:
    """A dead socket under load is found within 10 s: 2.5 s of silence, 4 s for the PONG, and a look each second."""
    policy = Policy()
    link = step(after(standing(Phase.OPEN), Signal.PONG, at=1.0), Signal.DATA, 5.0, policy, 0.0).link
    assert (link.wake_at, due(link, 7.4), due(link, 7.5)) == (7.5, None, Signal.HUSHED)
    asked = step(link, Signal.HUSHED, 7.5, policy, 0.0)
    assert asked.do is Action.PING
    assert (asked.link.ping_at, asked.link.pong_by, asked.link.hush_at) == (17.5, 11.5, inf)
    assert due(asked.link, 11.5) is Signal.PONG_LATE
    answered = step(asked.link, Signal.PONG, 8.0, policy, 0.0).link
    assert (answered.pong_by, answered.hush_at) == (28.0, inf)


def test_a_peer_that_never_answered_a_ping_is_not_asked_early() -> None:
    assert after(standing(Phase.OPEN), Signal.DATA, at=5.0).hush_at == inf


def test_an_early_question_never_grants_more_time_than_there_was() -> None:
    link = step(after(standing(Phase.OPEN), Signal.PONG, at=1.0), Signal.DATA, 5.0, Policy(pong_s=3.0), 0.0).link
    assert step(link, Signal.HUSHED, 7.5, Policy(pong_s=3.0), 0.0).link.pong_by == 8.0


def test_a_policy_scales_its_delays() -> None:
    policy = Policy(first_delay_s=0.25, longest_delay_s=3.0)
    assert [policy.delay_s(attempt, 0.5) for attempt in range(6)] == [0.125, 0.25, 0.5, 1.0, 1.5, 1.5]


# ------------------------------------------------------------ any life of a connection


@dataclass
class Life:
    """A link, and what was done to it, with the rules that hold at every step."""

    link: Link = field(default_factory=lambda: new_link(0.0))
    now: float = 0.0
    subscribed: bool = False

    def live(self, signal: Signal, roll: float) -> None:
        was = self.link
        following = step(was, signal, self.now, POLICY, roll)
        self.link = following.link
        self.subscribed = (self.subscribed or signal is Signal.SUBSCRIBED) and self.link.phase is not Phase.WAITING
        self.assert_right(was, signal, following.do)

    def assert_right(self, was: Link, signal: Signal, do: Action) -> None:
        link = self.link
        assert isfinite(link.wake_at)
        assert (link.phase, do) == TABLE[was.phase, signal]
        assert do is not Action.PING or self.subscribed
        assert isfinite(link.ping_at) is isfinite(link.pong_by) is (link.phase in {Phase.OPEN, Phase.SILENT})
        assert isfinite(link.data_by) is (link.phase is Phase.OPEN)
        if link.phase is Phase.WAITING and was.phase is not Phase.WAITING:
            assert link.attempt == was.attempt + 1
            assert 0 <= link.until - self.now <= min(60.0, 2.0**was.attempt) + 1e-6
        elif link.attempt != was.attempt:
            assert (link.attempt, signal) == (0, Signal.DATA)
        if signal is Signal.DATA and link.phase in {Phase.SUBSCRIBING, Phase.OPEN}:
            assert link.attempt == 0
        if link.phase is was.phase is Phase.OPEN:
            assert link.data_by == was.data_by or signal in {Signal.DATA, Signal.VOUCHED}
        if {link.phase, was.phase} <= {Phase.OPEN, Phase.SILENT}:
            assert link.pong_by == was.pong_by or signal in {Signal.DATA, Signal.PONG, Signal.HUSHED}
            assert link.ping_at == was.ping_at or signal in {Signal.PING_DUE, Signal.HUSHED}
        assert not isfinite(link.hush_at) or link.phase is Phase.OPEN


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Return a link after any signals that its phases allow, at any times."""
    life = Life()
    for _ in range(draw(st.integers(0, 25))):
        life.now += draw(st.floats(0, 100))
        allowed = [signal for signal in Signal if (life.link.phase, signal) in TABLE]
        life.live(draw(st.sampled_from(allowed)), draw(st.floats(0, 1, exclude_max=True)))
    return life


@given(life=lives(), roll=st.floats(0, 1, exclude_max=True))
def test_whatever_happened_the_clock_alone_leads_back_to_a_dial_in_bounded_time(life: Life, roll: float) -> None:
    """Sockets that fail, or hang without a word, cost a bounded delay each and never the connection."""
    start, steps = life.now, 0
    while steps == 0 or life.link.phase is not Phase.DIALING:
        assert steps < 30
        now, signal, _ = next_by_clock(life.link, life.now)
        life.now, steps = now, steps + 1
        life.live(signal, roll)
    assert life.now - start <= POLICY.data_s + POLICY.silent_s + POLICY.close_s + POLICY.longest_delay_s + 1e-6


def served_well(life: Life) -> None:
    """Let a good venue answer at once, until the link is open and has heard data."""
    for _ in range(6):
        life.now = max(life.now, life.link.until if life.link.phase in {Phase.WAITING, Phase.CLOSING} else life.now)
        match life.link.phase:
            case Phase.WAITING:
                life.live(Signal.DELAY_OVER, ROLL)
            case Phase.DIALING:
                life.live(Signal.OPENED, ROLL)
            case Phase.SUBSCRIBING:
                life.live(Signal.SUBSCRIBED, ROLL)
            case Phase.OPEN | Phase.SILENT:
                life.live(Signal.DATA, ROLL)
            case Phase.CLOSING:
                life.live(Signal.OVERDUE, ROLL)


@given(life=lives())
def test_whatever_happened_a_good_venue_gets_an_open_link_with_no_patience_spent(life: Life) -> None:
    served_well(life)
    link = life.link
    assert (link.phase, link.attempt) == (Phase.OPEN, 0)
    assert (link.pong_by, link.data_by) == (life.now + 30.0, life.now + 60.0)


@given(
    life=lives(),
    gap=st.floats(0, 100),
    wait=st.floats(0, 29.9),
    silent=st.booleans(),
    heard=st.sampled_from([Signal.PONG, Signal.DATA]),
)
def test_an_open_link_that_heard_a_pong_or_data_in_30_seconds_is_not_given_up(
    life: Life,
    gap: float,
    wait: float,
    silent: bool,  # noqa: FBT001 - drawn
    heard: Signal,
) -> None:
    served_well(life)
    if silent:
        life.live(Signal.DATA_LATE, ROLL)
    life.now += gap
    life.live(heard, ROLL)
    assert due(life.link, life.now + wait) is not Signal.PONG_LATE
