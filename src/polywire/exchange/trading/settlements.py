"""How trades are settled: matched, mined, confirmed, each a while after the other, in venue time."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final

from polywire.exchange.trading.records import TradeState, UserTrade

MINED_AFTER_MS: Final = 1_500
CONFIRMED_AFTER_MS: Final = 2_500
"""After it was mined. The venue needs a block or two for each; how long exactly is not documented."""

_FAILED_AFTER_MS: Final = 1_500


class Settlements:
    """The trades that are not final yet, soonest first.

    Args:
        trades: What an earlier run left unsettled.
    """

    def __init__(self, trades: Iterable[UserTrade] = ()) -> None:
        self._heap = [(trade.due_ms, trade.number, trade) for trade in trades]
        heapify(self._heap)

    def add(self, trade: UserTrade) -> None:
        """Take a trade that was matched; its `due_ms` is set."""
        trade.due_ms = trade.matched_ms + (_FAILED_AFTER_MS if trade.doomed else MINED_AFTER_MS)
        heappush(self._heap, (trade.due_ms, trade.number, trade))

    def next_ms(self) -> int | None:
        """Return when the next trade changes, or None."""
        return self._heap[0][0] if self._heap else None

    def due(self, now_ms: int) -> UserTrade | None:
        """Return the next trade that changes by `now_ms`, or None; `moved` says what became of it."""
        return heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now_ms else None

    def moved(self, trade: UserTrade, state: TradeState) -> None:
        """Note what became of a trade that was due: it changed at its time, however late we are."""
        trade.state, trade.changed_ms = state, trade.due_ms
        if state is TradeState.MINED:
            trade.due_ms += CONFIRMED_AFTER_MS
            heappush(self._heap, (trade.due_ms, trade.number, trade))
        else:
            trade.due_ms = 0
