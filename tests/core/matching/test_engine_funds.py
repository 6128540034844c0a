"""What accounts hold, promise and pay: nobody spends what is not there, and fees end up somewhere."""

from typing import Final

import msgspec
import pytest

from core.matching.setting import ELSE, MARKET, NO, OTHER, TERMS, USDC, YES, Desk, code, desk, moves
from polywire.core.matching.accounts import FEES
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Cancelled
from polywire.errors import Misuse
from polywire.model.units import SIZE_ONE

TEN: Final = 10 * SIZE_ONE
CRYPTO: Final = msgspec.structs.replace(TERMS, fee_rate=700)


def holdings(at: Desk, name: str) -> tuple[int, int, int]:
    """Return collateral and shares of both outcomes, in whole units."""
    engine = at.engine
    return engine.collateral(name) // USDC, engine.shares(name, YES) // SIZE_ONE, engine.shares(name, NO) // SIZE_ONE


def total(engine: Engine) -> int:
    """Return all collateral there is: of accounts, and locked in pairs."""
    return sum(map(engine.collateral, engine.accounts())) + sum(engine.pairs(market) for market in (MARKET, OTHER))


# ------------------------------------------------------------ in and out


def test_collateral_comes_into_being_by_deposit_only() -> None:
    engine = Engine()
    engine.deposit("ada", 5)
    engine.deposit("ada", 7)
    assert (engine.collateral("ada"), engine.collateral("bob"), engine.accounts()) == (12, 0, ["ada"])


@pytest.mark.parametrize("amount", [0, -1])
def test_a_deposit_of_nothing_is_a_mistake_of_the_caller(amount: int) -> None:
    with pytest.raises(Misuse, match="deposit a positive amount"):
        Engine().deposit("ada", amount)


def test_collateral_leaves_by_withdrawal_only_and_only_what_no_open_order_claims() -> None:
    at = desk(rich=())
    at.engine.deposit("ada", 20 * USDC)
    at.buy("ada", YES, 60, 10)
    at.buy("ada", ELSE, 40, 10)  # promises some of the same
    before = at.engine.digest()
    refusal = at.engine.withdraw("ada", 14 * USDC + 1)
    assert refusal is not None
    assert (refusal.code, refusal.reason) == (
        "balance",
        "14.000001 USDC asked for, 14 that no open order claims",
    )
    assert at.engine.digest() == before
    assert at.engine.withdraw("ada", 14 * USDC) is None
    assert (at.engine.collateral("ada"), len(at.engine.open_orders("ada"))) == (6 * USDC, 2)


def test_a_stranger_has_nothing_to_withdraw() -> None:
    engine = Engine()
    refusal = engine.withdraw("ada", 1)
    assert refusal is not None
    assert (refusal.reason, engine.accounts()) == ("0.000001 USDC asked for, 0 that no open order claims", [])


@pytest.mark.parametrize("amount", [0, -1])
def test_a_withdrawal_of_nothing_is_a_mistake_of_the_caller(amount: int) -> None:
    with pytest.raises(Misuse, match="withdraw a positive amount"):
        Engine().withdraw("ada", amount)


def test_a_split_turns_collateral_into_a_pair_and_a_merge_turns_it_back() -> None:
    at = desk(rich=())
    at.engine.deposit("ada", 10 * USDC)
    assert at.engine.split("ada", MARKET, 8 * SIZE_ONE) is None
    assert (holdings(at, "ada"), at.engine.pairs(MARKET)) == ((2, 8, 8), 8 * SIZE_ONE)
    assert at.engine.merge("ada", MARKET, 3 * SIZE_ONE) is None
    assert (holdings(at, "ada"), at.engine.pairs(MARKET)) == ((5, 5, 5), 5 * SIZE_ONE)


def test_split_and_merge_use_only_what_no_open_order_claims() -> None:
    at = desk(rich=())
    at.engine.deposit("ada", 20 * USDC)
    at.engine.split("ada", MARKET, TEN)
    at.buy("ada", YES, 40, 10)
    at.buy("ada", ELSE, 50, 10)
    at.sell("ada", NO, 70, 6)
    before = at.engine.digest()
    refusals = [at.engine.split("ada", MARKET, 5 * SIZE_ONE + 1), at.engine.merge("ada", MARKET, 4 * SIZE_ONE + 1)]
    assert [refusal.code for refusal in refusals if refusal] == ["balance", "balance"]
    assert at.engine.digest() == before
    assert at.engine.merge("ada", MARKET, 4 * SIZE_ONE) is None
    assert at.engine.split("ada", MARKET, 9 * SIZE_ONE) is None  # the merge brought four more


@pytest.mark.parametrize("shares", [0, -5])
def test_a_pair_of_nothing_is_refused(shares: int) -> None:
    engine = desk().engine
    for refusal in (engine.split("ada", MARKET, shares), engine.merge("ada", MARKET, shares)):
        assert refusal is not None
        assert refusal.code == "size"


def test_a_stranger_can_neither_split_nor_merge_nor_order() -> None:
    at = desk()
    before = at.engine.digest()
    for refusal in (at.engine.split("x", MARKET, 1), at.engine.merge("x", MARKET, 1)):
        assert refusal is not None
        assert refusal.code == "balance"
    assert code(at.buy("x", YES, 40, 10)) == code(at.sell("x", YES, 40, 10)) == "balance"
    assert at.engine.digest() == before


# ------------------------------------------------------------ trades


def test_a_mint_makes_pairs_and_a_merge_burns_them() -> None:
    at = desk()
    at.buy("ada", NO, 60, 10)
    at.buy("bob", YES, 40, 10)
    assert (holdings(at, "ada"), holdings(at, "bob")) == ((994, 1_000, 1_010), (996, 1_010, 1_000))
    assert at.engine.pairs(MARKET) == 3_010 * SIZE_ONE
    at.sell("ada", NO, 70, 10)
    at.sell("bob", YES, 20, 10)
    assert (holdings(at, "ada"), holdings(at, "bob")) == ((1_001, 1_000, 1_000), (999, 1_000, 1_000))
    assert at.engine.pairs(MARKET) == 3_000 * SIZE_ONE


def test_takers_pay_the_fee_and_makers_none() -> None:
    """rest.md §13: 100 shares at 0.50, crypto: 1.75 USDC; on top of a BUY, out of a SELL's proceeds."""
    at = desk(CRYPTO)
    at.sell("ada", YES, 50, 100)
    bought = at.buy("bob", YES, 50, 100).trades[0]
    at.buy("ada", YES, 50, 100)
    sold = at.sell("bob", YES, 50, 100).trades[0]
    assert (bought.fee, sold.fee, at.engine.collateral(FEES)) == (1_750_000, 1_750_000, 3_500_000)
    assert at.engine.collateral("bob") == 1_000 * USDC - 3_500_000
    assert at.engine.collateral("ada") == 1_000 * USDC


def test_a_market_without_fees_has_none_and_names_no_account_for_them() -> None:
    at = desk()
    at.sell("ada", YES, 50, 100)
    assert at.buy("bob", YES, 50, 100).trades[0].fee == 0
    assert at.engine.collateral(FEES) == 0


def test_a_buy_that_cannot_pay_its_fee_is_refused() -> None:
    at = desk(CRYPTO, rich=("ada",))
    at.sell("ada", YES, 50, 100)
    at.engine.deposit("bob", 50 * USDC + 1_749_999)
    assert code(at.buy("bob", YES, 50, 100)) == "balance"
    at.engine.deposit("bob", 1)
    assert at.buy("bob", YES, 50, 100).status == "matched"
    assert at.engine.collateral("bob") == 0


# ------------------------------------------------------------ promises


def test_orders_of_one_market_cannot_promise_more_than_there_is() -> None:
    """rest.md §10: new order at most the balance less what open orders of that market and side claim."""
    at = desk(rich=())
    at.engine.deposit("ada", 10 * USDC)
    at.buy("ada", YES, 60, 10)
    assert code(at.buy("ada", NO, 30, 20)) == "balance"
    assert at.buy("ada", NO, 30, 10).status == "live"


def test_a_cancelled_order_frees_what_it_claimed() -> None:
    at = desk(rich=())
    at.engine.deposit("ada", 6 * USDC)
    at.buy("ada", YES, 60, 10)
    at.engine.cancel("o1")
    assert at.buy("ada", YES, 60, 10).status == "live"


def test_collateral_promised_in_two_markets_is_spent_once_and_the_other_orders_go() -> None:
    at = desk()
    at.engine.deposit("di", 10 * USDC)
    at.buy("di", ELSE, 60, 10)
    at.buy("di", ELSE, 40, 10)
    at.buy("di", YES, 80, 10)
    outcome = at.sell("ada", YES, 80, 10)
    assert outcome.cancelled == ()
    elsewhere = outcome.elsewhere[OTHER]
    left = (Cancelled("o2", "di", TEN, "balance"), Cancelled("o1", "di", TEN, "balance"))
    assert (elsewhere.cancelled, moves(elsewhere)) == (left, [("bid", 40, 0), ("bid", 60, 0)])
    assert (list(outcome.elsewhere), elsewhere.condition) == ([OTHER], OTHER)


def test_a_takers_own_orders_elsewhere_go_when_its_collateral_does() -> None:
    at = desk()
    at.engine.deposit("di", 10 * USDC)
    at.buy("di", ELSE, 60, 10)
    at.buy("di", ELSE, 20, 10)
    at.sell("ada", YES, 40, 10)
    outcome = at.buy("di", YES, 40, 10)
    assert [cancelled.order for cancelled in outcome.elsewhere[OTHER].cancelled] == ["o2"]
    assert [order.order.id for order in at.engine.open_orders("di")] == ["o1"]


def test_shares_are_promised_once() -> None:
    at = desk()
    at.sell("ada", YES, 60, 700)
    assert code(at.sell("ada", YES, 70, 301)) == "balance"
    assert at.sell("ada", YES, 70, 300).status == "live"
    assert at.sell("ada", NO, 70, 1_000).status == "live"


# ------------------------------------------------------------ dust


def test_shares_that_no_price_divides_cost_nobody_a_unit_too_much() -> None:
    """Filled by millionths, a resting order pays what it promised, and never a unit a fill."""
    at = desk(msgspec.structs.replace(TERMS, min_size=1))
    before = total_of_one(at)
    at.buy("ada", YES, 1, 0.0001)
    for _ in range(100):
        at.sell("bob", YES, 1, 0.000001, "FAK")
    assert at.engine.collateral("ada") == 1_000 * USDC - 1  # 0.0001 shares at 0.01: one unit
    assert at.engine.shares("ada", YES) == 1_000 * SIZE_ONE + 100
    assert (at.engine.order("o1"), total_of_one(at)) == (None, before)


def total_of_one(at: Desk) -> int:
    engine = at.engine
    return sum(map(engine.collateral, engine.accounts())) + engine.pairs(MARKET)


def test_what_there_is_stays_what_it_was() -> None:
    at = desk()
    before = total(at.engine)
    at.sell("ada", YES, 33, 7.654321)
    at.buy("bob", NO, 71, 9.999999)
    at.buy("cy", YES, 66, 0, "FAK", collateral=3_333_333)
    assert total(at.engine) == before
