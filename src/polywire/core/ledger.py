"""What a wallet paid for what it holds, and what came of it: positions folded from fills. Exact; no float anywhere.

By average cost: each share of a position has cost the same, and selling some takes that share of the cost away.
Splitting a pair buys both outcomes at half a USDC each, merging sells both at that, redeeming sells at what an outcome
is worth. Fees are never part of a cost: those of buying are told beside it, those of selling lower what it brought.

Source: Polymarket's own profit-and-loss subgraph (average cost, 0.50 a side of a pair); its Data API states
`avg_price` and `entry_cost_usdc` before fees, and `entry_fees_usdc` for information only.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from polywire.errors import Misuse
from polywire.model.units import SIZE_ONE, size_text

_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)  # whatever the thread's own context says
_STEP: Final = Decimal("1e-10")
_HUNDRED: Final = 100


class Position(msgspec.Struct, frozen=True):
    """What an account holds of one token, and its history there. Amounts are 1e-6 shares and 1e-6 USDC.

    At any time `cost - realized` is the collateral that went in less what came out, fees of buying aside.
    """

    size: int = 0  # shares held
    cost: int = 0  # what they cost, before fees
    fees: int = 0  # that entering cost on top
    bought: int = 0  # shares that came in, ever
    spent: int = 0  # what they cost, ever, before fees
    realized: int = 0  # what sold, merged and redeemed shares brought over what they had cost, after fees

    # ------------------------------------------------------------ what happens to it

    def bought_at(self, shares: int, cost: int, fee: int) -> "Position":
        """Return the position after shares came in: bought, or split off for their part of `halves`.

        Args:
            shares: 1e-6.
            cost: Collateral given for them, before the fee.
            fee: What was paid on top.
        """
        return Position(
            self.size + shares,
            self.cost + cost,
            self.fees + fee,
            self.bought + shares,
            self.spent + cost,
            self.realized,
        )

    def sold_for(self, shares: int, proceeds: int, fee: int) -> tuple["Position", int]:
        """Return the position after shares went, and their basis: what they had cost, before fees.

        The basis is the shares' part of the cost, rounded down; the last shares take all that is left of it.

        Args:
            shares: 1e-6: sold, merged for their part of `halves`, or redeemed for what they were worth.
            proceeds: Collateral got for them, before the fee.
            fee: What was taken out of it.

        Raises:
            Misuse: It holds fewer.

        >>> Position(size=3, cost=2, bought=3, spent=2).sold_for(1, 1, 0)
        (Position(size=2, cost=2, fees=0, bought=3, spent=2, realized=1), 0)
        """
        self._check(shares)
        whole = shares == self.size
        basis = self.cost if whole else self.cost * shares // self.size
        fees = self.fees if whole else self.fees * shares // self.size
        left = msgspec.structs.replace(
            self,
            size=self.size - shares,
            cost=self.cost - basis,
            fees=self.fees - fees,
            realized=self.realized + proceeds - fee - basis,
        )
        return left, basis

    def unbought_at(self, shares: int, cost: int, fee: int) -> "Position":
        """Return the position after `bought_at` with the same figures was moved back.

        Where shares were sold in between at a cost that these had raised or lowered, the difference goes to
        `realized`: the cost never falls below nothing, and nothing of it stays where no share does.

        Raises:
            Misuse: It holds fewer.
        """
        self._check(shares)
        size = self.size - shares
        gone = min(cost, self.cost) if size else self.cost
        return Position(
            size,
            self.cost - gone,
            max(self.fees - fee, 0) if size else 0,
            self.bought - shares,
            self.spent - cost,
            self.realized + cost - gone,
        )

    def unsold_for(self, shares: int, proceeds: int, fee: int, basis: int) -> "Position":
        """Return the position after `sold_for` with the same figures was moved back.

        Args:
            shares: As then.
            proceeds: As then.
            fee: As then.
            basis: What it returned. What fees the shares had borne is not known any more: `fees` stays as it is.
        """
        return msgspec.structs.replace(
            self,
            size=self.size + shares,
            cost=self.cost + basis,
            realized=self.realized - (proceeds - fee - basis),
        )

    # ------------------------------------------------------------ what it comes to

    @property
    def average_price(self) -> Decimal:
        """What a share held has cost, in USDC, to ten digits behind the point; 0 where none is held.

        >>> Position(size=3_000_000, cost=1_000_000).average_price
        Decimal('0.3333333333')
        """
        return _ratio(self.cost, self.size)

    def value(self, mark: int) -> int:
        """Return what the shares held are worth at `mark` (1e-6 USDC a share), in 1e-6 USDC, rounded down."""
        return self.size * mark // SIZE_ONE

    def unrealized(self, mark: int) -> int:
        """Return what selling at `mark` (1e-6 USDC a share) would bring over the cost, in 1e-6 USDC."""
        return self.value(mark) - self.cost

    def percent(self, mark: int) -> Decimal:
        """Return `unrealized` in percent of the cost, to ten digits behind the point; 0 where there is no cost.

        >>> Position(size=400_000_000_000, cost=200_000_000_000).percent(754_500)  # the venue's own example
        Decimal('50.9')
        """
        return _ratio(self.unrealized(mark) * _HUNDRED, self.cost)

    @property
    def percent_realized(self) -> Decimal:
        """`realized` in percent of what the shares that went had cost, as `percent`; 0 where none went."""
        return _ratio(self.realized * _HUNDRED, self.spent - self.cost)

    def _check(self, shares: int) -> None:
        if not 0 <= shares <= self.size:
            raise Misuse(
                f"{size_text(shares)} shares cannot leave a position of {size_text(self.size)}; "
                "take out at most what it holds"
            )


class FlowKind(StrEnum):
    """Which of a position's methods a flow stands for."""

    BOUGHT = "BOUGHT"
    SOLD = "SOLD"
    UNBOUGHT = "UNBOUGHT"
    UNSOLD = "UNSOLD"


class Flow(msgspec.Struct, frozen=True):
    """Shares of one token that came or went, and the collateral that did the converse."""

    kind: FlowKind
    shares: int
    amount: int  # collateral, before the fee
    fee: int = 0
    basis: int = 0  # UNSOLD: as `sold_for` returned it

    @property
    def cash(self) -> int:
        """What it did to the account's collateral, 1e-6 USDC.

        >>> Flow(FlowKind.BOUGHT, 10, amount=4, fee=1).cash, Flow(FlowKind.SOLD, 10, amount=4, fee=1).cash
        (-5, 3)
        """
        gives = self.kind is FlowKind.BOUGHT or self.kind is FlowKind.UNBOUGHT
        moved = -self.amount - self.fee if gives else self.amount - self.fee
        return moved if self.kind is FlowKind.BOUGHT or self.kind is FlowKind.SOLD else -moved


def fold(flows: Iterable[Flow], position: Position = Position()) -> Position:  # noqa: B008 - frozen
    """Return the position that flows lead to, oldest first; the same one that was kept along the way.

    Raises:
        Misuse: A flow takes out more than is there.

    >>> fold([Flow(FlowKind.BOUGHT, 10, 4), Flow(FlowKind.SOLD, 5, 3)]) == Position(5, 2, 0, 10, 4, 1)
    True
    """
    for flow in flows:
        match flow.kind:
            case FlowKind.BOUGHT:
                position = position.bought_at(flow.shares, flow.amount, flow.fee)
            case FlowKind.SOLD:
                position, _ = position.sold_for(flow.shares, flow.amount, flow.fee)
            case FlowKind.UNBOUGHT:
                position = position.unbought_at(flow.shares, flow.amount, flow.fee)
            case FlowKind.UNSOLD:
                position = position.unsold_for(flow.shares, flow.amount, flow.fee, flow.basis)
            case _:
                assert_never(flow.kind)
    return position


def halves(shares: int) -> tuple[int, int]:
    """Return what each outcome's share of so many pairs costs or brings, in 1e-6 USDC: half each, the second the rest.

    >>> halves(5)
    (2, 3)
    """
    return shares // 2, shares - shares // 2


def _ratio(part: int, of: int) -> Decimal:
    if of <= 0:
        return Decimal(0)
    exact = _EXACT.quantize(_EXACT.divide(Decimal(part), Decimal(of)), _STEP).normalize(_EXACT)
    return exact if exact.as_tuple().exponent <= 0 else exact.quantize(Decimal(1), context=_EXACT)  # type: ignore[operator]  # finite
