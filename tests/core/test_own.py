"""The user's orders and trades: news once, echoes never, and what was missed found again."""

from core.own_events import (
    CANCELLED,
    CONFIRMED,
    FAILED,
    KEY,
    MATCHED,
    MINED,
    NO,
    OTHER_KEY,
    PLACED,
    RETRYING,
    UPDATED,
    WALLET,
    YES,
    leg,
    order,
    trade,
)
from polywire.core.departed import DAY_NS
from polywire.core.own import UNSETTLED_NS, OwnOrders
from polywire.model.own import OwnEvent, OwnOrderChanged, OwnTradeChanged


def told(own: OwnOrders, *events: OwnEvent) -> list[OwnEvent]:
    """Return what is told of these."""
    return [one for event in events for one in own.take(event)]


def said(events: list[OwnEvent]) -> list[tuple[object, ...]]:
    """Return events, shorter."""
    return [
        (one.order, one.step.name, one.matched_size, one.status)
        if isinstance(one, OwnOrderChanged)
        else (one.trade, one.status.value)
        for one in events
    ]


def restated(
    own: OwnOrders,
    *listed: OwnOrderChanged,
    trades: tuple[OwnTradeChanged, ...] = (),
    stated: dict[str, OwnOrderChanged | None] | None = None,
    asked: int = 100,
    now: int = 200,
) -> list[OwnEvent]:
    """Return what one reconciliation finds; single orders are not known to the venue, unless `stated`."""
    asked_for: dict[str, OwnOrderChanged | None] = dict.fromkeys(own.to_ask(listed, asked, 50))
    return own.restate(listed, asked_for | (stated or {}), trades, asked, now)


# ---------------------------------------------------------------- orders on the stream


def test_an_order_is_told_at_each_step_of_its_life() -> None:
    life = [order(), order(step=UPDATED, matched=4), order(step=UPDATED, matched=10, status="MATCHED")]
    own = OwnOrders(KEY)
    assert told(own, *life) == life
    assert own.orders() == {"0x1": life[-1]}
    assert own.open_orders() == {}


def test_an_echo_is_not_told_again() -> None:
    own, life = OwnOrders(KEY), [order(), order(step=UPDATED, matched=4)]
    assert told(own, *life, *life, life[0]) == life


def test_a_step_that_comes_late_is_no_news() -> None:
    own = OwnOrders(KEY)
    last = order(step=UPDATED, matched=6)
    assert told(own, last, order(step=UPDATED, matched=4), order()) == [last]


def test_a_placement_that_comes_behind_an_update_of_the_same_size_is_late_whatever_its_status() -> None:
    own = OwnOrders(KEY)
    first = order(step=UPDATED, status="LIVE")
    assert told(own, first, order(status="DELAYED", at=2_000)) == [first]


def test_another_status_is_news_if_the_venue_says_that_it_is_later() -> None:
    own = OwnOrders(KEY)
    events = [order(status="DELAYED"), order(status="LIVE", at=2_000), order(status="UNMATCHED", at=1_500)]
    assert told(own, *events) == events[:2]


def test_an_end_stays_an_end() -> None:
    own = OwnOrders(KEY)
    life = [order(), order(step=CANCELLED, status="CANCELED")]
    assert (
        told(own, *life, order(step=UPDATED, status="LIVE", at=9_000), order(step=CANCELLED, status="INVALID")) == life
    )


def test_a_late_match_of_a_cancelled_order_is_told_and_it_stays_cancelled() -> None:
    own = OwnOrders(KEY)
    told(own, order(), order(step=CANCELLED, status="CANCELED_EXPIRED_ORDER"))
    (late,) = told(own, order(step=UPDATED, matched=4, trades=("t1",)))
    assert said([late]) == [("0x1", "CANCELLED", 4, "CANCELED_EXPIRED_ORDER")]
    assert own.open_orders() == {}


def test_a_cancellation_that_leaves_blanks_keeps_what_is_known() -> None:
    """Source: docs/protocol.md, "User channel": a killed order's `size_matched` and `outcome` are empty."""
    own = OwnOrders(KEY)
    told(own, order(), order(step=UPDATED, matched=4, trades=("t1",)))
    blank = order(step=CANCELLED, status="CANCELED", kind="", owner="", maker="", outcome="")
    (end,) = told(own, blank)
    assert isinstance(end, OwnOrderChanged)
    assert (end.matched_size, end.outcome, end.order_type, end.owner, end.maker, end.trades) == (
        4,
        "Yes",
        "GTC",
        KEY,
        WALLET,
        ("t1",),
    )


def test_an_order_that_takes_at_once_has_ended_when_it_is_matched_though_in_part() -> None:
    own = OwnOrders(KEY)
    told(own, order(kind="FAK"), order("0x2", kind="GTC"))
    first, second = (order(name, UPDATED, 4, "MATCHED", kind=kind) for name, kind in (("0x1", "FAK"), ("0x2", "GTC")))
    told(own, first, second)
    assert list(own.open_orders()) == ["0x2"]
    more = order(step=UPDATED, matched=7, status="MATCHED", kind="FAK")
    assert told(own, more) == [more]


def test_an_invalid_order_has_ended() -> None:
    own = OwnOrders(KEY)
    told(own, order(status="INVALID"))
    assert own.open_orders() == {}


# ---------------------------------------------------------------- trades on the stream


def test_a_trade_is_told_once_for_each_status() -> None:
    own, life = OwnOrders(KEY), [trade(status=status) for status in (MATCHED, MINED, CONFIRMED)]
    assert told(own, *life[:2], *life[:2], life[2], *life) == life
    assert own.filled("0x1") == 4
    assert own.unsettled() == {}


def test_a_status_that_comes_late_is_not_told_but_its_fill_counts() -> None:
    own = OwnOrders(KEY)
    mined = trade(status=MINED, role="MAKER")  # without its legs
    assert told(own, mined, trade("t1", MATCHED, leg("0x2", 4, KEY), role="MAKER")) == [mined]
    assert own.filled("0x2") == 4


def test_a_trade_first_heard_of_when_it_is_final_fills_all_the_same() -> None:
    own = OwnOrders(KEY)
    told(own, trade(status=CONFIRMED), trade(status=MATCHED))
    assert (own.filled("0x1"), [fill.size for fill in own.fills()]) == (4, [4])


def test_a_failure_takes_the_fill_back_and_is_final() -> None:
    own = OwnOrders(KEY)
    life = [trade(), trade(status=RETRYING), trade(status=FAILED)]
    assert told(own, *life, trade(status=CONFIRMED), trade(status=FAILED)) == life
    assert (own.filled("0x1"), own.fills()) == (0, [])
    assert own.trades()["t1"].status is FAILED


def test_a_trade_first_heard_of_when_it_failed_is_told_and_fills_nothing() -> None:
    own = OwnOrders(KEY)
    assert said(told(own, trade(status=FAILED), trade(status=MATCHED))) == [("t1", "FAILED")]
    assert own.filled("0x1") == 0


def test_a_trade_may_be_mined_a_second_time_if_the_venue_says_that_it_is_later() -> None:
    own = OwnOrders(KEY)
    life = [trade(status=MINED), trade(status=RETRYING, at=2_000), trade(status=MINED, at=3_000)]
    assert told(own, *life, *life) == life


def test_of_two_statuses_of_one_rank_and_one_time_each_is_told_once() -> None:
    own = OwnOrders(KEY)
    life = [trade(status=RETRYING), trade(status=MINED)]
    assert told(own, *life, life[0]) == life


def test_an_event_concerns_its_own_token_and_those_of_ones_own_legs() -> None:
    own = OwnOrders(KEY)
    assert own.tokens_of(order()) == {YES}
    assert own.tokens_of(trade("t1", MINED, leg("0x2", 1, KEY, other=True), role="MAKER")) == {YES, NO}
    assert own.tokens_of(trade("t1", MINED, leg("0x2", 1, OTHER_KEY, other=True), role="MAKER")) == {YES}


# ---------------------------------------------------------------- read back


def test_what_the_stream_told_is_not_recovered() -> None:
    own = OwnOrders(KEY)
    told(own, order(), trade(matched_s=5), order(step=UPDATED, matched=4))
    again = order(step=UPDATED, matched=4, recovered=True)
    assert restated(own, again, trades=(trade(recovered=True, matched_s=5),)) == []


def test_orders_and_trades_that_were_missed_are_told_as_recovered() -> None:
    own = OwnOrders(KEY)
    told(own, order())
    listed = [order(step=UPDATED, matched=4, recovered=True), order("0x2", recovered=True)]
    traded = trade(status=MINED, recovered=True)
    assert restated(own, *listed, trades=(traded,)) == [traded, *listed]
    assert own.unsettled() == {"t1": 1}


def test_another_keys_orders_and_trades_of_the_same_wallet_are_passed_over() -> None:
    """`GET /data/orders` lists a wallet's, whatever key they came with; the stream tells those of one key."""
    own = OwnOrders(KEY)
    told(own, order())
    theirs = trade("t9", MINED, leg("0x8", 4), taker="0x9", owner=OTHER_KEY)
    ours = trade("t1", MINED, leg("0x8", 4), owner=OTHER_KEY, role="MAKER")
    legs = trade("t2", MINED, leg("0x3", 4, KEY), taker="0x9", owner=OTHER_KEY, role="MAKER")
    found = restated(own, order(), order("0x2", owner=OTHER_KEY), trades=(theirs, ours, legs))
    assert said(found) == [("t1", "MINED"), ("t2", "MINED")]


def test_what_the_stream_told_after_the_question_is_newer_than_the_answer() -> None:
    own = OwnOrders(KEY)
    told(own, order(step=UPDATED, matched=2, seen=150), order("0x2", seen=150))
    stale = order(step=UPDATED, matched=1, status="DELAYED", recovered=True)
    assert restated(own, stale, asked=100) == []
    assert restated(own, stale, stated={"0x2": None}, asked=100) == []
    assert own.doubtful == 0


def test_a_status_that_rest_says_is_news_and_of_two_in_a_second_the_later_word_counts() -> None:
    own = OwnOrders(KEY)
    told(own, order(status="DELAYED"), trade(status=MINED, at=5_900, taker="0x9"))
    found = restated(
        own, order(recovered=True), trades=(trade(status=RETRYING, at=5_000, taker="0x9", recovered=True),)
    )
    assert said(found) == [("t1", "RETRYING"), ("0x1", "PLACED", 0, "LIVE")]
    older = trade(status=MINED, at=4_000, taker="0x9", recovered=True)
    assert restated(own, order(recovered=True), trades=(older,)) == []


def test_an_order_that_is_listed_no_more_was_matched_where_its_trades_say_so() -> None:
    own = OwnOrders(KEY)
    told(own, order())
    traded = (trade(size=4, at=7_000), trade("t2", size=6, at=8_000))
    *_, end = restated(own, trades=traded)
    assert isinstance(end, OwnOrderChanged)
    assert said([end]) == [("0x1", "UPDATED", 10, "MATCHED")]
    assert (end.recovered, end.venue_ms, end.seen_ns) == (True, 8_000, 200)
    assert own.open_orders() == {}


def test_an_order_that_is_listed_no_more_is_told_cancelled_when_it_was_missed_twice_in_a_row() -> None:
    own = OwnOrders(KEY)
    told(own, order())
    assert restated(own) == []
    assert own.doubtful == 1
    assert said(restated(own)) == [("0x1", "CANCELLED", 0, "CANCELED")]
    assert own.doubtful == 0
    assert restated(own, stated={"0x1": None}) == []


def test_an_order_that_is_listed_again_was_only_overlooked() -> None:
    own = OwnOrders(KEY)
    told(own, order())
    assert restated(own) == []
    assert restated(own, order(recovered=True)) == []
    assert restated(own) == []
    assert own.doubtful == 1


def test_what_the_venue_says_of_a_single_order_counts() -> None:
    own = OwnOrders(KEY)
    told(own, order())
    end = order(step=CANCELLED, matched=3, status="CANCELED_EXPIRED_ORDER", recovered=True)
    assert restated(own, stated={"0x1": end}) == [end]


def test_the_rest_of_an_order_that_takes_at_once_is_not_told_cancelled() -> None:
    own = OwnOrders(KEY)
    told(own, order(kind="FAK"), trade(size=4))
    restated(own)
    assert said(restated(own)) == [("0x1", "UPDATED", 4, "MATCHED")]


def test_a_match_that_only_the_trades_tell_of_is_added_to_the_order() -> None:
    own = OwnOrders(KEY)
    told(own, order(), order("0x2", CANCELLED, 1, "CANCELED"), order("0x3"))
    traded = (trade(size=4), trade("t2", size=3, taker="0x2"), trade("t3", size=10, taker="0x3"))
    found = restated(own, order(), trades=traded, stated={"0x3": order("0x3")})
    assert said(found)[3:] == [
        ("0x1", "UPDATED", 4, "LIVE"),
        ("0x2", "CANCELLED", 3, "CANCELED"),
        ("0x3", "UPDATED", 10, "MATCHED"),
    ]


def test_a_match_whose_own_event_may_be_on_its_way_is_waited_for() -> None:
    own = OwnOrders(KEY)
    told(own, order(seen=1), trade(size=4, seen=150))
    assert restated(own, order(), trades=(trade(size=4, recovered=True, seen=120),)) == []
    assert said(restated(own, order(), trades=(trade(size=4, recovered=True, seen=120),), asked=200)) == [
        ("0x1", "UPDATED", 4, "LIVE")
    ]


def test_an_order_that_only_a_trade_tells_of_stays_unknown() -> None:
    """Nothing says its limit or its size. The fill counts."""
    own = OwnOrders(KEY)
    assert said(restated(own, trades=(trade(),), stated={"0x1": None})) == [("t1", "MATCHED")]
    assert own.orders() == {}
    assert own.filled("0x1") == 4


def test_no_more_orders_are_asked_for_than_allowed_and_only_those_that_were_open_before_the_question() -> None:
    own = OwnOrders(KEY)
    told(own, *(order(f"0x{n}") for n in range(5)), order("0x9", seen=100))
    assert own.to_ask([order("0x1")], 100, 3) == ["0x0", "0x2", "0x3"]
    assert own.to_ask([], 101, 99) == ["0x0", "0x1", "0x2", "0x3", "0x4", "0x9"]


def test_orders_that_one_look_did_not_come_to_are_in_doubt_so_that_the_next_comes_soon() -> None:
    """More had gone in one absence than a look asks for one by one; the rest waited for the timer."""
    own = OwnOrders(KEY)
    told(own, *(order(f"0x{n}") for n in range(5)))
    stated = {name: order(name, CANCELLED, 0, "CANCELED") for name in own.to_ask([], 100, 2)}
    own.restate([], stated, [], 100, 200)
    assert own.doubtful == 3
    restated(own, *(order(f"0x{n}", recovered=True) for n in (2, 3, 4)))
    assert own.doubtful == 0


# ---------------------------------------------------------------- memory


def test_what_ended_is_forgotten_beyond_the_limit_and_its_echo_is_no_news_for_a_day() -> None:
    own = OwnOrders(KEY, kept=2)
    ended = [order(f"0x{n}", CANCELLED, status="CANCELED", seen=n + 1) for n in range(4)]
    told(own, *ended)
    told(own, trade("t1", CONFIRMED, seen=5), trade("t2", CONFIRMED, seen=6))
    assert (list(own.orders()), list(own.trades())) == ([], ["t1", "t2"])
    told(own, trade("t3", CONFIRMED, seen=7))
    assert list(own.trades()) == ["t2", "t3"]
    assert len(own) == 7
    assert told(own, *ended, trade("t1", MATCHED, seen=DAY_NS)) == []
    assert said(restated(own, ended[0], trades=(trade("t1", CONFIRMED),), now=DAY_NS)) == []
    told(own, order("0x9", seen=DAY_NS + 50))
    assert len(own) == 1


def test_a_forgotten_orders_fill_is_known_by_its_trade_until_that_is_forgotten_too() -> None:
    own = OwnOrders(KEY, kept=1)
    told(own, order(), trade(), order(step=UPDATED, matched=10, status="MATCHED"))
    told(own, order("0x2", CANCELLED, status="CANCELED"))
    assert list(own.orders()) == ["0x2"]
    told(own, trade(status=FAILED))
    assert own.fills() == []


def test_a_trade_that_nobody_settles_is_given_up_after_a_week_and_stays_no_news() -> None:
    own = OwnOrders(KEY)
    told(own, trade(seen=5))
    restated(own, now=5 + UNSETTLED_NS)
    assert list(own.unsettled()) == ["t1"]
    restated(own, now=6 + UNSETTLED_NS)
    assert (own.unsettled(), own.trades()) == ({}, {})
    assert told(own, trade(status=MINED, seen=6 + UNSETTLED_NS)) == []


def test_the_wallets_that_legs_are_known_by_are_bounded() -> None:
    own = OwnOrders(KEY)
    told(own, *(order(f"0x{n}", maker=f"0xW{n}") for n in range(70)))
    known = [
        n
        for n in range(70)
        if own.tokens_of(trade("t", MINED, leg("?", 1, "", f"0xw{n}", other=True), role="MAKER")) == {YES, NO}
    ]
    assert known == list(range(64))
    assert told(own, order("0x99", PLACED, maker="")) != []
