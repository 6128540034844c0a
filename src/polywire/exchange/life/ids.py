"""Ids as the venue makes them, from a seed."""

import random

from polywire.model.units import ConditionId, TokenId


class Ids:
    """An endless supply. The same seed makes the same ids in the same order.

    Args:
        seed: A number, or a number and what tells this run from earlier ones.
    """

    def __init__(self, seed: int | str) -> None:
        self._rng = random.Random(f"{seed}/ids")
        self._market = 5_300_000 + self._rng.randrange(50_000)
        self._event = 1_100_000 + self._rng.randrange(20_000)

    def word(self) -> str:
        """Return `0x` and 64 hex digits: a question id, an order id."""
        return f"0x{self._rng.getrandbits(256):064x}"

    def condition(self) -> ConditionId:
        """Return a condition id."""
        return ConditionId(self.word())

    def tokens(self) -> tuple[TokenId, TokenId]:
        """Return two token ids: the decimal digits of 256 bits, the highest set, so 77 or 78 of them."""
        first, second = (self._rng.getrandbits(255) | 1 << 255 for _ in range(2))
        return TokenId(str(first)), TokenId(str(second))

    def account(self) -> str:
        """Return an address: `0x` and 40 hex digits."""
        return f"0x{self._rng.getrandbits(160):040x}"

    def go_on(self, *, markets: int, events: int) -> None:
        """Let Gamma's next ids be above these, which are given out already."""
        self._market, self._event = max(self._market, markets), max(self._event, events)

    def market(self) -> str:
        """Return Gamma's id of the next market; they ascend."""
        self._market += 1
        return str(self._market)

    def event(self) -> str:
        """Return Gamma's id of the next event; they ascend."""
        self._event += 1
        return str(self._event)
