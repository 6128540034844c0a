"""A market's price over time: compact, and read at any second."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from polywire.exchange.trading.records import PricePoint

MINUTE_S: Final = 60


class Series:
    """What a market's first token was worth at the end of each minute in which that changed: 8 bytes a minute.

    Attributes:
        minutes: Unix minutes, ascending.
        prices: 1e-6 USDC.
    """

    __slots__ = ("minutes", "prices")

    def __init__(self, points: Iterable[PricePoint] = ()) -> None:
        self.minutes, self.prices = array("I"), array("I")
        for point in points:
            self.add(point.minute, point.price)

    def __len__(self) -> int:
        return len(self.minutes)

    def add(self, minute: int, price: int) -> bool:
        """Take the price at a minute's end, later than all before; return whether it is another than the last."""
        if self.prices and self.prices[-1] == price:
            return False
        self.minutes.append(minute)
        self.prices.append(price)
        return True

    def follow(self, earlier: "Series") -> None:
        """Put a series before this one; of a minute that both have, this one counts."""
        keep = bisect_right(earlier.minutes, self.minutes[0] - 1) if self.minutes else len(earlier)
        self.minutes = earlier.minutes[:keep] + self.minutes
        self.prices = earlier.prices[:keep] + self.prices

    @property
    def begins_s(self) -> int | None:
        """The first second at which a price is known; None where there is none."""
        return None if not self.minutes else (self.minutes[0] + 1) * MINUTE_S

    @property
    def ends_s(self) -> int | None:
        """The end of the last minute in which the price changed; None where there is none."""
        return None if not self.minutes else (self.minutes[-1] + 1) * MINUTE_S

    def at(self, second: int) -> int | None:
        """Return what the token was worth at a second: the price at the end of the last minute that had passed.

        >>> series = Series([PricePoint(condition="0xc1", minute=10, price=500_000)])
        >>> series.at(659), series.at(660), series.at(9_999)
        (None, 500000, 500000)
        """
        found = bisect_right(self.minutes, second // MINUTE_S - 1)
        return self.prices[found - 1] if found else None
