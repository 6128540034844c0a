"""Orders in, facts out: what a user of the exchange sees of its matching (docs/matching.md)."""

import msgspec
import pytest

from core.matching.setting import MARKET, NO, NOW_MS, OTHER, TERMS, USDC, YES, Desk, code, desk, moves
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import NOWHERE, Cancelled, Leg, Match, Order, Outcome, Trade
from polywire.model.levels import Levels
from polywire.model.units import SIZE_ONE, TokenId

TEN = 10 * SIZE_ONE


def told(at: Desk) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """Return the first token's bids and asks as (cents, whole shares), best last."""
    bids, asks = at.engine.levels(MARKET)
    return [(price // 100, size / SIZE_ONE) for price, size in bids], [
        (price // 100, size / SIZE_ONE) for price, size in asks
    ]


# ------------------------------------------------------------ resting


def test_an_order_that_meets_nobody_rests() -> None:
    at = desk()
    outcome = at.buy("ada", YES, 40, 10)
    assert outcome == Outcome("live", levels=outcome.levels, condition=MARKET, resting=TEN)
    assert moves(outcome) == [("bid", 40, 10)]
    assert at.engine.levels(MARKET) == (Levels.of("bid", [(4_000, TEN)]), Levels.of("ask", []))


def test_both_outcomes_orders_stand_in_one_book() -> None:
    """To buy NO at 0.30 is to offer YES at 0.70: rest.md §12."""
    at = desk()
    at.buy("ada", NO, 30, 10)
    at.sell("bob", YES, 70, 10)
    at.sell("bob", NO, 60, 10)
    at.buy("ada", YES, 40, 10)
    assert told(at) == ([(40, 20)], [(70, 20)])
    assert at.engine.best(MARKET) == (4_000, 7_000)


def test_an_empty_side_has_the_venues_best_prices_for_nothing() -> None:
    assert desk().engine.best(MARKET) == (0, 10_000)


def test_an_open_order_is_seen_as_it_stands() -> None:
    at = desk()
    at.buy("ada", YES, 40, 10)
    at.sell("bob", YES, 40, 4, "FAK")
    order = at.engine.order("o1")
    assert order is not None
    assert (order.order.id, order.condition, order.token, order.left, order.matched) == (
        "o1",
        MARKET,
        YES,
        6 * SIZE_ONE,
        4 * SIZE_ONE,
    )
    assert (order.placed_ms, order.number) == (NOW_MS, 1)
    assert at.engine.open_orders("ada") == [order]
    assert (at.engine.order("o2"), at.engine.open_orders("bob"), at.engine.open_orders("nobody")) == (None, [], [])


# ------------------------------------------------------------ taking


def test_a_trade_names_the_taker_and_each_leg_in_its_own_terms() -> None:
    """As the venue's own example shows it, `real_cross_token_match`: rest.md §12."""
    at = desk()
    at.sell("ada", YES, 51, 10)
    at.buy("bob", NO, 49, 10)
    outcome = at.buy("cy", YES, 55, 15)
    legs = (
        Leg("o1", "ada", YES, "SELL", 5_100, TEN, 5_100_000, Match.COMPLEMENTARY),
        Leg("o2", "bob", NO, "BUY", 4_900, 5 * SIZE_ONE, 2_450_000, Match.MINT),
    )
    cost = 15 * 510_000
    assert outcome.trades == (Trade(1, MARKET, "o3", "cy", YES, "BUY", 15 * SIZE_ONE, cost, 0, legs),)
    assert (outcome.status, outcome.resting, outcome.cancelled) == ("matched", 0, ())
    assert moves(outcome) == [("ask", 51, 5)]


def test_each_fill_is_at_the_resting_price_and_improvement_is_the_takers() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    at.sell("ada", YES, 45, 10)
    outcome = at.buy("bob", YES, 90, 20)
    assert outcome.trades[0].cost == 10 * 400_000 + 10 * 450_000


def test_a_sweep_removes_levels_best_first_and_then_the_rest_waits() -> None:
    at = desk()
    at.sell("ada", YES, 42, 10)
    at.sell("ada", YES, 40, 10)
    at.sell("ada", YES, 50, 10)
    outcome = at.buy("bob", YES, 45, 30)
    assert moves(outcome) == [("ask", 40, 0), ("ask", 42, 0), ("bid", 45, 10)]
    assert (outcome.status, outcome.resting) == ("matched", TEN)
    assert told(at) == ([(45, 10)], [(50, 10)])


def test_of_two_orders_at_one_price_the_earlier_trades_first() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    at.buy("bob", NO, 60, 10)
    assert [leg.order for leg in at.buy("cy", YES, 40, 10).trades[0].legs] == ["o1"]
    assert [leg.order for leg in at.buy("cy", YES, 40, 10).trades[0].legs] == ["o2"]


def test_trades_are_numbered_over_all_markets() -> None:
    at = desk()
    first = TokenId("33")
    numbers = []
    for token in (YES, first, YES):
        at.sell("ada", token, 40, 10)
        numbers += [trade.number for trade in at.buy("bob", token, 40, 10).trades]
    assert numbers == [1, 2, 3]


def test_a_fok_order_is_filled_whole_or_leaves_no_trace() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    before = at.engine.digest()
    assert code(at.buy("bob", YES, 40, 10.01, "FOK")) == "fok"
    assert at.engine.digest() == before
    assert at.buy("bob", YES, 40, 10, "FOK").status == "matched"


def test_a_fak_order_takes_what_is_there_and_the_rest_is_killed() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    outcome = at.buy("bob", YES, 40, 25, "FAK")
    assert (outcome.status, outcome.resting) == ("matched", 0)
    assert outcome.cancelled == (Cancelled("o2", "bob", 15 * SIZE_ONE, "killed"),)
    assert moves(outcome) == [("ask", 40, 0)]
    assert code(at.buy("bob", YES, 40, 25, "FAK")) == "fak"


def test_a_market_buy_spends_collateral_and_gets_more_where_it_is_cheaper() -> None:
    """rest.md §12: FOK and FAK BUYs count collateral, and may receive more than their price suggests."""
    at = desk()
    at.sell("ada", YES, 20, 10)
    at.sell("ada", YES, 40, 100)
    outcome = at.buy("bob", YES, 50.01, 0, "FOK", collateral=10 * USDC)
    assert (outcome.trades[0].cost, outcome.trades[0].size) == (10 * USDC, 30 * SIZE_ONE)


def test_a_market_buy_that_finds_too_little_names_the_shares_it_would_still_have_had() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    outcome = at.buy("bob", YES, 50, 0, "FAK", collateral=5 * USDC)
    assert outcome.cancelled == (Cancelled("o2", "bob", 2 * SIZE_ONE, "killed"),)
    at.sell("ada", YES, 40, 10)
    assert code(at.buy("bob", YES, 50, 0, "FOK", collateral=5 * USDC)) == "fok"


def test_a_post_only_order_rests_or_is_refused() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    assert code(at.buy("bob", YES, 40, 10, post_only=True)) == "post-only"
    assert at.buy("bob", YES, 39, 10, post_only=True).status == "live"


# ------------------------------------------------------------ self-trade


def test_an_account_never_trades_with_itself_its_resting_order_is_cancelled() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    at.sell("bob", YES, 40, 10)
    outcome = at.buy("ada", YES, 40, 10)
    assert outcome.cancelled == (Cancelled("o1", "ada", TEN, "self-trade"),)
    assert [leg.order for leg in outcome.trades[0].legs] == ["o2"]
    assert moves(outcome) == [("ask", 40, 0)]


def test_the_other_outcomes_order_of_the_same_account_is_its_own_too() -> None:
    at = desk()
    at.buy("ada", NO, 60, 10)
    outcome = at.buy("ada", YES, 40, 10)
    assert (outcome.status, outcome.trades) == ("live", ())
    assert outcome.cancelled == (Cancelled("o1", "ada", TEN, "self-trade"),)
    assert moves(outcome) == [("ask", 40, 0), ("bid", 40, 10)]


def test_an_own_order_that_is_not_reached_stays() -> None:
    at = desk()
    at.sell("bob", YES, 40, 10)
    at.sell("ada", YES, 40, 10)
    assert at.buy("ada", YES, 40, 10).cancelled == ()
    assert at.engine.order("o2") is not None


@pytest.mark.parametrize(("kind", "why"), [("FOK", "fok"), ("FAK", "fak")])
def test_own_orders_are_no_liquidity_and_stay_where_the_order_is_refused(kind: str, why: str) -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    assert code(at.buy("ada", YES, 40, 10, kind)) == why
    assert at.engine.order("o1") is not None


def test_a_fok_order_may_be_filled_behind_an_own_order_which_goes() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    at.sell("bob", YES, 41, 10)
    outcome = at.buy("ada", YES, 41, 10, "FOK")
    assert (outcome.status, [cancelled.order for cancelled in outcome.cancelled]) == ("matched", ["o1"])
    assert moves(outcome) == [("ask", 40, 0), ("ask", 41, 0)]


def test_post_only_is_refused_for_crossing_an_own_order_too() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    assert code(at.buy("ada", YES, 40, 10, post_only=True)) == "post-only"
    assert at.engine.order("o1") is not None


# ------------------------------------------------------------ refused


def test_a_token_of_no_market_is_refused() -> None:
    outcome = desk().buy("ada", TokenId("99"), 40, 10)
    assert (outcome.status, code(outcome), outcome.condition) == ("refused", "token", NOWHERE)


def test_a_malformed_order_is_refused_with_its_market_named() -> None:
    outcome = desk().buy("ada", YES, 40.5, 10)
    assert (outcome.status, code(outcome), outcome.condition) == ("refused", "tick", MARKET)


@pytest.mark.parametrize("ended", [False, True])
def test_an_id_is_taken_once_while_it_rests_and_after(ended: bool) -> None:  # noqa: FBT001 - parametrized
    at = desk()
    at.buy("ada", YES, 40, 10)
    if ended:
        at.engine.cancel("o1")
    at.placed = 0
    assert code(at.buy("bob", YES, 30, 10)) == "duplicate"


def test_the_id_of_a_refused_order_is_free() -> None:
    at = desk()
    at.buy("nobody", YES, 40, 10)
    at.placed = 0
    assert at.buy("ada", YES, 40, 10).status == "live"


def test_the_id_of_an_order_filled_at_once_is_taken() -> None:
    at = desk()
    at.sell("ada", YES, 40, 10)
    at.buy("bob", YES, 40, 10)
    at.placed = 1
    assert code(at.buy("bob", YES, 40, 10)) == "duplicate"


# ------------------------------------------------------------ cancelling


def test_a_cancelled_order_says_what_was_left_of_it() -> None:
    at = desk()
    at.buy("ada", NO, 40, 10)
    at.sell("bob", NO, 40, 4, "FAK")
    outcome = at.engine.cancel("o1")
    assert outcome.cancelled == (Cancelled("o1", "ada", 6 * SIZE_ONE, "user"),)
    assert (moves(outcome), outcome.condition, outcome.status) == ([("ask", 60, 0)], MARKET, "")


def test_what_does_not_rest_cannot_be_cancelled() -> None:
    at = desk()
    at.buy("ada", YES, 40, 10)
    at.engine.cancel("o1")
    before = at.engine.digest()
    for order_id in ("o1", "never"):
        outcome = at.engine.cancel(order_id)
        assert (code(outcome), outcome.levels) == ("order", ())
        assert outcome.refusal is not None
        assert outcome.refusal.reason == "order can't be found - already canceled or matched"
    assert at.engine.digest() == before


def test_all_orders_of_an_account_are_cancelled_or_those_of_a_market_or_token() -> None:
    def orders() -> Desk:
        at = desk()
        for token in (YES, NO, TokenId("33")):
            at.buy("ada", token, 40, 10)
        at.buy("bob", YES, 40, 10)
        return at

    def gone(at: Desk, **which: str) -> list[str]:
        outcomes = at.engine.cancel_all("ada", **which)  # type: ignore[arg-type]  # ids by keyword
        return [cancelled.order for outcome in outcomes.values() for cancelled in outcome.cancelled]

    assert gone(orders()) == ["o1", "o2", "o3"]
    assert gone(orders(), condition=MARKET) == ["o1", "o2"]
    assert gone(orders(), token=NO) == ["o2"]
    assert gone(orders(), condition=OTHER, token=NO) == []
    assert orders().engine.cancel_all("nobody") == {}


# ------------------------------------------------------------ expiring


def test_a_gtd_order_ends_by_itself_a_minute_early() -> None:
    at = desk()
    at.buy("ada", YES, 40, 10, "GTD", expires_s=NOW_MS // 1_000 + 180)
    assert at.engine.next_expiry_ms() == NOW_MS + 120_000
    assert at.engine.expire(NOW_MS + 119_999) == {}
    outcome = at.engine.expire(NOW_MS + 120_000)[MARKET]
    assert outcome.cancelled == (Cancelled("o1", "ada", TEN, "expired"),)
    assert (moves(outcome), at.engine.next_expiry_ms()) == ([("bid", 40, 0)], None)


def test_an_engine_forgets_the_oldest_ids_beyond_what_it_remembers() -> None:
    engine = Engine(remembers=1)
    engine.open_market(msgspec.structs.replace(TERMS, min_size=1))
    engine.deposit("ada", USDC)
    for name in ("a", "b"):
        engine.place(Order(name, "ada", YES, "BUY", 100, 1), NOW_MS)
        engine.cancel(name)
    placed = [code(engine.place(Order(name, "ada", YES, "BUY", 100, 1), NOW_MS)) for name in ("b", "a")]
    assert placed == ["duplicate", ""]
