"""`services.feed.feed` with live data: a subscription that names live kinds reads them beside its tokens' events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from polywire.core.link import Policy
from polywire.errors import Misuse
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.kinds import TYPES, EventKind
from polywire.model.live import ActivityMatched, Commented, CryptoPriced, EquityPriced, PricesBackfilled, Reacted
from polywire.model.market import Traded
from polywire.services.feed.feed import Feed
from polywire.services.live.live_feed import LiveFeed
from services.feed.feeds import RAIN, A, B, a_feed, until
from services.feed.scripted import VENUE, ScriptedCatalogue, ScriptedDial
from services.feed.scripted import trade as market_trade
from services.feed.virtual import LoopClock
from services.live.live_service import URL, LiveDial, comment, frame, price, trade

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def a_feed_with_live() -> AsyncIterator[tuple[Feed, ScriptedDial, LiveDial]]:
    before = asyncio.all_tasks()
    dial, live_dial = ScriptedDial(), LiveDial()
    live = LiveFeed(URL, live_dial, LoopClock(), lambda: 0.5)
    feed = Feed(VENUE, dial, ScriptedCatalogue(RAIN), LoopClock(), lambda: 0.5, Policy(), live=live)
    running = asyncio.create_task(feed.run())
    await asyncio.sleep(0)
    yield feed, dial, live_dial
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled(), running.exception()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert dial.alive == live_dial.alive == []


async def until_live(dial: LiveDial) -> None:
    await until(lambda: dial.streams and dial.streams[0].sent)


@pytest.mark.parametrize("kind", [kind for kind in EventKind if TYPES[kind] is ActivityMatched])
async def test_both_names_of_trades_deliver_each_trade_once(kind: EventKind) -> None:
    async with a_feed_with_live() as (feed, market, live):
        async with feed.subscribe(kinds=[kind]) as stream:
            await until_live(live)
            for type_ in ("orders_matched", "trades"):
                live.last.hear(trade(1, type_=type_))
            live.last.hear(trade(2))
            told = [await anext(stream) for _ in range(stream.waiting)]
        assert [int(event.size) for event in told if isinstance(event, ActivityMatched)] == [1, 2]
        assert market.dials == 0, "nobody reads the market channel"


async def test_trades_are_those_of_the_subscriptions_tokens_where_it_names_any() -> None:
    told: list[Event] = []
    async with a_feed_with_live() as (feed, market, live):
        async with feed.subscribe(markets=[RAIN.slug], kinds=["TRADES", "LAST_TRADE_PRICE"], callback=told.append):
            await feed.until_current(A, B)
            await until_live(live)
            live.last.hear(trade(1, of=A))
            live.last.hear(trade(2, of="7"))
            market.last.hear(market_trade(B))
            live.last.hear(trade(3, of=B))
        live.last.hear(trade(4, of=B))
    kinds = [event for event in told if isinstance(event, ActivityMatched | Traded)]
    assert [type(event) for event in kinds] == [ActivityMatched, Traded, ActivityMatched]
    assert [event.token for event in kinds] == [A, B, B]


async def test_prices_are_those_of_all_symbols_and_their_back_fills_come_with_them() -> None:
    told: list[Event] = []
    async with a_feed_with_live() as (feed, _, live), feed.subscribe(kinds=["CryptoPriced"], callback=told.append):
        await until_live(live)
        live.last.hear(price(1))
        live.last.hear(price(1, "btc/usd", "crypto_prices_chainlink"))
        live.kept = {"btcusdt": [1, 2]}
        live.last.lose()
        await until(lambda: live.dials == 2 and live.streams and live.streams[0].sent)
        live.last.hear(price(4))
        await until(lambda: any(isinstance(event, PricesBackfilled) for event in told))
    assert [event.symbol for event in told if isinstance(event, CryptoPriced)] == ["btcusdt", "btc/usd", "btcusdt"]
    assert any(isinstance(event, Gap) for event in told), "whatever kinds were named"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (EquityPriced, frame("equity_prices", "update", {"symbol": "AAPL", "timestamp": 1, "value": 1})),
        (Commented, comment(1)),
        (Reacted, frame("comments", "reaction_created", {"id": "1", "commentID": 1, "reactionType": "HEART"})),
    ],
)
async def test_each_other_live_kind_goes_by_the_name_of_its_event(kind: type, said: bytes) -> None:
    async with a_feed_with_live() as (feed, _, live), feed.subscribe(kinds=[kind.__name__]) as stream:
        await until_live(live)
        live.last.hear(said)
        assert isinstance(await anext(stream), kind)


async def test_a_subscription_that_names_no_live_kind_opens_no_socket_for_it() -> None:
    async with (
        a_feed_with_live() as (feed, _, live),
        feed.subscribe(tokens=[A]),
        feed.subscribe(kinds=["Traded"], tokens=[A]),
    ):
        await feed.until_current(A)
        await asyncio.sleep(10)
        assert live.dials == 0


async def test_a_reconnect_that_is_asked_for_renews_the_live_data_without_a_loss() -> None:
    told: list[Event] = []
    async with a_feed_with_live() as (feed, _, live), feed.subscribe(kinds=["TRADES"], callback=told.append):
        await until_live(live)
        live.last.hear(trade(1))
        await feed.reconnect()
        await until(lambda: live.sockets[0].closed)
        live.last.hear(trade(2))
    assert [type(event) for event in told] == [ActivityMatched, ActivityMatched]


async def test_the_status_has_the_live_data_beside_the_market_channel() -> None:
    async with a_feed_with_live() as (feed, _, live), feed.subscribe(kinds=["TRADES"]):
        await until_live(live)
        live.last.hear(trade(1))
        await asyncio.sleep(2)
        connections: Any = feed.status()["connections"]
        rtds = connections["rtds"]
        assert (rtds["connected"], rtds["url"]) == (True, URL)
        assert rtds["sockets"][0]["frames"] == 1
        assert (rtds["topics"]["activity"]["events"], rtds["topics"]["activity"]["readers"]) == (1, 1)
        assert rtds["topics"]["activity"]["last_data_s"] == pytest.approx(2.0, abs=0.1)


async def test_a_venue_without_live_data_refuses_its_kinds_with_the_reason() -> None:
    async with a_feed() as (feed, _):
        with pytest.raises(Misuse, match=r"scripted names no live-data service \(`rtds_ws`\)"):
            feed.subscribe(kinds=["TRADES"])
        assert "rtds" not in feed.status()["connections"]  # type: ignore[operator]
