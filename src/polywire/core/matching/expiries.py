"""When orders end by themselves: a heap that forgets what ended otherwise."""

from heapq import heapify, heappop, heappush
from typing import Final

_SPARE: Final = 64  # dead entries that are not worth a clean-up


class Expiries:
    """The ends of GTD orders, soonest first."""

    __slots__ = ("_ends", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._ends: dict[str, tuple[int, int, str]] = {}

    def __len__(self) -> int:
        return len(self._heap)  # entries of ended orders included, as far as they were not cleaned up

    def add(self, ends_ms: int, number: int, order: str) -> None:
        """Note that an order ends at `ends_ms`; of those that end together the lowest number is first."""
        entry = ends_ms, number, order
        self._ends[order] = entry
        heappush(self._heap, entry)

    def drop(self, order: str) -> None:
        """Forget an order that has ended; one that was never noted is no fault."""
        if self._ends.pop(order, None) is not None and len(self._heap) > 2 * len(self._ends) + _SPARE:
            self._heap = list(self._ends.values())
            heapify(self._heap)

    def next_ms(self) -> int | None:
        """Return when the next order ends, or None."""
        heap = self._heap
        while heap and self._ends.get(heap[0][2]) is not heap[0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now_ms: int) -> list[str]:
        """Return the orders that end by `now_ms`, soonest first, and forget them."""
        ended = []
        while (next_ms := self.next_ms()) is not None and next_ms <= now_ms:
            order = heappop(self._heap)[2]
            del self._ends[order]
            ended.append(order)
        return ended
