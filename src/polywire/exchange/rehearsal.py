"""A small seeded market maker of recordings: frames as the venue would send them, from books that are kept.

It is no matching engine. Orders come and go around a price that wanders, takers empty the best level now and
then, and every frame states the truth of the books it was made from: best prices, mirrored outcomes, and the
ten-field hash. So a decoder that ends with other books, or finds one mismatch, is wrong.
"""

import json
import math
import random
from collections.abc import Iterator
from typing import Any, Final

from polywire.model.levels import Levels
from polywire.model.units import PRICE_ONE, SIZE_ONE, BookSide, price_text, size_text
from polywire.wire.book_hash import BookTerms, book_hash

_QUESTIONS: Final = (
    ("Will the comet be visible without a telescope by March?", "Yes", "No", 62),
    ("Bitcoin above 120,000 on Friday?", "Yes", "No", 38),
    ("Harbour Gulls vs. River Otters", "Gulls", "Otters", 55),
    ("Will the bridge open before June?", "Yes", "No", 81),
    ("Ether up or down, the next hour", "Up", "Down", 49),
    ("Will the senate vote this month?", "Yes", "No", 12),
    ("Warmest autumn on record?", "Yes", "No", 73),
    ("Will the album be out by May?", "Yes", "No", 27),
)
_DEPTH: Final = 18
_TICK: Final = 100
_FINE_TICK: Final = 10
_FINE_BELOW, _FINE_ABOVE = 400, 9_600


class _Market:
    """One market's truth: the book of its first outcome; the second's is its mirror."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.question, first, second, cents = _QUESTIONS[number % len(_QUESTIONS)]
        self.outcomes = [first, second]
        self.condition = f"0x{rng.getrandbits(256):064x}"
        self.tokens = [str(rng.randrange(10**76, 10**77)) for _ in self.outcomes]
        self.slug = f"rehearsal-{number + 1}"
        self.tick = _TICK
        self.price = cents * 100
        self.pace = rng.uniform(0.3, 2.0)
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.last_trade = ""
        for step in range(1, _DEPTH):
            if self.price - step * _TICK > 0:
                self.bids[self.price - step * _TICK] = _size(rng, step)
            if self.price + step * _TICK < PRICE_ONE:
                self.asks[self.price + step * _TICK] = _size(rng, step)

    def side(self, outcome: int, side: BookSide) -> Levels:
        """Return one side of an outcome's book."""
        if outcome == 0:
            return Levels.of(side, (self.bids if side == "bid" else self.asks).items())
        mirrored = self.asks if side == "bid" else self.bids
        return Levels.of(side, ((PRICE_ONE - price, size) for price, size in mirrored.items()))


class Rehearsal:
    """An endless recording of a few markets.

    Args:
        seed: The same seed makes the same frames.
        markets: How many markets, two tokens each.
        rate: Events a second on the average, all markets together; they come in bursts.
        start_ms: The venue's clock at the start, Unix milliseconds.

    Attributes:
        tokens: Every token, market by market.
    """

    def __init__(self, seed: int = 7, markets: int = 8, rate: float = 40.0, start_ms: int = 1_790_000_000_000) -> None:
        self._rng = random.Random(seed)
        self._markets = [_Market(number, self._rng) for number in range(markets)]
        self._rate = rate
        self.tokens = [token for market in self._markets for token in market.tokens]
        self._now_ms = float(start_ms)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Yield (venue milliseconds, frame) for ever: the markets' announcements, their books, then their life."""
        for market in self._markets:
            yield int(self._now_ms), _encode(self._announcement(market))
        books = [self._book(market, outcome) for market in self._markets for outcome in (0, 1)]
        yield int(self._now_ms), _encode(books)
        while True:
            market = self._rng.choices(self._markets, [market.pace for market in self._markets])[0]
            burst = 1 + (self._rng.random() < 0.15) * self._rng.randrange(12)  # noqa: PLR2004 - one event in seven
            self._now_ms += self._rng.expovariate(self._rate / 2.0) * 1_000.0
            for _ in range(burst):
                for message in self._event(market):
                    yield int(self._now_ms), _encode(message)
                self._now_ms += self._rng.random()

    # ------------------------------------------------------------ what happens

    def _event(self, market: _Market) -> list[dict[str, Any]]:
        before = [(market.side(outcome, "bid").best, market.side(outcome, "ask").best) for outcome in (0, 1)]
        roll = self._rng.random()
        messages = self._taken(market, "bid" if roll < 0.03 else "ask") if roll < 0.06 else self._placed(market)  # noqa: PLR2004
        for outcome, was in enumerate(before):
            best = market.side(outcome, "bid").best, market.side(outcome, "ask").best
            if best != was:
                messages.append(self._top(market, outcome, *best))
        return messages + self._finer_tick(market)

    def _placed(self, market: _Market) -> list[dict[str, Any]]:
        """Place or take back an order somewhere near the best price."""
        rng = self._rng
        market.price = min(9_700, max(300, round(market.price + rng.gauss(0, 0.3) * _TICK)))
        side: BookSide = rng.choice(("bid", "ask"))
        away = min(int(rng.expovariate(0.35)), _DEPTH) * market.tick + market.tick
        grid = market.price // market.tick * market.tick
        price = grid - away + market.tick if side == "bid" else grid + away
        levels, other = (market.bids, market.asks) if side == "bid" else (market.asks, market.bids)
        if not 0 < price < PRICE_ONE:
            return []
        if other and (price >= min(other) if side == "bid" else price <= max(other)):
            return self._taken(market, "ask" if side == "bid" else "bid")
        gone = price in levels and rng.random() < 0.4 and len(levels) > _DEPTH // 2  # noqa: PLR2004
        return [self._change(market, side, price, 0 if gone else _size(rng, away // market.tick))]

    def _taken(self, market: _Market, side: BookSide) -> list[dict[str, Any]]:
        """Let a taker take from the best level: a trade, the level's change, and both books anew."""
        rng = self._rng
        levels = market.bids if side == "bid" else market.asks
        if len(levels) <= _DEPTH // 3:
            return []
        price = max(levels) if side == "bid" else min(levels)
        size = levels[price] if rng.random() < 0.5 else max(SIZE_ONE, levels[price] // 2)  # noqa: PLR2004
        market.last_trade = price_text(price)
        trade = {
            "market": market.condition,
            "asset_id": market.tokens[0],
            "price": price_text(price),
            "size": size_text(size),
            "fee_rate_bps": "0",
            "side": "SELL" if side == "bid" else "BUY",
            "timestamp": str(int(self._now_ms)),
            "transaction_hash": f"0x{rng.getrandbits(256):064x}",
            "event_type": "last_trade_price",
        }
        change = self._change(market, side, price, max(0, levels[price] - size))
        return [trade, change, self._book(market, 0), self._book(market, 1)]

    def _finer_tick(self, market: _Market) -> list[dict[str, Any]]:
        """Make the grid finer once the price nears an end."""
        if market.tick == _FINE_TICK or _FINE_BELOW <= market.price <= _FINE_ABOVE:
            return []
        market.tick = _FINE_TICK
        return [
            {
                "market": market.condition,
                "asset_id": token,
                "old_tick_size": price_text(_TICK),
                "new_tick_size": price_text(_FINE_TICK),
                "timestamp": str(int(self._now_ms)),
                "event_type": "tick_size_change",
            }
            for token in market.tokens
        ]

    # ------------------------------------------------------------ how it is told

    def _change(self, market: _Market, side: BookSide, price: int, size: int) -> dict[str, Any]:
        levels = market.bids if side == "bid" else market.asks
        if size:
            levels[price] = size
        else:
            levels.pop(price, None)
        other: BookSide = "ask" if side == "bid" else "bid"
        entries = []
        for outcome, its_side, its_price in ((0, side, price), (1, other, PRICE_ONE - price)):
            bids, asks = market.side(outcome, "bid"), market.side(outcome, "ask")
            entries.append(
                {
                    "asset_id": market.tokens[outcome],
                    "price": price_text(its_price),
                    "size": size_text(size),
                    "side": "BUY" if its_side == "bid" else "SELL",
                    "hash": self._hash(market, outcome, bids, asks),
                    "best_bid": price_text(bids.best),
                    "best_ask": price_text(asks.best),
                }
            )
        return {
            "market": market.condition,
            "price_changes": entries,
            "timestamp": str(int(self._now_ms)),
            "event_type": "price_change",
        }

    def _book(self, market: _Market, outcome: int) -> dict[str, Any]:
        bids, asks = market.side(outcome, "bid"), market.side(outcome, "ask")
        return {
            "market": market.condition,
            "asset_id": market.tokens[outcome],
            "timestamp": str(int(self._now_ms)),
            "hash": self._hash(market, outcome, bids, asks),
            "bids": [{"price": price_text(price), "size": size_text(size)} for price, size in bids],
            "asks": [{"price": price_text(price), "size": size_text(size)} for price, size in asks],
            "tick_size": price_text(market.tick),
            "event_type": "book",
            "last_trade_price": market.last_trade,
        }

    def _top(self, market: _Market, outcome: int, bid: int, ask: int) -> dict[str, Any]:
        return {
            "market": market.condition,
            "asset_id": market.tokens[outcome],
            "best_bid": price_text(bid),
            "best_ask": price_text(ask),
            "spread": price_text(ask - bid),
            "timestamp": str(int(self._now_ms)),
            "event_type": "best_bid_ask",
        }

    def _announcement(self, market: _Market) -> dict[str, Any]:
        return {
            "id": market.slug.rpartition("-")[2],
            "question": market.question,
            "market": market.condition,
            "slug": market.slug,
            "description": "Made up by Polywire's rehearsal; nothing here is real.",
            "assets_ids": market.tokens,
            "outcomes": market.outcomes,
            "event_message": {"id": "1", "ticker": "rehearsal", "slug": "rehearsal", "title": "Rehearsal"},
            "timestamp": str(int(self._now_ms)),
            "event_type": "new_market",
            "tags": ["rehearsal"],
            "condition_id": market.condition,
            "active": True,
            "clob_token_ids": market.tokens,
            "order_price_min_tick_size": price_text(market.tick),
        }

    def _hash(self, market: _Market, outcome: int, bids: Levels, asks: Levels) -> str:
        terms = BookTerms("5", price_text(market.tick), neg_risk=False, last_trade_price=market.last_trade)
        return book_hash(market.condition, market.tokens[outcome], int(self._now_ms), bids, asks, terms)


def _size(rng: random.Random, steps: int) -> int:
    """Return a size in 1e-6 shares: many small ones, few large, larger further out, to the hundredth."""
    shares = math.exp(rng.gauss(4.0 + min(steps, 10) * 0.15, 1.1))
    return max(5 * SIZE_ONE, round(shares * 100) * (SIZE_ONE // 100))


def _encode(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
