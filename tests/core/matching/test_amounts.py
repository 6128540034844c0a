"""Rounding happens in one place: on the sum of what a resting order has had, and once a trade for the fee."""

import math
from fractions import Fraction
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core.matching.amounts import cost, fee_weight, maker_amount, shares_for, taker_fee
from polywire.model.units import PRICE_ONE, SIZE_LIMIT, TradeSide

SIDES: Final[tuple[TradeSide, TradeSide]] = ("BUY", "SELL")
prices = st.integers(1, PRICE_ONE - 1)
shares = st.integers(1, SIZE_LIMIT - 1)


def fee(price: int, size: int, rate: int, exponent: int = 1) -> int:
    return taker_fee(fee_weight(price, size, exponent), rate, exponent)


@given(prices, shares)
def test_what_shares_cost_is_their_price_rounded_up_to_a_unit(price: int, size: int) -> None:
    assert cost(price, size) == math.ceil(Fraction(price * size, PRICE_ONE))


@given(st.sampled_from(SIDES), prices, st.lists(st.integers(1, 10**9), min_size=1, max_size=20))
def test_many_small_fills_come_to_what_one_large_fill_would(side: TradeSide, price: int, fills: list[int]) -> None:
    had, amounts = 0, 0
    for size in fills:
        amounts += maker_amount(side, price, had, size)
        had += size
    assert amounts == maker_amount(side, price, 0, had)


@given(prices, shares)
def test_a_resting_buy_pays_rounded_up_and_a_resting_sell_gets_rounded_down(price: int, size: int) -> None:
    """The contract's floor, by the resting order's own amounts: rest.md §12."""
    exact = Fraction(price * size, PRICE_ONE)
    assert maker_amount("BUY", price, 0, size) == math.ceil(exact) == cost(price, size)
    assert maker_amount("SELL", price, 0, size) == math.floor(exact)


@given(prices, st.integers(0, 10**12), st.integers(1, 10**12))
def test_both_outcomes_prices_add_up_to_one_for_each_pair(price: int, had: int, size: int) -> None:
    """So a pair that two buyers make costs one USDC, however the pieces are rounded: what one pays, the other saves."""
    buys = maker_amount("BUY", price, had, size)
    assert size - buys == maker_amount("SELL", PRICE_ONE - price, had, size)


@given(prices, st.integers(0, 10**12), st.integers(1, 10**12))
def test_collateral_is_spent_to_the_unit_on_the_fewest_shares_that_cost_it(price: int, had: int, spend: int) -> None:
    size = shares_for(price, had, spend)
    assert size > 0
    assert maker_amount("SELL", price, had, size) == spend
    assert maker_amount("SELL", price, had, size - 1) == spend - 1


@given(prices, st.integers(1, 10**9))
def test_collateral_that_the_price_divides_leaves_no_dust(price: int, units: int) -> None:
    assert shares_for(price, 0, price * units) == PRICE_ONE * units


def test_the_venues_own_example_of_a_fee_is_met() -> None:
    """rest.md §13: 100 shares at 0.50 at the crypto rate of 0.07 cost 1.75 USDC."""
    assert fee(5_000, 100_000_000, 700) == 1_750_000


@pytest.mark.parametrize(
    ("size", "due"),
    [
        (0, 0),
        (571, 0),  # 0.0000099925: less than the smallest fee
        (572, 10),  # 0.00001001
        (857, 10),  # 0.0000149975
        (858, 20),  # 0.000015015
    ],
)
def test_a_fee_is_rounded_to_five_decimals_and_nothing_below_the_smallest(size: int, due: int) -> None:
    assert fee(5_000, size, 700) == due


def test_half_of_the_last_decimal_is_rounded_up() -> None:
    assert fee(5_000, 60, 10_000) == 20  # 0.000015 exactly


@given(prices, st.integers(0, 10**12), st.integers(0, 10_000), st.integers(0, 3))
def test_a_fee_is_exact_to_half_a_step_and_the_same_for_both_outcomes(
    price: int, size: int, rate: int, exponent: int
) -> None:
    part = Fraction(price, PRICE_ONE)
    exact = size * Fraction(rate, PRICE_ONE) * (part * (1 - part)) ** exponent
    charged = fee(price, size, rate, exponent)
    assert charged == fee(PRICE_ONE - price, size, rate, exponent)
    assert charged % 10 == 0
    assert -5 < charged - exact <= 5 if exact >= 10 else charged == 0


def test_a_fee_is_rounded_once_for_a_trade_and_not_for_each_fill() -> None:
    weight = sum(fee_weight(5_000, 300, 1) for _ in range(10))
    assert taker_fee(weight, 700, 1) == fee(5_000, 3_000, 700) == 50
    assert fee(5_000, 300, 700) == 0
