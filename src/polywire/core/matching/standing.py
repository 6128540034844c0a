"""Every order that rests, whichever market it is in: how it comes to rest, and every way it ends."""

from collections import OrderedDict
from collections.abc import Iterable

from polywire.core.matching.accounts import Account
from polywire.core.matching.amounts import maker_amount
from polywire.core.matching.expiries import Expiries
from polywire.core.matching.orders import Cancelled, LevelMoved, OrderKind, Outcome
from polywire.core.matching.pool import Resting
from polywire.core.matching.rules import ends_ms
from polywire.model.units import ConditionId, TokenId


class Standing:
    """The orders that rest, and the ids of those that have ended.

    Args:
        remembers: How many ids of ended orders are kept, so that they are refused when they come again.

    Attributes:
        orders: What rests, by id.
        ended: Ids of the last orders that ended, oldest first.
        expiries: When GTD orders end.
    """

    __slots__ = ("ended", "expiries", "orders", "remembers")

    def __init__(self, remembers: int) -> None:
        self.remembers = remembers
        self.orders: dict[str, Resting] = {}
        self.ended: OrderedDict[str, None] = OrderedDict()
        self.expiries = Expiries()

    def knows(self, order_id: str) -> bool:
        """Return whether an id is taken."""
        return order_id in self.orders or order_id in self.ended

    def rest(self, resting: Resting) -> LevelMoved:
        """Queue an order, and have its account promise what it claims."""
        order, account = resting.order, resting.account
        if order.side == "BUY":
            resting.claim = maker_amount("BUY", order.price, resting.filled, resting.left)
            account.promise(resting.pool.terms.condition, resting.claim)
        else:
            resting.claim = resting.left
            account.promise_shares(order.token, resting.claim)
        self.orders[order.id] = account.orders[order.id] = resting
        if order.kind is OrderKind.GTD:
            self.expiries.add(ends_ms(order.expires_s), resting.number, order.id)
        return resting.side.add(resting)

    def end(self, resting: Resting) -> None:
        """Take an order out of everything that knows it, and release its claim; its `left` stays as it was."""
        order, account = resting.order, resting.account
        if resting.claim:
            if order.side == "BUY":
                account.promise(resting.pool.terms.condition, -resting.claim)
            else:
                account.promise_shares(order.token, -resting.claim)
        del self.orders[order.id], account.orders[order.id]
        if order.kind is OrderKind.GTD:
            self.expiries.drop(order.id)
        self.remember(order.id)
        resting.side.drop(resting)

    def remember(self, order_id: str) -> None:
        """Refuse an id from now on, until `remembers` others have ended."""
        self.ended[order_id] = None
        if len(self.ended) > self.remembers:
            self.ended.popitem(last=False)

    def cancel(self, orders: Iterable[Resting], reason: str) -> dict[ConditionId, Outcome]:
        """End orders one by one; return what moved, by market."""
        moved: dict[ConditionId, tuple[list[LevelMoved], list[Cancelled]]] = {}
        for resting in orders:
            levels, cancelled = moved.setdefault(resting.pool.terms.condition, ([], []))
            self.end(resting)
            levels.append(resting.side.moved(resting.rank))
            cancelled.append(Cancelled(resting.order.id, resting.order.account, resting.left, reason))
        return {
            condition: Outcome(levels=tuple(levels), cancelled=tuple(cancelled), condition=condition)
            for condition, (levels, cancelled) in moved.items()
        }

    def uncover(
        self, poorer: Iterable[Account], sellers: Iterable[tuple[Account, TokenId]] = ()
    ) -> dict[ConditionId, Outcome]:
        """Cancel the newest orders that claim more than there is; return what moved, by market.

        Args:
            poorer: Accounts whose BUY orders are looked at: of each market, what they claim of its collateral.
            sellers: Accounts whose SELL orders of a token are looked at.
        """
        orders: list[Resting] = []
        for account in poorer:
            for condition in account.uncovered():
                missing = account.buying[condition] - account.collateral
                for resting in reversed(account.orders.values()):
                    if missing > 0 and resting.order.side == "BUY" and resting.pool.terms.condition == condition:
                        orders.append(resting)
                        missing -= resting.claim
        for account, token in sellers:
            missing = -account.unpromised_shares(token)
            for resting in reversed(account.orders.values()):
                if missing > 0 and resting.order.side == "SELL" and resting.order.token == token:
                    orders.append(resting)
                    missing -= resting.claim
        return self.cancel(orders, "balance") if orders else {}
