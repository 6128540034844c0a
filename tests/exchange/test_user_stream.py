"""The user channel as the official client's own stream hears it. The rest of that client is in tests/e2e."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio
import pytest
from polymarket._internal.streams.clob.user import ClobUserStreamManager
from polymarket.models import ApiKeyCreds
from polymarket.models.clob.user_events import UserOrderEvent, UserTradeEvent

from exchange.private_records import ANN, BOB, leg, user_order, user_trade
from exchange.user_server import UserServer, auth, user_server
from exchange.venues import CONDITION, START_MS
from polywire.exchange.trading.records import TradeState
from polywire.exchange.user_messages import UserMessage, order_message, trade_message
from polywire.model.units import ConditionId

pytestmark = pytest.mark.anyio

OTHER = ConditionId("0xc2")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[UserServer]:
    with anyio.fail_after(20):
        async with user_server() as one:
            yield one


@asynccontextmanager
async def sdk(server: UserServer, key: str = ANN) -> AsyncIterator[ClobUserStreamManager]:
    async def credentials() -> ApiKeyCreds:
        return ApiKeyCreds.model_validate(auth(key))

    async with ClobUserStreamManager(url=server.url, resolve_credentials=credentials) as manager:
        yield manager
        assert manager.dropped_events == 0


async def filters(server: UserServer, *wanted: Iterable[str]) -> None:
    """Return once the sockets' filters are these."""
    expected = sorted(sorted(one) for one in wanted)
    while server.filters() != expected:
        await anyio.lowlevel.checkpoint()


def placed(number: int, condition: ConditionId = CONDITION) -> UserMessage:
    return order_message(user_order(number, condition=condition), "PLACEMENT", START_MS)


async def test_it_hears_an_order_and_a_trade_to_its_end(server: UserServer) -> None:
    trade = user_trade(leg(7, BOB), key=ANN)
    async with sdk(server) as manager, await manager.subscribe() as events:
        await filters(server, [])
        server.channel.publish([placed(1), trade_message(trade, ANN, "TAKER", START_MS)])
        for state in (TradeState.MINED, TradeState.CONFIRMED):
            trade.state = state
            server.channel.publish([trade_message(trade, ANN, "TAKER", START_MS)])
        heard = [await anext(events) for _ in range(4)]
    assert isinstance(heard[0], UserOrderEvent)
    assert [one.payload.status for one in heard] == ["LIVE", "MATCHED", "MINED", "CONFIRMED"]
    assert {one.payload.id for one in heard if isinstance(one, UserTradeEvent)} == {trade.id}


async def test_its_filter_widens_to_all_and_narrows_again(server: UserServer) -> None:
    """It widens by unsubscribing what it listed, and narrows by subscribing it again."""
    async with sdk(server) as manager, await manager.subscribe(markets=[CONDITION]) as some:
        await filters(server, [CONDITION])
        server.channel.publish([placed(1, OTHER), placed(2)])
        assert int((await anext(some)).payload.id, 16) == 2
        async with await manager.subscribe() as everything:
            await filters(server, [])
            server.channel.publish([placed(3, OTHER), placed(4)])
            assert [int((await anext(everything)).payload.id, 16) for _ in range(2)] == [3, 4]
        await filters(server, [CONDITION])
        server.channel.publish([placed(5, OTHER), placed(6)])
        assert [int((await anext(some)).payload.id, 16) for _ in range(2)] == [4, 6]
    assert sum(account.frames for account in (*server.ledger.accounts[0], *server.ledger.accounts[1])) == 4


async def test_it_comes_back_after_a_drop_with_its_filter(server: UserServer) -> None:
    async with sdk(server) as manager, await manager.subscribe(markets=[CONDITION]) as events:
        await filters(server, [CONDITION])
        (connection,) = server.channel.connections
        connection.drop("dropped by the test")
        await filters(server)
        await filters(server, [CONDITION])
        server.channel.publish([placed(1, OTHER), placed(2)])
        assert int((await anext(events)).payload.id, 16) == 2


async def test_two_clients_of_different_keys_hear_their_own(server: UserServer) -> None:
    trade = user_trade(leg(7, BOB), key=ANN)
    async with (
        sdk(server, ANN) as first,
        sdk(server, BOB) as second,
        await first.subscribe() as ann,
        await second.subscribe() as bob,
    ):
        await filters(server, [], [])
        server.channel.publish(
            [trade_message(trade, ANN, "TAKER", START_MS), trade_message(trade, BOB, "MAKER", START_MS)]
        )
        heard = await asyncio.gather(anext(ann), anext(bob))
    assert [isinstance(one, UserTradeEvent) and one.payload.trader_side for one in heard] == ["TAKER", "MAKER"]
