"""Factories for benchmarks: the feed's own path, in the shape that measuring scripts ask for."""

import time
from typing import Any, Protocol

from polywire.core.books import Books
from polywire.model.units import TokenId
from polywire.wire.market import MarketDecoder


class Corpus(Protocol):
    """What a script hands over: at least the tokens its frames are about."""

    tokens: list[str]


class Path:
    """Decode, keep exact books, check best prices, stamp, count, and hand one event an entry to a reader a token.

    Args:
        corpus: Its tokens are followed and read.
    """

    name = "polywire decode + exact book + checks + route"

    def __init__(self, corpus: Corpus) -> None:
        self.events = 0
        self.books = Books()
        for token in map(TokenId, corpus.tokens):
            self.books.follow(token)
            self.books.read(token, self._count)
        self.decoder = MarketDecoder(self.books)
        decode, now = self.decoder.feed, time.time_ns

        def feed(frame: bytes) -> None:
            """Take one frame, stamped on arrival as the socket's callback does."""
            decode(frame, now())

        self.feed = feed

    def _count(self, _: Any) -> None:
        self.events += 1

    def best(self, token: str) -> tuple[int | None, int | None]:
        """Return best bid and best ask in 1e-4 USDC, None where a side is empty."""
        book = self.books[TokenId(token)]
        return book.best_bid or None, None if book.best_ask == 10_000 else book.best_ask  # noqa: PLR2004 - one USDC

    def levels(self, token: str) -> tuple[dict[int, int], dict[int, int]]:
        """Return both sides as {price in 1e-4: size in 1e-6}."""
        book = self.books[TokenId(token)]
        return dict(map(tuple, book.bids)), dict(map(tuple, book.asks))  # type: ignore[arg-type]  # a Level is a pair


def make(corpus: Corpus) -> Path:
    """Return a fresh path for one corpus: what `--impl polywire.bench:make` asks for."""
    return Path(corpus)
