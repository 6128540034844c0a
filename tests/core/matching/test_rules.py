"""What is refused, in the venue's words: rest.md §6, §8, §10 and docs/matching.md."""

from typing import Any, Final

import msgspec
import pytest

from core.matching.setting import MARKET, NOW_MS, OTHER, TERMS, USDC, YES
from polywire.core.matching.accounts import Account
from polywire.core.matching.orders import Order, OrderKind, Refusal
from polywire.core.matching.rules import cannot_take, ends_ms, fault, not_covered
from polywire.core.matching.walk import Walk
from polywire.model.units import SIZE_LIMIT, SIZE_ONE

FINE: Final = Order("o1", "ada", YES, "BUY", 5_000, 10 * SIZE_ONE)
NOW_S: Final = NOW_MS // 1_000
NEEDY: Final = ("balance", "not enough balance / allowance: the balance is not enough -> balance: {}, order amount: {}")


def like(**changes: Any) -> Order:
    kind = OrderKind(changes.pop("kind", "GTC"))
    return msgspec.structs.replace(FINE, kind=kind, **changes)


def found(left: int, shares: int = 0, cost: int = 0) -> Walk:
    walked = Walk(left)
    walked.shares, walked.cost = shares, cost
    return walked


def code(refusal: Refusal | None) -> str:
    return refusal.code if refusal else ""


# ------------------------------------------------------------ by itself


@pytest.mark.parametrize(
    "order",
    [
        FINE,
        like(side="SELL"),
        like(price=100),
        like(price=9_900),
        like(size=5 * SIZE_ONE),
        like(size=SIZE_LIMIT - 1),
        like(post_only=True),
        like(kind="GTD", expires_s=NOW_S + 61),
        like(kind="GTD", expires_s=NOW_S + 200, post_only=True),
        like(kind="FOK", price=5_001),
        like(kind="FAK", price=5_001),
        like(kind="FAK", size=1),
        like(kind="FOK", size=0, collateral=USDC),
        like(kind="FAK", size=0, collateral=USDC, price=5_001),
        like(kind="FOK", side="SELL", size=1),
    ],
)
def test_a_well_formed_order_has_no_fault(order: Order) -> None:
    assert fault(order, TERMS, NOW_MS) is None


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (like(price=5_050), "tick"),
        (like(price=99), "tick"),
        (like(price=9_901), "tick"),
        (like(price=0), "tick"),
        (like(price=-100), "tick"),
        (like(price=10_000), "tick"),
        (like(kind="FAK", price=99), "tick"),
        (like(kind="FAK", price=9_901), "tick"),
        (like(kind="FOK", side="SELL", price=5_001), "tick"),
        (like(kind="FAK", side="SELL", price=5_001), "tick"),
        (like(size=5 * SIZE_ONE - 1), "size"),
        (like(kind="GTD", size=5 * SIZE_ONE - 1, expires_s=NOW_S + 200), "size"),
        (like(kind="FAK", size=0), "size"),
        (like(kind="FAK", side="SELL", size=0), "size"),
        (like(size=-1), "size"),
        (like(size=SIZE_LIMIT), "size"),
        (like(collateral=USDC), "amount"),
        (like(size=0, collateral=USDC), "amount"),
        (like(kind="GTD", size=0, collateral=USDC, expires_s=NOW_S + 200), "amount"),
        (like(kind="FOK", collateral=USDC), "amount"),
        (like(kind="FOK", side="SELL", size=0, collateral=USDC), "amount"),
        (like(kind="FOK", size=0, collateral=-1), "amount"),
        (like(kind="FOK", size=0, collateral=SIZE_LIMIT), "amount"),
        (like(kind="FOK", post_only=True), "post-only"),
        (like(kind="FAK", post_only=True), "post-only"),
        (like(kind="GTD", expires_s=NOW_S + 60), "expiration"),
        (like(kind="GTD", expires_s=0), "expiration"),
        (like(expires_s=NOW_S + 200), "expiration"),
        (like(kind="FAK", expires_s=NOW_S + 200), "expiration"),
    ],
)
def test_a_fault_is_named_by_its_code(order: Order, why: str) -> None:
    assert code(fault(order, TERMS, NOW_MS)) == why


@pytest.mark.parametrize("size", [0, -1])
def test_a_market_without_a_minimum_still_wants_more_than_nothing(size: int) -> None:
    free = msgspec.structs.replace(TERMS, min_size=0)
    refusal = fault(like(size=size), free, NOW_MS)
    assert refusal is not None
    assert "lower than the minimum: 0.000001" in refusal.reason
    assert fault(like(size=1), free, NOW_MS) is None


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (like(price=5_050), "order o1 is invalid. Price (0.505) breaks minimum tick size rule: 0.01"),
        (like(size=3 * SIZE_ONE), "order o1 is invalid. Size (3) lower than the minimum: 5"),
        (like(size=SIZE_LIMIT), "order o1 is invalid. Size (1000000000) is a billion or more"),
        (like(kind="GTD", expires_s=NOW_S + 30), "invalid expiration"),
    ],
)
def test_the_reason_has_the_venues_words_and_the_numbers(order: Order, text: str) -> None:
    refusal = fault(order, TERMS, NOW_MS)
    assert refusal is not None
    assert refusal.reason == text


def test_a_gtd_order_ends_a_minute_before_the_time_it_names() -> None:
    """rest.md §6."""
    assert ends_ms(NOW_S + 90) == NOW_MS + 30_000


# ------------------------------------------------------------ against the book


def test_a_post_only_order_that_crosses_is_refused_and_one_that_does_not_is_not() -> None:
    assert code(cannot_take(like(post_only=True), found(1), crosses=True)) == "post-only"
    assert cannot_take(like(post_only=True), found(1), crosses=False) is None


@pytest.mark.parametrize("kind", ["FOK", "FAK"])
def test_a_market_buy_for_less_than_one_usdc_is_refused_even_where_nothing_rests(kind: str) -> None:
    refusal = cannot_take(like(kind=kind, size=0, collateral=USDC - 1), found(USDC - 1), crosses=False)
    assert refusal == Refusal("marketable", "invalid amount for a marketable BUY order ($0.999999), min size: $1")
    assert code(cannot_take(like(kind=kind, size=1_999_999), found(0, 1_999_999), crosses=True)) == "marketable"
    assert cannot_take(like(kind=kind, size=2_000_000), found(0, 2_000_000), crosses=True) is None


def test_a_waiting_buy_for_less_than_one_usdc_is_refused_only_where_it_would_trade() -> None:
    small = like(price=100, size=5 * SIZE_ONE)
    assert cannot_take(small, found(small.size), crosses=False) is None
    assert cannot_take(small, found(small.size), crosses=True) is None  # only its own account's orders are in reach
    assert code(cannot_take(small, found(small.size - 1, 1), crosses=True)) == "marketable"


def test_a_sell_may_be_of_any_worth() -> None:
    assert cannot_take(like(kind="FAK", side="SELL", size=1), found(0, 1), crosses=True) is None


def test_a_fok_order_is_refused_unless_all_of_it_would_trade() -> None:
    fok = like(kind="FOK")
    assert code(cannot_take(fok, found(fok.size), crosses=False)) == "fok"
    assert code(cannot_take(fok, found(1, fok.size - 1), crosses=True)) == "fok"
    assert cannot_take(fok, found(0, fok.size), crosses=True) is None


def test_a_fak_order_is_refused_only_where_none_of_it_would_trade() -> None:
    fak = like(kind="FAK")
    assert code(cannot_take(fak, found(fak.size), crosses=True)) == "fak"
    assert cannot_take(fak, found(fak.size - 1, 1), crosses=True) is None


# ------------------------------------------------------------ by what its account holds


def holder(collateral: int = 0, shares: int = 0) -> Account:
    account = Account("ada")
    account.collateral = collateral
    account.give(YES, shares)
    return account


def test_a_sell_needs_the_shares_that_no_other_order_claims() -> None:
    account = holder(shares=12 * SIZE_ONE)
    sell = like(side="SELL")
    assert not_covered(sell, account, MARKET, found(sell.size), 0) is None
    account.promise_shares(YES, 3 * SIZE_ONE)
    refusal = not_covered(sell, account, MARKET, found(sell.size), 0)
    assert refusal == Refusal(NEEDY[0], NEEDY[1].format(9 * SIZE_ONE, 10 * SIZE_ONE))


def test_a_buy_needs_its_price_for_all_of_it_though_it_may_trade_for_less() -> None:
    """As at the venue: the order names an amount, and that is what must be there."""
    cheap = found(0, FINE.size, cost=USDC)
    assert not_covered(FINE, holder(5 * USDC), MARKET, cheap, 0) is None
    assert code(not_covered(FINE, holder(5 * USDC - 1), MARKET, cheap, 0)) == "balance"


def test_a_buy_needs_the_fee_of_what_trades_at_once_on_top() -> None:
    refusal = not_covered(FINE, holder(5 * USDC + 9), MARKET, found(0, FINE.size, 5 * USDC), 10)
    assert refusal == Refusal(NEEDY[0], NEEDY[1].format(5 * USDC + 9, 5 * USDC + 10))
    assert not_covered(FINE, holder(5 * USDC + 10), MARKET, found(0, FINE.size, 5 * USDC), 10) is None


def test_what_other_buys_of_the_market_claim_is_not_there_and_of_other_markets_is() -> None:
    account = holder(5 * USDC)
    account.promise(MARKET, 1)
    assert code(not_covered(FINE, account, MARKET, found(FINE.size), 0)) == "balance"
    account.promise(MARKET, -1)
    account.promise(OTHER, 5 * USDC)
    assert not_covered(FINE, account, MARKET, found(FINE.size), 0) is None


def test_roundings_of_many_fills_are_covered_too() -> None:
    """Each fill may cost a unit more than the price says: what is really paid has to be there."""
    dusty = found(0, FINE.size, 5 * USDC + 3)
    assert code(not_covered(FINE, holder(5 * USDC + 2), MARKET, dusty, 0)) == "balance"
    assert not_covered(FINE, holder(5 * USDC + 3), MARKET, dusty, 0) is None


def test_the_rest_that_would_wait_is_covered_beside_what_trades_at_once() -> None:
    dusty = found(2 * SIZE_ONE, 8 * SIZE_ONE, 4 * USDC + 3)
    assert code(not_covered(FINE, holder(5 * USDC + 2), MARKET, dusty, 0)) == "balance"
    assert not_covered(FINE, holder(5 * USDC + 3), MARKET, dusty, 0) is None


def test_an_order_that_spends_collateral_needs_that_and_the_fee() -> None:
    spender = like(kind="FAK", size=0, collateral=2 * USDC)
    assert not_covered(spender, holder(2 * USDC + 10), MARKET, found(USDC, 1, USDC), 10) is None
    assert code(not_covered(spender, holder(2 * USDC + 9), MARKET, found(USDC, 1, USDC), 10)) == "balance"
