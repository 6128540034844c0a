"""Whom an incoming order would meet, without moving anything: best price first, first come first."""

from polywire.core.matching.accounts import Account
from polywire.core.matching.amounts import fee_weight, maker_amount, shares_for
from polywire.core.matching.orders import Order
from polywire.core.matching.pool import Resting, Side
from polywire.model.units import PRICE_ONE

Step = tuple[Resting, int, int]
"""A resting order, the shares it would trade, and its own collateral for them; no shares: it is the account's own."""


class Walk:
    """What an order would do if it were let.

    Attributes:
        steps: In the order they are met.
        shares: Traded in all, 1e-6.
        cost: Collateral the taker gives (BUY) or gets (SELL), 1e-6 USDC, before the fee.
        weight: The base of the fee; see `amounts.taker_fee`.
        left: What remains of the target: shares, or collateral where that is the target.
    """

    __slots__ = ("cost", "left", "shares", "steps", "weight")

    def __init__(self, left: int) -> None:
        self.left = left
        self.steps: list[Step] = []
        self.shares = self.cost = self.weight = 0


def walk(found: Walk, order: Order, account: Account, against: Side, threshold: int, exponent: int) -> None:
    """Note in `found` what `order` would do against a side.

    It meets every order whose rank is at least `threshold`, until it has what it wants. It never trades with its own
    account: such an order is a step without shares, and is in nobody's way.

    Args:
        found: A new one; `left` is the target.
        order: The taker. With `collateral`, that is what it spends; else `size` shares are what it wants.
        account: Whose it is.
        against: The side it takes from.
        threshold: The worst rank it accepts there.
        exponent: The market's, for the fee.
    """
    buying, token, steps, left = order.side == "BUY", order.token, found.steps, found.left
    for rank in reversed(against.ranks):
        if rank < threshold:
            break
        price = PRICE_ONE - rank if buying else rank
        traded = 0
        for resting in against.levels[rank].orders.values():
            if resting.account is account:
                steps.append((resting, 0, 0))
                continue
            want = shares_for(price, resting.filled, left) if order.collateral else left
            shares = min(want, resting.left)
            maker = resting.order
            amount = maker_amount(maker.side, maker.price, resting.filled, shares)
            cost = amount if maker.token == token else shares - amount
            steps.append((resting, shares, amount))
            traded += shares
            found.cost += cost
            left -= cost if order.collateral else shares
            if not left:
                break
        found.shares += traded
        found.weight += fee_weight(rank, traded, exponent)
        if not left:
            break
    found.left = left
