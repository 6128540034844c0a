"""Dead men's switches and settlements: what falls due when, in venue time."""

from polywire.core.matching.orders import Match
from polywire.exchange.trading.dead_man import SILENCE_MS, DeadMan
from polywire.exchange.trading.records import Beat, TradeLeg, TradeState, UserTrade
from polywire.exchange.trading.settlements import CONFIRMED_AFTER_MS, MINED_AFTER_MS, Settlements
from polywire.model.units import SIZE_ONE, ConditionId, TokenId


def test_a_switch_goes_off_ten_seconds_after_the_last_beat_and_only_once() -> None:
    dead_man = DeadMan(b"secret", (), 0)
    assert (dead_man.next_ms(), dead_man.expected("k")) == (None, "")
    first = dead_man.beat("k", 1_000)
    second = dead_man.beat("k", 6_000)
    assert first.id != second.id == dead_man.expected("k")
    assert dead_man.next_ms() == 6_000 + SILENCE_MS
    assert dead_man.silent(6_000 + SILENCE_MS - 1) == []
    assert dead_man.silent(6_000 + SILENCE_MS) == [Beat("k", "", 0)]
    assert (dead_man.next_ms(), dead_man.silent(1 << 40), dead_man.expected("k")) == (None, [], "")


def test_a_switch_of_an_earlier_run_is_given_its_whole_time_again() -> None:
    dead_man = DeadMan(b"secret", [Beat("k", "old", 5), Beat("gone", "", 0)], 90_000)
    assert (dead_man.expected("k"), dead_man.next_ms()) == ("old", 90_000 + SILENCE_MS)


def trade(number: int, at_ms: int, *, doomed: bool = False) -> UserTrade:
    leg = TradeLeg(
        "m", "k2", "0xb", "0xB", TokenId("1"), "Yes", "SELL", 5_000, SIZE_ONE, SIZE_ONE // 2, Match.COMPLEMENTARY
    )
    return UserTrade(
        id=f"t{number}",
        number=number,
        condition=ConditionId("0xc"),
        order="o",
        key="k",
        account="0xa",
        maker="0xA",
        token=TokenId("1"),
        outcome="Yes",
        side="BUY",
        price=5_000,
        size=SIZE_ONE,
        cost=SIZE_ONE // 2,
        fee=0,
        legs=(leg,),
        hash="0xh",
        matched_ms=at_ms,
        changed_ms=at_ms,
        doomed=doomed,
    )


def test_a_trade_is_mined_then_confirmed_each_at_its_time_however_late_we_look() -> None:
    settlements = Settlements()
    one, two = trade(1, 1_000), trade(2, 1_100)
    settlements.add(two)
    settlements.add(one)
    assert settlements.next_ms() == 1_000 + MINED_AFTER_MS
    assert settlements.due(1_000) is None
    seen = []
    while (due := settlements.due(1 << 40)) is not None:
        settlements.moved(due, TradeState.MINED if due.state is TradeState.MATCHED else TradeState.CONFIRMED)
        seen.append((due.id, due.state, due.changed_ms))
    mined, confirmed = MINED_AFTER_MS, MINED_AFTER_MS + CONFIRMED_AFTER_MS
    assert seen == [
        ("t1", TradeState.MINED, 1_000 + mined),
        ("t2", TradeState.MINED, 1_100 + mined),
        ("t1", TradeState.CONFIRMED, 1_000 + confirmed),
        ("t2", TradeState.CONFIRMED, 1_100 + confirmed),
    ]
    assert (one.due_ms, settlements.next_ms()) == (0, None)


def test_what_an_earlier_run_left_unsettled_goes_on_where_it_was() -> None:
    left = trade(3, 1_000)
    left.due_ms = 7_000
    settlements = Settlements([left])
    assert settlements.next_ms() == 7_000
    assert settlements.due(7_000) is left


def test_a_trade_that_fails_is_final() -> None:
    settlements = Settlements()
    doomed = trade(4, 1_000, doomed=True)
    settlements.add(doomed)
    assert settlements.due(1 << 40) is doomed
    settlements.moved(doomed, TradeState.FAILED)
    assert (settlements.next_ms(), doomed.due_ms) == (None, 0)
