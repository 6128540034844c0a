"""Users' orders that rest, and the ids that are never taken twice."""

from polywire.core.matching.orders import OrderKind
from polywire.exchange.trading import open_orders
from polywire.exchange.trading.open_orders import OpenOrders
from polywire.exchange.trading.records import UserOrder
from polywire.model.units import SIZE_ONE, ConditionId, TokenId


def order(order_id: str, address: str = "0xa") -> UserOrder:
    return UserOrder(
        id=order_id,
        number=0,
        key="k",
        address=address,
        account=address,
        maker=address,
        condition=ConditionId("0xc"),
        token=TokenId("1"),
        outcome="Yes",
        side="BUY",
        price=5_000,
        size=SIZE_ONE,
        kind=OrderKind.GTC,
        placed_ms=1,
    )


def test_orders_are_numbered_as_they_come_and_go_on_from_an_earlier_run() -> None:
    orders = OpenOrders([order("x")], ["w", "x"], 7)
    assert orders.take(order("y")).number == 8
    assert [one.id for one in orders.of("0xa")] == ["x", "y"]
    assert (orders.knows("w"), orders.get("w")) == (True, None)


def test_an_order_that_ended_rests_no_more_but_is_known() -> None:
    orders = OpenOrders()
    one, other = orders.take(order("x")), orders.take(order("y", "0xb"))
    orders.end(one, 9)
    assert (one.ended_ms, orders.of("0xa"), list(orders.all()), orders.knows("x")) == (9, [], [other], True)


def test_of_the_oldest_ids_only_so_many_are_remembered() -> None:
    known = [f"{number}" for number in range(open_orders.REMEMBERED)]
    assert not OpenOrders((), known[1:]).forgetful
    orders = OpenOrders((), known)
    assert orders.forgetful
    orders.take(order("new"))
    assert (orders.knows("0"), orders.knows("1"), orders.knows("new")) == (False, True, True)
