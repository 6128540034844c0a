"""Own orders and trades through the feed that its users know: subscribe, status, end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.own_events import KEY
from polywire.core.link import Policy
from polywire.errors import CredentialsRefused
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.own import OwnOrderChanged, OwnTradeChanged
from polywire.services.feed.feed import Feed
from services.feed.feeds import RAIN, A, B
from services.feed.scripted import VENUE, ScriptedCatalogue, ScriptedDial, change
from services.feed.virtual import LoopClock
from services.own.accounts import OwnSetting

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def a_feed() -> AsyncIterator[tuple[Feed, OwnSetting, ScriptedDial]]:
    """Run a feed with own orders, which have a dial of their own."""
    own, dial = OwnSetting(), ScriptedDial()
    feed = Feed(VENUE, dial, ScriptedCatalogue(RAIN), LoopClock(), lambda: 0.5, Policy(), own=own.feed)
    running = asyncio.create_task(feed.run())
    await own.until(lambda: own.feed.reconciliations)
    yield feed, own, dial
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.sleep(0)
    assert own.dial.alive == dial.alive == []


async def test_own_events_need_no_token_and_open_no_socket_of_the_market_channel() -> None:
    told: list[Event] = []
    async with a_feed() as (feed, own, dial):
        async with feed.subscribe(kinds=["ORDER", "TRADE"], callback=told.append):
            own.hear("order")
            own.hear("trade")
            own.dial.last.lose("cut")
            await own.looked()
        own.hear("order", id="0x2")
        assert [type(event) for event in told] == [OwnOrderChanged, OwnTradeChanged, Gap]
        assert dial.sockets == []


async def test_own_events_are_limited_to_the_kinds_and_markets_named_a_leg_on_the_complement_included() -> None:
    orders: list[Event] = []
    trades: list[Event] = []
    async with a_feed() as (feed, own, _):
        async with (
            feed.subscribe(markets=[RAIN.slug], kinds=[OwnOrderChanged], callback=orders.append),
            feed.subscribe(tokens=[B], kinds=["trade"], callback=trades.append),
        ):
            await feed.until_current(A, B)
            own.hear("order", asset_id=A)
            own.hear("order", id="0x2")
            leg = {"order_id": "0x5", "owner": KEY, "matched_amount": "1", "price": "0.4", "asset_id": B, "side": "BUY"}
            own.hear("trade", asset_id=A, trader_side="MAKER", maker_orders=[leg])
            own.hear("trade", id="t2", asset_id=A)
        heard = [
            [event for event in one if isinstance(event, OwnOrderChanged | OwnTradeChanged)] for one in (orders, trades)
        ]
        assert [[getattr(event, "order", getattr(event, "trade", "")) for event in one] for one in heard] == [
            ["0x1"],
            ["t1"],
        ]


async def test_a_subscription_that_names_no_kinds_is_of_what_is_public() -> None:
    told: list[Event] = []
    async with a_feed() as (feed, own, dial), feed.subscribe(tokens=[A], callback=told.append):
        await feed.until_current(A)
        own.hear("order", asset_id=A)
        dial.last.hear(change(A))
        assert told
        assert not [event for event in told if isinstance(event, OwnOrderChanged)]


async def test_its_status_has_the_user_channel_beside_the_others_and_reconnect_renews_it() -> None:
    async with a_feed() as (feed, own, _):
        connections = feed.status()["connections"]
        assert isinstance(connections, dict)
        assert json.loads(json.dumps(connections))["user"]["connected"] is True
        await feed.reconnect()
        await own.until(lambda: own.feed.connection.reconnects == 1 and own.feed.connection.begun)


async def test_a_subscription_to_own_events_with_credentials_that_are_refused_cannot_be_entered() -> None:
    async with a_feed() as (feed, own, _):
        own.account.faults = [CredentialsRefused("http://none.invalid", KEY)]
        own.feed.reconcile()
        await own.until(lambda: own.feed.refused)
        with pytest.raises(CredentialsRefused):
            async with feed.subscribe(kinds=["ORDER"]):
                pass
        assert feed.status()["subscriptions"] == {"total": 0, "active": []}
