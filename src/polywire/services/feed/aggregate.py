"""The top of books at a chosen depth and rate: `AGG_ORDERBOOK`, made of our own books."""

import asyncio
from collections.abc import Callable

from polywire.core.book import Book
from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import ANSWERING
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.units import TokenId


class Aggregator:
    """Says how the top of each book stands, at most once in `every_s`, and only when something in the book changed.

    Args:
        book_of: Returns a token's book; None where it is not followed any more.
        give: Handed each `BookAggregated`.
        depth: Levels a side.
        every_s: Seconds between two for the same token.
    """

    __slots__ = ("_book_of", "_changed", "_depth", "_every_s", "_give", "_stopped", "_timer")

    def __init__(
        self, book_of: Callable[[TokenId], Book | None], give: Callable[[Event], None], depth: int, every_s: float
    ) -> None:
        self._book_of, self._give, self._depth, self._every_s = book_of, give, depth, every_s
        self._changed: dict[TokenId, LevelChanged | BookReplaced] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def touch(self, event: Event) -> None:
        """Take note of a change."""
        if isinstance(event, LevelChanged | BookReplaced) and not self._stopped:
            self._changed[event.token] = event
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(self._every_s, self._flush)

    def stop(self) -> None:
        """Say nothing more, also where the readers of an event are still being told of it."""
        self._stopped = True
        self._changed.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        self._timer = None
        changed, self._changed = self._changed, {}
        for token, last in changed.items():
            book = self._book_of(token)
            if book is not None and book.freshness in ANSWERING:  # of another its readers have been told
                self._give(
                    BookAggregated(
                        token,
                        book.bids[-self._depth :],
                        book.asks[-self._depth :],
                        book.tick,
                        book.verified_ns,
                        last.venue_ms,
                        last.seen_ns,
                    )
                )
