"""Whom an order would meet, before anything moves."""

from typing import Any, Final

import msgspec

from core.matching.setting import MARKET, NO, TERMS, YES
from polywire.core.matching.accounts import Account
from polywire.core.matching.orders import Order, OrderKind
from polywire.core.matching.pool import Pool, Resting
from polywire.core.matching.walk import Walk, walk
from polywire.model.units import PRICE_ONE, TokenId, TradeSide

TAKER: Final = Account("taker")
MAKER: Final = Account("maker")
BUY: Final = Order("t", "taker", YES, "BUY", 6_000, 10)
SELL: Final = Order("t", "taker", YES, "SELL", 3_000, 10)


class Book:
    """A pool and a way to queue orders in it."""

    def __init__(self) -> None:
        self.pool = Pool(TERMS)

    def queue(self, token: TokenId, side: TradeSide, price: int, size: int, account: Account = MAKER) -> Resting:
        buying = side == "BUY"
        own, _ = self.pool.sides(token, buying=buying)
        order = Order(f"m{len(self.pool.resting())}", account.name, token, side, price, size)
        rank = price if buying else PRICE_ONE - price
        resting = Resting(order, account, self.pool, own, rank, size, 1, 1)
        own.add(resting)
        return resting

    def walked(self, order: Order, **changes: Any) -> Walk:
        order = msgspec.structs.replace(order, **changes)
        buying = order.side == "BUY"
        _, against = self.pool.sides(order.token, buying=buying)
        rank = order.price if buying else PRICE_ONE - order.price
        found = Walk(order.collateral or order.size)
        walk(found, order, TAKER, against, PRICE_ONE - rank, 1)
        return found


def steps(found: Walk) -> list[tuple[str, int, int]]:
    return [(resting.order.id, shares, amount) for resting, shares, amount in found.steps]


def test_an_order_meets_the_best_price_first_and_the_earliest_first_at_one_price() -> None:
    book = Book()
    for price in (5_000, 4_000, 5_000, 4_000):
        book.queue(YES, "SELL", price, 3)
    found = book.walked(BUY)
    assert [name for name, _, _ in steps(found)] == ["m1", "m3", "m0", "m2"]
    assert (found.shares, found.left) == (10, 0)


def test_an_order_stops_at_its_own_limit_and_what_is_left_says_so() -> None:
    book = Book()
    book.queue(YES, "SELL", 6_000, 4)
    book.queue(YES, "SELL", 6_100, 9)
    found = book.walked(BUY)
    assert (steps(found), found.left) == ([("m0", 4, 2)], 6)


def test_an_order_that_has_what_it_wants_meets_nobody_more() -> None:
    book = Book()
    book.queue(YES, "SELL", 4_000, 10)
    book.queue(YES, "SELL", 4_000, 10)
    book.queue(YES, "SELL", 5_000, 10)
    assert len(book.walked(BUY).steps) == 1


def test_a_walk_moves_nothing() -> None:
    book = Book()
    resting = book.queue(YES, "SELL", 4_000, 10)
    book.walked(BUY)
    assert (resting.left, resting.filled, book.pool.asks.levels[6_000].size) == (10, 0, 10)


def test_a_buy_pays_what_a_seller_gets_or_what_another_buyer_leaves_of_a_pair() -> None:
    book = Book()
    book.queue(YES, "SELL", 5_000, 4)
    book.queue(NO, "BUY", 6_000, 6)
    found = book.walked(BUY)
    assert steps(found) == [("m1", 6, 4), ("m0", 4, 2)]  # 0.40 and a pair's other 0.60, rounded up; then 0.50
    assert found.cost == (6 - 4) + 2


def test_a_sell_gets_what_a_buyer_pays_or_what_another_seller_leaves_of_a_pair() -> None:
    book = Book()
    book.queue(YES, "BUY", 4_000, 4)
    book.queue(NO, "SELL", 4_000, 6)
    found = book.walked(SELL)
    assert steps(found) == [("m1", 6, 2), ("m0", 4, 2)]
    assert found.cost == (6 - 2) + 2


def test_an_order_of_the_same_account_is_a_step_without_shares_and_in_nobodys_way() -> None:
    book = Book()
    book.queue(YES, "SELL", 4_000, 10, TAKER)
    book.queue(YES, "SELL", 4_000, 10)
    book.queue(YES, "SELL", 4_000, 10, TAKER)  # never reached
    found = book.walked(BUY)
    assert (steps(found), found.left) == ([("m0", 0, 0), ("m1", 10, 4)], 0)


def test_collateral_is_spent_level_by_level_to_the_last_unit() -> None:
    book = Book()
    book.queue(YES, "SELL", 4_000, 10)
    book.queue(YES, "SELL", 5_000, 100)
    found = book.walked(BUY, size=0, collateral=9, kind=OrderKind.FAK)
    assert steps(found) == [("m0", 10, 4), ("m1", 10, 5)]
    assert (found.cost, found.shares, found.left) == (9, 20, 0)


def test_collateral_that_finds_too_little_is_left() -> None:
    book = Book()
    book.queue(NO, "BUY", 6_000, 10)
    found = book.walked(BUY, size=0, collateral=9, kind=OrderKind.FAK)
    assert (steps(found), found.cost, found.left) == ([("m0", 10, 6)], 4, 5)


def test_a_resting_order_that_had_a_part_is_rounded_on_the_whole() -> None:
    book = Book()
    resting = book.queue(YES, "SELL", 5_000, 3)
    resting.filled, resting.left = 1, 2  # got 0 for the first
    assert steps(book.walked(BUY, size=1)) == [("m0", 1, 1)]


def test_the_base_of_the_fee_is_summed_over_the_levels() -> None:
    book = Book()
    book.queue(YES, "SELL", 4_000, 4)
    book.queue(NO, "BUY", 5_000, 4)
    assert book.walked(BUY).weight == 4 * 4_000 * 6_000 + 4 * 5_000 * 5_000


def test_orders_of_another_outcome_are_met_by_the_complement_of_their_price() -> None:
    book = Book()
    book.queue(NO, "BUY", 3_900, 5)
    assert steps(book.walked(BUY)) == []  # 0.60 and 0.39 make no pair
    book.queue(NO, "BUY", 4_000, 5)
    assert steps(book.walked(BUY)) == [("m1", 5, 2)]
    assert book.pool.terms.condition == MARKET
