"""Questions about markets, books and prices: out of the feed where it knows, of the venue where it does not."""

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final, Protocol

import anyio
import msgspec

from polywire.errors import BookNotCurrent, Misuse, TooMany, VenueUnreachable
from polywire.model.health import Freshness
from polywire.model.listing import MarketListed
from polywire.model.market import BookStated
from polywire.model.units import TokenId
from polywire.ports import Catalogue, Evidence, Prices
from polywire.services.access.language import BookSeen, History, HistoryWanted, MarketSeen, PricePoint
from polywire.services.access.patience import ANSWER_S, Patience
from polywire.services.targets import tokens_meant
from polywire.services.views import Shelf, Subscribable, View, Views, best_first

INTERVALS: Final = ("1h", "6h", "1d", "1w", "1m", "max")
"""Spans of a price history that the venue tells; `1m` is a month."""

MOST_LEVELS: Final = 200
MOST_BOOKS: Final = 100
"""Books in one answer."""

_MOST_POINTS: Final = 10_000
_MOST_FOUND: Final = 100
_LEVELS_OF_MARKET: Final = 5
_BOOKS_OF_MARKET: Final = 20  # more are only told of as far as they are followed
_SNAPSHOT_S: Final = 3.0
_REST_S: Final = 1.0  # kept for it while snapshots are waited for


class LookedAt(Subscribable, Protocol):
    """The feed, as far as it is asked here."""

    @property
    def books(self) -> Shelf:
        """Every book."""

    @property
    def listed(self) -> dict[TokenId, MarketListed]:
        """What is known of each token's market."""

    async def resolve(self, *targets: str) -> list[MarketListed]:
        """Return the markets that are meant. Raises UnknownTarget, VenueUnreachable."""

    async def until_current(self, *tokens: str, within_s: float) -> None:
        """Return once all of these books answer. Raises BookNotCurrent."""


class Lookups:
    """Answers them, each within 5 s.

    Args:
        feed: The feed.
        views: Makes views of its tokens.
        patience: Bounds what the venue is asked.
        catalogue: The venue's list of markets.
        evidence: The venue's books over REST.
        prices: The venue's history of prices.
    """

    def __init__(
        self, feed: LookedAt, views: Views, patience: Patience, catalogue: Catalogue, evidence: Evidence, prices: Prices
    ) -> None:
        self._feed, self._views, self._patience = feed, views, patience
        self._catalogue, self._evidence, self._prices = catalogue, evidence, prices

    async def search(self, text: str, limit: int) -> list[MarketListed]:
        """Return markets that the venue's search finds, the best first; of an empty text those that are open."""
        _check("limit", limit, _MOST_FOUND)
        with self._patience.asking():
            if words := text.strip():
                return await self._catalogue.search(words, limit)
            return await self._catalogue.open_markets(limit)

    async def market(self, target: str) -> list[MarketSeen]:
        """Return what a target means, with books that were had within a moment."""
        ends_s = anyio.current_time() + ANSWER_S
        found = await self._resolved(target)
        tokens = [token for market in found for token in market.tokens]
        seen: dict[TokenId, View] = {}
        if len(tokens) <= _BOOKS_OF_MARKET:
            with suppress(VenueUnreachable):  # what the feed itself knows is told all the same
                seen = {one.view.token: one.view for one in await self._books(tokens, found, _LEVELS_OF_MARKET, ends_s)}
        for token in tokens:
            if token not in seen and token in self._feed.books:
                seen[token] = self._views.of(token, _LEVELS_OF_MARKET)
        return [MarketSeen(market, tuple(seen[token] for token in market.tokens if token in seen)) for market in found]

    async def book(self, target: str, depth: int) -> list[BookSeen]:
        """Return the books of what a target means. One that the feed does not answer for is asked of REST.

        Raises:
            VenueUnreachable: None of them could be had.
        """
        _check("depth", depth, MOST_LEVELS)
        ends_s = anyio.current_time() + ANSWER_S
        found = await self._resolved(target)
        tokens = tokens_meant(target, found)
        if len(tokens) > MOST_BOOKS:
            raise TooMany("books in one answer", len(tokens), MOST_BOOKS)
        return await self._books(tokens, found, depth, ends_s)

    async def history(self, wanted: HistoryWanted) -> History:
        """Return a token's price history, thinned to `points` where the venue tells more; the newest is kept."""
        _check("points", wanted.points, _MOST_POINTS)
        if wanted.interval not in INTERVALS:
            raise Misuse(f"interval is one of {', '.join(INTERVALS)} (1m is a month), not {wanted.interval[:40]!r}")
        ends_s = anyio.current_time() + ANSWER_S
        found = await self._resolved(wanted.target)
        token = tokens_meant(wanted.target, found)[0]
        with self._patience.asking(ends_s - anyio.current_time()):
            points = await self._prices.history(token, wanted.interval)
        listed = next((market for market in found if token in market.tokens), None)
        return History(token, listed, tuple(PricePoint(*point) for point in thinned(points, wanted.points)))

    # ------------------------------------------------------------ inside

    async def _resolved(self, target: str) -> list[MarketListed]:
        with self._patience.asking():
            return await self._feed.resolve(target)

    async def _books(
        self, tokens: Sequence[TokenId], markets: Iterable[MarketListed], depth: int, ends_s: float
    ) -> list[BookSeen]:
        over = {token for market in markets if market.closed for token in market.tokens}
        awaited = [token for token in tokens if token not in over]
        async with AsyncExitStack() as followed:
            if awaited:
                await followed.enter_async_context(self._views.following(self._feed, awaited))
                patience_s = min(_SNAPSHOT_S, max(0.0, ends_s - _REST_S - anyio.current_time()))
                with suppress(BookNotCurrent):  # it says of one what is looked up below of each
                    await self._feed.until_current(*awaited, within_s=patience_s)
            views = {token: self._views.of(token, depth) for token in tokens}
        silent = [token for token in awaited if not views[token].answering]
        stated = await self._stated(silent, ends_s, others=len(silent) < len(tokens)) if silent else {}
        return [
            _over_rest(views[token], stated[token], depth)
            if token in stated
            else BookSeen(views[token], "feed", views[token].verified_age_s or 0.0)
            for token in tokens
        ]

    async def _stated(self, tokens: list[TokenId], ends_s: float, *, others: bool) -> dict[TokenId, BookStated]:
        try:
            with self._patience.asking(ends_s - anyio.current_time()):
                return await self._evidence.books(tokens)
        except VenueUnreachable:
            if others:
                return {}
            raise


def thinned(points: Sequence[tuple[int, str]], most: int) -> list[tuple[int, str]]:
    """Return up to `most` of these, evenly; the last is among them, and the first where there is room for both.

    >>> thinned([(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")], 3)
    [(1, 'a'), (3, 'c'), (5, 'e')]
    """
    last = len(points) - 1
    if last < most:
        return list(points)
    if most == 1:
        return [points[last]]
    return [points[number * last // (most - 1)] for number in range(most)]


def _over_rest(view: View, stated: BookStated, depth: int) -> BookSeen:
    """Return a view with what REST has just stated in it, which is true of the moment of its answer."""
    book = stated.book
    spread = book.asks[-1].price - book.bids[-1].price if len(book.asks) and len(book.bids) else None
    seen = msgspec.structs.replace(
        view,
        freshness=Freshness.CURRENT,
        reason=f"asked over REST just now; the feed's own book is {view.freshness} ({view.reason})",
        bids=best_first(book.bids, depth),
        asks=best_first(book.asks, depth),
        bid_levels=len(book.bids),
        ask_levels=len(book.asks),
        spread=spread,
        tick=view.tick if book.tick is None else book.tick,
        last_price=view.last_price if view.last_price is not None else book.last_trade,
        verified_age_s=0.0,
    )
    return BookSeen(seen, "rest", 0.0)


def _check(name: str, given: int, most: int) -> None:
    if not 1 <= given <= most:
        raise Misuse(f"{name} is a number from 1 to {most:,}, and {given:,} was given")
