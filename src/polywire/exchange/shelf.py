"""The exchange's books as pages, kept by what happens on the venue, and each happening put into messages."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, assert_never

from polywire.exchange import messages
from polywire.exchange.catalogue import Catalogue, VenueMarket
from polywire.exchange.happenings import BookMoved, Happening, MarketEnded, MarketMade, TickMoved
from polywire.exchange.messages import Message
from polywire.exchange.pages import BookPage, MarketPages, traded_text
from polywire.exchange.venue import Venue
from polywire.model.units import ConditionId
from polywire.wire.numbers import read_price

Publish = Callable[[list[Message]], None]
"""Takes the messages of one command, in order."""


class Shelf(Protocol):
    """What the market channel and the public reads need of a source of books: the venue, or a tape."""

    catalogue: Catalogue

    def page(self, token: str) -> BookPage | None:
        """Return the book of a token that is open; None: it is unknown, or closed."""

    def now_ms(self) -> int:
        """Return the time of the source, Unix milliseconds."""


class VenueShelf:
    """The venue's books.

    Args:
        venue: Observed from now on; what it holds already is read once.
        publish: Given the messages of each command.
    """

    def __init__(self, venue: Venue, publish: Publish) -> None:
        self._venue, self._publish = venue, publish
        self.catalogue = venue.catalogue
        self._pages: dict[ConditionId, MarketPages] = {}
        for market in venue.catalogue.markets.values():
            if not market.closed:
                self._open(market, venue.clock.now_ms())
        venue.observe(self._heed)

    def page(self, token: str) -> BookPage | None:
        """Return the book of an open market's token; None where there is none."""
        market = self.catalogue.of_token(token)
        pages = None if market is None else self._pages.get(market.condition)
        return None if market is None or pages is None else pages.pages[token == market.tokens[1]]

    def now_ms(self) -> int:
        """Return the venue's time, Unix milliseconds."""
        return self._venue.clock.now_ms()

    def _heed(self, happenings: tuple[Happening, ...]) -> None:
        told: list[Message] = []
        for happening in happenings:
            match happening:
                case BookMoved():
                    self._moved(happening, told)
                case TickMoved(condition=condition, old_tick=old, new_tick=new, venue_ms=now):
                    self._pages[condition].renew(now)
                    told += messages.tick_size_changes(self.catalogue.markets[condition], old, new, now)
                case MarketMade(condition=condition, venue_ms=now):
                    market = self.catalogue.markets[condition]
                    self._open(market, now)
                    event = self.catalogue.events[market.event_id]
                    told.append(messages.new_market(market, event, iso(market.game_start_ms), now))
                case MarketEnded(condition=condition, winner=winner, venue_ms=now):
                    market = self.catalogue.markets[condition]
                    del self._pages[condition]
                    event = self.catalogue.events[market.event_id]
                    told.append(messages.market_resolved(market, event, winner, now))
                case _:
                    assert_never(happening)
        if told:
            self._publish(told)

    def _moved(self, moved: BookMoved, told: list[Message]) -> None:
        """Tell trades, then each level, then the books that a trade replaces, then the tops that moved."""
        market, kept = self.catalogue.markets[moved.condition], self._pages[moved.condition]
        pages, now = kept.pages, moved.venue_ms
        tops = [(page.best_bid, page.best_ask) for page in pages]
        for trade in moved.trades:
            told += messages.last_trade_prices(trade, market, now)
            kept.traded(traded_text(messages.prices_met(trade)[-1][0]), trade.side)
        for level in moved.levels:
            kept.move(level, now)
            told.append(messages.price_change(pages, level, now))
        if moved.trades:
            if not moved.levels:  # a taker met an order that was placed and taken by one command
                kept.renew(now)
            told += map(messages.book, pages)
        told += [
            messages.best_bid_ask(page, now)
            for page, top in zip(pages, tops, strict=True)
            if (page.best_bid, page.best_ask) != top
        ]

    def _open(self, market: VenueMarket, now: int) -> None:
        bids, asks = self._venue.engine.levels(market.condition)
        last = traded_text(read_price(market.last_trade)) if market.last_trade else ""
        self._pages[market.condition] = MarketPages(market, bids, asks, now, last)


def iso(unix_ms: int) -> str:
    """Return a time as the venue writes it in texts; "" for 0, which means never.

    >>> iso(1_790_994_600_000), iso(0)
    ('2026-10-03T02:30:00Z', '')
    """
    if not unix_ms:
        return ""
    return datetime.fromtimestamp(unix_ms / 1_000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
