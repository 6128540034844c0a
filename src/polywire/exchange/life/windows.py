"""Up/down windows of an asset, one after another for ever, decided by a simulated reference price that is published."""

from typing import Final

from polywire.exchange.life.calendar import day, hour
from polywire.exchange.life.crowd import Crowd
from polywire.exchange.life.fees import CRYPTO
from polywire.exchange.life.floor import Floor
from polywire.exchange.life.reference import Basis, Reference
from polywire.exchange.life.schedule import MS, SECOND
from polywire.exchange.live.prices import Quote

_LOOK_US: Final = 250_000  # how often the reference price is looked at, at whole multiples of it
_RESOLVED_AFTER_US: Final = 3 * SECOND  # after a window's end
_HASTE_S: Final = 60.0  # before a window's end everyone hurries
_JUMP: Final = 0.03  # a move of the chance that makes everyone act
_MOST_CERTAIN: Final = 0.9999  # a window that was left open is not thought to be decided yet
_AHEAD_PACE: Final = 1.0  # commands a second in a window that has not begun


class Windows:
    """A series: at any time one window is running and the next can be traded.

    Windows of these minutes that an earlier run left open are its own again; the one that runs gets the strike that
    says of the asset's price what its own price says.

    The asset's price is published at every whole second, those at which windows begin and end among them: what a window
    begins at is its strike, and what it ends at decides it. The window that is running when the series opens has the
    strike for which the price before the opening passes.

    Args:
        floor: Where.
        asset: Its name, in titles: `Bitcoin`.
        symbol: In slugs and quotes: `btc`.
        minutes: How long a window is. Windows begin at whole multiples of it.
        reference: The asset's price; this series moves it on.
        pace: Commands a second in the running window.
        us: Now.
    """

    def __init__(
        self, floor: Floor, asset: str, symbol: str, minutes: int, reference: Reference, pace: float, us: int
    ) -> None:
        self._floor, self._asset, self._symbol, self._minutes = floor, asset, symbol, minutes
        self._reference, self._pace = reference, pace
        self._length = minutes * 60 * SECOND
        begun = us // self._length * self._length
        self._basis = Basis(floor.dice(f"{symbol}/basis"))
        self._strike = reference.price
        self._looked = us
        self._end = begun + self._length
        left = floor.left_open(self._slug(begun)) is not None
        self._running = self._list(begun, us, self._chance(us))
        if left:
            certain = min(_MOST_CERTAIN, max(1.0 - _MOST_CERTAIN, self._running.fair))
            self._strike = round(reference.strike_of(certain, (self._end - us) / SECOND), 2)
        floor.venue.prices.assume(symbol, round(self._strike * 100.0), us // MS)
        if us % SECOND == 0:
            self._publish(us)
        self._running.pace = pace
        self._next = self._list(self._end, us, 0.5)
        self._last = self._running.fair
        floor.schedule.at(_next_look(us), self._look)

    def _look(self, us: int) -> None:
        self._reference.pass_time((us - self._looked) / SECOND)
        self._looked = us
        if us % SECOND == 0:
            self._basis.pass_time(1.0)
            self._publish(us)
        if us >= self._end:
            self._turn(us)
        fair = self._running.fair = self._chance(us)
        left_s = (self._end - us) / SECOND
        self._running.pace = self._pace * (1.0 + max(0.0, 1.0 - left_s / _HASTE_S))
        if abs(fair - self._last) > _JUMP:
            self._last = fair
            self._running.stir(us)
        self._floor.schedule.at(_next_look(us), self._look)

    def _publish(self, us: int) -> None:
        price = self._reference.cents
        self._floor.venue.prices.tell(Quote(self._symbol, price, self._basis.applied(price), us // MS))

    def _turn(self, us: int) -> None:
        """The running window has ended: the next one's strike is taken, and the one after it is listed."""
        ended, up = self._running, self._reference.price >= self._strike
        ended.fair = 1.0 if up else 0.0
        ended.stir(us)
        self._floor.schedule.at(us + _RESOLVED_AFTER_US, lambda at: self._floor.resolve(ended.market, at, first=up))
        self._running, self._strike = self._next, self._reference.price
        self._end += self._length
        self._last = 0.5
        self._next = self._list(self._end, us, 0.5)

    def _chance(self, us: int) -> float:
        return self._reference.chance_up(self._strike, (self._end - us) / SECOND)

    def _slug(self, begins: int) -> str:
        return f"{self._symbol}-updown-{self._minutes}m-{begins // SECOND}"

    def _list(self, begins: int, us: int, fair: float) -> Crowd:
        ends = begins + self._length
        title = f"{self._asset} Up or Down - {day(begins)}, {hour(begins)}-{hour(ends)} UTC"
        slug = self._slug(begins)
        if (market := self._floor.left_open(slug)) is not None:
            return self._floor.adopt(market, us, _AHEAD_PACE)
        event = self._floor.event(
            slug,
            title,
            f'Resolves to "Up" if the exchange\'s own simulated {self._asset} price at the end of the window is at or '
            'above its price at the beginning, else to "Down".',
            ("Crypto", self._asset, "Up or Down"),
            us,
            ends,
            series=f"{self._symbol}-up-or-down-{self._minutes}m",
        )
        return self._floor.market(
            event,
            slug,
            title,
            ("Up", "Down"),
            us,
            ends,
            fair=fair,
            pace=_AHEAD_PACE,
            fee_rate=CRYPTO.rate,
            rebate_rate=CRYPTO.rebate,
            window_start_ms=begins // MS,
        )


def _next_look(us: int) -> int:
    return us - us % _LOOK_US + _LOOK_US
