"""The live-data channel on raw sockets: subscriptions, filters, back-fills, refusals, and what is counted."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest

from exchange.live.live_clients import LiveServer, events_of, live_server, subscription
from exchange.raw_client import PONG, TEXT, Server, served
from exchange.venues import CONDITION, START_MS, USDC, YES, event, listed, market, order
from polywire.core.matching.engine import Engine
from polywire.exchange.catalogue import Catalogue
from polywire.exchange.clock import VenueClock
from polywire.exchange.ledger import Ledger, by_token
from polywire.exchange.live.live_channel import FILTERS_HELD, LiveChannel
from polywire.exchange.live.prices import Quote
from polywire.exchange.serve import listening
from polywire.exchange.site import Site
from polywire.exchange.venue import Venue
from polywire.model.live import ActivityMatched, PricesBackfilled
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio

BTC = '{"symbol":"btc/usd"}'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    with anyio.fail_after(20):
        async with live_server() as one:
            yield one


def symbols(messages: list[Any]) -> list[str]:
    return [message["payload"]["symbol"] for message in messages]


def values(messages: list[Any]) -> list[float]:
    return [message["payload"]["value"] for message in messages]


# ------------------------------------------------------------ the conversation


async def test_it_answers_pings_before_and_after_a_subscription(server: LiveServer) -> None:
    async with server.client() as client:
        for word in ("PING", "ping"):
            await client.send(word)
            assert await client.text() == "PONG"
        await client.send(b"hi", 9)
        frame = await client.frame()
        assert (frame.opcode, frame.payload) == (PONG, b"hi")


async def test_who_subscribes_to_nothing_stays_and_hears_nothing(server: LiveServer) -> None:
    async with server.client() as client:
        server.price(1)
        server.trade()
        assert await client.silent()


@pytest.mark.parametrize("frame", ["", "{}", '{"subscriptions":[{"topic":"activity","type":"*"}]}'])
async def test_a_frame_without_an_action_changes_nothing_and_is_not_answered(server: LiveServer, frame: str) -> None:
    async with server.client() as client:
        await client.send(frame)
        server.trade()
        assert await client.silent()


@pytest.mark.parametrize(
    "frame",
    [
        b"nonsense",
        b"\xff\xfe",
        subscription("activity") | {"action": "listen"},
        {"action": "subscribe", "subscriptions": [{"topic": "activity", "type": "*", "filters": {"event_slug": "x"}}]},
        subscription("crypto_prices", "update", "btcusdt", "unsubscribe"),
    ],
)
async def test_what_is_no_request_is_refused_and_what_was_asked_before_goes_on(
    server: LiveServer, frame: bytes | dict[str, Any]
) -> None:
    async with server.listener("crypto_prices") as client:
        await client.send(frame)
        refusal = await client.message()
        assert list(refusal) == ["message", "connectionId", "requestId"]
        assert refusal["message"] == "Invalid request body"
        server.price(1)
        update = await client.message()
        assert update["connection_id"] == refusal["connectionId"] != refusal["requestId"]
        assert len(refusal["requestId"]) == 16


async def test_each_connection_has_an_id_of_its_own(server: LiveServer) -> None:
    async with server.listener("crypto_prices") as one, server.listener("crypto_prices") as other:
        server.price(1)
        assert (await one.message())["connection_id"] != (await other.message())["connection_id"]


async def test_nobody_is_hurried_to_subscribe() -> None:
    """On the CLOB's channels, a connection that asks for nothing is closed in the end."""
    with anyio.fail_after(20):
        async with live_server() as server, server.client() as client:
            (connection,) = server.connections
            assert not server.channel.begins_by_subscribing
            assert not connection.subscribed
            assert await client.silent()


async def test_a_tape_has_no_live_data() -> None:
    clock = VenueClock(lambda: 0.0, start_ms=START_MS)
    site = Site(clock, seed=7, venue=None)
    with anyio.fail_after(20):
        async with listening(site, "127.0.0.1", 0) as url:
            server = Server(site, url)
            async with server.client("/rtds") as client:
                assert client.status == 501
                assert b"a tape plays here" in client.answer


async def test_http_is_told_that_it_is_a_socket(server: LiveServer) -> None:
    async with httpx2.AsyncClient(base_url=server.server.url, trust_env=False) as client:
        answer = await client.get("/rtds")
        assert answer.status_code == 426
        assert (await client.get("/venue")).json()["urls"]["rtds_ws"] == server.url


# ------------------------------------------------------------ prices


async def test_prices_come_as_each_source_spells_them(server: LiveServer) -> None:
    async with server.listener("crypto_prices") as binance, server.listener("crypto_prices_chainlink") as chainlink:
        server.price(1)
        server.price(1, asset="eth", cents=426_000)
        ours, theirs = await binance.until_pong(), await chainlink.until_pong()
    assert symbols(ours) == ["btcusdt", "ethusdt"]
    assert symbols(theirs) == ["btc/usd", "eth/usd"]
    assert values(ours) == [118_400.06, 4_260.06]
    assert values(theirs) == [118_400.01, 4_260.01]
    assert [one["payload"]["full_accuracy_value"] for one in (ours[0], theirs[0])] == [
        "118400.06000000",
        "118400010000000000000000",
    ]
    assert {one["payload"]["timestamp"] for one in ours + theirs} == {START_MS + 1_000}


@pytest.mark.parametrize(
    ("topic", "filters", "heard"),
    [
        ("crypto_prices", "", ["btcusdt", "ethusdt"]),
        ("crypto_prices", "ethusdt", ["ethusdt"]),
        ("crypto_prices", "solusdt,ethusdt,btcusdt", ["btcusdt", "ethusdt"]),
        ("crypto_prices", '{"symbol":"btcusdt"}', ["btcusdt"]),
        ("crypto_prices", '{"symbol": "btcusdt"}', []),
        ("crypto_prices", "btcusdt, ethusdt", ["btcusdt"]),
        ("crypto_prices", "BTCUSDT", []),
        ("crypto_prices_chainlink", "", ["btc/usd", "eth/usd"]),
        ("crypto_prices_chainlink", BTC, ["btc/usd"]),
        ("crypto_prices_chainlink", '{"symbol": "btc/usd"}', []),
        ("crypto_prices_chainlink", "btc/usd", []),
    ],
)
async def test_a_filter_lets_through_what_it_names(
    server: LiveServer, topic: str, filters: str, heard: list[str]
) -> None:
    async with server.listener(topic, "update", filters) as client:
        server.price(1)
        server.price(1, asset="eth")
        assert symbols(await client.until_pong()) == heard


@pytest.mark.parametrize(
    ("topic", "filters", "named"),
    [
        ("crypto_prices", "btcusdt,ethusdt", ["btcusdt", "ethusdt"]),
        ("crypto_prices", '{"symbol":"ethusdt"}', ["ethusdt"]),
        ("crypto_prices_chainlink", BTC, ["btc/usd"]),
        ("crypto_prices_chainlink", '{"symbol":"doge/usd"}', []),
        ("crypto_prices", "", []),
    ],
)
async def test_a_filter_that_names_symbols_is_answered_with_their_last_prices(
    server: LiveServer, topic: str, filters: str, named: list[str]
) -> None:
    server.price(*range(130))
    server.price(*range(130), asset="eth")
    async with server.client() as client:
        await client.send(subscription(topic, "update", filters))
        told = await client.until_pong()
    assert symbols(told) == named
    assert {(one["topic"], one["type"]) for one in told} == ({("crypto_prices", "subscribe")} if named else set())
    for backfill in events_of([json.dumps(one).encode() for one in told]):
        assert isinstance(backfill, PricesBackfilled)
        assert [point.venue_ms for point in backfill.points] == [START_MS + at * 1_000 for at in range(10, 130)]


async def test_only_the_answer_comes_of_the_type_that_names_it(server: LiveServer) -> None:
    server.price(1)
    async with server.client() as client:
        await client.send(subscription("crypto_prices", "subscribe", "btcusdt"))
        assert len(await client.until_pong()) == 1
        server.price(2)
        assert await client.silent()


# ------------------------------------------------------------ activity


@pytest.mark.parametrize(
    ("type_", "filters", "heard"),
    [
        ("orders_matched", "", 1),
        ("*", "", 1),
        ("trades", "", 0),
        ("*", '{"event_slug":"event-1"}', 1),
        ("orders_matched", '{"market_slug":"market-1"}', 1),
        ("orders_matched", '{"market_slug": "market-1"}', 0),
        ("orders_matched", '{"market_slug":"event-1"}', 0),
        ("trades", '{"market_slug":"market-1"}', 0),
    ],
)
async def test_a_trade_comes_where_type_and_filter_let_it(
    server: LiveServer, type_: str, filters: str, heard: int
) -> None:
    async with server.listener("activity", type_, filters) as client:
        server.trade()
        told = await client.until_pong()
    assert [(one["topic"], one["type"]) for one in told] == [("activity", "orders_matched")] * heard


async def test_a_trade_carries_the_transaction_that_the_market_channel_names(server: LiveServer) -> None:
    async with server.server.subscriber(YES) as public, server.listener("activity") as client:
        server.trade(shares=7)
        frames = [await client.text()]
        last = next(one for one in await public.until_pong() if one["event_type"] == "last_trade_price")
    (trade,) = events_of([frame.encode() for frame in frames])
    assert isinstance(trade, ActivityMatched)
    assert (trade.token, trade.side, trade.transaction) == (last["asset_id"], last["side"], last["transaction_hash"])
    assert (trade.price, trade.size) == (Decimal("0.4"), Decimal(7))
    assert f"{trade.size}" == last["size"]
    assert (trade.slug, trade.event_slug, trade.wallet) == ("market-1", "event-1", "bob")
    assert trade.name


# ------------------------------------------------------------ several subscriptions


async def test_what_several_subscriptions_ask_for_comes_once(server: LiveServer) -> None:
    async with server.listener("activity") as client:
        for filters in ('{"event_slug":"event-1"}', '{"market_slug":"market-1"}', ""):
            await client.send(subscription("activity", "orders_matched", filters))
        assert await client.silent()
        server.trade()
        assert len(await client.until_pong()) == 1


async def test_an_unsubscription_ends_all_filters_of_its_type_and_no_other(server: LiveServer) -> None:
    async with server.listener("crypto_prices", "update", "btcusdt") as client:
        server.price(1, asset="eth")
        await client.send(subscription("crypto_prices", "update", '{"symbol":"ethusdt"}'))
        await client.send(subscription("crypto_prices_chainlink", "update"))
        await client.send(subscription("crypto_prices", "*", "btcusdt"))
        await client.until_pong()
        await client.send(subscription("crypto_prices", "update", action="unsubscribe"))
        assert await client.silent()
        server.price(2)
        server.price(2, asset="eth")
        assert symbols(await client.until_pong()) == ["btcusdt", "btc/usd", "eth/usd"]
        await client.send(subscription("crypto_prices", action="unsubscribe"))
        await client.send(subscription("crypto_prices_chainlink", action="unsubscribe"))
        assert await client.silent()
        server.price(3)
        assert await client.silent()
        (connection,) = server.connections
        assert server.channel.listed(connection) == []


async def test_other_topics_are_taken_and_silent(server: LiveServer) -> None:
    async with server.client() as client:
        for topic, filters in (
            ("comments", '{"parentEntityID":1,"parentEntityType":"Event"}'),
            ("equity_prices", '{"symbol":"AAPL"}'),
            ("crypto_prices_twap_sixty", BTC),
            ("clob_market", f'["{YES}"]'),
            ("rfq", ""),
        ):
            await client.send(subscription(topic, "*", filters))
        secret = {"key": "k", "secret": "MARKED", "passphrase": "MARKED"}
        one = {"topic": "clob_user", "type": "*", "clob_auth": secret}
        await client.send({"action": "subscribe", "subscriptions": [one]})
        server.price(1)
        server.trade()
        assert await client.silent()
        (connection,) = server.connections
        assert len(server.channel.listed(connection)) == 6
        assert "MARKED" not in repr(vars(server.channel))


async def test_too_many_filters_close_the_connection_with_the_limit(server: LiveServer) -> None:
    async with server.client() as client:
        listed_ = ",".join(f"s{number}" for number in range(FILTERS_HELD))
        await client.send(subscription("crypto_prices", "update", listed_))
        assert await client.silent()
        await client.send(subscription("activity"))
        code, reason = await client.closed_with()
        assert code == 1_009
        assert reason == f"{FILTERS_HELD + 1} filters (limit {FILTERS_HELD}); subscribe without one"


async def test_a_connection_that_has_ended_leaves_nothing_behind(server: LiveServer) -> None:
    async with server.listener("crypto_prices", "*", "btcusdt") as client:
        await client.send(subscription("activity"))
        assert await client.silent()
    while server.connections:
        await anyio.lowlevel.checkpoint()
    assert vars(server.channel)["_followers"] == {}
    server.price(5)
    server.trade()


# ------------------------------------------------------------ the ledger


async def test_a_client_can_be_reckoned_with(server: LiveServer) -> None:
    server.price(0)
    async with server.listener("crypto_prices", "*", "btcusdt") as client:
        await client.send(subscription("activity"))
        assert await client.silent()
        server.price(1, 2)
        server.trade()
        heard = await client.until_pong()
        async with httpx2.AsyncClient(base_url=server.server.url, trust_env=False) as asker:
            told = (await asker.get("/venue")).json()
    happened = {
        "btcusdt": {"crypto_prices.update": 3},
        "btc/usd": {"crypto_prices_chainlink.update": 3},
        YES: {"activity.orders_matched": 1},
    }
    sent = {
        "btcusdt": {"crypto_prices.subscribe": 1, "crypto_prices.update": 2},
        YES: {"activity.orders_matched": 1},
    }
    assert told["live"] == {"happened": happened, "sent": sent}
    (mine,) = told["connections"]
    assert (mine["channel"], mine["peer"], mine["sent"], mine["due"]) == ("live", client.peer, sent, sent)
    assert mine["subscribed"] == ["crypto_prices.* btcusdt", "activity.*"]
    assert len(heard) == 3
    assert mine["frames"] == 7  # and the back-fill and three PONGs
    assert not any("." in kind for kinds in told["happened"].values() for kind in kinds)


def test_nothing_is_made_for_nobody() -> None:
    """Whoever makes a message has to read the clock, and of a trade to ask whose it is. It is counted all the same."""
    readings: list[float] = []
    asked: list[str] = []

    def wall() -> float:
        readings.append(5.0)
        return 5.0

    venue = Venue(Engine(), Catalogue(), VenueClock(wall, start_ms=START_MS))
    ledger = Ledger()

    def is_user(account: str) -> bool:
        asked.append(account)
        return False

    LiveChannel(venue, ledger, is_user)
    venue.list_event(event())
    venue.list_market(market(), at_ms=START_MS)
    for account in ("ann", "bob"):
        venue.engine.deposit(account, 100 * USDC)
        assert venue.engine.split(account, CONDITION, 10 * SIZE_ONE) is None
    before = len(readings)
    venue.place(order("1", "ann", "BUY", 4_000, 5), at_ms=START_MS)
    assert venue.place(order("2", "bob", "SELL", 4_000, 5), at_ms=START_MS).trades
    venue.prices.tell(Quote("btc", 11_840_000, 11_840_003, START_MS))
    assert (len(readings), asked) == (before, [])
    assert by_token(ledger.happened) == {
        YES: {"activity.orders_matched": 1},
        "btcusdt": {"crypto_prices.update": 1},
        "btc/usd": {"crypto_prices_chainlink.update": 1},
    }


async def test_a_text_frame_in_parts_is_one_request(server: LiveServer) -> None:
    async with server.client() as client:
        text = json.dumps(subscription("crypto_prices")).encode()
        await client.send(text[:20], TEXT, fin=False)
        await client.send(text[20:], 0)
        assert await client.silent()
        server.price(1)
        assert len(await client.until_pong()) == 1


async def test_a_served_venue_without_prices_answers_with_none() -> None:
    with anyio.fail_after(20):
        async with served(listed()) as server, server.client("/rtds") as client:
            await client.send(subscription("crypto_prices", "*", "btcusdt"))
            assert await client.silent()
