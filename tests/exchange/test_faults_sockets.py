"""A connection that dies without a word, and one that no fault touches, shown on raw sockets."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest

from exchange.raw_client import CLOSE, PING, RawClient, Server, served
from exchange.venues import NO, YES, listed, order

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    with anyio.fail_after(20):
        async with served(listed()) as one:
            yield one


def bid(server: Server, price: int) -> None:
    assert server.site.venue is not None
    assert server.site.venue.place(order(f"bid-{price}", "ann", "BUY", price, 5)).refusal is None


async def nothing_comes(client: RawClient, others: RawClient) -> bool:
    """Return whether a client hears nothing, though the server has answered another in the meantime."""
    waiting = asyncio.ensure_future(client.frame())
    for _ in range(3):
        assert await others.silent()
    heard = waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return not heard


async def test_dead_writes_nothing_any_more_pongs_neither_and_serves_who_comes_new(server: Server) -> None:
    async with server.subscriber(YES) as old:
        server.site.faults.start("dead")
        bid(server, 4_000)
        await old.send("PING")
        await old.send(b"are you there", PING)
        await old.send({"operation": "subscribe", "assets_ids": [NO]})
        async with server.subscriber(YES) as new:
            assert await nothing_comes(old, new)
            bid(server, 4_100)
            assert [message["event_type"] for message in await new.until_pong()] == ["price_change"]
            server.site.faults.stop("dead")
            bid(server, 4_200)
            assert len(await new.until_pong()) == 1
            await old.send(b"\x03\xe8", CLOSE)
            assert await nothing_comes(old, new), "the dead answer no goodbye, and do not come back"


async def test_what_was_due_to_the_dead_is_in_the_ledger_and_was_not_sent(server: Server) -> None:
    async with server.subscriber(YES):
        account = server.connection.account
        before = dict(account.sent)
        server.site.faults.start("dead")
        assert server.site.faults.described()[0]["did"] == 1
        bid(server, 4_000)
        assert (account.sent, account.due[YES, "price_change"]) == (before, 1)


async def test_a_spared_connection_meets_no_fault(server: Server) -> None:
    server.site.faults.start("refuse")
    server.site.faults.start("drop-connection", "0.01")
    for name in ("freeze", "dead", "drop-frame", "no-snapshot"):
        server.site.faults.start(name, "1" if name == "drop-frame" else "")
    async with server.client("/ws/market?spared") as client:
        assert client.status == 101
        await client.send({"type": "market", "assets_ids": [YES]})
        assert [book["asset_id"] for book in await client.message()] == [YES]
        bid(server, 4_000)
        assert len(await client.until_pong()) == 1
    async with server.client() as other:
        assert other.status == 503
