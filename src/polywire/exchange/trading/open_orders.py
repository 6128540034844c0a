"""The orders of users that rest, and the ids of all that were ever taken, so that none is taken twice."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from polywire.exchange.trading.records import UserOrder

REMEMBERED = 100_000
"""Ids of orders that are known by heart; of older ones the store has to be asked."""


class OpenOrders:
    """What rests, by id and by the address whose keys it came with.

    Args:
        orders: That rest already, by number.
        ids: Of orders taken before, oldest first.
        last: The number of the last order taken.
    """

    def __init__(self, orders: Iterable[UserOrder] = (), ids: Iterable[str] = (), last: int = 0) -> None:
        self._orders: dict[str, UserOrder] = {}
        self._of: dict[str, dict[str, UserOrder]] = {}
        self._ids: OrderedDict[str, None] = OrderedDict.fromkeys(ids)
        self._last = last
        for order in orders:
            self._add(order)

    def knows(self, order_id: str) -> bool:
        """Return whether an order of this id was taken lately."""
        return order_id in self._ids

    @property
    def forgetful(self) -> bool:
        """Whether there may be orders that were taken and are not known by heart."""
        return len(self._ids) >= REMEMBERED

    def take(self, order: UserOrder) -> UserOrder:
        """Number a new order, and have it rest until `end`; return it."""
        self._last += 1
        order.number = self._last
        self._add(order)
        return order

    def end(self, order: UserOrder, now_ms: int) -> None:
        """Note that an order rests no more."""
        order.ended_ms = now_ms
        del self._orders[order.id]
        mine = self._of[order.address]
        del mine[order.id]
        if not mine:
            del self._of[order.address]

    def get(self, order_id: str) -> UserOrder | None:
        """Return an order that rests, or None."""
        return self._orders.get(order_id)

    def of(self, address: str) -> list[UserOrder]:
        """Return what rests of an address's keys, oldest first."""
        return list(self._of.get(address, {}).values())

    def all(self) -> Iterator[UserOrder]:
        """Yield everything that rests, oldest first."""
        yield from self._orders.values()

    def _add(self, order: UserOrder) -> None:
        self._orders[order.id] = order
        self._of.setdefault(order.address, {})[order.id] = order
        self._ids[order.id] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)
