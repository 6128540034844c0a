"""Conditions of a price: it crosses a level, it moves. Values are doubled (1e-4 USDC / 2), so that a mid is exact."""

from collections import deque
from typing import Literal

from polywire.model.units import PRICE_ONE
from polywire.model.watch import Crosses, Direction, Moves

Way = Literal["up", "down"]


class Crossing:
    """Whether a price crossed a level. A price exactly at the level has crossed it.

    It is armed for a side of which the price was clear by more than the hysteresis, and once for each cross; the first
    price only says on which side it is.

    Attributes:
        up, down: Whether it is armed for a cross upwards, and downwards.
        known: Whether there was a price.
    """

    __slots__ = ("_direction", "_high", "_level", "_low", "down", "known", "up")

    def __init__(self, wanted: Crosses) -> None:
        self._level = 2 * wanted.level
        # Half the way to the end of all prices at most: else a level near an end would never be armed again.
        self._low = self._level - min(2 * wanted.hysteresis, self._level // 2)
        self._high = self._level + min(2 * wanted.hysteresis, (2 * PRICE_ONE - self._level) // 2)
        self._direction: Direction = wanted.direction
        self.up = self.down = self.known = False

    def look(self, value: int) -> Way | None:
        """Take a price, and return which way it crossed; None where it did not, or that way is not asked for.

        >>> crossing = Crossing(Crosses(5_000, hysteresis=10))
        >>> [crossing.look(2 * price) for price in (4_900, 5_000, 4_995, 5_000, 4_980, 5_001)]
        [None, 'up', None, None, None, 'up']
        """
        if not self.known:
            self.known = True
            self.up, self.down = value < self._level, value > self._level
            return None
        way: Way | None = None
        if self.up and value >= self._level:
            self.up, way = False, "up"
        elif self.down and value <= self._level:
            self.down, way = False, "down"
        if value < self._low:
            self.up = True
        elif value > self._high:
            self.down = True
        return way if self._direction in {"either", way} else None


class Moving:
    """Whether a price moved so far within so long. A price stands until the next: it counts until that time.

    Two queues hold the lows and highs of the window with the time until which they stood.
    """

    __slots__ = ("_by", "_direction", "_highs", "_lows", "_stands", "_within_ms")

    def __init__(self, wanted: Moves) -> None:
        self._by, self._within_ms = 2 * wanted.by, round(1_000 * wanted.within_s)
        self._direction: Direction = wanted.direction
        self._stands: int | None = None  # the newest price; None: none, or it is not known whether it still stands
        self._lows: deque[tuple[int, int]] = deque()  # (ms, value), values ascending
        self._highs: deque[tuple[int, int]] = deque()  # the same, descending

    def look(self, value: int, now_ms: int) -> tuple[Way, int] | None:
        """Take a price, and return which way it moved and from what; None where not so far. Then the window is empty.

        >>> moving = Moving(Moves(by=100, within_s=10))
        >>> [moving.look(2 * price, ms) for price, ms in ((5_000, 0), (5_060, 5_000), (5_140, 9_000), (5_150, 9_500))]
        [None, None, ('up', 10000), None]
        """
        self.lose(now_ms)
        lows, highs, since_ms = self._lows, self._highs, now_ms - self._within_ms
        while lows and lows[0][0] < since_ms:
            lows.popleft()
        while highs and highs[0][0] < since_ms:
            highs.popleft()
        moved: tuple[Way, int] | None = None
        if lows and value - lows[0][1] >= self._by and self._direction != "down":
            moved = "up", lows[0][1]
        elif highs and highs[0][1] - value >= self._by and self._direction != "up":
            moved = "down", highs[0][1]
        if moved is not None:
            lows.clear()
            highs.clear()
        self._stands = value
        return moved

    def lose(self, now_ms: int) -> None:
        """Note until when the newest price stood, as far as is known."""
        value, lows, highs = self._stands, self._lows, self._highs
        if value is None:
            return
        self._stands = None
        while lows and lows[-1][1] >= value:
            lows.pop()
        while highs and highs[-1][1] <= value:
            highs.pop()
        lows.append((now_ms, value))
        highs.append((now_ms, value))
