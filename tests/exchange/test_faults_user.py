"""Faults on the user channel, shown on raw sockets; those of the market channel leave it alone."""

import json
from collections.abc import AsyncIterator

import anyio
import pytest

from exchange.private_records import ANN, BOB, user_order
from exchange.raw_client import RawClient
from exchange.user_server import UserServer, user_server
from exchange.venues import START_MS
from polywire.exchange.faults import FAULTS
from polywire.exchange.user_messages import order_message

pytestmark = pytest.mark.anyio

OF_THE_MARKET = ("freeze-token", "no-snapshot", "drop-frame", "reorder", "duplicate", "crossed")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[UserServer]:
    with anyio.fail_after(20):
        async with user_server() as one:
            yield one


def tell(server: UserServer, *numbers: int, key: str = ANN) -> None:
    """Tell a key that orders of these numbers were placed."""
    orders = [user_order(number, key=key) for number in numbers]
    server.channel.publish([order_message(order, "PLACEMENT", START_MS) for order in orders])


async def heard(client: RawClient) -> list[int]:
    """Return the numbers of the orders that come before the answer to a PING."""
    return [int(message["id"], 16) for message in await client.until_pong()]


async def test_user_drop_loses_events_and_the_ledger_knows_how_many(server: UserServer) -> None:
    async with server.listener(ANN) as client:
        server.faults.start("user-drop", "0.5")
        tell(server, *range(1, 41))
        told = await heard(client)
        (account,), _ = server.ledger.accounts
        assert 0 < len(told) < 40
        assert told == sorted(told)
        assert sum(account.due.values()) - sum(account.sent.values()) == 40 - len(told)
        assert server.faults.described()[0]["did"] == 40 - len(told)


async def test_user_reorder_swaps_neighbours_and_keeps_nothing_at_its_end(server: UserServer) -> None:
    async with server.listener(ANN) as client:
        server.faults.start("user-reorder", "1")
        tell(server, 1, 2, 3)
        assert await heard(client) == [2, 1]
        server.faults.stop("user-reorder")
        assert await heard(client) == [3]


async def test_user_duplicate_sends_twice(server: UserServer) -> None:
    async with server.listener(ANN) as client, server.listener(BOB) as other:
        server.faults.start("user-duplicate", "1")
        tell(server, 1, 2)
        tell(server, 3, key=BOB)
        assert await heard(client) == [1, 1, 2, 2]
        assert await heard(other) == [3, 3]


async def test_faults_of_the_market_channel_leave_it_alone(server: UserServer) -> None:
    for name in OF_THE_MARKET:
        server.faults.start(name, "1" if FAULTS[name].takes == "a probability" else "")
    async with server.listener(ANN) as client:
        tell(server, 1, 2, 3)
        assert await heard(client) == [1, 2, 3]
    assert [fault["did"] for fault in server.faults.described()] == [0] * len(OF_THE_MARKET)


async def test_the_end_of_a_fault_of_one_channel_gives_away_nothing_of_the_other(server: UserServer) -> None:
    async with server.listener(ANN) as client:
        server.faults.start("reorder", "1")
        server.faults.start("user-reorder", "1")
        tell(server, 1)
        server.faults.stop("reorder")
        assert await heard(client) == []
        server.faults.stop("user-reorder")
        assert await heard(client) == [1]


async def test_freeze_and_slow_and_fragments_meet_it_too(server: UserServer) -> None:
    async with server.listener(ANN) as client:
        server.faults.start("freeze")
        tell(server, 1)
        assert await heard(client) == []
        server.faults.stop("freeze")
        server.faults.start("slow", "100")
        begun = anyio.current_time()
        tell(server, 2)
        assert int((await client.message())["id"], 16) == 2
        assert anyio.current_time() - begun >= 0.099
        server.faults.stop("slow")
        server.faults.start("fragmented")
        tell(server, 3)
        frames = [await client.frame() for _ in range(4)]
        assert int(json.loads(b"".join(frames[at].payload for at in (0, 2, 3)))["id"], 16) == 3


async def test_drop_connection_and_refuse_meet_it_too(server: UserServer) -> None:
    async with server.listener(ANN) as client:
        server.faults.start("refuse")
        server.faults.start("drop-connection")
        assert await client.dropped()
        async with server.client() as refused:
            assert refused.status == 503


async def test_a_fault_that_is_asked_for_strikes_only_while_it_is_on(server: UserServer) -> None:
    """The bookkeeper asks so for what happens behind the channel."""
    assert not server.faults.strikes("ghost-fill")
    server.faults.start("ghost-fill", "0.5")
    rolled = [server.faults.strikes("ghost-fill") for _ in range(100)]
    assert server.faults.described()[0]["did"] == sum(rolled)
    assert 25 < sum(rolled) < 75
    server.faults.start("blank-size-matched")
    assert server.faults.strikes("blank-size-matched")
    assert not server.faults.on, "no message on its way can meet one of these"
