"""When which watch wants to be told that time passed, in the venue's time, and how long to sleep until then."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

_LONGEST_S: Final = 1.0  # the venue's time may be stepped, or its speed raised, at any moment
_SHORTEST_S: Final = 0.025  # what is due together is told together, and shares a transaction
_MEASURED_OVER_S: Final = 0.05


class Agenda:
    """Due times of watches, the earliest of each. One that has become later is still told at the earlier one."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._planned: dict[str, int] = {}

    def plan(self, watch: str, at_ms: int) -> bool:
        """Have a watch told at a time of the venue's; return whether it is now the first of all."""
        planned = self._planned.get(watch)
        if planned is not None and planned <= at_ms:
            return False
        self._planned[watch] = at_ms
        heappush(self._heap, (at_ms, watch))
        return self._heap[0] == (at_ms, watch)

    def forget(self, watch: str) -> None:
        """Tell a watch nothing any more."""
        self._planned.pop(watch, None)

    def due(self, now_ms: int) -> list[str]:
        """Return the watches whose time has come, the earliest first; each has to be planned anew."""
        found = []
        while self._heap and self._heap[0][0] <= now_ms:
            at_ms, watch = heappop(self._heap)
            if self._planned.get(watch) == at_ms:  # else it was planned anew since, or forgotten
                del self._planned[watch]
                found.append(watch)
        return found

    @property
    def next_ms(self) -> int | None:
        """The earliest time that may be due; None: nothing is."""
        return self._heap[0][0] if self._heap else None


class Pace:
    """How long to sleep until a time of the venue's, whose seconds may be shorter than ours.

    Args:
        monotonic_s: Our time.
        venue_now_ms: The venue's.
    """

    def __init__(self, monotonic_s: Callable[[], float], venue_now_ms: Callable[[], int]) -> None:
        self._monotonic_s, self._venue_now_ms = monotonic_s, venue_now_ms
        self._at_s, self._at_ms, self._speed = monotonic_s(), venue_now_ms(), 1.0

    def wait_s(self, due_ms: int | None) -> float:
        """Return seconds, at most one; 0 where it is due already."""
        now_s, now_ms = self._monotonic_s(), self._venue_now_ms()
        passed_s = now_s - self._at_s
        if passed_s >= _MEASURED_OVER_S:
            self._speed = max(1.0, (now_ms - self._at_ms) / 1_000 / passed_s)
            self._at_s, self._at_ms = now_s, now_ms
        if due_ms is None:
            return _LONGEST_S
        if due_ms <= now_ms:
            return 0.0
        return min(_LONGEST_S, max(_SHORTEST_S, (due_ms - now_ms) / 1_000 / self._speed))
