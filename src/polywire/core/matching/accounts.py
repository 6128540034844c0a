"""What each account holds and what its open orders claim of it. Collateral and shares are ints of 1e-6."""

from typing import TYPE_CHECKING, Final, TypeVar

from polywire.model.units import ConditionId, TokenId

if TYPE_CHECKING:
    from polywire.core.matching.pool import Resting

_Key = TypeVar("_Key", ConditionId, TokenId)

FEES: Final = "fees"
"""The account that takers' fees go to."""


class Account:
    """One holder.

    Attributes:
        collateral: 1e-6 USDC, all of it: what open orders claim is still here.
        shares: 1e-6 shares by token; none is 0.
        buying: Collateral that its open BUY orders claim, by market (both outcomes together); none is 0.
        selling: Shares that its open SELL orders claim, by token; none is 0.
        orders: Its open orders by id, first come first.
    """

    __slots__ = ("buying", "collateral", "name", "orders", "selling", "shares")

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.collateral = 0
        self.shares: dict[TokenId, int] = {}
        self.buying: dict[ConditionId, int] = {}
        self.selling: dict[TokenId, int] = {}
        self.orders: dict[str, Resting] = {}

    def give(self, token: TokenId, shares: int) -> None:
        """Add shares, or take them where `shares` is negative."""
        _add(self.shares, token, shares)

    def promise(self, condition: ConditionId, collateral: int) -> None:
        """Add to what its BUY orders of a market claim, or release it where negative."""
        _add(self.buying, condition, collateral)

    def promise_shares(self, token: TokenId, shares: int) -> None:
        """Add to what its SELL orders of a token claim, or release it where negative."""
        _add(self.selling, token, shares)

    def uncovered(self) -> list[ConditionId]:
        """Return the markets whose BUY orders claim more collateral than there is."""
        return [condition for condition, claim in self.buying.items() if claim > self.collateral]

    def unpromised(self) -> int:
        """Return the collateral that no market's open orders claim.

        The same collateral may be promised in several markets, so it is what the most demanding one leaves.
        """
        return self.collateral - max(self.buying.values(), default=0)

    def unpromised_shares(self, token: TokenId) -> int:
        """Return the shares of a token that no open order claims."""
        return self.shares.get(token, 0) - self.selling.get(token, 0)


def _add(amounts: dict[_Key, int], key: _Key, amount: int) -> None:
    amounts[key] = amounts.get(key, 0) + amount
    if not amounts[key]:
        del amounts[key]
