"""Conditions of a number: it is over a limit, or under it."""

from polywire.model.watch import Bound


class Latch:
    """Whether a number went beyond a limit. It comes true once, and again after it was back by the hysteresis.

    Unlike a cross it is true at once where the first number is beyond.

    Attributes:
        beyond: Whether it is true now.

    >>> latch = Latch("over", 300, 50)
    >>> [latch.look(value) for value in (301, 400, 260, 301, 250, 301)]
    [True, False, False, False, False, True]
    """

    __slots__ = ("_back", "_limit", "_sign", "beyond")

    def __init__(self, bound: Bound, limit: int, hysteresis: int) -> None:
        self._sign = 1 if bound == "over" else -1
        self._limit = self._sign * limit
        self._back = self._limit - hysteresis
        self.beyond = False

    def look(self, value: int) -> bool:
        """Take a number, and return whether it has come true with it."""
        value *= self._sign
        if self.beyond:
            self.beyond = value > self._back
            return False
        self.beyond = value > self._limit
        return self.beyond
