"""A simulated reference price of an asset, and what it says of an up/down window."""

import math
import random
from statistics import NormalDist
from typing import Final

_YEAR_S: Final = 365.25 * 86_400.0
_BASIS_S: Final = 60.0  # in which a basis is halfway forgotten, about
_BASIS_SPREAD: Final = 0.00008  # of the price


class Reference:
    """A price that wanders without drift, in calm and in wild hours.

    Args:
        rng: Its dice.
        price: USD at the start.
        year_sigma: The spread of its yearly logarithm in a middling hour: 0.5 is 50 %.
    """

    def __init__(self, rng: random.Random, price: float, year_sigma: float) -> None:
        self._rng, self._log = rng, math.log(price)
        self._sigma = year_sigma / math.sqrt(_YEAR_S)  # a square root of a second
        self._mood = 0.0  # log of how wild it is

    @property
    def cents(self) -> int:
        """What it is, 1e-2 USD."""
        return round(math.exp(self._log) * 100.0)

    @property
    def price(self) -> float:
        """USD, to the cent."""
        return self.cents / 100.0

    def pass_time(self, seconds: float) -> None:
        """Move on by that long."""
        rng = self._rng
        self._mood += -self._mood * seconds / 900.0 + rng.gauss(0.0, 0.012 * math.sqrt(seconds))
        self._log += rng.gauss(0.0, self._sigma * math.exp(self._mood) * math.sqrt(seconds))

    def strike_of(self, chance: float, left_s: float) -> float:
        """Return the strike at which `chance_up` is `chance` (strictly between 0 and 1) now; `left_s` > 0."""
        spread = self._sigma * math.exp(self._mood) * math.sqrt(left_s)
        return math.exp(self._log - spread * NormalDist().inv_cdf(chance))

    def chance_up(self, strike: float, left_s: float) -> float:
        """Return the probability that it ends at or above `strike` in `left_s` seconds; 0 or 1 where none are left."""
        if left_s <= 0.0:
            return 1.0 if self.price >= strike else 0.0
        spread = self._sigma * math.exp(self._mood) * math.sqrt(left_s)
        return 0.5 * (1.0 + math.erf((self._log - math.log(strike)) / spread / math.sqrt(2.0)))


class Basis:
    """How far the price of one place is from the reference: a little, now above and now below.

    Args:
        rng: Its dice.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng, self._share = rng, 0.0

    def pass_time(self, seconds: float) -> None:
        """Move on by that long."""
        kept = math.exp(-seconds / _BASIS_S)
        self._share = self._share * kept + self._rng.gauss(0.0, _BASIS_SPREAD * math.sqrt(1.0 - kept * kept))

    def applied(self, cents: int) -> int:
        """Return the price of that place where the reference is `cents`, 1e-2 USD."""
        return cents + round(cents * self._share)
