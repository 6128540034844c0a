"""A feed that a test drives by hand: real books, and subscriptions that read them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from polywire.core.books import Books
from polywire.errors import UnknownTarget
from polywire.model.events import Event
from polywire.model.levels import Levels
from polywire.model.listing import MarketListed
from polywire.model.market import BookReplaced, LevelChanged, MarketCreated, Traded
from polywire.model.units import ConditionId, TokenId

YES, NO = TokenId("1" * 30), TokenId("2" * 30)
RAIN = MarketListed(
    ConditionId("0xrain"), "1", "rain", "Rain?", ("Yes", "No"), (YES, NO), "", "", "", 100, 5_000_000, False, False, ""
)
SECOND_NS = 1_000_000_000


class HandFeed:
    """See `polywire.services.owner_visit.Source`.

    Attributes:
        reads: Of each token, how many subscriptions read it now.
    """

    def __init__(self, *markets: MarketListed) -> None:
        self.books = Books()
        self.listed: dict[TokenId, MarketListed] = {}
        self.reads: dict[str, int] = {}
        self._markets = {market.slug: market for market in markets} | {market.condition: market for market in markets}
        self._news: list[Callable[[Event], None]] = []
        for market in markets:
            self._markets |= dict.fromkeys(market.tokens, market)

    async def resolve(self, *targets: str) -> list[MarketListed]:
        """Return the markets of known names."""
        for target in targets:
            if target not in self._markets:
                raise UnknownTarget(target, ("rain",))
        found = [self._markets[target] for target in targets]
        for market in found:
            self.listed |= dict.fromkeys(market.tokens, market)
        return found

    @asynccontextmanager
    async def subscribe(
        self, *, tokens: Iterable[str] = (), callback: Callable[[Event], None] | None = None
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Read these tokens while the block is entered."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        reader = queue.put_nowait if callback is None else callback
        own = [TokenId(token) for token in tokens]
        if not own:
            self._news.append(reader)
        for token in own:
            self.books.read(token, reader)
            self.reads[token] = self.reads.get(token, 0) + 1
        try:
            yield _told(queue)
        finally:
            for token in own:
                self.books.leave(token, reader)
                self.reads[token] -= 1

    def create(self, market: MarketListed, seen_ns: int = 1) -> None:
        """List a market, and say so."""
        self._markets |= dict.fromkeys((market.slug, market.condition, *market.tokens), market)
        event = MarketCreated(
            market.condition, market.market, market.slug, market.question, "", market.outcomes, market.tokens,
            "", "", "", (), True, market.tick, None, 1, seen_ns,
        )  # fmt: skip
        for reader in self._news:
            reader(event)


async def _told(queue: "asyncio.Queue[Event]") -> AsyncIterator[Event]:
    while True:
        yield await queue.get()


def snapshot(token: TokenId = YES, seen_ns: int = SECOND_NS, last: int | None = None) -> BookReplaced:
    """Return a book of two levels a side around 0.35."""
    bids = Levels.of("bid", [(3_300, 2_000_000), (3_400, 5_000_000)])
    asks = Levels.of("ask", [(3_600, 7_000_000), (3_700, 1_000_000)])
    return BookReplaced(token, RAIN.condition, bids, asks, 100, last, "", 1, seen_ns)


def change(token: TokenId = YES, seen_ns: int = SECOND_NS, size: int = 9_000_000) -> LevelChanged:
    """Return a change of the best bid's size."""
    return LevelChanged(token, RAIN.condition, "bid", 3_400, size, 3_400, 3_600, "", 1, seen_ns)


def trade(token: TokenId = YES, seen_ns: int = SECOND_NS) -> Traded:
    """Return a trade at the best ask."""
    return Traded(token, RAIN.condition, 3_600, 1_000_000, "BUY", None, "", 1, seen_ns)
