"""What orders were filled with."""

from hypothesis import given
from hypothesis import strategies as st

from core.own_events import FAILED, KEY, MINED, NO, OTHER_KEY, WALLET, YES, leg, trade
from polywire.core.own_fills import OwnFill, OwnFills
from polywire.model.own import OwnTradeChanged


def fills(*known: str, wallets: tuple[str, ...] = ()) -> OwnFills:
    """Return fills of `KEY`, which has placed these orders."""
    return OwnFills(KEY.upper(), known.__contains__, wallets.__contains__)


def test_a_takers_fill_is_the_top_level() -> None:
    assert fills().of(trade("t1", MINED, leg("0x9", 4))) == [OwnFill("t1", "0x1", YES, "BUY", 6_000, 4)]


def test_a_makers_fills_are_its_own_legs_each_in_its_own_terms_and_nobody_elses() -> None:
    told = trade("t1", MINED, leg("0x2", 3, KEY), leg("0x3", 5), leg("0x4", 2, KEY, other=True), role="MAKER")
    assert fills().of(told) == [
        OwnFill("t1", "0x2", YES, "SELL", 4_000, 3),
        OwnFill("t1", "0x4", NO, "BUY", 4_000, 2),
    ]


def test_an_order_that_stands_in_two_legs_has_had_both() -> None:
    (fill,) = fills().of(trade("t1", MINED, leg("0x2", 3, KEY), leg("0x2", 4, KEY), role="MAKER"))
    assert fill.size == 7


def test_a_leg_is_ones_own_by_its_order_where_the_key_is_left_out_and_by_its_wallet_where_both_are_not_known() -> None:
    told = trade("t1", MINED, leg("0x2", 3, ""), leg("0x3", 5, "", WALLET), role="MAKER")
    assert [fill.order for fill in fills("0x2").of(told)] == ["0x2"]
    assert [fill.order for fill in fills(wallets=(WALLET,)).of(told)] == ["0x3"]
    assert fills().of(told) == []


def test_where_the_role_is_not_said_it_is_a_makers_if_a_leg_is_ones_own() -> None:
    assert [fill.order for fill in fills().of(trade("t1", MINED, leg("0x2", 3, KEY), role=""))] == ["0x2"]
    assert [fill.order for fill in fills().of(trade("t1", MINED, leg("0x2", 3), role=""))] == ["0x1"]


def test_who_is_on_both_sides_has_both_fills() -> None:
    assert [fill.order for fill in fills().of(trade("t1", MINED, leg("0x2", 4, KEY)))] == ["0x1", "0x2"]


def test_a_fill_counts_once_however_often_it_is_told() -> None:
    one = fills()
    for seen in (5, 9, 7):
        one.apply(trade(seen=seen, at=3_000))
    assert (one.filled("0x1"), one.matched("0x1"), one.seen_ns("0x1"), one.venue_ms("0x1")) == (4, 4, 9, 3_000)
    assert one.standing() == [OwnFill("t1", "0x1", YES, "BUY", 6_000, 4)]


def test_a_trade_that_fails_is_undone_once_and_what_the_venue_matched_stays_matched() -> None:
    one = fills()
    one.apply(trade("t1"))
    one.apply(trade("t2", size=3))
    one.fail("t1")
    one.fail("t1")
    one.apply(trade("t1"))
    assert (one.filled("0x1"), one.matched("0x1")) == (3, 7)
    assert [fill.trade for fill in one.standing()] == ["t2"]


def test_a_trade_that_failed_before_it_was_told_fills_nothing() -> None:
    one = fills()
    one.fail("t1")
    one.apply(trade("t1", FAILED))
    assert (one.filled("0x1"), one.matched("0x1"), one.standing()) == (0, 4, [])


def test_an_order_that_nothing_is_known_of_has_had_nothing() -> None:
    one = fills()
    assert (one.filled("0x1"), one.matched("0x1"), one.seen_ns("0x1"), one.venue_ms("0x1")) == (0, 0, 0, 0)


def test_totals_outlive_their_trades_while_the_order_is_known_and_go_with_the_last_trade_of_one_that_is_not() -> None:
    one = fills("0x1")
    one.apply(trade("t1", MINED, leg("0x2", 3, KEY)))
    one.apply(trade("t2", MINED, leg("0x2", 3, KEY)))
    one.forget_trade("t1")
    assert (one.filled("0x1"), one.filled("0x2")) == (8, 6)
    one.forget_trade("t2")
    assert (one.filled("0x1"), one.filled("0x2")) == (8, 0)
    assert one.standing() == []


def test_a_forgotten_orders_trades_can_still_fail_and_be_forgotten() -> None:
    one = fills()
    one.apply(trade("t1"))
    one.forget_order("0x1")
    one.fail("t1")
    one.forget_trade("t1")
    one.forget_trade("t1")
    assert one.filled("0x1") == 0


@st.composite
def tales(draw: st.DrawFn) -> tuple[list[OwnTradeChanged], set[str]]:
    """Return trades told in any order and number, and which of them fail at some time."""
    trades = [
        trade(
            f"t{n}", MINED, leg(f"0x{draw(st.integers(2, 4))}", n + 1, draw(st.sampled_from((KEY, OTHER_KEY)))), size=n
        )
        for n in range(draw(st.integers(1, 6)))
    ]
    failing = draw(st.sets(st.sampled_from([one.trade for one in trades])))
    return draw(st.lists(st.sampled_from(trades))), failing


@given(tale=tales())
def test_an_order_has_had_the_sum_of_its_parts_in_the_trades_that_stand(
    tale: tuple[list[OwnTradeChanged], set[str]],
) -> None:
    told, failing = tale
    one, half = fills(), len(told) // 2
    for event in told[:half]:
        one.apply(event)
    for name in failing:
        one.fail(name)
    for event in told[half:]:
        one.apply(event)
    by_name = {event.trade: event for event in told}
    had: dict[str, int] = {}
    for name, event in by_name.items():
        if name not in failing:
            for fill in one.of(event):
                had[fill.order] = had.get(fill.order, 0) + fill.size
    assert {order: one.filled(order) for order in ("0x1", "0x2", "0x3", "0x4") if one.filled(order)} == {
        order: size for order, size in had.items() if size
    }
