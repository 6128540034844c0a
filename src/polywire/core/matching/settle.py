"""Makes a walk come true: shares and collateral change hands, and what is left of the resting orders stays."""

from polywire.core.matching.accounts import Account
from polywire.core.matching.orders import Cancelled, Leg, LevelMoved, Match, Order
from polywire.core.matching.pool import Pool, Side
from polywire.core.matching.standing import Standing
from polywire.core.matching.walk import Walk


class Fills:
    """What the steps of a walk did.

    Attributes:
        legs: The resting orders' parts, in the order they were met.
        levels: Taken from, best first.
        cancelled: The account's own orders that stood in the way.
        losers: Accounts whose collateral fell.
    """

    __slots__ = ("cancelled", "legs", "levels", "losers")

    def __init__(self) -> None:
        self.legs: list[Leg] = []
        self.levels: list[LevelMoved] = []
        self.cancelled: list[Cancelled] = []
        self.losers: dict[Account, None] = {}


def fill(order: Order, pool: Pool, against: Side, found: Walk, standing: Standing) -> Fills:
    """Carry out the resting orders' side of a walk that has steps. The taker's is `pay`."""
    done = Fills()
    condition, token, buying = pool.terms.condition, order.token, order.side == "BUY"
    cross_kind = Match.MINT if buying else Match.MERGE
    rank = found.steps[0][0].rank
    level = against.levels[rank]
    for resting, shares, amount in found.steps:
        if resting.rank != rank:
            done.levels.append(against.moved(rank))
            rank = resting.rank
            level = against.levels[rank]
        maker, holder = resting.order, resting.account
        if not shares:
            standing.end(resting)
            done.cancelled.append(Cancelled(maker.id, maker.account, resting.left, "self-trade"))
            continue
        if maker.side == "BUY":
            holder.collateral -= amount
            holder.promise(condition, -amount)
            holder.give(maker.token, shares)
            resting.claim -= amount
            done.losers[holder] = None
        else:
            holder.collateral += amount
            holder.promise_shares(maker.token, -shares)
            holder.give(maker.token, -shares)
            resting.claim -= shares
        same = maker.token == token
        if not same:
            pool.pairs += shares if buying else -shares
        match = Match.COMPLEMENTARY if same else cross_kind
        done.legs.append(Leg(maker.id, maker.account, maker.token, maker.side, maker.price, shares, amount, match))
        resting.left -= shares
        resting.filled += shares
        level.size -= shares
        if not resting.left:
            standing.end(resting)
    done.levels.append(against.moved(rank))
    return done


def pay(order: Order, account: Account, fees: Account, found: Walk, fee: int) -> int:
    """Carry out the taker's side of a walk, and return the fee it paid: a SELL pays no more than it gets."""
    if order.side == "BUY":
        account.collateral -= found.cost + fee
        account.give(order.token, found.shares)
    else:
        fee = min(fee, found.cost)
        account.collateral += found.cost - fee
        account.give(order.token, -found.shares)
    fees.collateral += fee
    return fee
