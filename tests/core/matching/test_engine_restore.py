"""A second engine, given what a store kept, goes on as the first would have."""

from typing import Final

import pytest

from core.matching.setting import ELSE, MARKET, NO, NOW_MS, OTHER_TERMS, TERMS, USDC, YES, Desk, desk
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Order, OrderKind
from polywire.errors import Misuse
from polywire.model.units import SIZE_ONE

TEN: Final = 10 * SIZE_ONE


def restored(old: Engine, *names: str) -> Desk:
    """Return a desk at a new engine that has what an old one had, of these accounts only."""
    new = Engine()
    for terms in (TERMS, OTHER_TERMS):
        new.open_market(terms)
    orders = []
    for name in names:
        tokens = (*TERMS.tokens, *OTHER_TERMS.tokens)
        new.restore_holder(name, old.collateral(name), {token: old.shares(name, token) for token in tokens})
        orders += old.open_orders(name)
    for terms in (TERMS, OTHER_TERMS):
        new.balance_pairs(terms.condition, "house")
    for open_order in sorted(orders, key=lambda order: order.number):
        new.restore_order(
            open_order.order, left=open_order.left, filled=open_order.filled, placed_ms=open_order.placed_ms
        )
    return Desk(new)


def test_holders_orders_and_their_places_in_the_queue_come_back() -> None:
    at = desk()
    for name in ("bob", "ada"):
        at.buy(name, YES, 40, 10)
        at.sell(name, NO, 70, 10)
    again = restored(at.engine, "ada", "bob")
    for name in ("ada", "bob"):
        assert again.engine.collateral(name) == at.engine.collateral(name)
        assert again.engine.shares(name, NO) == at.engine.shares(name, NO)
        orders = [(order.order, order.left, order.placed_ms) for order in at.engine.open_orders(name)]
        assert [(order.order, order.left, order.placed_ms) for order in again.engine.open_orders(name)] == orders
    again.engine.deposit("cy", 100 * USDC)
    again.engine.split("cy", MARKET, TEN)
    again.placed = 4
    assert [leg.account for leg in again.sell("cy", YES, 40, 10).trades[0].legs] == ["bob"]


def test_a_restored_order_promises_what_it_claims() -> None:
    at = desk()
    at.buy("ada", YES, 50, 1_900)
    at.sell("ada", NO, 70, 995)
    again = restored(at.engine, "ada")
    again.placed = 2
    assert again.engine.withdraw("ada", 50 * USDC + 1) is not None
    assert again.engine.withdraw("ada", 50 * USDC) is None
    assert again.sell("ada", NO, 80, 5.000001).status == "refused"
    assert again.sell("ada", NO, 80, 5).status == "live"


def test_an_order_that_took_before_it_rested_is_rounded_as_if_nothing_had_happened() -> None:
    """`filled`, not `matched`, says where its rounding stands."""
    at = desk()
    at.sell("bob", YES, 33, 5.000007)
    at.buy("ada", YES, 33, 20.000003)
    at.sell("bob", YES, 33, 0.000002, "FAK")
    order = at.engine.order("o2")
    assert order is not None
    assert (order.matched, order.filled) == (5_000_009, 2)
    again = restored(at.engine, "ada", "bob")
    again.placed = at.placed
    for _ in range(7):
        one, other = (each.sell("bob", YES, 33, 0.000001, "FAK").trades[0] for each in (at, again))
        assert (one.cost, one.legs) == (other.cost, other.legs)
    assert at.engine.collateral("ada") == again.engine.collateral("ada")


def test_a_restored_gtd_order_ends_at_its_time() -> None:
    at = desk()
    at.order("ada", YES, "BUY", 40, 10, "GTD", expires_s=NOW_MS // 1_000 + 100)
    again = restored(at.engine, "ada").engine
    assert again.next_expiry_ms() == NOW_MS + 40_000
    assert [cancelled.order for cancelled in again.expire(NOW_MS + 40_000)[MARKET].cancelled] == ["o1"]


def test_the_house_holds_what_others_held_and_pairs_add_up() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    at.buy("bob", YES, 40, 10)
    again = restored(at.engine, "ada", "bob").engine
    assert again.pairs(MARKET) == 2_000 * SIZE_ONE
    alone = restored(at.engine, "bob").engine
    assert alone.pairs(MARKET) == 1_010 * SIZE_ONE
    assert (alone.shares("house", YES), alone.shares("house", NO)) == (0, TEN)
    assert alone.balance_pairs(MARKET, "house") == 1_010 * SIZE_ONE


@pytest.mark.parametrize("first", ["holder", "market"])
def test_a_resolved_market_is_redeemed_whichever_was_restored_first(first: str) -> None:
    engine = Engine()
    if first == "holder":
        engine.restore_holder("ada", 3, {YES: 7, NO: 9})
    engine.open_market(TERMS)
    assert engine.resolve(MARKET, YES).refusal is None
    if first == "market":
        engine.restore_holder("ada", 3, {YES: 7, NO: 9})
    assert engine.balance_pairs(MARKET, "house") == 7
    assert (engine.redeem("ada", MARKET), engine.collateral("ada"), engine.pairs(MARKET)) == (7, 10, 0)
    assert engine.redeem("house", MARKET) == 0


def test_a_market_resolved_after_it_was_restored_pays_the_house_for_its_side() -> None:
    engine = Engine()
    engine.open_market(TERMS)
    engine.restore_holder("ada", 0, {YES: 7})
    engine.balance_pairs(MARKET, "house")
    engine.resolve(MARKET, NO)
    assert (engine.redeem("ada", MARKET), engine.redeem("house", MARKET), engine.pairs(MARKET)) == (0, 7, 0)


def test_what_cannot_be_restored_is_a_mistake_and_leaves_no_trace() -> None:
    engine = desk().engine
    engine.restore_order(Order("o1", "ada", YES, "BUY", 4_000, TEN), left=TEN, filled=0, placed_ms=1)
    names, before = engine.accounts(), engine.digest()
    with pytest.raises(Misuse, match="account ada holds something already"):
        engine.restore_holder("ada", 5, {})
    with pytest.raises(Misuse, match="less than nothing"):
        engine.restore_holder("di", -5, {})
    with pytest.raises(Misuse, match="order o1 cannot rest: its id is known"):
        engine.restore_order(Order("o1", "ada", YES, "BUY", 4_000, TEN), left=TEN, filled=0, placed_ms=1)
    with pytest.raises(Misuse, match="order o2 cannot rest: token 9 is no outcome of any market here"):
        engine.restore_order(Order("o2", "ada", type(YES)("9"), "BUY", 4_000, TEN), left=TEN, filled=0, placed_ms=1)
    with pytest.raises(Misuse, match="restore its holder first"):
        engine.restore_order(Order("o2", "di", ELSE, "BUY", 4_000, TEN), left=TEN, filled=0, placed_ms=1)
    with pytest.raises(Misuse, match=r"it crosses the best bid, 0\.4"):
        engine.restore_order(
            Order("o2", "bob", YES, "SELL", 4_000, TEN, OrderKind.GTC), left=TEN, filled=0, placed_ms=1
        )
    assert (engine.accounts(), engine.digest()) == (names, before)


def test_orders_taken_after_a_restart_stand_behind_the_restored_ones() -> None:
    at = desk()
    at.buy("bob", YES, 40, 10)
    again = restored(at.engine, "ada", "bob")
    again.placed = 1
    again.buy("ada", YES, 40, 10)
    numbers = [order.number for name in ("bob", "ada") for order in again.engine.open_orders(name)]
    assert numbers == [1, 2]
