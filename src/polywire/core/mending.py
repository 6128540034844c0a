"""When and how to mend suspect books of one socket: ask for their snapshots again, then take a new socket.

A venue that sends garbage all the time must not be asked all the time: each mending waits longer than the one
before, until there was peace for a while.
"""

from dataclasses import dataclass
from enum import Enum


class Mend(Enum):
    """What to do about suspect books."""

    NOTHING = "nothing"
    RESUBSCRIBE = "unsubscribe and subscribe: cheap, and the other books go on"
    RENEW = "a new socket: every book of it gets a new snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class MendPolicy:
    """All in seconds."""

    first_s: float = 0.1  # a burst of doubts is mended at once, not one by one
    longest_s: float = 8.0
    snapshot_s: float = 1.5  # for which a snapshot asked for anew may take
    peace_s: float = 30.0  # without a doubt, after which all is as at the start


@dataclass(frozen=True, slots=True)
class Mending:
    """Where the mending of one socket stands.

    Attributes:
        doubts: Mendings since the last peace.
        next_at: When the next may begin.
        asked_at: When snapshots were last asked for; None: none are awaited.
    """

    doubts: int = 0
    next_at: float = 0.0
    asked_at: float | None = None


def mend(state: Mending, *, suspect: bool, awaited: bool, now: float, policy: MendPolicy) -> tuple[Mending, Mend]:
    """Return what follows, and what to do now.

    Args:
        state: What was returned the last time.
        suspect: Whether any book of the socket is suspect.
        awaited: Whether a snapshot that was asked for anew is still missing.
        now: Seconds of a monotonic clock.
        policy: How patient to be.

    >>> state, do = mend(Mending(), suspect=True, awaited=False, now=5.0, policy=MendPolicy())
    >>> do.name, mend(state, suspect=False, awaited=True, now=7.0, policy=MendPolicy())[1].name
    ('RESUBSCRIBE', 'RENEW')
    """
    if state.asked_at is not None and awaited and now >= state.asked_at + policy.snapshot_s:
        return Mending(state.doubts, now + _delay_s(state.doubts, policy), None), Mend.RENEW
    asked_at = state.asked_at if awaited else None
    if suspect and now >= state.next_at:
        doubts = 0 if now >= state.next_at + policy.peace_s else state.doubts
        return Mending(doubts + 1, now + _delay_s(doubts, policy), now), Mend.RESUBSCRIBE
    return Mending(state.doubts, state.next_at, asked_at), Mend.NOTHING


def _delay_s(doubts: int, policy: MendPolicy) -> float:
    return min(policy.longest_s, policy.first_s * 2.0 ** min(doubts, 32))
