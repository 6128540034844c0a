"""Books as the texts that clients are sent: rendered level by level, so that a hash costs a join and a SHA-1.

A market's two books are mirrors: the bids of one outcome are the asks of the other at one less the price. By rank
(see `polywire.model.levels`) they are the very same numbers, so both pages share them and differ in texts only.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import msgspec

from polywire.core.matching.orders import LevelMoved
from polywire.exchange.catalogue import VenueMarket
from polywire.model.levels import Level
from polywire.model.units import NO_ASK, NO_BID, PRICE_ONE, ConditionId, TokenId, TradeSide, price_text, size_text

PRICE_TEXTS: Final = tuple(price_text(price) for price in range(PRICE_ONE + 1))
"""Every price, spelled."""

_HEADS: Final = tuple(f'{{"price":"{text}","size":"'.encode() for text in PRICE_TEXTS)
_json = msgspec.json.encode


def traded_text(price: int) -> str:
    """Return a last trade's price as the venue spells it: three decimals at least.

    >>> traded_text(1_400), traded_text(405), traded_text(9_995)
    ('0.140', '0.0405', '0.9995')
    """
    text = PRICE_TEXTS[price]
    whole, _, part = text.partition(".")
    return f"{whole}.{part:0<3}"


class BookPage:
    """One token's book as texts. Levels stand in the venue's order: lowest bid first, highest ask first, best last.

    Args:
        condition: The market's.
        token: Whose book.
        bid_ranks: Ascending. Taken as it is, not copied: a market's two pages share them.
        ask_ranks: Ascending, 10,000 less the price. The same.

    Attributes:
        venue_ms: When it changed last; it enters the hash.
        hash: Of the levels, the terms and `venue_ms`, by the ten-field rule.
        tick, last_trade: As texts; they enter the hash.
        last_side: What the latest trade's taker did; "" where never traded.
        worth: What all levels of the market would move, collateral of 1e-10 USDC.
    """

    __slots__ = (
        "_head",
        "_tail",
        "ask_ranks",
        "ask_texts",
        "bid_ranks",
        "bid_texts",
        "condition",
        "hash",
        "last_side",
        "last_trade",
        "min_size",
        "neg_risk",
        "tick",
        "token",
        "venue_ms",
        "worth",
    )

    def __init__(self, condition: ConditionId, token: TokenId, bid_ranks: list[int], ask_ranks: list[int]) -> None:
        self.condition, self.token = condition, token
        self.bid_ranks, self.ask_ranks = bid_ranks, ask_ranks
        self.bid_texts: list[bytes] = []
        self.ask_texts: list[bytes] = []
        self.venue_ms, self.hash = 0, ""
        self.min_size = self.tick = self.last_trade = self.last_side = ""
        self.worth = 0
        self.neg_risk = False
        self._head = b'{"market":%b,"asset_id":%b,"timestamp":"' % (_json(condition), _json(token))
        self._tail = b""

    def state_terms(self, min_size: str, tick: str, last_trade: str, *, neg_risk: bool) -> None:
        """Take what enters the hash beside the levels; `stamp` makes it count."""
        self.min_size, self.tick, self.last_trade, self.neg_risk = min_size, tick, last_trade, neg_risk
        self._tail = b'],"min_order_size":%b,"tick_size":%b,"neg_risk":%b,"last_trade_price":%b}' % (
            _json(min_size),
            _json(tick),
            b"true" if neg_risk else b"false",
            _json(last_trade),
        )

    def stamp(self, venue_ms: int) -> None:
        """Hash the book as it stands, changed last at `venue_ms`."""
        self.venue_ms = venue_ms
        text = b'%b%d","hash":"","bids":[%b],"asks":[%b%b' % (
            self._head,
            venue_ms,
            b",".join(self.bid_texts),
            b",".join(self.ask_texts),
            self._tail,
        )
        self.hash = hashlib.sha1(text, usedforsecurity=False).hexdigest()

    @property
    def best_bid(self) -> int:
        """The best bid in 1e-4 USDC; 0 where there is none."""
        return self.bid_ranks[-1] if self.bid_ranks else NO_BID

    @property
    def best_ask(self) -> int:
        """The best ask in 1e-4 USDC; 10,000 where there is none."""
        return PRICE_ONE - self.ask_ranks[-1] if self.ask_ranks else NO_ASK

    def message(self, *, first: bool) -> bytes:
        """Return the `book` message.

        Args:
            first: Whether it answers a subscription: only then the venue states tick and last trade.
        """
        stated = b""
        if first:
            stated = b',"tick_size":"%b","event_type":"book","last_trade_price":"%b"}' % (
                self.tick.encode(),
                self.last_trade.encode(),
            )
        return self._opening() + b"]" + (stated or b',"event_type":"book"}')

    def answer(self) -> bytes:
        """Return what REST `/book` answers: the hash's own ten fields, with the hash filled in."""
        return self._opening() + self._tail

    def _opening(self) -> bytes:
        return b'%b%d","hash":"%b","bids":[%b],"asks":[%b' % (
            self._head,
            self.venue_ms,
            self.hash.encode(),
            b",".join(self.bid_texts),
            b",".join(self.ask_texts),
        )


class MarketPages:
    """Both books of a market, kept by its level changes.

    Args:
        market: Whose; its terms are read again by `renew`.
        bids: (price, size) of its first token, any order.
        asks: The same.
        venue_ms: Now.

    Attributes:
        pages: In the order of the market's tokens.
        last_trade: The latest trade's price as it was told, whichever outcome was traded; both books state it so.
    """

    def __init__(
        self, market: VenueMarket, bids: Iterable[Level], asks: Iterable[Level], venue_ms: int, last_trade: str = ""
    ) -> None:
        self._market = market
        self.last_trade = last_trade
        self._sizes: dict[tuple[bool, int], int] = {}
        self._worth = 0
        bid_ranks: list[int] = []
        ask_ranks: list[int] = []
        first, second = market.tokens
        self.pages = (
            BookPage(market.condition, first, bid_ranks, ask_ranks),
            BookPage(market.condition, second, ask_ranks, bid_ranks),
        )
        for page in self.pages:
            page.last_side = market.last_side
        for price, size in bids:
            self._set(price, size, bid=True)
        for price, size in asks:
            self._set(price, size, bid=False)
        self.renew(venue_ms)

    def renew(self, venue_ms: int) -> None:
        """Read the market's terms anew and hash both books."""
        market = self._market
        for page in self.pages:
            page.state_terms(
                size_text(market.min_size), PRICE_TEXTS[market.tick], self.last_trade, neg_risk=market.neg_risk
            )
            page.stamp(venue_ms)

    def traded(self, last_trade: str, side: TradeSide) -> None:
        """Take the price and side that the latest trade was told with; the next level change makes it count."""
        self.last_trade = last_trade
        for page in self.pages:
            page.last_side = side
            page.state_terms(page.min_size, page.tick, last_trade, neg_risk=page.neg_risk)

    def move(self, level: LevelMoved, venue_ms: int) -> None:
        """Apply a level change, in terms of the first token, and hash both books."""
        self._set(level.price, level.size, bid=level.side == "bid")
        self.pages[0].stamp(venue_ms)
        self.pages[1].stamp(venue_ms)

    def _set(self, price: int, size: int, *, bid: bool) -> None:
        first, second = self.pages
        if bid:
            rank, ranks, texts, mirrored = price, first.bid_ranks, first.bid_texts, second.ask_texts
        else:
            rank, ranks, texts, mirrored = PRICE_ONE - price, first.ask_ranks, first.ask_texts, second.bid_texts
        change = size - self._sizes.pop((bid, price), 0)
        self._worth += change * (price if bid else PRICE_ONE - price)
        first.worth = second.worth = self._worth
        if size:
            self._sizes[bid, price] = size
        at = bisect_left(ranks, rank)
        known = at < len(ranks) and ranks[at] == rank
        if not size:
            if known:
                del ranks[at], texts[at], mirrored[at]
            return
        ending = b'%b"}' % size_text(size).encode()
        if not known:
            ranks.insert(at, rank)
            texts.insert(at, b"")
            mirrored.insert(at, b"")
        texts[at] = _HEADS[price] + ending
        mirrored[at] = _HEADS[PRICE_ONE - price] + ending


def page_of(
    condition: ConditionId, token: TokenId, bids: Iterable[Level], asks: Iterable[Level], venue_ms: int
) -> BookPage:
    """Return a page of levels that somebody else keeps, best last on both sides; its terms are to be stated yet."""
    page = BookPage(condition, token, [], [])
    page.venue_ms = venue_ms
    for levels, ranks, texts, bid in (
        (bids, page.bid_ranks, page.bid_texts, True),
        (asks, page.ask_ranks, page.ask_texts, False),
    ):
        for price, size in levels:
            ranks.append(price if bid else PRICE_ONE - price)
            texts.append(b'%b%b"}' % (_HEADS[price], size_text(size).encode()))
            page.worth += size * (price if bid else PRICE_ONE - price)
    return page
