"""Markets open, change their grid, close and pay."""

from typing import Any

import msgspec
import pytest

from core.matching.setting import ELSE, MARKET, NO, OTHER, OTHER_TERMS, TERMS, USDC, YES, code, desk, engine, moves
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Cancelled, Outcome
from polywire.errors import Misuse
from polywire.model.units import SIZE_ONE, ConditionId, TokenId

TEN = 10 * SIZE_ONE


def like(**changes: Any) -> Any:
    return msgspec.structs.replace(TERMS, **changes)


# ------------------------------------------------------------ opening


@pytest.mark.parametrize(
    "again",
    [
        TERMS,
        like(condition=ConditionId("0x9")),
        like(tokens=(TokenId("1"), TokenId("2"))),
        like(condition=ConditionId("0x9"), tokens=(TokenId("1"), NO)),
        like(condition=ConditionId("0x9"), tokens=(TokenId("1"), TokenId("1"))),
    ],
)
def test_a_market_opens_once_and_its_tokens_are_its_own(again: Any) -> None:
    made = engine(TERMS)
    with pytest.raises(Misuse, match="a market opens once"):
        made.open_market(again)


@pytest.mark.parametrize(
    "terms",
    [like(fee_rate=-1), like(fee_rate=10_001), like(fee_exponent=-1), like(min_size=-1)],
)
def test_terms_that_cannot_be_are_a_mistake_of_the_caller(terms: Any) -> None:
    with pytest.raises(Misuse, match="a fee is 0 to 10000 and nothing is negative"):
        Engine().open_market(terms)


@pytest.mark.parametrize("tick", [0, -100, 30, 10_000, 20_000])
def test_a_grid_that_does_not_divide_one_usdc_is_a_mistake_of_the_caller(tick: int) -> None:
    with pytest.raises(Misuse, match="does not divide one USDC"):
        Engine().open_market(like(tick=tick))
    with pytest.raises(Misuse, match="does not divide one USDC"):
        engine().set_tick(MARKET, tick)


@pytest.mark.parametrize(
    "ask",
    [
        lambda made: made.terms(ConditionId("0x9")),
        lambda made: made.levels(ConditionId("0x9")),
        lambda made: made.best(ConditionId("0x9")),
        lambda made: made.pairs(ConditionId("0x9")),
        lambda made: made.set_tick(ConditionId("0x9"), 10),
        lambda made: made.resolve(ConditionId("0x9"), YES),
        lambda made: made.redeem("ada", ConditionId("0x9")),
        lambda made: made.split("ada", ConditionId("0x9"), 1),
        lambda made: made.merge("ada", ConditionId("0x9"), 1),
    ],
)
def test_a_market_that_is_not_there_is_a_mistake_of_the_caller(ask: Any) -> None:
    with pytest.raises(Misuse, match="no market with condition '0x9' is open"):
        ask(engine())


# ------------------------------------------------------------ the grid


def test_resting_orders_stay_where_they_are_when_the_grid_changes() -> None:
    """rest.md §12 leaves it open; so do they stay here, off the new grid too, and trade at their price."""
    at = desk(like(tick=10))
    at.sell("ada", YES, 40.1, 10)
    at.engine.set_tick(MARKET, 100)
    assert (at.engine.terms(MARKET).tick, at.engine.best(MARKET)) == (100, (0, 4_010))
    assert code(at.sell("ada", YES, 40.1, 10)) == "tick"
    assert at.buy("bob", YES, 41, 10).trades[0].legs[0].price == 4_010


def test_a_finer_grid_takes_finer_prices() -> None:
    at = desk()
    assert code(at.buy("ada", YES, 40.1, 10)) == "tick"
    at.engine.set_tick(MARKET, 10)
    assert at.buy("ada", YES, 40.1, 10).status == "live"


# ------------------------------------------------------------ the end


def test_a_market_that_resolves_cancels_what_rests_and_takes_no_more() -> None:
    at = desk()
    at.buy("ada", YES, 40, 10)
    at.buy("bob", NO, 30, 10)
    at.buy("bob", ELSE, 30, 10)
    outcome = at.engine.resolve(MARKET, YES)
    assert outcome.cancelled == (Cancelled("o1", "ada", TEN, "resolved"), Cancelled("o2", "bob", TEN, "resolved"))
    assert (moves(outcome), outcome.condition) == ([("bid", 40, 0), ("ask", 70, 0)], MARKET)
    assert at.engine.best(MARKET) == (0, 10_000)
    assert code(at.buy("ada", YES, 40, 10)) == "closed"
    assert at.engine.order("o3") is not None


def test_a_market_without_orders_resolves_too() -> None:
    assert engine().resolve(MARKET, NO) == Outcome(condition=MARKET)


def test_a_market_resolves_once_and_to_one_of_its_outcomes() -> None:
    made = engine()
    before = made.digest()
    assert code(made.resolve(MARKET, ELSE)) == "token"
    assert made.digest() == before
    made.resolve(MARKET, YES)
    assert code(made.resolve(MARKET, NO)) == "closed"


def test_winning_shares_pay_one_usdc_each_once() -> None:
    at = desk()
    at.buy("ada", NO, 60, 10)
    at.buy("bob", YES, 40, 10)
    assert at.engine.redeem("ada", MARKET) == 0  # not before it has resolved
    at.engine.resolve(MARKET, YES)
    assert (at.engine.redeem("bob", MARKET), at.engine.redeem("bob", MARKET)) == (1_010 * USDC, 0)
    assert at.engine.redeem("ada", MARKET) == 1_000 * USDC
    assert at.engine.redeem("nobody", MARKET) == 0
    assert (at.engine.shares("ada", NO), at.engine.shares("bob", YES)) == (0, 0)
    assert at.engine.redeem("cy", MARKET) == 1_000 * USDC
    assert (at.engine.pairs(MARKET), at.engine.pairs(OTHER)) == (0, 3_000 * SIZE_ONE)


def test_a_closed_market_makes_no_pairs() -> None:
    made = engine(TERMS, OTHER_TERMS)
    made.resolve(MARKET, YES)
    for refusal in (made.split("ada", MARKET, 1), made.merge("ada", MARKET, 1)):
        assert refusal is not None
        assert (refusal.code, "redeem" in refusal.reason) == ("closed", True)
