"""One market's queues: price before time, and one pool for both outcomes."""

from typing import Final

import pytest

from core.matching.setting import MARKET, NO, TERMS, YES
from polywire.core.matching.accounts import Account
from polywire.core.matching.orders import LevelMoved, OpenOrder, Order
from polywire.core.matching.pool import Pool, Resting, Side
from polywire.model.levels import Levels
from polywire.model.units import TokenId

ADA: Final = Account("ada")
POOL: Final = Pool(TERMS)


def waits(side: Side, name: str, rank: int, left: int) -> Resting:
    return Resting(Order(name, "ada", YES, "BUY", rank, left), ADA, POOL, side, rank, left, 17, 3)


def queued(*entries: tuple[str, int, int]) -> tuple[Side, dict[str, Resting]]:
    """Return bids with orders of (name, price, size), queued in that order."""
    side = Side("bid")
    orders = {name: waits(side, name, rank, left) for name, rank, left in entries}
    for resting in orders.values():
        side.add(resting)
    return side, orders


def test_a_level_is_the_sum_of_its_queue_and_the_queue_is_by_arrival() -> None:
    side, _ = queued(("a", 4_000, 5), ("b", 4_000, 7), ("c", 3_000, 1))
    assert side.levels[4_000].size == 12
    assert list(side.levels[4_000].orders) == ["a", "b"]
    assert side.packed() == Levels.of("bid", [(4_000, 12), (3_000, 1)])


def test_ranks_ascend_whatever_order_levels_come_in() -> None:
    side, _ = queued(("a", 4_000, 1), ("b", 2_000, 1), ("c", 3_000, 1), ("d", 5_000, 1))
    assert side.ranks == [2_000, 3_000, 4_000, 5_000]


def test_an_order_added_says_what_its_level_holds_now() -> None:
    side, _ = queued(("a", 4_000, 5))
    assert side.add(waits(side, "b", 4_000, 7)) == LevelMoved("bid", 4_000, 12)


@pytest.mark.parametrize("gone", ["a", "b", "c"])
def test_a_level_whose_last_order_goes_is_gone_wherever_it_stands(gone: str) -> None:
    side, orders = queued(("a", 2_000, 1), ("b", 3_000, 1), ("c", 4_000, 1))
    side.drop(orders[gone])
    assert side.ranks == sorted(side.levels) == sorted(it.rank for it in orders.values() if it.order.id != gone)
    assert side.moved(orders[gone].rank).size == 0


def test_an_order_that_leaves_takes_only_its_own_shares_along() -> None:
    side, orders = queued(("a", 4_000, 5), ("b", 4_000, 7))
    side.drop(orders["a"])
    assert (side.moved(4_000), list(side.levels[4_000].orders)) == (LevelMoved("bid", 4_000, 7), ["b"])


def test_an_ask_has_the_complement_of_its_price_for_a_rank() -> None:
    side = Side("ask")
    moved = side.add(waits(side, "a", 6_000, 5))
    assert (moved, side.packed()) == (LevelMoved("ask", 4_000, 5), Levels.of("ask", [(4_000, 5)]))


@pytest.mark.parametrize(
    ("token", "buying", "name"),
    [(YES, True, "bid"), (YES, False, "ask"), (NO, True, "ask"), (NO, False, "bid")],
)
def test_to_buy_one_outcome_is_to_offer_the_other(token: TokenId, buying: bool, name: str) -> None:  # noqa: FBT001 - parametrized
    """One pool, mirrored books: rest.md §12."""
    pool = Pool(TERMS)
    own, against = pool.sides(token, buying=buying)
    assert (own.name, {own.name, against.name}) == (name, {"bid", "ask"})


def test_a_pool_lists_what_rests_bids_first_best_first_earliest_first() -> None:
    pool = Pool(TERMS)
    for name, side, rank in (("a", pool.asks, 1), ("b", pool.bids, 2), ("c", pool.bids, 3), ("d", pool.bids, 2)):
        side.add(waits(side, name, rank, 1))
    assert [resting.order.id for resting in pool.resting()] == ["c", "b", "d", "a"]
    assert (pool.pairs, pool.winner) == (0, None)


def test_a_view_of_an_order_says_what_is_left_and_what_it_had() -> None:
    resting = waits(POOL.bids, "a", 4_000, 5)
    resting.left, resting.filled = 2, 1  # it took the other two before it rested
    assert resting.view() == OpenOrder(resting.order, MARKET, 2, 3, placed_ms=17, number=3, filled=1)
