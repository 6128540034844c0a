"""How orders come to rest, what they claim meanwhile, and every way they end."""

from typing import Any, Final

from core.matching.setting import MARKET, NO, OTHER, OTHER_TERMS, TERMS, YES
from polywire.core.matching.accounts import Account
from polywire.core.matching.orders import Cancelled, LevelMoved, Order, OrderKind
from polywire.core.matching.pool import Pool, Resting
from polywire.core.matching.standing import Standing
from polywire.model.units import PRICE_ONE, TokenId, TradeSide

FAR_S: Final = 2_000_000_000


class House:
    """An account, two markets, and what stands in them."""

    def __init__(self, remembers: int = 100) -> None:
        self.standing, self.ada = Standing(remembers), Account("ada")
        self.pools = {terms.condition: Pool(terms) for terms in (TERMS, OTHER_TERMS)}
        self.count = 0

    def rest(self, price: int, size: int, token: TokenId = YES, side: TradeSide = "BUY", **more: Any) -> Resting:
        self.count += 1
        order = Order(f"o{self.count}", "ada", token, side, price, size, **more)
        pool = next(pool for pool in self.pools.values() if token in pool.terms.tokens)
        own, _ = pool.sides(token, buying=side == "BUY")
        rank = price if side == "BUY" else PRICE_ONE - price
        resting = Resting(order, self.ada, pool, own, rank, size, 1, self.count)
        self.standing.rest(resting)
        return resting


def test_a_resting_buy_claims_its_price_rounded_up_and_a_sell_its_shares() -> None:
    house = House()
    buy, sell = house.rest(5_000, 7), house.rest(6_000, 7, NO, "SELL")
    assert (buy.claim, sell.claim) == (4, 7)
    assert (house.ada.buying, house.ada.selling) == ({MARKET: 4}, {NO: 7})
    assert list(house.ada.orders) == ["o1", "o2"]
    assert house.standing.orders == house.ada.orders


def test_buys_of_both_outcomes_claim_the_same_collateral() -> None:
    house = House()
    house.rest(5_000, 10)
    house.rest(3_000, 10, NO)
    assert house.ada.buying == {MARKET: 8}


def test_to_rest_says_what_the_level_holds_now() -> None:
    house = House()
    resting = house.rest(5_000, 7)
    order = Order("x", "ada", NO, "SELL", 5_000, 3)
    again = Resting(order, house.ada, resting.pool, resting.side, 5_000, 3, 1, 9)
    assert house.standing.rest(again) == LevelMoved("bid", 5_000, 10)


def test_an_order_that_ends_releases_what_it_claims_and_its_id_stays_taken() -> None:
    house = House()
    resting, sell = house.rest(5_000, 7), house.rest(6_000, 7, YES, "SELL")
    assert house.standing.knows("o1")
    house.standing.end(resting)
    house.standing.end(sell)
    assert (house.ada.buying, house.ada.selling, house.ada.orders, house.standing.orders) == ({}, {}, {}, {})
    assert (resting.left, house.standing.knows("o1"), house.standing.knows("o3")) == (7, True, False)
    assert house.pools[MARKET].resting() == []


def test_an_order_that_had_everything_has_nothing_to_release() -> None:
    house = House()
    resting = house.rest(5_000, 7)
    house.ada.promise(MARKET, -resting.claim)
    resting.claim = resting.left = 0
    house.standing.end(resting)
    assert house.ada.buying == {}


def test_only_the_last_ids_are_remembered() -> None:
    """So that an exchange which runs for weeks does not grow: the oldest is forgotten first."""
    standing = Standing(2)
    for name in "abc":
        standing.remember(name)
    assert [standing.knows(name) for name in "abc"] == [False, True, True]


def test_a_gtd_order_is_due_at_its_end_and_never_once_it_ended() -> None:
    house = House()
    house.rest(5_000, 7)
    timed = house.rest(5_000, 7, kind=OrderKind.GTD, expires_s=FAR_S)
    assert house.standing.expiries.next_ms() == (FAR_S - 60) * 1_000
    house.standing.end(timed)
    assert house.standing.expiries.next_ms() is None


def test_orders_are_cancelled_one_by_one_and_told_by_market() -> None:
    house = House()
    orders = [house.rest(5_000, 7), house.rest(4_000, 2, OTHER_TERMS.tokens[0]), house.rest(5_000, 3)]
    outcomes = house.standing.cancel(orders, "user")
    assert outcomes[MARKET].levels == (LevelMoved("bid", 5_000, 3), LevelMoved("bid", 5_000, 0))
    assert outcomes[MARKET].cancelled == (Cancelled("o1", "ada", 7, "user"), Cancelled("o3", "ada", 3, "user"))
    assert outcomes[OTHER].levels == (LevelMoved("bid", 4_000, 0),)
    assert (outcomes[OTHER].condition, outcomes[OTHER].status) == (OTHER, "")


def test_orders_that_are_covered_stay() -> None:
    house = House()
    house.rest(5_000, 20)
    house.ada.collateral = 10
    assert house.standing.uncover([house.ada]) == {}


def test_the_newest_buys_of_a_market_go_until_the_rest_is_covered() -> None:
    """rest.md §10: open orders are re-checked and cancelled when the balance falls short; which ones first is ours."""
    house = House()
    for _ in range(3):
        house.rest(5_000, 20)  # 10 each
    house.rest(5_000, 8, YES, "SELL")
    house.rest(5_000, 20, OTHER_TERMS.tokens[0])
    house.ada.collateral = 15
    outcomes = house.standing.uncover([house.ada])
    assert list(outcomes) == [MARKET]
    assert outcomes[MARKET].cancelled == (Cancelled("o3", "ada", 20, "balance"), Cancelled("o2", "ada", 20, "balance"))
    assert list(house.ada.orders) == ["o1", "o4", "o5"]


def test_an_order_that_rests_again_claims_what_its_next_fills_can_still_take() -> None:
    """Of 4 at 0.50 it has paid 1 for the first, 0.5 rounded up: so the other three cost 1 more, not 2."""
    house = House()
    pool = house.pools[MARKET]
    resting = Resting(Order("o1", "ada", YES, "BUY", 5_000, 4), house.ada, pool, pool.bids, 5_000, 3, 1, 1)
    resting.filled = 1
    house.standing.rest(resting)
    assert (resting.claim, house.ada.buying) == (1, {MARKET: 1})


def test_the_newest_sells_of_a_token_go_until_the_rest_is_covered() -> None:
    house = House()
    for price in (6_000, 7_000, 8_000):
        house.rest(price, 20, YES, "SELL")
    house.rest(1_000, 20)
    house.rest(6_000, 20, NO, "SELL")
    house.ada.give(YES, 21)
    outcomes = house.standing.uncover([], [(house.ada, YES)])
    assert outcomes[MARKET].cancelled == (Cancelled("o3", "ada", 20, "balance"), Cancelled("o2", "ada", 20, "balance"))
    assert outcomes[MARKET].levels == (LevelMoved("ask", 8_000, 0), LevelMoved("ask", 7_000, 0))
    assert list(house.ada.orders) == ["o1", "o4", "o5"]
    assert house.standing.uncover([], [(house.ada, YES)]) == {}
