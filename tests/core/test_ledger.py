"""Positions by average cost: exact, without dust, and the same whether kept along the way or folded afterwards."""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, assert_never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core.ledger import Flow, FlowKind, Position, fold, halves
from polywire.errors import Misuse
from polywire.model.units import SIZE_ONE

NONE: Final = Position()
amounts = st.integers(0, 10**13)


def test_what_comes_in_is_held_at_what_it_cost_with_its_fee_beside_it() -> None:
    position = NONE.bought_at(10, 4, 1).bought_at(5, 5, 0)
    assert position == Position(size=15, cost=9, fees=1, bought=15, spent=9, realized=0)


def test_what_goes_takes_its_share_of_cost_and_entry_fees_and_the_rest_is_gain() -> None:
    """Fees of selling lower what it brought; those of buying do not: the venue's basis is before fees."""
    position, basis = NONE.bought_at(10, 5, 4).sold_for(3, 6, 1)
    assert basis == 1  # 1.5, rounded down
    assert position == Position(size=7, cost=4, fees=3, bought=10, spent=5, realized=6 - 1 - 1)


def test_the_last_shares_take_all_that_is_left_of_the_cost() -> None:
    position = NONE.bought_at(3, 2, 2)
    for _ in range(3):
        position, _ = position.sold_for(1, 1, 0)
    assert position == Position(bought=3, spent=2, realized=1)


def test_losing_shares_are_redeemed_for_nothing_at_the_loss_of_their_cost() -> None:
    position, basis = NONE.bought_at(10, 4, 0).sold_for(10, 0, 0)
    assert (position, basis) == (Position(bought=10, spent=4, realized=-4), 4)


@pytest.mark.parametrize("shares", [6, -1])
def test_more_than_is_held_cannot_go(shares: int) -> None:
    position = Position(size=5 * SIZE_ONE, bought=9 * SIZE_ONE)
    text = f"{shares} shares cannot leave a position of 5; take out at most what it holds"
    with pytest.raises(Misuse, match=text):
        position.sold_for(shares * SIZE_ONE, 0, 0)
    with pytest.raises(Misuse, match=text):
        position.unbought_at(shares * SIZE_ONE, 0, 0)


def test_nothing_can_leave_an_empty_position() -> None:
    assert NONE.sold_for(0, 0, 0) == (NONE, 0)


@given(amounts, amounts, amounts, amounts, amounts, amounts)
def test_moving_a_purchase_back_at_once_is_as_if_it_had_never_been(
    size: int, cost: int, fees: int, shares: int, amount: int, fee: int
) -> None:
    held = NONE.bought_at(size, cost, fees) if size else NONE
    assert held.bought_at(shares, amount, fee).unbought_at(shares, amount, fee) == held


@given(amounts, amounts, amounts, amounts, amounts)
def test_moving_a_sale_back_at_once_is_as_if_it_had_never_been(
    size: int, cost: int, shares: int, amount: int, fee: int
) -> None:
    held = NONE.bought_at(size + shares, cost, 0)
    after, basis = held.sold_for(shares, amount, fee)
    assert after.unsold_for(shares, amount, fee, basis) == held


def test_a_sale_moved_back_leaves_the_fees_that_its_shares_had_borne_unknown() -> None:
    held = NONE.bought_at(10, 5, 4)
    after, basis = held.sold_for(5, 3, 0)
    assert after.unsold_for(5, 3, 0, basis) == Position(size=10, cost=5, fees=2, bought=10, spent=5)


def test_a_purchase_moved_back_after_some_of_it_was_sold_corrects_what_that_brought() -> None:
    """10 at 0.10, then 10 at 0.90 that fail; half of all sold at 0.50 brought nothing over 0.50, and 0.40 over 0.10."""
    held = NONE.bought_at(10_000, 1_000, 0).bought_at(10_000, 9_000, 7)
    sold, basis = held.sold_for(10_000, 5_000, 0)
    assert (basis, sold.realized) == (5_000, 0)
    left = sold.unbought_at(10_000, 9_000, 7)
    assert left == Position(size=0, cost=0, fees=0, bought=10_000, spent=1_000, realized=4_000)


def test_a_purchase_moved_back_never_leaves_shares_at_less_than_nothing() -> None:
    held = NONE.bought_at(20, 2, 0).bought_at(10, 9, 5)
    sold, _ = held.sold_for(15, 9, 0)
    left = sold.unbought_at(10, 9, 5)
    assert (left.size, left.cost, left.fees) == (5, 0, 0)
    assert left.cost - left.realized == 2 - 9  # in less out


kinds = st.sampled_from(list(FlowKind))
steps = st.lists(st.tuples(kinds, st.integers(1, 100), st.integers(0, 100), st.integers(0, 9), st.integers(0, 9)))


@given(steps)
def test_whatever_happens_nothing_is_negative_and_cost_less_gain_is_what_went_in_less_what_came_out(
    drawn: list[tuple[FlowKind, int, int, int, int]],
) -> None:
    """Kept along the way and folded from the flows: the same."""
    position, flows = NONE, list[Flow]()
    buys, sales = list[Flow](), list[Flow]()
    for kind, shares, amount, fee, pick in drawn:
        match kind:
            case FlowKind.BOUGHT:
                flow = Flow(kind, shares, amount, fee)
                position = position.bought_at(shares, amount, fee)
                buys.append(flow)
            case FlowKind.SOLD:
                out = min(shares, position.size)
                position, basis = position.sold_for(out, amount, fee)
                flow = Flow(kind, out, amount, fee)
                sales.append(Flow(FlowKind.UNSOLD, out, amount, fee, basis))
            case FlowKind.UNBOUGHT:
                able = [index for index, buy in enumerate(buys) if buy.shares <= position.size]
                if not able:
                    continue
                buy = buys.pop(able[pick % len(able)])
                flow = Flow(kind, buy.shares, buy.amount, buy.fee)
                position = position.unbought_at(buy.shares, buy.amount, buy.fee)
            case FlowKind.UNSOLD:
                if not sales:
                    continue
                flow = sales.pop(pick % len(sales))
                position = position.unsold_for(flow.shares, flow.amount, flow.fee, flow.basis)
            case _:
                assert_never(kind)
        flows.append(flow)
        entry_fees = sum(it.fee * (1 if it.kind is FlowKind.BOUGHT else -1) for it in flows if "BOUGHT" in it.kind)
        assert position.cost - position.realized + entry_fees == -sum(it.cash for it in flows)
        assert min(position.size, position.cost, position.fees, position.bought, position.spent) >= 0
        assert position.size or not position.cost
    assert fold(flows) == position
    half = len(flows) // 2
    assert fold(flows[half:], fold(flows[:half])) == position


@given(st.integers(0, 10**15))
def test_halves_of_pairs_add_up_to_what_the_pairs_cost(shares: int) -> None:
    assert sum(halves(shares)) == shares
    assert 0 <= halves(shares)[1] - halves(shares)[0] <= 1


@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_an_average_price_is_exact_to_ten_digits_whatever_the_threads_decimals_are_set_to(size: int, cost: int) -> None:
    with localcontext(prec=3):
        average = Position(size=size, cost=cost).average_price
    assert abs(Fraction(average) - Fraction(cost, size)) <= Fraction(1, 2 * 10**10)
    assert "E+" not in str(average)  # a whole hundred is 100, not 1E+2


def test_a_position_is_worth_its_mark_and_says_so_in_percent() -> None:
    """The venue's own row: 400,000 shares at 0.50, now 0.7545 (rest.md §16.3)."""
    position = NONE.bought_at(400_000 * SIZE_ONE, 200_000 * SIZE_ONE, 0)
    assert position.average_price == Decimal("0.5")
    assert position.value(754_500) == 301_800 * SIZE_ONE
    assert position.unrealized(754_500) == 101_800 * SIZE_ONE
    assert position.percent(754_500) == Decimal("50.9")
    assert position.percent(0) == -100


def test_what_was_realized_is_told_in_percent_of_what_the_shares_that_went_had_cost() -> None:
    position, _ = NONE.bought_at(10, 40, 0).sold_for(5, 25, 0)
    assert position.percent_realized == Decimal(25)


def test_there_are_no_percent_of_nothing() -> None:
    free = NONE.bought_at(10, 0, 0)
    sold, _ = free.sold_for(5, 3, 0)
    figures = [NONE.average_price, NONE.percent(500_000), NONE.percent_realized]
    assert [*figures, free.percent(500_000), sold.percent_realized] == [0] * 5
