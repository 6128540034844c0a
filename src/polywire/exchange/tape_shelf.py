"""A recording in place of a life: its frames go out at their own pace, and its books are kept beside."""

from collections.abc import Iterable
from typing import Final

import msgspec

from polywire.core.book import Book
from polywire.core.books import Books
from polywire.errors import BookNotCurrent
from polywire.exchange.catalogue import Catalogue, VenueEvent, VenueMarket
from polywire.exchange.clock import VenueClock
from polywire.exchange.messages import Message
from polywire.exchange.pages import PRICE_TEXTS, BookPage, page_of, traded_text
from polywire.exchange.shelf import Publish
from polywire.model.market import (
    BestChanged,
    BookReplaced,
    LevelChanged,
    MarketCreated,
    MarketEvent,
    MarketResolved,
    TickSizeChanged,
    Traded,
)
from polywire.model.units import SIZE_ONE, ConditionId, TokenId
from polywire.wire.channels import Channel, channel_of
from polywire.wire.market import MarketDecoder
from polywire.wire.sink import OtherEvent
from polywire.wire.tape import Record, RecordKind

_MS: Final = 1_000_000
_KINDS: Final[dict[type[MarketEvent], str]] = {
    BookReplaced: "book",
    LevelChanged: "price_change",
    Traded: "last_trade_price",
    BestChanged: "best_bid_ask",
    TickSizeChanged: "tick_size_change",
    MarketCreated: "new_market",
    MarketResolved: "market_resolved",
}
_TICK: Final = 100
_MIN_SIZE: Final = 5 * SIZE_ONE


class TapeShelf:
    """What a recording knows at the point it has been played to.

    Args:
        clock: Set to the first record's time by `run`.
        publish: Given each message when its time has come.

    Attributes:
        catalogue: The markets heard of so far, as far as their frames tell.
        played: Frames of the market channel that have gone out, or would have.
        unreadable: Messages that could not be read; they go to nobody.
    """

    def __init__(self, clock: VenueClock, publish: Publish) -> None:
        self._clock, self._publish = clock, publish
        self.catalogue = Catalogue()
        self.played = self.unreadable = 0
        self._books = Books(follow_all=True)
        self._heard: list[MarketEvent] = []
        self._decoder = MarketDecoder(self)
        self._tokens: dict[ConditionId, list[TokenId]] = {}
        self._conditions: dict[TokenId, ConditionId] = {}
        self._last: dict[ConditionId, Traded] = {}
        self._told_ms: dict[TokenId, int] = {}

    def page(self, token: str) -> BookPage | None:
        """Return a token's book as of now; None where it has none yet, or it is closed, or in doubt."""
        known = TokenId(token)
        market = self.catalogue.of_token(token)
        if known not in self._books or (market is not None and market.closed):
            return None
        book = self._books[known]
        try:
            bids, asks = book.bids, book.asks
        except BookNotCurrent:
            return None
        condition = self._conditions[known]
        page = page_of(condition, known, bids, asks, self._told_ms[known])
        last = self._last.get(condition)
        page.state_terms("5", PRICE_TEXTS[_tick(book)], "" if last is None else traded_text(last.price), neg_risk=False)
        page.last_side = "" if last is None else last.side
        page.stamp(page.venue_ms)
        return page

    def now_ms(self) -> int:
        """Return the recording's time, Unix milliseconds."""
        return self._clock.now_ms()

    async def run(self, records: Iterable[Record]) -> None:
        """Play the records, each when its time has come; the books stay when they have ended.

        A record without a receive time goes out at once behind the one before it.
        """
        begun = False
        for record in records:
            if record.kind is not RecordKind.FRAME or channel_of(record.source, record.data) is not Channel.MARKET:
                continue
            if record.seen_ns:
                at_ms = record.seen_ns // _MS
                if not begun:
                    self._clock.step(max(0, at_ms - self._clock.now_ms()))
                    begun = True
                await self._clock.sleep_until(at_ms)
            self._play(record.data, record.seen_ns)
            self.played += 1

    def _play(self, frame: bytes, seen_ns: int) -> None:
        told = []
        for part in _parts(frame):
            self._heard.clear()
            self._decoder.feed(part, seen_ns)
            if self._heard:
                told.append(_message(part, self._heard))
        if told:
            self._publish(told)

    # ------------------------------------------------------------ what the decoder calls

    def book(self, event: BookReplaced) -> None:
        """Take a snapshot."""
        self._note(event.token, event.condition, event.venue_ms)
        self._books.book(event)
        self._heard.append(event)

    def levels(self, events: list[LevelChanged]) -> None:
        """Take one `price_change`."""
        for event in events:
            self._note(event.token, event.condition, event.venue_ms)
        self._books.levels(events)
        self._heard.extend(events)

    def event(self, event: OtherEvent) -> None:
        """Take an event that changes no level."""
        self._books.event(event)
        self._heard.append(event)
        if isinstance(event, Traded):
            self._last[event.condition] = event
            market = self.catalogue.of_token(event.token)
            if market is not None:
                market.last_trade, market.last_side = traded_text(event.price), event.side
        elif isinstance(event, MarketCreated):
            self._list(event)
        elif isinstance(event, MarketResolved):
            market = self.catalogue.markets.get(event.condition)
            if market is not None:
                market.closed, market.accepting_orders, market.winner = True, False, event.winner
                market.resolution, market.closed_ms = "resolved", event.venue_ms
                self.catalogue.events[market.event_id].closed = True

    def lost(self, tokens: tuple[TokenId, ...] | None, reason: str, seen_ns: int) -> None:
        """Doubt the books whose changes could not be read."""
        self.unreadable += 1
        self._books.lost(tokens, reason, seen_ns)

    # ------------------------------------------------------------ what is listed

    def _note(self, token: TokenId, condition: ConditionId, venue_ms: int) -> None:
        """Remember a token's market, and list the market once both its tokens are known."""
        self._told_ms[token] = venue_ms
        if token in self._conditions:
            return
        self._conditions[token] = condition
        tokens = self._tokens.setdefault(condition, [])
        tokens.append(token)
        if len(tokens) == 2 and condition not in self.catalogue.markets:  # noqa: PLR2004 - a market has two
            slug, question = f"tape-{condition[2:14]}", f"Market {condition} of a tape"
            self._add(condition, (tokens[0], tokens[1]), slug, question, ("First", "Second"), (), venue_ms)

    def _list(self, event: MarketCreated) -> None:
        if len(event.tokens) == len(event.outcomes) == 2 and event.condition not in self.catalogue.markets:  # noqa: PLR2004
            first, second = event.tokens
            names = event.outcomes[0], event.outcomes[1]
            self._add(event.condition, (first, second), event.slug, event.question, names, event.tags, event.venue_ms)

    def _add(
        self,
        condition: ConditionId,
        tokens: tuple[TokenId, TokenId],
        slug: str,
        question: str,
        outcomes: tuple[str, str],
        tags: tuple[str, ...],
        venue_ms: int,
    ) -> None:
        number = str(len(self.catalogue.markets) + 1)
        self.catalogue.add_event(
            VenueEvent(number, slug, question, "Heard of on a tape.", tags, venue_ms, venue_ms, venue_ms)
        )
        self.catalogue.add_market(
            VenueMarket(
                id=number,
                condition=condition,
                question_id=condition,
                slug=slug,
                question=question,
                description="Heard of on a tape.",
                outcomes=outcomes,
                tokens=tokens,
                event_id=number,
                tick=_TICK,
                min_size=_MIN_SIZE,
                created_ms=venue_ms,
                start_ms=venue_ms,
                end_ms=venue_ms,
            )
        )


def _parts(frame: bytes) -> list[bytes]:
    """Return the messages of a frame, each as its own bytes; none where it is no JSON."""
    if not frame.lstrip().startswith(b"["):
        return [frame]
    try:
        return [bytes(part) for part in msgspec.json.decode(frame, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []


def _message(part: bytes, heard: list[MarketEvent]) -> Message:
    kind = _KINDS[type(heard[0])]
    counts: dict[TokenId, int] = {}
    for event in heard:
        for token in event.tokens if isinstance(event, MarketCreated | MarketResolved) else (event.token,):
            counts[token] = counts.get(token, 0) + 1
    everybody = kind in {"new_market", "market_resolved"}
    return Message(part, kind, tuple(counts.items()), custom=everybody or kind == "best_bid_ask", everybody=everybody)


def _tick(book: Book) -> int:
    return _TICK if book.tick is None else book.tick
