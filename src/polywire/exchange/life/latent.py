"""What an outcome is worth before anybody knows: opinion that wanders, jumps and in the end finds out."""

import math
import random
from typing import Final

_LIMIT: Final = 7.6  # log odds: no opinion is surer than 0.9995


class Opinion:
    """The log odds of something: pulled back to a centre, pushed by news; once decided it drifts to the truth.

    Args:
        rng: Its dice.
        odds: Log odds at the start, and the centre.
        wander: How far it moves, in log odds a square root of a second.
        news_per_s: How often it jumps.
    """

    def __init__(self, rng: random.Random, odds: float, *, wander: float, news_per_s: float) -> None:
        self._rng, self._wander, self._news_per_s = rng, wander, news_per_s
        self.odds = self._centre = odds
        self._truth: float | None = None
        self._haste = 0.0

    def decide(self, *, true: bool, within_s: float) -> None:
        """Let the truth be known by and by: nearly all of the way is gone within `within_s`."""
        self._truth = _LIMIT if true else -_LIMIT
        self._haste = 4.0 / within_s

    def pass_time(self, seconds: float) -> bool:
        """Move on by that long; return whether there was news."""
        rng = self._rng
        step = rng.gauss(0.0, self._wander * math.sqrt(seconds))
        if self._truth is not None:
            self.odds += (self._truth - self.odds) * min(1.0, self._haste * seconds) + step
            self._bound()
            return False
        news = rng.random() < self._news_per_s * seconds
        jump = rng.gauss(0.0, 0.35) if news else 0.0
        self._centre += jump  # news stays; what only wanders comes back
        self.odds += (self._centre - self.odds) * min(1.0, seconds / 600.0) + jump + step
        self._bound()
        return news

    def _bound(self) -> None:
        self.odds = max(-_LIMIT, min(_LIMIT, self.odds))


def chance(odds: float) -> float:
    """Return the probability of log odds.

    >>> chance(0.0)
    0.5
    """
    return 1.0 / (1.0 + math.exp(-odds))


def shares_of(odds: list[float]) -> list[float]:
    """Return the probabilities of outcomes of which exactly one comes true: they sum to 1.

    >>> shares_of([1.0, 1.0])
    [0.5, 0.5]
    """
    highest = max(odds)
    weights = [math.exp(each - highest) for each in odds]
    total = sum(weights)
    return [weight / total for weight in weights]


def log_odds(probability: float) -> float:
    """Return the log odds of a probability strictly between 0 and 1.

    >>> log_odds(0.5)
    0.0
    """
    return math.log(probability / (1.0 - probability))
