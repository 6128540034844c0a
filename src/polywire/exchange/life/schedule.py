"""What is to happen when, in venue time."""

from collections.abc import Callable
from heapq import heappop, heappush

Deed = Callable[[int], object]
"""Is handed the time it was planned for, in Unix microseconds of venue time."""

MS = 1_000
"""Microseconds: the schedule is finer than the venue's clock, so that what comes in a burst keeps its order."""

SECOND = 1_000_000
"""Microseconds."""


class Schedule:
    """Deeds in the order of their times; those of one time in the order they were planned."""

    def __init__(self) -> None:
        self._planned: list[tuple[int, int, Deed]] = []
        self._number = 0

    def at(self, us: int, deed: Deed) -> None:
        """Plan a deed."""
        self._number += 1
        heappush(self._planned, (us, self._number, deed))

    def next_us(self) -> int | None:
        """Return when the next deed is planned; None: there is none."""
        return self._planned[0][0] if self._planned else None

    def do_next(self) -> None:
        """Take the next deed and do it. Raises `IndexError` where there is none."""
        us, _, deed = heappop(self._planned)
        deed(us)
