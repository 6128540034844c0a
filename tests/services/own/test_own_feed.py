"""Own orders and trades: told once, and what the stream lost, recovered behind a gap."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from core.own_events import CANCELLED, KEY, MINED, order, trade
from polywire.errors import CredentialsRefused, TooOften, VenueUnreachable
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.own import OwnOrderChanged, OwnTradeChanged
from polywire.model.units import ConditionId, TokenId
from polywire.services.own.feed import ON_ITS_WAY_NS
from polywire.services.own.readers import OwnInterest
from services.own.accounts import CREDENTIALS, MARKED, OwnSetting, ScriptedAccount, own_feed

pytestmark = pytest.mark.anyio

NOW_S = 1_000_000  # the venue's
UNREACHABLE = VenueUnreachable("http://none.invalid", "refused by the script")


def said(events: list[Event]) -> list[tuple[str, str, bool]]:
    """Return what was told, shorter."""
    shown = []
    for event in events:
        match event:
            case OwnOrderChanged():
                shown.append((event.order, event.step.value, event.recovered))
            case OwnTradeChanged():
                shown.append((event.trade, event.status.value, event.recovered))
            case _:
                shown.append((type(event).__name__, getattr(event, "reason", ""), False))
    return shown


def _eq(account: ScriptedAccount, looks: int) -> bool:
    return account.looks == looks


def late(setting: OwnSetting, status: Any = MINED, **fields: Any) -> OwnTradeChanged:
    """Return a trade of REST that happened long enough ago for the stream to have told it."""
    at = (setting.account.now_s - 10) * 1_000
    fields = {"at": at, "matched_s": setting.account.now_s - 10, "recovered": True} | fields
    return trade(fields.pop("name", "t1"), status, **fields)


# ---------------------------------------------------------------- told


async def test_an_event_is_told_once_however_often_it_comes() -> None:
    async with own_feed() as own:
        for _ in range(3):
            own.hear("order")
            own.hear("trade")
        assert said(own.events) == [("0x1", "PLACEMENT", False), ("t1", "MATCHED", False)]
        assert own.feed.orders.filled("0x1") == 4_000_000
        own.account.traded = [trade(size=4_000_000, matched_s=NOW_S)]
        await own.looked()  # the trade has filled the order, and no event of its own said so
        assert said(own.events)[2:] == [("0x1", "UPDATE", True)]


async def test_a_reader_is_told_what_it_is_interested_in_until_it_leaves() -> None:
    async with own_feed() as own:
        trades: list[Event] = []
        nowhere: list[Event] = []
        here: list[Event] = []
        by_leg: list[Event] = []
        own.feed.read(trades.append, OwnInterest(kinds=frozenset({OwnTradeChanged})))
        own.feed.read(
            nowhere.append, OwnInterest(tokens=frozenset({TokenId("9")}), conditions=frozenset({ConditionId("0x9")}))
        )
        own.feed.read(here.append, OwnInterest(conditions=frozenset({ConditionId("0xc0")})))
        own.feed.read(by_leg.append, OwnInterest(tokens=frozenset({TokenId("8")})))
        own.hear("order")
        own.hear("trade")
        leg = {"order_id": "0x5", "owner": KEY, "matched_amount": "1", "price": "0.4", "asset_id": "8", "side": "BUY"}
        own.hear("trade", id="t2", trader_side="MAKER", maker_orders=[leg])
        assert [len(one) for one in (own.events, trades, nowhere, here, by_leg)] == [3, 2, 0, 3, 1]
        own.feed.leave(own.take)
        own.hear("order", id="0x2")
        assert len(own.events) == 3
        assert len(here) == 4


async def test_what_a_reader_raises_is_counted_and_kept_from_the_others() -> None:
    async with own_feed() as own:

        def fail(event: Event) -> None:
            raise ZeroDivisionError(type(event).__name__)

        own.feed.read(fail)
        own.hear("order")
        own.dial.last.lose("cut")
        await own.looked()
        assert own.feed.status()["reader_errors"] == 2
        assert len(own.events) == 2


# ---------------------------------------------------------------- recovered


async def test_what_was_missed_while_the_socket_was_away_is_told_behind_a_gap_of_that_time() -> None:
    async with own_feed() as own:
        own.hear("order")
        heard_at = asyncio.get_running_loop().time()
        await asyncio.sleep(1.5)
        own.account.listed, own.account.traded = [order(recovered=True)], [late(own, size=1)]
        own.dial.last.lose("the cable was cut")
        await own.looked()
        assert said(own.events)[1:] == [
            ("Gap", "connection lost: the cable was cut", False),
            ("t1", "MINED", True),
            ("0x1", "UPDATE", True),
        ]
        (gap,) = own.gaps
        assert gap.tokens == ()
        away_ns = (own.told[-1][0] - heard_at) * 1e9 + ON_ITS_WAY_NS
        assert gap.to_ns - gap.from_ns == pytest.approx(away_ns, abs=6e8)
        assert own.feed.status()["gaps"] == 1
        assert own.feed.status()["recovered"] == 2


async def test_a_socket_that_is_lost_again_during_the_look_leaves_the_gap_open_until_a_look_that_saw_it_all() -> None:
    async with own_feed() as own:
        own.dial.last.lose("first")
        own.account.gate.clear()
        await own.until(lambda: own.account.looks == 2 and own.feed.connection.begun)
        own.dial.last.lose("second")
        own.account.traded = [late(own)]
        own.account.gate.set()
        await own.looked()
        assert said(own.events) == [("t1", "MINED", True)]  # true all the same
        await own.looked()
        assert [gap.reason for gap in own.gaps] == ["connection lost: first"]


async def test_where_the_stream_loses_something_without_a_word_a_look_finds_it_and_a_gap_says_since_when() -> None:
    async with own_feed(every_s=30.0) as own:
        first = asyncio.get_running_loop().time()
        own.account.now_s += 60
        own.account.traded = [late(own)]
        took = await own.looked()
        assert took == pytest.approx(30, abs=0.1)
        assert said(own.events)[0] == ("Gap", "1 changes were never told on the stream, and were read over REST", False)
        (gap,) = own.gaps
        assert gap.to_ns / 1e9 - gap.from_ns / 1e9 == pytest.approx(asyncio.get_running_loop().time() - first, abs=0.2)


async def test_a_stream_that_never_brings_what_rest_says_first_has_lost_it_and_the_gap_goes_back_to_before() -> None:
    """A frozen socket that is looked at every few seconds: each look finds what is too young to be lost already."""
    async with own_feed(every_s=30.0) as own:
        began = asyncio.get_running_loop().time()
        for number in range(1, 5):
            await asyncio.sleep(2)
            own.account.now_s += 2
            if number < 4:
                own.account.traded.append(late(own, name=f"t{number}", at=own.account.now_s * 1_000))
            assert own.gaps == []
            own.feed.reconcile()
            await own.looked()
        (gap,) = own.gaps
        assert gap.reason == "1 changes were never told on the stream, and were read over REST"
        assert (gap.to_ns - gap.from_ns) / 1e9 == pytest.approx(asyncio.get_running_loop().time() - began, abs=0.1)
        own.account.now_s += 60
        own.feed.reconcile()
        await own.looked()
        assert len(own.gaps) == 1  # it covers the others too


async def test_what_the_stream_brings_a_little_later_than_rest_is_no_loss_however_often_rest_is_looked_at() -> None:
    async with own_feed(every_s=30.0) as own:
        for number in range(1, 8):
            own.account.now_s += 2
            own.account.traded.append(late(own, name=f"t{number}", at=own.account.now_s * 1_000))
            own.feed.reconcile()
            await own.looked()
            own.hear("trade", id=f"t{number}", status="MINED", timestamp=str(own.account.now_s))
        assert own.gaps == []


async def test_what_rest_says_a_moment_before_the_stream_is_no_loss() -> None:
    async with own_feed() as own:
        own.account.traded = [late(own, at=NOW_S * 1_000)]
        own.feed.reconcile()
        await own.looked()
        assert said(own.events) == [("t1", "MINED", True)]


async def test_what_is_on_its_way_when_rest_answers_is_heard_first() -> None:
    """A PING behind the answers; its PONG comes behind all that the venue wrote before."""
    async with own_feed() as own:
        own.account.traded = [late(own)]
        own.account.gate.clear()
        own.feed.reconcile()
        await own.until(lambda: own.account.looks == 2)
        asyncio.get_running_loop().call_soon(own.account.gate.set)
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(lambda: own.hear("trade", status="MINED", timestamp=str(NOW_S))))
        await own.looked()
        assert said(own.events) == [("t1", "MINED", False)]
        assert own.gaps == []


async def test_a_message_that_cannot_be_read_is_looked_for_at_once_and_a_gap_tells_of_it() -> None:
    async with own_feed() as own:
        own.hear("trade", status="ABDUCTED")
        assert await own.looked() < 0.1
        assert [gap.reason for gap in own.gaps] == ["a message could not be read"]
        assert own.feed.status()["undecoded"] == {"unknown:trade.ABDUCTED": 1}


async def test_an_order_that_vanished_is_looked_for_again_soon_and_then_told_cancelled() -> None:
    async with own_feed() as own:
        own.hear("order")
        await asyncio.sleep(0.1)
        own.feed.reconcile()
        await own.looked()
        assert own.account.asked == ["0x1"]
        assert await own.looked() == pytest.approx(2.0, abs=0.1)
        assert said(own.events)[1:] == [("0x1", "CANCELLATION", True)]
        assert await own.looked() == pytest.approx(60.0, abs=0.1)


async def test_what_the_venue_says_of_one_order_is_taken() -> None:
    async with own_feed() as own:
        own.hear("order")
        own.account.known["0x1"] = order(step=CANCELLED, status="CANCELED_EXPIRED_ORDER", recovered=True)
        await asyncio.sleep(0.1)
        own.feed.reconcile()
        await own.looked()
        last = own.events[-1]
        assert isinstance(last, OwnOrderChanged)
        assert last.status == "CANCELED_EXPIRED_ORDER"


async def test_trades_are_read_from_some_time_before_the_last_look_and_from_the_oldest_that_is_not_settled() -> None:
    async with own_feed() as own:
        own.account.now_s += 500
        await own.looked()
        own.account.now_s += 500
        own.hear("trade", match_time=str(NOW_S - 600))
        await own.looked()
        own.account.now_s = NOW_S + 90_000
        await own.looked()
        assert own.account.after == [NOW_S - 120, NOW_S - 120, NOW_S - 601, NOW_S + 1_000 - 120]
        assert own.account.asked == ["t1"]  # too old by then to read all that came since


async def test_an_old_trade_that_was_settled_at_last_is_told() -> None:
    async with own_feed() as own:
        own.hear("trade", match_time=str(NOW_S - 50_000))
        own.account.traded = [late(own, matched_s=NOW_S - 50_000)]
        await own.looked()
        assert [one[0] for one in said(own.events)] == ["t1", "Gap", "t1"]
        assert own.account.asked == ["t1"]


async def test_many_orders_are_asked_for_a_few_at_a_time_and_a_failure_ends_them_all() -> None:
    async with own_feed() as own:
        for number in range(20):
            own.hear("order", id=f"0x{number}")
        await asyncio.sleep(0.1)
        own.feed.reconcile()
        await own.looked()
        assert len(own.account.asked) == 20

        async def fail(order: str) -> OwnOrderChanged | None:
            await asyncio.sleep(0.01 if order == "0x3" else 9)
            raise UNREACHABLE

        own.account.order = fail  # type: ignore[method-assign]  # the script's own
        own.feed.reconcile()
        await own.until(lambda: own.feed.trouble)
        assert "refused by the script" in str(own.feed.status()["trouble"])


# ---------------------------------------------------------------- when the venue cannot be asked


async def test_a_venue_that_cannot_be_reached_is_asked_ever_more_seldom_until_it_answers() -> None:
    async with own_feed() as own:
        own.account.faults = [UNREACHABLE] * 4
        own.feed.reconcile()
        waits = [await own.until(partial(_eq, own.account, looks)) for looks in range(2, 7)]
        assert waits == pytest.approx([0, 0.5, 1, 2, 4], abs=0.1)
        await own.until(lambda: own.feed.trouble == "")


async def test_a_venue_that_wants_to_be_asked_less_is_not_asked_before_whatever_happens() -> None:
    async with own_feed() as own:
        own.account.faults = [TooOften("http://none.invalid", 20.0)]
        own.feed.reconcile()
        await own.until(lambda: own.account.looks == 2)
        own.dial.last.lose("cut")
        assert await own.until(lambda: own.account.looks == 3) == pytest.approx(20, abs=0.2)


async def test_while_there_is_no_stream_rest_is_looked_at_every_few_seconds() -> None:
    async with own_feed() as own:
        own.dial.refuses = True
        own.dial.last.lose("cut")
        await own.looked()
        assert await own.looked() == pytest.approx(5, abs=0.1)
        own.account.traded = [late(own)]
        await own.looked()
        assert said(own.events) == [("t1", "MINED", True)]
        own.dial.refuses = False
        await own.until(lambda: own.gaps)
        assert [gap.reason for gap in own.gaps] == ["connection lost: cut"]


async def test_an_api_key_that_is_refused_is_told_to_whoever_wants_to_read_and_tried_again_every_minute() -> None:
    async with own_feed() as own:
        own.account.faults = [CredentialsRefused("http://none.invalid/data/orders", CREDENTIALS.key)]
        own.feed.reconcile()
        await own.until(lambda: own.feed.refused)
        with pytest.raises(CredentialsRefused, match=r"does not take the API key .* let a key be made"):
            own.feed.read(own.take)
        own.feed.reconcile()
        assert await own.until(lambda: own.feed.refused is None) == pytest.approx(60, abs=0.2)
        own.feed.read(own.take)


async def test_neither_status_nor_events_nor_errors_show_a_secret() -> None:
    async with own_feed() as own:
        own.hear("order")
        own.account.faults = [CredentialsRefused("http://none.invalid/data/orders", CREDENTIALS.key)]
        own.feed.reconcile()
        await own.until(lambda: own.feed.refused)
        status = own.feed.status()
        shown = json.dumps(status) + repr(own.events) + repr(own.feed.refused) + repr(CREDENTIALS)
        assert not [mark for mark in MARKED if mark in shown]
        assert (status["connected"], status["subscribed"], status["open_orders"], status["readers"]) == (
            True,
            True,
            1,
            1,
        )


async def test_a_gap_is_told_to_every_reader_whatever_it_reads() -> None:
    async with own_feed() as own:
        gaps: list[Event] = []
        own.feed.read(gaps.append, OwnInterest(tokens=frozenset({TokenId("9")})))
        own.dial.last.lose("cut")
        await own.looked()
        assert [type(one) for one in gaps] == [Gap]
