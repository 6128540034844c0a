"""One connection as a table of phases: every transition there is, in one place.

Time comes in as seconds of any monotonic clock, dice as a number in [0, 1). The shell that owns the socket does
what `Step.do` says, asks `due` which signal the clock raises, and feeds signals back through `step`. A signal
belongs to one socket: the shell drops those of an older one (its LOST, a late VOUCHED).
`docs/link.md` is drawn from `TABLE`.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from polywire.errors import LinkMisuse


class Phase(Enum):
    """Where a connection stands."""

    WAITING = "waiting"  # no socket; dial when the delay is over
    DIALING = "dialing"  # the handshake runs
    SUBSCRIBING = "subscribing"  # the socket is open; the subscription is being written, and nothing before it
    OPEN = "open"  # subscribed; data and PONGs arrive
    SILENT = "silent"  # PONGs arrive, data does not: frozen, or a quiet market; somebody must look
    CLOSING = "closing"  # a close was asked for; the socket is not gone yet


class Signal(Enum):
    """What happened to it."""

    DELAY_OVER = "delay over"  # clock: the time to wait is up
    OPENED = "opened"  # the handshake succeeded
    SUBSCRIBED = "subscribed"  # every subscription frame was written
    DATA = "data"  # a message arrived
    PONG = "pong"  # the answer to a text PING arrived
    PING_DUE = "ping due"  # clock
    HUSHED = "hushed"  # clock: data came and has stopped; whether the peer lives is asked for early
    PONG_LATE = "pong late"  # clock: no PONG and no data either for too long
    DATA_LATE = "data late"  # clock: no data for too long
    VOUCHED = "vouched"  # somebody compared the books with REST: the silence is real
    OVERDUE = "overdue"  # clock: this phase took too long
    CLOSE = "close"  # the owner wants another socket (renewal, shutdown)
    LOST = "lost"  # the socket is gone, or the dial failed


class Action(Enum):
    """What the shell must do on entering a step."""

    NOTHING = "nothing"
    DIAL = "dial"
    SUBSCRIBE = "write the subscription"
    PING = "write PING"
    CLOSE = "start the closing handshake"
    DROP = "drop the socket without a word"


TABLE: Final[dict[tuple[Phase, Signal], tuple[Phase, Action]]] = {
    (Phase.WAITING, Signal.DELAY_OVER): (Phase.DIALING, Action.DIAL),
    (Phase.WAITING, Signal.CLOSE): (Phase.WAITING, Action.NOTHING),  # nothing is there to close
    (Phase.WAITING, Signal.LOST): (Phase.WAITING, Action.NOTHING),  # the old socket's last word
    (Phase.DIALING, Signal.OPENED): (Phase.SUBSCRIBING, Action.SUBSCRIBE),
    (Phase.DIALING, Signal.OVERDUE): (Phase.WAITING, Action.DROP),
    (Phase.DIALING, Signal.CLOSE): (Phase.WAITING, Action.DROP),
    (Phase.DIALING, Signal.LOST): (Phase.WAITING, Action.NOTHING),
    (Phase.SUBSCRIBING, Signal.SUBSCRIBED): (Phase.OPEN, Action.NOTHING),
    (Phase.SUBSCRIBING, Signal.DATA): (Phase.SUBSCRIBING, Action.NOTHING),  # answers to its first frames
    (Phase.SUBSCRIBING, Signal.PONG): (Phase.SUBSCRIBING, Action.NOTHING),  # unasked: the peer's fault, not the shell's
    (Phase.SUBSCRIBING, Signal.OVERDUE): (Phase.CLOSING, Action.CLOSE),
    (Phase.SUBSCRIBING, Signal.CLOSE): (Phase.CLOSING, Action.CLOSE),
    (Phase.SUBSCRIBING, Signal.LOST): (Phase.WAITING, Action.NOTHING),
    (Phase.OPEN, Signal.DATA): (Phase.OPEN, Action.NOTHING),
    (Phase.OPEN, Signal.PONG): (Phase.OPEN, Action.NOTHING),
    (Phase.OPEN, Signal.VOUCHED): (Phase.OPEN, Action.NOTHING),
    (Phase.OPEN, Signal.PING_DUE): (Phase.OPEN, Action.PING),
    (Phase.OPEN, Signal.HUSHED): (Phase.OPEN, Action.PING),
    (Phase.OPEN, Signal.PONG_LATE): (Phase.CLOSING, Action.CLOSE),
    (Phase.OPEN, Signal.DATA_LATE): (Phase.SILENT, Action.NOTHING),
    (Phase.OPEN, Signal.CLOSE): (Phase.CLOSING, Action.CLOSE),
    (Phase.OPEN, Signal.LOST): (Phase.WAITING, Action.NOTHING),
    (Phase.SILENT, Signal.DATA): (Phase.OPEN, Action.NOTHING),
    (Phase.SILENT, Signal.VOUCHED): (Phase.OPEN, Action.NOTHING),
    (Phase.SILENT, Signal.PONG): (Phase.SILENT, Action.NOTHING),  # a PONG is no sign of data
    (Phase.SILENT, Signal.PING_DUE): (Phase.SILENT, Action.PING),
    (Phase.SILENT, Signal.PONG_LATE): (Phase.CLOSING, Action.CLOSE),
    (Phase.SILENT, Signal.OVERDUE): (Phase.CLOSING, Action.CLOSE),  # nobody vouched for it
    (Phase.SILENT, Signal.CLOSE): (Phase.CLOSING, Action.CLOSE),
    (Phase.SILENT, Signal.LOST): (Phase.WAITING, Action.NOTHING),
    (Phase.CLOSING, Signal.LOST): (Phase.WAITING, Action.NOTHING),
    (Phase.CLOSING, Signal.OVERDUE): (Phase.WAITING, Action.DROP),
    (Phase.CLOSING, Signal.CLOSE): (Phase.CLOSING, Action.NOTHING),
    # What was under way when the close was asked for still arrives, and changes nothing.
    (Phase.CLOSING, Signal.SUBSCRIBED): (Phase.CLOSING, Action.NOTHING),
    (Phase.CLOSING, Signal.DATA): (Phase.CLOSING, Action.NOTHING),
    (Phase.CLOSING, Signal.PONG): (Phase.CLOSING, Action.NOTHING),
    (Phase.CLOSING, Signal.VOUCHED): (Phase.CLOSING, Action.NOTHING),
}
"""Phase and signal to the next phase and what to do. A pair that is not here is `LinkMisuse`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient a connection is; all in seconds.

    Source: docs/protocol.md, "Heartbeat" (PING every 10 s; the venue's own client gives up 30 s after the last
    PONG, which is two PINGs that nobody answered and some; two are enough) and "Silence" (a minute without data on the
    market channel is worth a look).
    """

    first_delay_s: float = 1.0
    longest_delay_s: float = 60.0
    dial_s: float = 10.0
    subscribe_s: float = 10.0
    ping_s: float = 10.0
    pong_s: float = 20.0  # after the last PONG, or the subscription, or data
    hush_s: float = 2.5  # after the last data, once there was any: PING early
    answer_s: float = 4.0  # for which the answer to an early PING may take
    data_s: float = 60.0  # after the last data, or the subscription
    silent_s: float = 30.0  # for which somebody may look and vouch
    close_s: float = 2.0

    def delay_s(self, attempt: int, roll: float) -> float:
        """Return how long to wait before dial number `attempt` in a row, 0 the first: full jitter.

        Args:
            attempt: Dials since the last message arrived.
            roll: A number in [0, 1).

        >>> [Policy().delay_s(attempt, 0.999) // 0.1 / 10 for attempt in (0, 1, 5, 6, 500)]
        [0.9, 1.9, 31.9, 59.9, 59.9]
        """
        longest = self.first_delay_s * 2.0 ** min(attempt, 64)
        return roll * min(self.longest_delay_s, longest)


@dataclass(frozen=True, slots=True)
class Link:
    """One connection: its phase and the instants that matter in it (seconds; `inf`: never).

    Attributes:
        phase: Where it stands.
        attempt: Dials since the last message, less the one that brought it. A handshake does not reset it.
        until: When this phase is overdue; in `WAITING`, when to dial.
        ping_at: When to write the next PING.
        pong_by: When neither PONG nor data will have been heard for too long.
        data_by: When no data will have been heard for too long.
        hush_at: When data that came will have stopped for so long that a PING is worth it.
        answers: Whether this peer has answered a PING: only then is an answer that fails to come early a sign.
    """

    phase: Phase
    attempt: int
    until: float
    ping_at: float = float("inf")
    pong_by: float = float("inf")
    data_by: float = float("inf")
    hush_at: float = float("inf")
    answers: bool = False

    @property
    def wake_at(self) -> float:
        """When `due` will next have something to say, if nothing is heard before."""
        return min(self.until, self.ping_at, self.pong_by, self.data_by, self.hush_at)


@dataclass(frozen=True, slots=True)
class Step:
    """What follows a signal: the new link, and what the shell must do."""

    link: Link
    do: Action


def new_link(now: float) -> Link:
    """Return a link that dials at once."""
    return Link(Phase.WAITING, attempt=0, until=now)


def due(link: Link, now: float) -> Signal | None:
    """Return the signal that the clock raises at `now`; None: nothing is due before `link.wake_at`.

    Death comes before silence, and silence before a heartbeat.
    """
    if now >= link.until:
        return Signal.DELAY_OVER if link.phase is Phase.WAITING else Signal.OVERDUE
    if now >= link.pong_by:
        return Signal.PONG_LATE
    if now >= link.data_by:
        return Signal.DATA_LATE
    if now >= link.hush_at:
        return Signal.HUSHED
    return Signal.PING_DUE if now >= link.ping_at else None


def step(link: Link, signal: Signal, now: float, policy: Policy, roll: float) -> Step:
    """Return what follows `signal`.

    Args:
        link: The connection.
        signal: What happened to it.
        now: Seconds, any monotonic clock, always the same.
        policy: Its patience.
        roll: A number in [0, 1), new at each call: the jitter of a delay.

    Raises:
        LinkMisuse: The signal cannot follow the link's phase.
    """
    found = TABLE.get((link.phase, signal))
    if found is None:
        raise LinkMisuse(link.phase.name, signal.name)
    phase, do = found
    attempt = 0 if signal is Signal.DATA and phase is not Phase.CLOSING else link.attempt
    following = replace(link, attempt=attempt)
    if phase is not link.phase:
        following = _enter(phase, following, now, policy, roll)
    return Step(_heed(following, signal, now, policy), do)


def _enter(phase: Phase, link: Link, now: float, policy: Policy, roll: float) -> Link:
    """Return the link as it enters a phase, coming from `link`."""
    attempt = link.attempt
    match phase:
        case Phase.WAITING:
            return Link(phase, attempt + 1, until=now + policy.delay_s(attempt, roll))
        case Phase.DIALING:
            return Link(phase, attempt, until=now + policy.dial_s)
        case Phase.SUBSCRIBING:
            return Link(phase, attempt, until=now + policy.subscribe_s)
        case Phase.OPEN:
            since_silence = link.phase is Phase.SILENT
            ping_at = link.ping_at if since_silence else now + policy.ping_s
            pong_by = link.pong_by if since_silence else now + policy.pong_s
            return Link(phase, attempt, float("inf"), ping_at, pong_by, now + policy.data_s, answers=link.answers)
        case Phase.SILENT:
            return Link(phase, attempt, now + policy.silent_s, link.ping_at, link.pong_by, answers=link.answers)
        case Phase.CLOSING:  # pragma: no branch - mypy knows that these are all
            return Link(phase, attempt, until=now + policy.close_s)


def _heed(link: Link, signal: Signal, now: float, policy: Policy) -> Link:
    """Return the link with the instants that `signal` moves: only in `OPEN` and `SILENT` are there any."""
    if link.phase not in {Phase.OPEN, Phase.SILENT}:
        return link
    match signal:
        case Signal.DATA:  # a peer that sends is alive, PONG or not
            alive_by = now + policy.pong_s
            hush_at = now + policy.hush_s if link.answers else float("inf")
            return replace(link, data_by=now + policy.data_s, pong_by=alive_by, hush_at=hush_at)
        case Signal.PONG:
            return replace(link, pong_by=now + policy.pong_s, answers=True)
        case Signal.VOUCHED:
            return replace(link, data_by=now + policy.data_s)
        case Signal.PING_DUE:
            return replace(link, ping_at=now + policy.ping_s)
        case Signal.HUSHED:
            soon = min(link.pong_by, now + policy.answer_s)
            return replace(link, ping_at=now + policy.ping_s, pong_by=soon, hush_at=float("inf"))
        case _:
            return link
