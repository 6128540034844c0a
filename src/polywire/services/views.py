"""What a person is shown of a token: its book as it stands, and how much of it to believe.

A `View` is made when somebody looks. What a book does not keep (last trade, how busy a token is) is noted by
`Views.heed`, which runs inside the socket's callback and must stay cheap.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

import msgspec

from polywire.core.book import Book
from polywire.model.events import Event
from polywire.model.health import ANSWERING, Freshness, FreshnessChanged, Gap
from polywire.model.levels import Levels
from polywire.model.listing import MarketListed
from polywire.model.market import BookReplaced, LevelChanged, MarketCreated, Traded
from polywire.model.units import TokenId, TradeSide

_SECOND_NS: Final = 1_000_000_000
_WINDOW_S: Final = 5
_NEVER: Final = -(1 << 60)  # far from any second
_RING: Final = 8  # the window's seconds, the one under way, and room for events that come a little late


class View(msgspec.Struct, frozen=True):
    """One token as it stood when it was looked at. A book that may be wrong has no prices in it, only its reason.

    Questions, outcomes and slugs are written by strangers: data, to be escaped where they are shown.
    """

    token: TokenId
    freshness: Freshness
    reason: str  # why it is so
    question: str = ""  # "" where the market is not known
    outcome: str = ""
    slug: str = ""
    bids: tuple[tuple[int, int], ...] = ()  # (1e-4 USDC, 1e-6 shares), best first, as many as were asked for
    asks: tuple[tuple[int, int], ...] = ()
    bid_levels: int = 0  # how many there are in all
    ask_levels: int = 0
    spread: int | None = None  # 1e-4 USDC; None where a side is empty; not positive in a crossed book
    tick: int | None = None  # 1e-4 USDC
    last_price: int | None = None  # of the last trade, 1e-4 USDC
    last_side: TradeSide | None = None  # what its taker did; None where only its price is known
    last_age_s: float | None = None  # since we saw it
    changes: int = 0  # level changes since it is followed
    events_per_s: float = 0.0  # over the last five seconds
    event_age_s: float | None = None  # since the last event; None: none yet
    verified_age_s: float | None = None  # since the whole book was last proven; None: never

    @property
    def answering(self) -> bool:
        """Whether the book can be believed."""
        return self.freshness in ANSWERING


class _Pulse:
    """How busy one token is, and its last trade."""

    __slots__ = ("changes", "counts", "first_second", "followers", "last_ns", "last_price", "second", "trade")

    def __init__(self) -> None:
        self.counts = [0] * _RING
        self.first_second = self.second = _NEVER
        self.last_ns = self.changes = self.followers = 0
        self.trade: Traded | None = None
        self.last_price: int | None = None

    def beat(self, seen_ns: int) -> None:
        """Count an event."""
        second = seen_ns // _SECOND_NS
        if second != self.second:
            self._turn(second)
        self.counts[second % _RING] += 1
        self.last_ns = seen_ns

    def _turn(self, second: int) -> None:
        if not 0 < second - self.second < _RING:  # the first event, a long silence, or a clock set back
            self.counts = [0] * _RING
            if self.second == _NEVER or second < self.second:
                self.first_second = second
        else:
            for passed in range(self.second + 1, second + 1):
                self.counts[passed % _RING] = 0
        self.second = second

    def per_second(self, now_ns: int) -> float:
        """Return events a second over the last whole seconds, up to five; of a younger token, what there is."""
        now = now_ns // _SECOND_NS
        whole = min(_WINDOW_S, now - self.first_second)
        if self.second == _NEVER:
            return 0.0
        if whole < 1:
            return float(self.counts[self.second % _RING])
        alive = range(max(now - whole, self.second - _RING + 1), min(now - 1, self.second) + 1)
        return sum(self.counts[second % _RING] for second in alive) / whole


class Shelf(Protocol):
    """Where the books stand; `polywire.core.books.Books` is one."""

    def __contains__(self, token: object) -> bool:
        """Return whether a token is followed."""

    def __getitem__(self, token: TokenId, /) -> Book:
        """Return a followed token's book."""


class Subscribable(Protocol):
    """Hands events to a callback while its context is open; `polywire.services.feed` has one."""

    def subscribe(
        self, *, tokens: Iterable[str], callback: Callable[[Event], None]
    ) -> AbstractAsyncContextManager[Any]:
        """Return a subscription."""


class Views:
    """Makes views of tokens.

    Args:
        books: Read, never changed.
        listed: What is known of each token's market; it may grow.
        now_ns: Our clock, Unix nanoseconds.
    """

    def __init__(self, books: Shelf, listed: Mapping[TokenId, MarketListed], now_ns: Callable[[], int]) -> None:
        self._books, self._listed, self._now_ns = books, listed, now_ns
        self._pulses: dict[TokenId, _Pulse] = {}
        self._told: dict[TokenId, tuple[str, str, str]] = {}  # question, outcome, slug, as announced
        self._last: Event | None = None

    def heed(self, event: Event) -> None:
        """Take note of an event. One that was just noted is not noted twice, whoever hands it on."""
        if event is self._last:
            return
        self._last = event
        match event:
            case MarketCreated():
                for created, outcome in zip(event.tokens, event.outcomes, strict=False):
                    self._told[created] = event.question, outcome, event.slug
            case FreshnessChanged() | Gap():
                pass  # ours, not the venue's: no sign of life
            case _:
                token: TokenId | None = getattr(event, "token", None)
                if token is not None:
                    self._count(token, event)

    def _count(self, token: TokenId, event: Event) -> None:
        pulse = self._pulses.get(token)
        if pulse is None:
            pulse = self._pulses[token] = _Pulse()
        pulse.beat(event.seen_ns)
        match event:
            case LevelChanged():
                pulse.changes += 1
            case Traded():
                pulse.trade = event
            case BookReplaced() if event.last_trade is not None:
                pulse.last_price = event.last_trade
            case _:
                pass

    @asynccontextmanager
    async def following(self, feed: Subscribable, tokens: Iterable[TokenId]) -> AsyncIterator[None]:
        """Note what happens to these tokens while the context is open; what was noted goes with the last of them."""
        own = tuple(dict.fromkeys(tokens))
        for token in own:
            self._pulses.setdefault(token, _Pulse()).followers += 1
        try:
            async with feed.subscribe(tokens=own, callback=self.heed):
                yield
        finally:
            for token in own:
                pulse = self._pulses[token]
                pulse.followers -= 1
                if not pulse.followers:
                    del self._pulses[token]

    def changes(self, token: TokenId) -> int:
        """Return how many level changes were noted of a token."""
        pulse = self._pulses.get(token)
        return 0 if pulse is None else pulse.changes

    def name(self, token: TokenId) -> tuple[str, str, str]:
        """Return a token's question, outcome and slug; "" for each that is not known."""
        market = self._listed.get(token)
        if market is not None and token in market.tokens:
            return market.question, market.outcomes[market.tokens.index(token)], market.slug
        return self._told.get(token, ("", "", ""))

    def of(self, token: TokenId, levels: int = 10) -> View:
        """Return the view of a token now, with up to `levels` levels a side."""
        now_ns = self._now_ns()
        pulse = self._pulses.get(token) or _Pulse()
        question, outcome, slug = self.name(token)
        book = self._books[token] if token in self._books else Book(token)
        trade = pulse.trade
        bids = asks = _NONE
        spread = None
        if book.freshness in ANSWERING:
            bids, asks, spread = book.bids, book.asks, book.spread
        return View(
            token,
            book.freshness,
            book.reason,
            question,
            outcome,
            slug,
            best_first(bids, levels),
            best_first(asks, levels),
            len(bids),
            len(asks),
            spread,
            book.tick,
            pulse.last_price if trade is None else trade.price,
            None if trade is None else trade.side,
            None if trade is None else _age_s(now_ns, trade.seen_ns),
            pulse.changes,
            pulse.per_second(now_ns),
            _age_s(now_ns, pulse.last_ns) if pulse.last_ns else None,
            _age_s(now_ns, book.verified_ns) if book.verified_ns else None,
        )


_NONE: Final = Levels.of("bid", ())


def best_first(side: Levels, levels: int) -> tuple[tuple[int, int], ...]:
    """Return up to `levels` levels of a side as a view has them: (1e-4 USDC, 1e-6 shares), best first."""
    return tuple((level.price, level.size) for level in reversed(side[-levels:])) if levels > 0 else ()


def _age_s(now_ns: int, then_ns: int) -> float:
    return max(0.0, (now_ns - then_ns) / 1e9)
