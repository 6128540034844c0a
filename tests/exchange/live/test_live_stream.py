"""Live data as the official client's own stream hears it, which knows the topics of prices."""

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from polymarket._internal.streams.rtds.manager import RtdsStreamManager
from polymarket.models.rtds_events import CryptoPricesBinanceEvent, CryptoPricesChainlinkEvent
from polymarket.streams import CommentsSpec, CryptoPricesSpec

from exchange.live.live_clients import LiveServer, live_server
from exchange.venues import START_MS

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    with anyio.fail_after(20):
        async with live_server() as one:
            yield one


@asynccontextmanager
async def sdk(server: LiveServer) -> AsyncIterator[RtdsStreamManager]:
    manager = RtdsStreamManager(url=server.url)
    try:
        yield manager
        assert manager.dropped_events == 0
    finally:
        await manager.close()


def spec(topic: Any, *symbols: str) -> CryptoPricesSpec:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the service is being replaced, and stands
        return CryptoPricesSpec(topic=topic, symbols=list(symbols) or None)


async def subscribed(server: LiveServer, *wanted: str) -> None:
    """Return once the only connection has subscribed to these."""
    while [server.channel.listed(one) for one in server.connections] != [list(wanted)]:
        await anyio.lowlevel.checkpoint()


def second_of(event: object) -> int:
    """Return which second's price it is."""
    assert isinstance(event, CryptoPricesBinanceEvent)
    return (event.payload.timestamp - START_MS) // 1_000


async def test_it_hears_both_feeds_and_filters_by_itself(server: LiveServer) -> None:
    async with sdk(server) as manager:
        binance = await manager.subscribe(spec("prices.crypto.binance", "btcusdt"))
        chainlink = await manager.subscribe(spec("prices.crypto.chainlink"))
        await subscribed(server, "crypto_prices.update", "crypto_prices_chainlink.update")
        server.price(1, asset="eth", cents=426_000)
        server.price(1)
        first, second, third = await anext(binance), await anext(chainlink), await anext(chainlink)
    assert isinstance(first, CryptoPricesBinanceEvent)
    assert (first.payload.symbol, first.payload.value) == ("btcusdt", Decimal("118400.06"))
    assert first.payload.timestamp == START_MS + 1_000
    assert first.timestamp == datetime.fromtimestamp(START_MS / 1_000, UTC)
    assert isinstance(second, CryptoPricesChainlinkEvent)
    assert isinstance(third, CryptoPricesChainlinkEvent)
    assert [(one.payload.symbol, one.payload.value) for one in (second, third)] == [
        ("eth/usd", Decimal("4260.01")),
        ("btc/usd", Decimal("118400.01")),
    ]


async def test_closing_a_handle_unsubscribes_it(server: LiveServer) -> None:
    async with sdk(server) as manager:
        binance = await manager.subscribe(spec("prices.crypto.binance"))
        await manager.subscribe(CommentsSpec())
        await subscribed(server, "crypto_prices.update", "comments.comment_created")
        await binance.close()
        await subscribed(server, "comments.comment_created")


async def test_it_comes_back_and_subscribes_again_after_a_drop(server: LiveServer) -> None:
    async with sdk(server) as manager:
        binance = await manager.subscribe(spec("prices.crypto.binance"))
        await subscribed(server, "crypto_prices.update")
        server.price(1)
        assert second_of(await anext(binance)) == 1
        server.server.site.faults.start("drop-connection@live")
        while server.connections:
            await anyio.lowlevel.checkpoint()
        server.price(2)
        server.server.site.faults.stop_all()
        await subscribed(server, "crypto_prices.update")
        server.price(3)
        assert second_of(await anext(binance)) == 3
