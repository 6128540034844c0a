"""What a crowd has resting on one side."""

import random

from hypothesis import given
from hypothesis import strategies as st

from polywire.exchange.life.resting import Resting
from polywire.model.units import NO_ASK, NO_BID


def test_an_empty_side_has_the_venues_best_prices_of_none() -> None:
    resting = Resting()
    assert (resting.highest(), resting.lowest(), len(resting)) == (NO_BID, NO_ASK, 0)


def test_an_order_shrinks_with_each_fill_and_goes_with_the_last() -> None:
    resting = Resting()
    resting.add("a", 4_000, 10)
    resting.less("a", 4)
    assert resting.sizes() == {"a": 6}
    resting.less("a", 6)
    assert (resting.sizes(), resting.highest()) == ({}, NO_BID)


def test_the_newest_order_at_a_price_is_named_first() -> None:
    resting = Resting()
    for order in "abc":
        resting.add(order, 4_000, 10)
    resting.drop("c")
    assert resting.at(4_000) == "b"


def test_orders_of_others_are_no_business_of_it() -> None:
    resting = Resting()
    resting.less("x", 1)
    resting.drop("x")
    assert len(resting) == 0


@given(st.lists(st.tuples(st.sampled_from(["add", "less", "drop"]), st.integers(0, 9), st.integers(1, 5))))
def test_it_agrees_with_a_plain_dict_whatever_comes(deeds: list[tuple[str, int, int]]) -> None:
    resting, plain = Resting(), dict[str, tuple[int, int]]()
    for deed, number, amount in deeds:
        order = str(number)
        if deed == "add" and order not in plain:
            resting.add(order, amount * 100, 7)
            plain[order] = amount * 100, 7
        elif deed == "less":
            resting.less(order, amount)
            if order in plain:
                price, size = plain[order]
                plain[order] = price, size - amount
                if size <= amount:
                    del plain[order]
        elif deed == "drop":
            resting.drop(order)
            plain.pop(order, None)
        prices = [price for price, _ in plain.values()]
        assert resting.sizes() == {order: size for order, (_, size) in plain.items()}
        assert (resting.highest(), resting.lowest()) == (max(prices, default=NO_BID), min(prices, default=NO_ASK))
        assert not plain or resting.any(random.Random(1)) in plain
