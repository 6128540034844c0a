"""What a store kept is put back as it was, and nothing that cannot have been."""

from typing import Any

import msgspec
import pytest

from core.matching.setting import MARKET, NO, TERMS, YES
from polywire.core.matching.accounts import Account
from polywire.core.matching.orders import Order, OrderKind
from polywire.core.matching.pool import Pool, Resting
from polywire.core.matching.restoring import balance, check_holder, resting_again
from polywire.core.matching.standing import Standing
from polywire.errors import Misuse

BUY = Order("o1", "ada", YES, "BUY", 5_000, 10)


def ada(collateral: int = 5, **shares: int) -> Account:
    account = Account("ada")
    account.collateral = collateral
    for outcome, held in shares.items():
        account.give(YES if outcome == "yes" else NO, held)
    return account


def again(order: Order = BUY, holder: Account | None = None, pool: Pool | None = None, **how: int) -> Resting:
    how = {"left": 10, "filled": 0, "placed_ms": 17, "number": 3, **how}
    return resting_again(order, holder or ada(), pool or Pool(TERMS), **how)


def test_a_holder_of_nothing_can_be_restored_to_anything() -> None:
    check_holder(Account("ada"), 0, {})
    check_holder(Account("ada"), 5, {YES: 0, NO: 7})


@pytest.mark.parametrize("has", ["collateral", "shares", "orders"])
def test_a_holder_that_has_begun_is_not_restored_over(has: str) -> None:
    account = ada(collateral=int(has == "collateral"), yes=int(has == "shares"))
    if has == "orders":
        account.orders["o1"] = again(holder=ada())
    with pytest.raises(Misuse, match="account ada holds something already; restore a holder once"):
        check_holder(account, 5, {})


@pytest.mark.parametrize(("collateral", "shares"), [(-1, {}), (0, {YES: 1, NO: -1})])
def test_nobody_is_restored_to_less_than_nothing(collateral: int, shares: dict[Any, int]) -> None:
    with pytest.raises(Misuse, match="cannot hold less than nothing"):
        check_holder(Account("ada"), collateral, shares)


@pytest.mark.parametrize(
    ("token", "side", "name", "rank"),
    [(YES, "BUY", "bid", 5_000), (YES, "SELL", "ask", 5_000), (NO, "BUY", "ask", 5_000), (NO, "SELL", "bid", 5_000)],
)
def test_an_order_comes_back_on_its_side_of_the_pool(token: Any, side: Any, name: str, rank: int) -> None:
    order = Order("o1", "ada", token, side, 5_000, 10, OrderKind.GTD, expires_s=9)
    resting = again(order, ada(yes=10, no=10), left=7, filled=2)
    assert (resting.side.name, resting.rank, resting.left, resting.filled) == (name, rank, 7, 2)
    assert (resting.order, resting.placed_ms, resting.number) == (order, 17, 3)


@pytest.mark.parametrize("figures", [(0, 0), (-1, 0), (5, -1), (5, 6), (11, 0)])
def test_an_order_cannot_have_had_more_than_it_asked_for(figures: tuple[int, int]) -> None:
    left, filled = figures
    with pytest.raises(Misuse, match=f"{left} left and {filled} filled of 10 .* is impossible"):
        again(left=left, filled=filled)


@pytest.mark.parametrize(
    "how", [{"kind": OrderKind.FOK}, {"kind": OrderKind.FAK}, {"price": 0}, {"price": 10_000, "size": 10}]
)
def test_what_never_rests_is_not_restored(how: dict[str, Any]) -> None:
    with pytest.raises(Misuse, match="only GTC and GTD orders at a price above 0, below 1 do"):
        again(msgspec.structs.replace(BUY, **how), ada(100))


def test_an_order_off_the_grid_comes_back_since_the_grid_may_have_changed() -> None:
    assert again(msgspec.structs.replace(BUY, price=4_999)).rank == 4_999


def test_an_order_of_a_resolved_market_is_to_be_ended_instead() -> None:
    pool = Pool(TERMS)
    pool.winner = NO
    with pytest.raises(Misuse, match="market 0x1 was resolved; end it instead"):
        again(pool=pool)


def test_an_order_that_would_cross_another_is_refused() -> None:
    pool, standing = Pool(TERMS), Standing(9)
    standing.rest(again(Order("o0", "bob", NO, "BUY", 4_000, 10), ada(), pool))  # offers YES at 0.60
    assert again(msgspec.structs.replace(BUY, price=5_999), ada(6), pool).rank == 5_999
    with pytest.raises(Misuse, match=r"it crosses the best ask, 0\.6; restore before anybody trades"):
        again(msgspec.structs.replace(BUY, price=6_000), ada(6), pool)


def test_an_order_needs_its_cover_beside_what_others_claim() -> None:
    holder, pool, standing = ada(6), Pool(TERMS), Standing(9)
    standing.rest(again(msgspec.structs.replace(BUY, id="o0", size=3), holder, pool, left=3))  # claims 2
    with pytest.raises(Misuse, match=r"it claims 5 of 4 \(1e-6\) that are free; restore its holder first"):
        again(holder=holder, pool=pool)
    assert again(holder=holder, pool=pool, left=8).left == 8
    with pytest.raises(Misuse, match=r"it claims 10 of 9 "):
        again(Order("o2", "ada", NO, "SELL", 5_000, 10), ada(no=9))


def test_a_buy_filled_in_part_needs_only_what_its_next_fills_can_still_take() -> None:
    """It has paid 1 for 1 of 4 at 0.50, rounded up; the other three cost 1 more: 2 in all."""
    assert again(holder=ada(1), left=3, filled=1).filled == 1
    with pytest.raises(Misuse, match="it claims 1 of 0 "):
        again(holder=ada(0), left=3, filled=1)


def test_the_house_takes_the_other_side_of_what_holders_have() -> None:
    pool, holders, house = Pool(TERMS), [ada(yes=10, no=4), ada(no=1)], Account("house")
    balance(pool, [*holders, house], house)
    assert (pool.pairs, house.shares, house.collateral) == (10, {NO: 5}, 0)
    balance(pool, [*holders, house], house)
    assert (pool.pairs, house.shares) == (10, {NO: 5})  # once is enough


def test_holders_that_add_up_need_no_house() -> None:
    pool, house = Pool(TERMS), Account("house")
    balance(pool, [ada(yes=3, no=7), ada(yes=4), house], house)
    assert (pool.pairs, house.shares) == (7, {})


def test_in_a_resolved_market_only_the_winning_shares_are_backed() -> None:
    pool, house = Pool(TERMS), Account("house")
    pool.winner = YES
    balance(pool, [ada(yes=3, no=7), house], house)
    assert (pool.pairs, house.shares, pool.terms.condition) == (3, {}, MARKET)
