"""A settlement that failed: everything a trade moved goes back, or nothing does."""

from collections.abc import Callable, Mapping, Sequence

from polywire.core.matching.accounts import FEES, Account
from polywire.core.matching.orders import Leg, MarketTerms, Refusal
from polywire.core.matching.pool import Pool
from polywire.errors import Misuse
from polywire.model.units import TokenId, TradeSide, size_text


class Reversal:
    """What has to move so that a trade, or a part of one, has never been.

    Args:
        terms: Of its market.
        taker: The account that took.
        token: The taker's.
        side: The taker's.
        size: Shares, 1e-6.
        cost: Collateral the taker gave (BUY) or got (SELL), before the fee.
        fee: What the taker paid.
        legs: The resting orders' parts.

    Attributes:
        collateral: What each account gets, or gives where negative, 1e-6 USDC.
        shares: The same by account and token, 1e-6.
        pairs: What the pairs that exist change by.

    Raises:
        Misuse: The figures do not belong together: moving them would make or lose something.
    """

    __slots__ = ("collateral", "pairs", "shares")

    def __init__(
        self,
        terms: MarketTerms,
        taker: str,
        token: TokenId,
        side: TradeSide,
        size: int,
        cost: int,
        fee: int,
        legs: Sequence[Leg],
    ) -> None:
        _check(terms, token, side, size, cost, fee, legs)
        self.collateral: dict[str, int] = {}
        self.shares: dict[tuple[str, TokenId], int] = {}
        self.pairs = 0
        self._undo(taker, token, side, size, cost)
        self._pay(taker, fee)
        self._pay(FEES, -fee)
        for leg in legs:
            self._undo(leg.account, leg.token, leg.side, leg.size, leg.amount)
            if leg.token != token:
                self.pairs -= leg.size if side == "BUY" else -leg.size

    def refusal(self, accounts: Mapping[str, Account]) -> Refusal | None:
        """Return which account no longer holds what it would give back (`balance`), or None."""
        for name, change in self.collateral.items():
            held = accounts[name].collateral if name in accounts else 0
            if held + change < 0:
                return _lacks(name, f"{size_text(-change)} USDC", held)
        for (name, token), change in self.shares.items():
            held = accounts[name].shares.get(token, 0) if name in accounts else 0
            if held + change < 0:
                return _lacks(name, f"{size_text(-change)} shares of {token}", held)
        return None

    def carry_out(
        self, pool: Pool, account: Callable[[str], Account]
    ) -> tuple[list[Account], list[tuple[Account, TokenId]]]:
        """Move it all; return who lost collateral, and who lost shares of which token."""
        pool.pairs += self.pairs
        for name, change in self.collateral.items():
            account(name).collateral += change
        for (name, token), change in self.shares.items():
            account(name).give(token, change)
        poorer = [account(name) for name, change in self.collateral.items() if change < 0]
        return poorer, [(account(name), token) for (name, token), change in self.shares.items() if change < 0]

    def _undo(self, name: str, token: TokenId, side: TradeSide, size: int, amount: int) -> None:
        sign = 1 if side == "BUY" else -1
        self._pay(name, sign * amount)
        self.shares[name, token] = self.shares.get((name, token), 0) - sign * size

    def _pay(self, name: str, amount: int) -> None:
        if amount:
            self.collateral[name] = self.collateral.get(name, 0) + amount


def _check(
    terms: MarketTerms, token: TokenId, side: TradeSide, size: int, cost: int, fee: int, legs: Sequence[Leg]
) -> None:
    other: TradeSide = "SELL" if side == "BUY" else "BUY"
    met = all(leg.token in terms.tokens and leg.side == (other if leg.token == token else side) for leg in legs)
    sane = all(leg.size > 0 and 0 <= leg.amount <= leg.size for leg in legs)
    shares = sum(leg.size for leg in legs)
    due = sum(leg.amount if leg.token == token else leg.size - leg.amount for leg in legs)
    if token not in terms.tokens or not met or not sane or (shares, due) != (size, cost) or size <= 0 or fee < 0:
        raise Misuse(
            f"a {side} of {size_text(size)} shares for {size_text(cost)} USDC (fee {size_text(fee)}) in market "
            f"{terms.condition} is not what its {len(legs)} legs say: {size_text(shares)} shares for "
            f"{size_text(due)}; reverse a trade with the figures it was told with"
        )


def _lacks(name: str, what: str, held: int) -> Refusal:
    return Refusal("balance", f"account {name} would give back {what} and holds {size_text(held)}")
