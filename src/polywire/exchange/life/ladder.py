"""Where makers quote and how much, how much takers take: decisions about prices and sizes, with dice handed in.

Prices are ints of 1e-4 USDC, sizes ints of 1e-6 shares. The shapes are fitted by eye to recordings (docs/exchange.md).
"""

import math
import random
from typing import Final

from polywire.model.units import NO_ASK, NO_BID, PRICE_ONE, SIZE_ONE

CENT: Final = 100  # 1e-4 USDC
_NEAR_TICKS: Final = 6.0  # how far from the touch, on the average, an order goes that is meant to trade
_FAR_SHARE: Final = 0.4  # of orders that are meant to wait, anywhere on the whole cents
_ROUND_SHARE: Final = 0.5  # of orders that ask for a round number of shares
_CEILING: Final = 50_000.0  # shares: no single order of the crowd is larger
_ROUND: Final = (5, 10, 15, 20, 25, 50, 75, 100, 150, 200, 250, 300, 500, 1_000, 2_000, 5_000, 10_000, 25_000, 50_000)


def touch(fair: float, tick: int, width: float) -> tuple[int, int]:
    """Return the best bid and the best ask that makers want, on the grid.

    Near the ends a side falls away: `NO_BID` where nobody would pay a tick, `NO_ASK` where nobody would sell.

    Args:
        fair: What the first token is worth, 0 to 1.
        tick: The grid.
        width: How far apart they want them, in 1e-4 USDC, > 0; the grid makes it wider.

    >>> touch(0.503, 100, 80), touch(0.9993, 10, 8), touch(0.0004, 10, 8)
    ((4900, 5100), (9980, 10000), (0, 10))
    """
    middle = fair * PRICE_ONE
    bid = math.floor((middle - width / 2) / tick) * tick
    ask = math.ceil((middle + width / 2) / tick) * tick
    return max(NO_BID, min(bid, PRICE_ONE - tick)), min(NO_ASK, max(ask, tick))


def away(rng: random.Random, tick: int, room: int) -> int:
    """Return how far behind the touch an order goes, on the grid: 0 to `room`, mostly near.

    Args:
        rng: Dice.
        tick: The grid.
        room: How far the end of the book is from the touch.
    """
    if rng.random() < _FAR_SHARE and room > CENT:
        return rng.randrange(room // CENT) * CENT
    return min(int(rng.expovariate(1.0 / _NEAR_TICKS)) * tick, room // tick * tick)


def resting_size(rng: random.Random, behind: int) -> int:
    """Return what a maker rests: many small orders and few large, larger further `behind` the touch; at least 5."""
    shares = rng.lognormvariate(3.6 + min(behind, 2_000) / 900.0, 1.25)
    return _rounded(rng, max(5.0, shares))


def taking_size(rng: random.Random) -> int:
    """Return how many shares a taker wants: half take under 12, one in a hundred over 490."""
    return _rounded(rng, max(1.0, rng.lognormvariate(2.5, 1.6)))


def _rounded(rng: random.Random, shares: float) -> int:
    shares = min(shares, _CEILING)
    if shares >= _ROUND[0] and rng.random() < _ROUND_SHARE:
        return next(round_ for round_ in reversed(_ROUND) if round_ <= shares) * SIZE_ONE
    return int(shares * 100) * (SIZE_ONE // 100)
