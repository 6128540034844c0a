"""Which socket is old enough to be replaced, and the move from an old socket to a new one, token by token."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from polywire.services.feed.connection import Connection
from polywire.services.feed.handover import Handover

SNAPSHOTS_S: Final = 10.0
"""For which the new socket may take until it has every book; then the old one is kept."""

AGAIN_S: Final = 600.0
"""After a replacement that came to nothing, for which the old socket is left alone."""

_PLACES_S: Final = 2.0  # for which a token may take until both sockets are at one place
_LOOK_S: Final = 0.02
_JITTER: Final = 0.2  # of the age, so that sockets opened together are not renewed together


class Renewals:
    """When sockets are renewed, and how.

    Args:
        after_s: How old they get; 0: as old as they will.
        roll: Returns a number in [0, 1), for jitter.
    """

    def __init__(self, after_s: float, roll: Callable[[], float]) -> None:
        self._after_s, self._roll = after_s, roll
        self._due: dict[int, tuple[float | None, float]] = {}  # number: when it was opened, and is to be renewed

    @property
    def wanted(self) -> bool:
        """Whether any socket ever gets too old."""
        return self._after_s > 0

    def due(self, connections: Iterable[Connection], now: float) -> tuple[Connection, str] | None:
        """Return one that is too old, and the reason; None: none is.

        Args:
            connections: All there are.
            now: Monotonic seconds.
        """
        if not self.wanted:
            return None
        known, self._due = self._due, {}
        found = None
        for one in connections:
            opened_s, due_s = known.get(one.number, (None, 0.0))
            if opened_s != one.opened_s:
                opened_s = one.opened_s
                age_s = self._after_s * (1 + _JITTER * (2 * self._roll() - 1))
                due_s = now + age_s if opened_s is None else opened_s + age_s
            if found is None and one.connected and one.tokens and opened_s is not None and now >= due_s:
                found = one, f"open for {now - opened_s:.0f} s: renewed, as sockets go silent with age"
                due_s = now + AGAIN_S
            self._due[one.number] = opened_s, due_s
        return found

    async def move(self, handover: Handover, old: Connection) -> None:
        """Move every token's readers from the old socket to the other, and make that the authoritative one.

        The old one stays it where the other did not bring every book in time, or was lost.
        """
        if not await _within(SNAPSHOTS_S, lambda: handover.hot or handover.lead is not old):
            return

        def moved() -> bool:
            handover.cut_ready()
            return handover.lead is not old or not handover.left(old)

        await _within(_PLACES_S, moved)
        if handover.lead is old and handover.hot:
            handover.cut_all()  # those left are told of a gap, if their place is not found while they wait


async def _within(seconds: float, true: Callable[[], bool]) -> bool:
    """Return whether something became true in time."""
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - books have no event of their own that a thousand could wait for
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        return False
    return True
