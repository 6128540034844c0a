"""What each market is worth, minute by minute of the venue's time, kept as it happens."""

from typing import Final

from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.clob_markets import outcome_prices
from polywire.exchange.data.series import Series
from polywire.exchange.happenings import Happening, TickMoved
from polywire.exchange.shelf import Shelf
from polywire.exchange.trading.records import PricePoint
from polywire.exchange.trading.store import Store
from polywire.exchange.venue import Venue
from polywire.model.units import ConditionId

_MINUTE_MS: Final = 60_000


class PriceKeeper:
    """The history of every market's price: the middle of its book, and 1 or 0 once it is resolved.

    A minute's price is what its last change left. It is put into the store when something happens after the minute
    has passed, and only where it is another than the one before. Markets that are open are held in memory too.

    Args:
        shelf: The books. It has been told of a happening before we are.
        venue: Observed from now on.
        store: Where prices are kept; what an earlier exchange put there is read when it is asked for.
    """

    def __init__(self, shelf: Shelf, venue: Venue, store: Store) -> None:
        self._shelf, self._clock, self._store = shelf, venue.clock, store
        self._minute = venue.clock.now_ms() // _MINUTE_MS
        self._now: dict[ConditionId, int] = {}  # prices that this minute has changed
        self._series: dict[ConditionId, Series] = {}  # of markets that are open
        self._older: set[ConditionId] = set()  # whose prices before this exchange are yet to be read
        for market in shelf.catalogue.markets.values():
            if not market.closed:
                self._series[market.condition] = Series()
                self._older.add(market.condition)
                self._note(market.condition)
        venue.observe(self._heed)

    async def series(self, market: VenueMarket) -> Series:
        """Return a market's prices so far; what this minute has changed is its last."""
        condition = market.condition
        if condition in self._older:
            older = await self._kept(condition)
            held = self._series.get(condition)
            if held is not None and condition in self._older:  # nobody else was faster, and it is open still
                held.follow(older)
                self._older.discard(condition)
        held = self._series.get(condition)
        whole = await self._kept(condition) if held is None else _copy(held)
        if condition in self._now:
            whole.add(self._minute, self._now[condition])
        elif market.closed:  # an exchange that ended in the very minute of the resolution did not keep its price
            whole.add(market.closed_ms // _MINUTE_MS, outcome_prices(market, self._shelf)[0])
        return whole

    def now_s(self) -> int:
        """Return the venue's time, Unix seconds."""
        return self._clock.now_ms() // 1_000

    def price(self, market: VenueMarket) -> int:
        """Return what a market's first token is worth now, 1e-6 USDC."""
        return outcome_prices(market, self._shelf)[0]

    async def _kept(self, condition: ConditionId) -> Series:
        return Series(await self._store.prices(condition, 0, self._minute))

    def _heed(self, happenings: tuple[Happening, ...]) -> None:
        for happening in happenings:
            if isinstance(happening, TickMoved):
                continue
            minute = happening.venue_ms // _MINUTE_MS
            if minute > self._minute:
                self._turn(minute)
            self._note(happening.condition)

    def _note(self, condition: ConditionId) -> None:
        self._now[condition] = self.price(self._shelf.catalogue.markets[condition])

    def _turn(self, minute: int) -> None:
        """Put down the minute that has passed."""
        rows = []
        for condition, price in self._now.items():
            series = self._series.setdefault(condition, Series())
            if series.add(self._minute, price):
                rows.append(PricePoint(condition, self._minute, price))
            if self._shelf.catalogue.markets[condition].closed:
                del self._series[condition]
                self._older.discard(condition)
        if rows:
            self._store.put(*rows)
        self._now.clear()
        self._minute = minute


def _copy(series: Series) -> Series:
    copy = Series()
    copy.follow(series)
    return copy
