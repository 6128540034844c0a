"""Users' orders from being taken to their end: what is kept and told of each step."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from polywire.core.matching.orders import Cancelled, Order, OrderKind
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.trading.open_orders import OpenOrders
from polywire.exchange.trading.outbox import Outbox
from polywire.exchange.trading.records import ApiKey, OrderState, UserOrder
from polywire.exchange.user_messages import killed_message, order_message

_ENDS: Final = {
    "user": OrderState.CANCELED,
    "self-trade": OrderState.CANCELED,
    "expired": OrderState.CANCELED_EXPIRED,
    "balance": OrderState.CANCELED_BALANCE,
    "resolved": OrderState.CANCELED_RESOLVED,
}


class Mishaps(Protocol):
    """The faults that strike here."""

    def strikes(self, name: str) -> bool:
        """Return whether a fault of this name is on and strikes now."""


class UserOrders:
    """The orders of users.

    Args:
        orders: Those that rest.
        outbox: Where changes go.
        mishaps: Faults.
    """

    def __init__(self, orders: OpenOrders, outbox: Outbox, mishaps: Mishaps) -> None:
        self._orders, self._outbox, self._mishaps = orders, outbox, mishaps

    def knows(self, order_id: str) -> bool:
        """Return whether an order of this id was taken lately."""
        return self._orders.knows(order_id)

    @property
    def forgetful(self) -> bool:
        """Whether there may be orders that were taken and are not known by heart."""
        return self._orders.forgetful

    def get(self, order_id: str) -> UserOrder | None:
        """Return an order that rests, or None."""
        return self._orders.get(order_id)

    def of(self, address: str) -> list[UserOrder]:
        """Return what rests of an address's keys, oldest first."""
        return self._orders.of(address)

    def all(self) -> Iterator[UserOrder]:
        """Yield everything that rests, oldest first."""
        return self._orders.all()

    def taken(self, order: Order, key: ApiKey, maker: str, size: int, market: VenueMarket, now: int) -> UserOrder:
        """Note that an order was taken."""
        record = self._orders.take(_record(order, key, maker, size, market, now))
        self._outbox.keep(record)
        self._outbox.say(order_message(record, "PLACEMENT", now))
        return record

    def killed(self, order: Order, key: ApiKey, maker: str, size: int, market: VenueMarket, why: str, now: int) -> None:
        """Tell of an order that was killed whole: the venue does, though it refuses it."""
        blank = order.kind is OrderKind.FOK and self._mishaps.strikes("blank-size-matched")
        self._outbox.say(killed_message(_record(order, key, maker, size, market, now), why, now, blank=blank))

    def filled(self, order_id: str, size: int, trade: str, now: int) -> None:
        """Note what an order has had of a trade, where it is a user's."""
        order = self._orders.get(order_id)
        if order is None:
            return
        order.matched += size
        order.trades += (trade,)
        if order.matched >= order.size and order.state is OrderState.LIVE:
            order.state = OrderState.MATCHED
            self._orders.end(order, now)
        self._outbox.keep(order)
        self._outbox.say(order_message(order, "UPDATE", now))

    def ended(self, order: UserOrder, now: int) -> None:
        """Note that an order rests no more, and that its last message has said so."""
        self._orders.end(order, now)
        self._outbox.keep(order)

    def cancelled(self, gone: Iterable[Cancelled], now: int) -> None:
        """Note which orders ended unfilled, or partly so, where they are users'."""
        for one in gone:
            order, state = self._orders.get(one.order), _ENDS.get(one.reason)
            if order is None or state is None:  # a crowd's, or the rest of one that takes what there is
                continue
            order.state = state
            self._orders.end(order, now)
            self._outbox.keep(order)
            self._outbox.say(order_message(order, "CANCELLATION", now))


def _record(order: Order, key: ApiKey, maker: str, size: int, market: VenueMarket, now: int) -> UserOrder:
    return UserOrder(
        id=order.id,
        number=0,
        key=key.id,
        address=key.address,
        account=order.account,
        maker=maker,
        condition=market.condition,
        token=order.token,
        outcome=market.outcomes[market.tokens.index(order.token)],
        side=order.side,
        price=order.price,
        size=size,
        kind=order.kind,
        expires_s=order.expires_s,
        post_only=order.post_only,
        placed_ms=now,
    )
