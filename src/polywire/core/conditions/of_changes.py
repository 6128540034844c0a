"""Watching every change: prices or books, the newest each time, at a rate."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from polywire.core.book import Book
from polywire.core.conditions.observer import Finding, half_text
from polywire.model.events import Event
from polywire.model.health import ANSWERING
from polywire.model.journal import EntryKind
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, LevelChanged, Traded
from polywire.model.units import NO_ASK, NO_BID, TokenId, price_text, size_text
from polywire.model.watch import Changes

_KINDS: Final = frozenset({BookReplaced, LevelChanged})


class ChangeObserver:
    """See `Observer` and `Changes`. What is told is what stands when it is told; what changed back is not."""

    def __init__(self, wanted: Changes) -> None:
        self._wanted, self._every_ms = wanted, round(1_000 * wanted.every_s)
        self.of_feed = True
        self.kinds: frozenset[type] = _KINDS if wanted.what == "book" else _KINDS | {Traded}
        self.moved = False
        self.due_ms: int | None = None
        self._books: dict[TokenId, Book] = {}  # of tokens that have something to be told, once it is their turn
        self._last: dict[TokenId, int] = {}  # prices of last trades
        self._told: dict[TokenId, tuple[Any, ...]] = {}
        self._turn_ms: dict[TokenId, int] = {}  # not before

    def look(self, event: Event, book: Book | None, now_ms: int) -> Finding | None:
        """See `Observer`."""
        token: TokenId = event.token  # type: ignore[union-attr]  # every kind that is shown here has one
        if isinstance(event, Traded):
            self._last[token] = event.price
        if book is None or book.freshness not in ANSWERING or book.ended:
            return None
        turn_ms = self._turn_ms.get(token, 0)
        if now_ms >= turn_ms:
            return self._tell(token, book, now_ms)
        if token not in self._books:
            self.due_ms = turn_ms if self.due_ms is None else min(self.due_ms, turn_ms)
        self._books[token] = book
        return None

    def tick(self, now_ms: int) -> Iterable[Finding]:
        """See `Observer`."""
        if self.due_ms is None or now_ms < self.due_ms:
            return ()
        ready = [token for token in self._books if self._turn_ms[token] <= now_ms]
        found = [self._tell(token, self._books[token], now_ms) for token in ready]
        self.due_ms = min((self._turn_ms[token] for token in self._books), default=None)
        return [finding for finding in found if finding is not None]

    def doubt(self, token: TokenId, now_ms: int) -> None:  # noqa: ARG002 - see `Observer`
        """See `Observer`."""
        self._books.pop(token, None)

    @property
    def state(self) -> dict[str, Any]:
        """See `Observer`: nothing; after a restart what stands is told anew."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Observer`."""

    def _tell(self, token: TokenId, book: Book, now_ms: int) -> Finding | None:
        self._books.pop(token, None)
        if book.freshness not in ANSWERING or book.ended:
            return None
        stands = self._stands(token, book)
        if stands == self._told.get(token):
            return None
        self._told[token] = stands
        self._turn_ms[token] = now_ms + self._every_ms
        bid, ask = book.best_bid, book.best_ask
        mid, spread, last = book.doubled_mid, book.spread, self._last.get(token)
        data: dict[str, Any] = {
            "bid": None if bid == NO_BID else price_text(bid),
            "ask": None if ask == NO_ASK else price_text(ask),
            "mid": None if mid is None else half_text(mid),
            "spread": None if spread is None else price_text(spread),
            "last": None if last is None else price_text(last),
        }
        text = f"bid {data['bid'] or 'none'}, ask {data['ask'] or 'none'}, last trade {data['last'] or 'unknown'}"
        if self._wanted.what == "price":
            return Finding(token, EntryKind.PRICE, text, data)
        bids, asks = book.bids, book.asks
        depth = self._wanted.depth
        data |= {"bids": _shown(bids, depth), "asks": _shown(asks, depth)}
        data |= {"bid_levels": len(bids), "ask_levels": len(asks)}
        return Finding(token, EntryKind.BOOK, f"{text}; {len(bids)} bids and {len(asks)} asks", data)

    def _stands(self, token: TokenId, book: Book) -> tuple[Any, ...]:
        if self._wanted.what == "price":
            return book.best_bid, book.best_ask, self._last.get(token)
        depth = self._wanted.depth
        return tuple(book.bids[-depth:]), tuple(book.asks[-depth:])


def _shown(side: Levels, depth: int) -> list[list[str]]:
    return [[price_text(level.price), size_text(level.size)] for level in reversed(side[-depth:])]
