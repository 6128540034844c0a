"""Faults on live data, and faults that are limited to one channel."""

from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import httpx2
import pytest

from exchange.live.live_clients import PATH, LiveServer, live_server, subscription
from exchange.raw_client import CONTINUATION, PING, TEXT, RawClient
from exchange.venues import YES
from polywire.errors import Misuse
from polywire.exchange.faults import FAULTS
from polywire.wire.live import LiveDecoder
from polywire.wire.sink import Heard

pytestmark = pytest.mark.anyio

ELSEWHERE = tuple(name for name, kind in FAULTS.items() if "live" not in kind.where)
SEVERAL = tuple(name for name, kind in FAULTS.items() if len(kind.where) > 1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    with anyio.fail_after(20):
        async with live_server() as one:
            yield one


async def seconds(client: RawClient) -> list[int]:
    """Return the last digit of each price that comes before the answer to a PING, which is its second."""
    return [round(message["payload"]["value"] * 100) % 10 for message in await client.until_pong()]


async def test_freeze_sends_no_data_any_more_and_answers_pings(server: LiveServer) -> None:
    async with server.listener("crypto_prices_chainlink") as client:
        server.server.site.faults.start("freeze")
        server.price(1)
        await client.send(subscription("crypto_prices", "*", "btcusdt"))
        assert await client.silent()
        server.server.site.faults.stop("freeze")
        server.price(2)
        assert await seconds(client) == [7, 2]  # its back-fill is lost; of the new feed, five cents more
        (account,), _ = server.server.site.live_ledger.accounts
        assert sum(account.due.values()) - sum(account.sent.values()) == 2


async def test_a_freeze_of_live_data_leaves_the_books_alone(server: LiveServer) -> None:
    async with server.server.subscriber(YES) as books, server.listener("activity") as client:
        server.server.site.faults.start("freeze@live")
        server.trade()
        assert await client.silent()
        assert {message["event_type"] for message in await books.until_pong()} >= {"last_trade_price", "price_change"}


async def test_a_freeze_of_the_books_leaves_live_data_alone(server: LiveServer) -> None:
    async with server.server.subscriber(YES) as books, server.listener("activity") as client:
        server.server.site.faults.start("freeze@market")
        server.trade()
        assert len(await client.until_pong()) == 1
        assert await books.silent()


async def test_drop_connection_drops_live_connections_and_only_those_where_it_says_so(server: LiveServer) -> None:
    async with server.server.subscriber(YES) as books:
        async with server.listener("activity") as client:
            server.server.site.faults.start("drop-connection@live")
            assert await client.dropped()
        assert await books.silent()
        (ended,) = server.server.site.live_ledger.accounts[1]
        assert (ended.channel, ended.ended) == ("live", "dropped by the fault drop-connection")
        async with server.listener("activity") as client:
            server.server.site.faults.start("drop-connection")
            assert await client.dropped()
        assert await books.dropped()


async def test_drop_connection_waits_for_the_first_who_is_sent_something(server: LiveServer) -> None:
    server.server.site.faults.start("drop-connection@live")
    async with server.client() as client, server.server.subscriber(YES) as books:
        await client.send(subscription("crypto_prices"))
        assert await client.silent()
        server.price(1)
        assert await client.dropped()
        assert await books.silent()


async def test_a_dead_connection_answers_no_ping_and_a_new_one_is_served(server: LiveServer) -> None:
    async with server.listener("crypto_prices_chainlink") as client:
        server.server.site.faults.start("dead@live")
        server.price(1)
        await client.send("PING")
        async with server.listener("crypto_prices_chainlink") as other:
            server.price(2)
            assert await seconds(other) == [2]
        with anyio.move_on_after(0.1):
            raise AssertionError(await client.frame())


async def test_refuse_can_be_limited_to_live_data(server: LiveServer) -> None:
    server.server.site.faults.start("refuse@live")
    async with server.server.client(PATH) as client, server.server.client() as books:
        assert (client.status, books.status) == (503, 101)
    server.server.site.faults.stop("refuse@live")
    server.server.site.faults.start("refuse@market")
    async with server.server.client(PATH) as client, server.server.client() as books:
        assert (client.status, books.status) == (101, 503)
    server.server.site.faults.start("refuse")
    async with server.server.client(PATH) as client, server.server.client("/nowhere") as nowhere:
        assert (client.status, nowhere.status) == (503, 503)


async def test_duplicates_swaps_and_losses_of_prices_are_in_the_ledger(server: LiveServer) -> None:
    async with server.listener("crypto_prices_chainlink") as client:
        faults = server.server.site.faults
        faults.start("duplicate@live", "1")
        server.price(1, 2)
        assert await seconds(client) == [1, 1, 2, 2]
        faults.stop_all()
        faults.start("reorder", "1")
        server.price(3, 4)
        assert await seconds(client) == [4, 3]
        faults.stop_all()
        faults.start("drop-frame@live", "1")
        server.price(5)
        assert await client.silent()
        (account,), _ = server.server.site.live_ledger.accounts
        assert (sum(account.due.values()), sum(account.sent.values())) == (5, 6)


async def test_losses_spare_the_answer_to_a_subscription(server: LiveServer) -> None:
    server.price(1)
    for name in ("drop-frame", "duplicate", "reorder"):
        server.server.site.faults.start(name, "1")
    async with server.client() as client:
        await client.send(subscription("crypto_prices", "*", "btcusdt"))
        assert len(await client.until_pong()) == 1


async def test_slow_prices_come_late_and_in_order(server: LiveServer) -> None:
    async with server.listener("crypto_prices_chainlink") as client:
        server.server.site.faults.start("slow@live", "60")
        began = anyio.current_time()
        server.price(1, 2, 3)
        assert await seconds(client) == [1, 2, 3]
        assert anyio.current_time() - began >= 0.055


async def test_fragments_come_with_a_ping_between_them(server: LiveServer) -> None:
    async with server.listener("crypto_prices_chainlink") as client:
        server.server.site.faults.start("fragmented@live")
        server.price(1)
        frames = [await client.frame() for _ in range(4)]
    assert [frame.opcode for frame in frames] == [TEXT, PING, CONTINUATION, CONTINUATION]


@pytest.mark.parametrize("name", ["garbage", "bad-utf8"])
async def test_what_is_no_message_is_counted_as_such_by_our_decoder(server: LiveServer, name: str) -> None:
    decoder = LiveDecoder(lambda _: None)
    async with server.listener("crypto_prices_chainlink") as client:
        server.server.site.faults.start(f"{name}@live", "1")
        server.price(*range(1, 9))
        heard = [decoder.feed((await client.frame()).payload, 0) for _ in range(16)]
    assert heard == [Heard.UNREADABLE, Heard.DATA] * 8
    assert decoder.tally.messages == {"crypto_prices_chainlink.update": 8}


async def test_an_oversized_text_comes_first(server: LiveServer) -> None:
    async with server.listener("crypto_prices_chainlink") as client:
        server.server.site.faults.start("oversized@live", "70000")
        server.price(1)
        assert len((await client.frame()).payload) == 70_000
        assert await seconds(client) == [1]


async def test_faults_that_strike_elsewhere_leave_it_alone(server: LiveServer) -> None:
    async with server.listener("activity") as client:
        for name in ELSEWHERE:
            server.server.site.faults.start(name, "1" if FAULTS[name].takes == "a probability" else "")
        server.trade()
        assert len(await client.until_pong()) == 1


# ------------------------------------------------------------ one channel of several


async def test_a_limited_fault_is_one_of_its_own_beside_the_whole_one(server: LiveServer) -> None:
    async with httpx2.AsyncClient(base_url=server.server.url, trust_env=False) as client:
        for name in ("slow", "slow@live"):
            assert (await client.post("/venue/faults", json={"name": name, "argument": 1})).status_code == 200
        on = (await client.get("/venue")).json()["faults"]
        assert [fault["name"] for fault in on] == ["slow", "slow@live"]
        left = (await client.delete("/venue/faults/slow@live")).json()
        assert [fault["name"] for fault in left] == ["slow"]
        assert (await client.delete("/venue/faults/slow@live")).status_code == 404


@pytest.mark.parametrize("name", SEVERAL)
async def test_every_fault_of_several_channels_can_be_limited_to_each(server: LiveServer, name: str) -> None:
    for channel in FAULTS[name].where:
        server.server.site.start_faults([f"{name}@{channel}"])
    assert [fault["name"] for fault in server.server.site.faults.described()] == [
        f"{name}@{channel}" for channel in FAULTS[name].where
    ]
    server.server.site.faults.stop_all()


@pytest.mark.parametrize(
    "name", ["freeze@moon", "freeze@", "crossed@live", "user-drop@user", "geoblock@REST", "x@live"]
)
async def test_a_limit_that_is_none_is_refused(server: LiveServer, name: str) -> None:
    with pytest.raises(Misuse, match=r"strikes at|there is no fault"):
        server.server.site.faults.start(name)
    assert server.server.site.faults.described() == []
