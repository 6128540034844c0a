"""One watch that stands: its sentry, its place at the feed, and what it has written."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from polywire.core.book import Book
from polywire.core.sentry import Sentry
from polywire.model.events import Event
from polywire.model.health import ANSWERING, Freshness, FreshnessChanged
from polywire.model.journal import Draft
from polywire.model.listing import MarketListed
from polywire.model.market import MarketResolved
from polywire.model.units import TokenId
from polywire.model.watch import Changes, Silent, Watch
from polywire.ports import Clock
from polywire.services.watches.entries import failed_entry
from polywire.services.watches.keeping import Kept, State, state_of
from polywire.services.watches.pen import Pen
from polywire.services.watches.source import Following, WatchFeed

_LOG: Final = logging.getLogger("polywire.watches")
_MS: Final = 1_000_000
_SELDOM: Final = frozenset({FreshnessChanged, MarketResolved})


class Standing:
    """Shows a sentry the feed's events, and has written what it says to them.

    Args:
        watch: As it was made.
        markets: Of its subject, as the catalogue states them.
        state: What it remembers.
        feed: Where its events come from.
        pen: Writes.
        clock: Our time.
        venue_now_ms: The venue's.
        stir: Told when it may want to be told of time sooner than before.
        over: Told once when it has expired.

    Attributes:
        entries: Drafts that the journal took since the owner started.
        last_ms: Our clock of the last; 0: none.
        resolved: Of its markets, those whose end was told, to its maker or in the journal: the winner's name.
        held: What it says while it is not on disk yet; None: it is.
        leaving: Whether it is being dropped.
        planned_ms: When it will be told of time, as far as it said; None: never.
        unfollowed_ms: Since when it cannot be watched, our clock; 0: it is.
        doubtful_at_s: Until when its books may be without a word, our monotonic seconds; None: they were looked at.
    """

    __slots__ = (
        "_book",
        "_calm",
        "_clock",
        "_failed",
        "_feed",
        "_following",
        "_now_ms",
        "_over",
        "_pen",
        "_refused",
        "_stir",
        "doubtful_at_s",
        "entries",
        "held",
        "last_ms",
        "leaving",
        "markets",
        "planned_ms",
        "resolved",
        "sentry",
        "unfollowed_ms",
        "watch",
    )

    def __init__(
        self,
        watch: Watch,
        markets: tuple[MarketListed, ...],
        state: State,
        feed: WatchFeed,
        pen: Pen,
        clock: Clock,
        venue_now_ms: Callable[[], int],
        stir: Callable[["Standing"], object],
        over: Callable[["Standing"], object],
    ) -> None:
        self.watch, self.markets = watch, markets
        self.sentry = Sentry(
            watch, {token: market for market in markets for token in market.tokens}, bytes(state.sentry)
        )
        self._feed, self._pen, self._clock, self._now_ms = feed, pen, clock, venue_now_ms
        self._book = feed.books.get
        self._stir, self._over = stir, over
        self._following: Following | None = None
        # Asking for its time costs as much as judging. Of most it moves only with what they say, and it is asked for
        # again every second.
        self._calm = not isinstance(watch.condition, Changes | Silent)
        self._failed = self._refused = self.leaving = False
        self.entries = self.last_ms = self.unfollowed_ms = 0
        self.resolved = dict(state.resolved)
        self.held: list[Draft] | None = None
        self.planned_ms: int | None = None
        self.doubtful_at_s: float | None = None

    # ------------------------------------------------------------ being told

    def heed(self, event: Event) -> None:
        """Take an event. Called inside the socket's callback; it never raises."""
        try:
            kind = type(event)
            if kind in _SELDOM and not self._news(event):
                return
            token: TokenId | None = getattr(event, "token", None)
            drafts = self.sentry.heed(event, None if token is None else self._book(token), self._now_ms())
            if drafts:
                self.say(drafts)
            elif self._calm and kind not in _SELDOM:
                return
            self._stir(self)
        except Exception as error:  # noqa: BLE001 - whatever it is, the feed and the other watches go on
            self._fail(error)

    def learn_ended(self, ended: Iterable[MarketResolved]) -> None:
        """Learn which of its markets were resolved before it was made: its maker is told, and not the journal."""
        for event in ended:
            self._news(event)

    def tick(self, now_ms: int) -> None:
        """Take note that time passed; it never raises."""
        try:
            drafts = self.sentry.tick(now_ms)
            if drafts or self.sentry.over:
                self.say(drafts)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def say(self, drafts: Sequence[Draft]) -> None:
        """Have this written, with what is to be kept; of an expired watch that it ends."""
        if not drafts and not self.sentry.over:
            return
        if self.held is not None:
            self.held += drafts
            return
        over = self.sentry.over and not self.leaving
        kept = None if self.leaving else self._kept(None if over else b"")
        if self._write(drafts, kept):
            self.entries += len(drafts)
            self.last_ms = self._clock.now_ns() // _MS
        if over:
            self.leaving = True
            self._over(self)

    def release(self) -> None:
        """Write what was held back: the watch is on disk."""
        held, self.held = self.held, None
        if held or self.sentry.over:
            self.say(held or ())

    def save(self) -> None:
        """Have its state kept as it is now; it never raises."""
        if not self.leaving and self.held is None:
            try:
                self._write((), self._kept(b""))
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(error)

    @property
    def unsaved(self) -> bool:
        """Whether it remembers what is not kept yet."""
        return self.sentry.moved or self._refused

    @property
    def state(self) -> bytes:
        """What is to be kept of it over a restart."""
        return state_of(self._clock.now_ns() // _MS, self.sentry.state, self.resolved)

    # ------------------------------------------------------------ its place at the feed

    async def follow(self) -> None:
        """Begin to be shown events. Raises what the feed raises."""
        following = self._feed.subscribe(tokens=self.watch.tokens, kinds=self.sentry.kinds, callback=self.heed)
        await following.__aenter__()
        self._following = following

    def close(self) -> None:
        """Be shown nothing any more."""
        if self._following is not None:
            self._following.close()
            self._following = None

    @property
    def followed(self) -> bool:
        """Whether it is shown events."""
        return self._following is not None

    def show_what_answers(self) -> None:
        """Show the sentry the books that answer already: no event may come of them for hours."""
        self._show(answering=True)

    def show_what_does_not(self) -> None:
        """Show it those that should have answered by now, and do not."""
        self.doubtful_at_s = None
        self._show(answering=False)

    @property
    def in_doubt(self) -> tuple[TokenId, ...]:
        """Tokens of which nothing can be told at present."""
        return tuple(self.sentry.in_doubt) if self.followed else self.watch.tokens

    # ------------------------------------------------------------ inside

    def _take(self, event: FreshnessChanged, book: Book) -> None:
        try:
            self.say(self.sentry.heed(event, book, self._now_ms()))
            self._stir(self)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def _news(self, event: Event) -> bool:
        """Return whether the sentry is to be shown this.

        A market ends once, and the feed of every owner finds it out anew. And a book that was just asked for is no
        doubt: what has not come when the first data are due is shown by `show_what_does_not`.
        """
        if isinstance(event, FreshnessChanged):
            return event.now is not Freshness.SYNCING
        if isinstance(event, MarketResolved):
            market = next((one for one in self.markets if _is_of(event, one)), None)
            condition = event.condition if market is None else market.condition
            if condition in self.resolved:
                return False
            self.resolved[condition] = event.outcome or _name_of(event.winner, market)
        return True

    def _show(self, *, answering: bool) -> None:
        now_ns = self._clock.now_ns()
        for token in self.watch.tokens:
            book = self._book(token)
            if book is None or (book.freshness in ANSWERING) is not answering:
                continue
            if answering or token not in self.sentry.in_doubt:
                was = Freshness.SYNCING if answering else Freshness.COLD
                told = FreshnessChanged(token, was, book.freshness, book.reason, book.verified_ns or None, 0, now_ns)
                self._take(told, book)

    def _write(self, drafts: Sequence[Draft], kept: Kept | None) -> bool:
        taken = self._pen.write(self.watch.id, drafts, kept)
        self._refused = not taken
        return taken

    def _kept(self, body: bytes | None) -> Kept:
        return Kept(self.watch.id, body, b"" if body is None else self.state)

    def _fail(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            _LOG.error("watch %s could not judge what it was shown", self.watch.id, exc_info=error)
            self._pen.write(self.watch.id, [failed_entry(self.watch.id, error, self._clock.now_ns())], None)


def _is_of(event: MarketResolved, market: MarketListed) -> bool:
    return event.condition == market.condition or not set(event.tokens).isdisjoint(market.tokens)


def _name_of(winner: TokenId, market: MarketListed | None) -> str:
    return "" if market is None or winner not in market.tokens else market.outcomes[market.tokens.index(winner)]
