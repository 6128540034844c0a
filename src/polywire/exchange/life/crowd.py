"""Everyone who trades one market: makers around what it is worth, takers of all sizes, in bursts.

Its makers know what the market is worth (`fair`), so an order that has become too good for others is taken back or
taken; nobody here is fooled for long. What the crowd thinks of its own orders follows the venue's announcements, so
orders of other people trade with it like any.
"""

import random
from functools import partial
from typing import Final

from polywire.core.matching.orders import Order, OrderKind, Outcome
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.happenings import BookMoved
from polywire.exchange.life.ids import Ids
from polywire.exchange.life.ladder import CENT, away, resting_size, taking_size, touch
from polywire.exchange.life.purses import Purses
from polywire.exchange.life.resting import Resting
from polywire.exchange.life.schedule import SECOND, Schedule
from polywire.exchange.venue import Venue
from polywire.model.units import PRICE_ONE, SIZE_ONE, BookSide

FINE_TICK: Final = 10  # 1e-4 USDC
_FINE_BELOW, _FINE_ABOVE = 400, 9_600  # a market's grid becomes finer beyond
_WANTED: Final = 60  # orders a side that makers rest
_OPENING: Final = 70  # of which they bring so many at once
_SLICE: Final = 14
_TAKERS: Final = 0.015  # of commands
_PICKED_OFF: Final = 0.06  # of orders that became too good: a taker was faster than its maker
_BETTERED: Final = 0.8  # of quotes while the touch is not where makers want it: one goes there
_BURST: Final = 7.0  # commands that follow the first one of a burst, on the average
_WITHIN_BURST_US: Final = 4_000.0  # between them, on the average, at most
_BURST_SHARE: Final = 0.3  # of the time that a burst may take, so that a high rate is reached too
_USDC: Final = 1_000_000


class Crowd:
    """Makers and takers of one market. It trades from its opening until `leave()`.

    Args:
        venue: Where its orders go.
        schedule: Where it plans its next act.
        ids: Where its order ids come from.
        purses: Whose money it is.
        market: A listed market.
        rng: Its dice.
        rate: How busy everything is: 1 is the usual.

    Attributes:
        fair: What the first token is worth, 0 to 1. Whoever knows sets it.
        pace: Commands a second at rate 1. Whoever knows sets it.
        bids: What it has resting on the bid side of the first token's book, whichever token its orders name.
        asks: The same on the ask side.
    """

    def __init__(
        self,
        venue: Venue,
        schedule: Schedule,
        ids: Ids,
        purses: Purses,
        market: VenueMarket,
        rng: random.Random,
        rate: float,
    ) -> None:
        self._venue, self._schedule, self._ids, self._purses = venue, schedule, ids, purses
        self.market, self._rng, self._rate = market, rng, rate
        self.fair, self.pace = 0.5, 1.0
        self.bids, self.asks = Resting(), Resting()
        self._width = rng.uniform(0.2, 1.2) * CENT
        self._burst = 0
        self._turn = 0  # plans of earlier turns are void
        self._left = False
        self._ms = 0

    def open(self, us: int) -> None:
        """Bring the opening quotes, and trade from now on."""
        self._purses.stock(self.market)
        self._bring(_OPENING, us)
        self._plan(us)

    def stir(self, us: int) -> None:
        """Make everyone act at once: there is news."""
        if self._left:
            return
        self._burst += 1 + int(self._rng.expovariate(1.0 / 12.0))
        self._turn += 1
        self._schedule.at(us + self._rng.randrange(1_000, 60_000), partial(self._do, self._turn))

    def leave(self) -> None:
        """Stop trading: the market was resolved. What everyone holds of it is redeemed."""
        self._left = True
        self._turn += 1
        self._purses.redeem(self.market)

    def heard(self, moved: BookMoved) -> None:
        """Note what became of its orders."""
        for trade in moved.trades:
            for leg in trade.legs:
                self.bids.less(leg.order, leg.size)
                self.asks.less(leg.order, leg.size)
        for gone in moved.cancelled:
            self.bids.drop(gone.order)
            self.asks.drop(gone.order)

    def _bring(self, quotes: int, us: int) -> None:
        """Rest that many quotes a side; in slices, so that whoever runs the schedule can pause between them."""
        if self._left:
            return
        self._ms = us // 1_000
        for _ in range(min(quotes, _SLICE)):
            bid, ask = self._touch()
            self._quote("bid", bid)
            self._quote("ask", ask)
        if quotes > _SLICE:
            self._schedule.at(us, partial(self._bring, quotes - _SLICE))

    # ------------------------------------------------------------ when

    def _plan(self, us: int) -> None:
        rng, self._turn = self._rng, self._turn + 1
        cycle = SECOND * (1.0 + _BURST) / (self.pace * self._rate)  # from burst to burst, on the average
        within = min(_WITHIN_BURST_US, _BURST_SHARE * cycle / _BURST)
        if self._burst > 0:
            self._burst -= 1
            gap = within
        else:
            self._burst = int(rng.expovariate(1.0 / (_BURST + 0.5)))  # cut off to a whole number: about `_BURST`
            gap = cycle - _BURST * within
        self._schedule.at(us + int(rng.expovariate(1.0 / gap)), partial(self._do, self._turn))

    def _do(self, turn: int, us: int) -> None:
        """Do the one thing planned for `us`, and plan the next; nothing where the plan has become void."""
        if turn == self._turn:
            self._ms = us // 1_000
            self._act()
            self._plan(us)

    # ------------------------------------------------------------ what

    def _act(self) -> None:
        rng = self._rng
        bid, ask = self._touch()
        best_bid, best_ask = self.bids.highest(), self.asks.lowest()
        if self.market.tick > FINE_TICK and (best_bid > _FINE_ABOVE or best_ask < _FINE_BELOW):
            self._venue.set_tick(self.market.condition, FINE_TICK, at_ms=self._ms)
        elif best_bid > bid:
            self._too_good("bid", best_bid, bid)
        elif best_ask < ask:
            self._too_good("ask", best_ask, ask)
        elif rng.random() < _TAKERS:
            self._take("BUY" if rng.random() < 0.5 else "SELL", taking_size(rng), bid, ask)  # noqa: PLR2004 - a coin
        else:
            side: BookSide = "bid" if rng.random() < 0.5 else "ask"  # noqa: PLR2004 - a coin
            held = len(self.bids if side == "bid" else self.asks)
            if rng.random() < max(0.05, min(0.95, 1.0 - held / (2.0 * _WANTED))):
                self._quote(side, bid if side == "bid" else ask)
            elif held:
                self._take_back(side)

    def _touch(self) -> tuple[int, int]:
        if self._rng.random() < 0.02:  # noqa: PLR2004 - now and then makers want more or less
            self._width = max(0.15 * CENT, min(2.5 * CENT, self._width * self._rng.uniform(0.7, 1.4)))
        tick = self.market.tick
        return touch(self.fair, tick, self._width if tick > FINE_TICK else self._width / 4)

    def _quote(self, side: BookSide, best: int) -> None:
        """Rest one order on a side of the first token's book, by buying one token or selling the other."""
        rng = self._rng
        held = self.bids.highest() if side == "bid" else self.asks.lowest()
        room = best - self.market.tick if side == "bid" else PRICE_ONE - best
        behind = 0 if held != best and rng.random() < _BETTERED else away(rng, self.market.tick, room)
        price = best - behind if side == "bid" else best + behind
        if not 0 < price < PRICE_ONE:
            return
        size = resting_size(rng, behind)
        mirrored = rng.random() < 0.35  # noqa: PLR2004 - one in three trades the other outcome
        buys = (side == "bid") != mirrored
        order = Order(
            id=self._ids.word(),
            account=self._purses.maker(rng),
            token=self.market.tokens[mirrored],
            side="BUY" if buys else "SELL",
            price=PRICE_ONE - price if mirrored else price,
            size=size,
        )
        if resting := self._place(order).resting:
            (self.bids if side == "bid" else self.asks).add(order.id, price, resting)

    def _too_good(self, side: BookSide, price: int, wanted: int) -> None:
        resting = self.bids if side == "bid" else self.asks
        if self._rng.random() < _PICKED_OFF:
            self._take("SELL" if side == "bid" else "BUY", taking_size(self._rng), wanted, wanted)
        else:
            self._venue.cancel(resting.at(price), at_ms=self._ms)

    def _take_back(self, side: BookSide) -> None:
        resting = self.bids if side == "bid" else self.asks
        self._venue.cancel(resting.any(self._rng), at_ms=self._ms)

    def _take(self, way: str, size: int, bid: int, ask: int) -> None:
        """Take from the first token's book: BUY lifts its asks, SELL hits its bids; either may trade the mirror."""
        rng, tokens = self._rng, self.market.tokens
        slip = self.market.tick * int(rng.expovariate(0.8))
        limit = ask + slip if way == "BUY" else bid - slip
        limit = max(self.market.tick, min(PRICE_ONE - self.market.tick, limit))
        account, engine = self._purses.taker(rng), self._venue.engine
        owned = tokens[way == "BUY"]  # selling the other outcome is buying this one
        has = engine.shares(account, owned)
        selling = has >= SIZE_ONE and rng.random() < 0.6  # noqa: PLR2004 - who holds mostly gets rid of it first
        if selling:
            price = limit if owned == tokens[0] else PRICE_ONE - limit
            size = min(size, has) // (SIZE_ONE // 100) * (SIZE_ONE // 100)
            order = Order(self._ids.word(), account, owned, "SELL", price, size, OrderKind.FAK)
        else:
            token = tokens[way == "SELL"]
            price = limit if token == tokens[0] else PRICE_ONE - limit
            spend = max(_USDC, size * price // PRICE_ONE) // (_USDC // 100) * (_USDC // 100)
            order = Order(self._ids.word(), account, token, "BUY", price, 0, OrderKind.FAK, collateral=spend)
        self._place(order)

    def _place(self, order: Order) -> Outcome:
        outcome = self._venue.place(order, at_ms=self._ms)
        if outcome.refusal is not None and outcome.refusal.code == "balance":
            token = order.token if order.side == "SELL" else None
            self._purses.refill(order.account, self.market, token, order.size)
            outcome = self._venue.place(order, at_ms=self._ms)
        return outcome
