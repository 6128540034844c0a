"""An engine begins again with what a store kept: holders, their resting orders, and pairs that add up.

What others held and wanted is not kept. So an order is checked against what is there now, and a house account takes
the shares that the others' pairs had on their other side.
"""

from collections.abc import Collection, Mapping

from polywire.core.matching.accounts import Account
from polywire.core.matching.amounts import maker_amount
from polywire.core.matching.orders import Order, OrderKind
from polywire.core.matching.pool import Pool, Resting
from polywire.errors import Misuse
from polywire.model.units import PRICE_ONE, TokenId, price_text, size_text


def check_holder(account: Account, collateral: int, shares: Mapping[TokenId, int]) -> None:
    """Raise `Misuse` unless an account holds nothing yet and is to hold nothing negative."""
    if account.collateral or account.shares or account.orders:
        raise Misuse(f"account {account.name} holds something already; restore a holder once, before it does anything")
    if collateral < 0 or min(shares.values(), default=0) < 0:
        raise Misuse(f"account {account.name} cannot hold less than nothing: {collateral} (1e-6 USDC), {dict(shares)}")


def resting_again(
    order: Order, account: Account, pool: Pool, *, left: int, filled: int, placed_ms: int, number: int
) -> Resting:
    """Return an order as it rested, ready to be queued. Raises `Misuse` where it cannot have rested like that."""
    buying = order.side == "BUY"
    own, against = pool.sides(order.token, buying=buying)
    rank = order.price if buying else PRICE_ONE - order.price
    what = f"order {order.id} ({order.side} {size_text(left)} at {price_text(order.price)})"
    if pool.winner is not None:
        raise Misuse(f"{what} cannot rest: market {pool.terms.condition} was resolved; end it instead")
    if order.kind not in {OrderKind.GTC, OrderKind.GTD} or not 0 < order.price < PRICE_ONE:
        raise Misuse(f"{what} cannot rest: it is {order.kind}; only GTC and GTD orders at a price above 0, below 1 do")
    if left <= 0 or filled < 0 or left + filled > order.size:
        raise Misuse(f"{what} cannot rest: {left} left and {filled} filled of {order.size} (1e-6 shares) is impossible")
    if against.ranks and against.ranks[-1] >= PRICE_ONE - rank:
        best = price_text(against.price(against.ranks[-1]))
        raise Misuse(f"{what} cannot rest: it crosses the best {against.name}, {best}; restore before anybody trades")
    resting = Resting(order, account, pool, own, rank, left, placed_ms, number)
    resting.filled = filled
    claim = maker_amount("BUY", order.price, filled, left) if buying else left
    free = account.collateral - account.buying.get(pool.terms.condition, 0)
    free = free if buying else account.unpromised_shares(order.token)
    if claim > free:
        raise Misuse(f"{what} cannot rest: it claims {claim} of {free} (1e-6) that are free; restore its holder first")
    return resting


def balance(pool: Pool, accounts: Collection[Account], house: Account) -> None:
    """Give the house what an open market's outcomes differ by, and have as many pairs as there are shares.

    A resolved market's losing shares are worth nothing, so there the winning ones alone say how many pairs there are.
    """
    supply = {token: sum(account.shares.get(token, 0) for account in accounts) for token in pool.terms.tokens}
    if pool.winner is not None:
        pool.pairs = supply[pool.winner]
        return
    pool.pairs = max(supply.values())
    for token, shares in supply.items():
        if shares < pool.pairs:
            house.give(token, pool.pairs - shares)
