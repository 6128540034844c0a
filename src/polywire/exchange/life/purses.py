"""The accounts of those who trade by themselves, and what is paid in so that they never run dry."""

import random
from typing import Final

from polywire.core.matching.engine import Engine
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.life.ids import Ids
from polywire.model.units import SIZE_ONE, TokenId

_USDC: Final = 1_000_000
_MAKER_PURSE: Final = 2_000_000 * _USDC
_TAKER_PURSE: Final = 20_000 * _USDC
_STOCK: Final = 20_000 * SIZE_ONE


class Purses:
    """Makers and takers with collateral in the engine. New collateral comes from outside, as deposits do.

    Args:
        engine: Where their money is.
        ids: Where their addresses come from.
        makers: How many accounts quote.
        takers: How many accounts take.
    """

    def __init__(self, engine: Engine, ids: Ids, makers: int = 6, takers: int = 48) -> None:
        self._engine = engine
        self.makers = tuple(ids.account() for _ in range(makers))
        self.takers = tuple(ids.account() for _ in range(takers))
        self.deposited = 0  # collateral paid in so far, 1e-6 USDC
        for account in self.makers:
            self._pay_in(account, _MAKER_PURSE)
        for account in self.takers:
            self._pay_in(account, _TAKER_PURSE)

    def maker(self, rng: random.Random) -> str:
        """Return a maker's account."""
        return self.makers[int(rng.random() * len(self.makers))]

    def taker(self, rng: random.Random) -> str:
        """Return a taker's account."""
        return self.takers[int(rng.random() * len(self.takers))]

    def stock(self, market: VenueMarket) -> None:
        """Give every maker shares of both outcomes to sell, made of its collateral."""
        for account in self.makers:
            self._split(account, market, _STOCK)

    def refill(self, account: str, market: VenueMarket, token: TokenId | None, size: int) -> None:
        """Pay in what an order was refused for: collateral, or `size` more shares of `token` where it sells."""
        if token is None:
            self._pay_in(account, _MAKER_PURSE if account in self.makers else _TAKER_PURSE)
        else:
            self._split(account, market, max(_STOCK, 2 * size))

    def redeem(self, market: VenueMarket) -> None:
        """Turn everyone's shares of a resolved market into what they are worth."""
        for account in self.makers + self.takers:
            self._engine.redeem(account, market.condition)

    def _split(self, account: str, market: VenueMarket, shares: int) -> None:
        if self._engine.split(account, market.condition, shares) is not None:
            self._pay_in(account, max(_MAKER_PURSE, shares))
            self._engine.split(account, market.condition, shares)

    def _pay_in(self, account: str, collateral: int) -> None:
        self._engine.deposit(account, collateral)
        self.deposited += collateral
