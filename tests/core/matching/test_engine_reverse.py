"""A trade whose settlement fails is moved back whole, or not at all."""

from typing import Final

import msgspec
import pytest

from core.matching.setting import ELSE, MARKET, NO, OTHER, TERMS, USDC, YES, Desk, desk, moves
from polywire.core.matching.accounts import FEES
from polywire.core.matching.orders import Cancelled, Outcome, Refusal, Trade
from polywire.errors import Misuse
from polywire.model.units import SIZE_ONE, ConditionId

TEN: Final = 10 * SIZE_ONE
CRYPTO: Final = msgspec.structs.replace(TERMS, fee_rate=700)
NAMES: Final = ("ada", "bob", "cy", FEES)


def back(at: Desk, trade: Trade) -> dict[ConditionId, Outcome] | Refusal:
    return at.engine.reverse(
        trade.condition, trade.account, trade.token, trade.side, trade.size, trade.cost, trade.fee, trade.legs
    )


def held(at: Desk) -> list[tuple[int, int, int]]:
    engine = at.engine
    return [(engine.collateral(name), engine.shares(name, YES), engine.shares(name, NO)) for name in NAMES]


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_shares_collateral_fee_and_pairs_are_where_they_were(side: str) -> None:
    at = desk(CRYPTO)
    if side == "BUY":
        at.sell("ada", YES, 40, 10)
        at.buy("bob", NO, 59, 10)
    else:
        at.buy("ada", YES, 60, 10)
        at.sell("bob", NO, 41, 10)
    before, pairs = held(at), at.engine.pairs(MARKET)
    trade = at.order("cy", YES, "BUY" if side == "BUY" else "SELL", 50, 15.5, "FAK").trades[0]
    assert trade.fee > 0
    assert at.engine.pairs(MARKET) != pairs or held(at) != before
    assert back(at, trade) == {}
    assert (held(at), at.engine.pairs(MARKET)) == (before, pairs)


def test_orders_stay_as_the_trade_left_them() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    trade = at.buy("bob", YES, 40, 6).trades[0]
    assert back(at, trade) == {}
    order = at.engine.order("o1")
    assert order is not None
    assert (order.left, order.matched, order.filled) == (4 * SIZE_ONE, 6 * SIZE_ONE, 6 * SIZE_ONE)
    assert at.engine.order("o2") is None


def test_a_part_of_a_trade_can_be_moved_back_alone() -> None:
    """A trade that met several prices is settled in as many fills, and one of them may fail."""
    at = desk()
    at.sell("ada", YES, 40, 10)
    at.sell("ada", YES, 50, 10)
    trade = at.buy("bob", YES, 50, 20).trades[0]
    leg = trade.legs[1]
    assert at.engine.reverse(MARKET, "bob", YES, "BUY", leg.size, leg.amount, 0, (leg,)) == {}
    assert at.engine.shares("bob", YES) == 1_010 * SIZE_ONE
    assert at.engine.collateral("bob") == 996 * USDC


@pytest.mark.parametrize("poor", ["taker", "maker"])
def test_who_has_spent_it_since_makes_it_impossible_and_nothing_changes(poor: str) -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    trade = at.buy("bob", YES, 40, 10).trades[0]
    if poor == "taker":
        at.buy("cy", YES, 30, 1_010)
        at.sell("bob", YES, 30, 1_010)
    else:
        at.engine.withdraw("ada", 1_004 * USDC)
    before = at.engine.digest()
    refusal = back(at, trade)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "balance"
    assert at.engine.digest() == before


def test_orders_that_lose_their_cover_go_newest_first_in_every_market() -> None:
    at = desk(rich=("ada", "bob"))
    at.engine.withdraw("ada", 3_000 * USDC - 2_000 * USDC)
    at.sell("ada", YES, 50, 10)
    trade = at.buy("bob", YES, 50, 10).trades[0]
    at.buy("ada", YES, 1, 50)  # 0.5
    at.buy("ada", ELSE, 40, 10)
    at.buy("ada", ELSE, 9, 10)
    at.sell("bob", YES, 90, 1_005)
    at.sell("bob", YES, 91, 5)
    at.sell("bob", NO, 99, 1_000)
    outcomes = back(at, trade)
    assert isinstance(outcomes, dict)
    assert at.engine.collateral("ada") == 0
    gone = [Cancelled("o5", "ada", TEN, "balance"), Cancelled("o4", "ada", TEN, "balance")]
    assert list(outcomes[OTHER].cancelled) == gone
    assert moves(outcomes[OTHER]) == [("bid", 9, 0), ("bid", 40, 0)]
    ended = [(cancelled.order, cancelled.account) for cancelled in outcomes[MARKET].cancelled]
    assert ended == [("o3", "ada"), ("o7", "bob"), ("o6", "bob")]
    assert [order.order.id for order in at.engine.open_orders("bob")] == ["o8"]


def test_orders_that_the_rest_still_covers_stay() -> None:
    at = desk()
    at.sell("ada", YES, 50, 10)
    trade = at.buy("bob", YES, 50, 10).trades[0]
    at.buy("ada", YES, 10, 10_000)
    at.sell("bob", YES, 90, 1_000)
    assert back(at, trade) == {}
    assert len(at.engine.open_orders("ada")) == len(at.engine.open_orders("bob")) == 1


def test_a_trade_of_a_market_that_was_resolved_meanwhile_is_moved_back_too() -> None:
    at = desk(rich=("ada",))
    at.engine.deposit("bob", 100 * USDC)
    at.buy("ada", NO, 60, 10)
    trade = at.buy("bob", YES, 40, 10).trades[0]
    at.engine.resolve(MARKET, YES)
    assert back(at, trade) == {}
    assert (at.engine.redeem("bob", MARKET), at.engine.collateral("bob")) == (0, 100 * USDC)
    assert at.engine.pairs(MARKET) == 1_000 * SIZE_ONE


def test_a_market_that_is_not_there_and_figures_that_do_not_add_up_are_mistakes() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    trade = at.buy("bob", YES, 40, 10).trades[0]
    with pytest.raises(Misuse, match="no market with condition '0x9'"):
        back(at, msgspec.structs.replace(trade, condition=ConditionId("0x9")))
    with pytest.raises(Misuse, match="is not what its 1 legs say: 10 shares for 4"):
        back(at, msgspec.structs.replace(trade, cost=trade.cost + 1))
