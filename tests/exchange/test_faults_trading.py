"""Faults of requests and settlement as those who trade meet them: through the official client, and in the books."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import httpx2
import pytest
from polymarket import AsyncSecureClient
from polymarket._internal import environment as private
from polymarket.environments import PRODUCTION
from polymarket.errors import RateLimitError, RequestRejectedError, TransportError
from polymarket.rate_limit import RateLimitUpdate

from exchange.raw_client import Server
from exchange.traders import ANNS_KEY, BOBS_KEY, TRADED, UP, Trader, books, trading_server
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    with anyio.fail_after(60):
        async with trading_server() as one:
            yield one


@asynccontextmanager
async def official(
    server: Server, told: list[RateLimitUpdate] | None = None
) -> AsyncIterator[tuple[AsyncSecureClient, str]]:
    """Yield the official client on a wallet of its own, and that wallet."""
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        about = (await client.get("/venue")).json()
        wallet = Trader(client).address
    urls, contracts = about["urls"], about["contracts"]
    config = dataclasses.replace(
        private.get_environment_config(PRODUCTION),
        chain_id=about["chain_id"],
        clob_url=urls["clob"],
        gamma_url=urls["gamma"],
        data_url=urls["data"],
        relayer_url=urls["relayer"],
        standard_exchange=contracts["standard_exchange"],
        neg_risk_exchange=contracts["neg_risk_exchange"],
        exchange_v3=contracts["exchange_v3"],
        collateral_token=contracts["collateral"],
    )
    async with await AsyncSecureClient.create(
        private_key=ANNS_KEY,
        wallet=wallet,
        environment=private.create_environment(name="local", config=config),
        on_rate_limit_update=None if told is None else told.append,
    ) as one:
        yield one, wallet.lower()


async def bid(client: AsyncSecureClient) -> Any:
    return await client.place_limit_order(token_id=UP, price=Decimal("0.4"), size=Decimal(10), side="BUY")


async def test_the_official_client_finds_the_order_whose_answer_was_lost(server: Server) -> None:
    async with official(server) as (client, account):
        server.site.faults.start("lost-answer", "1")
        with pytest.raises(TransportError):
            await bid(client)
        server.site.faults.stop_all()
        (order,) = (await client.list_open_orders().first_page()).items
        assert [one.id for one in books(server).open_orders(account)] == [order.id]
        server.site.faults.start("lost-answer", "1")
        with pytest.raises(TransportError):
            await client.cancel_all()
        assert books(server).open_orders(account) == []


async def test_the_official_client_is_told_when_to_come_again(server: Server) -> None:
    told: list[RateLimitUpdate] = []
    async with official(server, told) as (client, account):
        server.site.faults.start("rate-limit", "7")
        with pytest.raises(RateLimitError) as limited:
            await bid(client)
        assert limited.value.retry_after == 7
        assert (told[-1].remaining, told[-1].tier) == (0, "Standard")
        assert books(server).open_orders(account) == []


@pytest.mark.parametrize(("fault", "argument", "status"), [("server-errors", "1", 500), ("geoblock", "", 403)])
async def test_the_official_client_reads_a_refusal_and_nothing_was_done(
    server: Server, fault: str, argument: str, status: int
) -> None:
    async with official(server) as (client, account):
        server.site.faults.start(fault, argument)
        with pytest.raises(RequestRejectedError) as rejected:
            await bid(client)
        assert rejected.value.status == status
        assert rejected.value.restriction is None
        server.site.faults.stop_all()
        assert books(server).open_orders(account) == []
        assert (await bid(client)).status == "live"


async def test_a_ghost_fill_is_told_as_failed_and_leaves_the_money_where_it_was(server: Server) -> None:
    venue = server.site.venue
    assert venue is not None
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        ann, bob = Trader(client, ANNS_KEY), Trader(client, BOBS_KEY)
        for one in (ann, bob):
            await one.join()
        books(server).split(bob.account, TRADED, 50 * SIZE_ONE)
        before = money(server)
        server.site.faults.start("ghost-fill", "1")
        assert (await bob.place(bob.order("SELL", 4_000, 10))).json()["status"] == "live"
        assert (await ann.place(ann.order("BUY", 4_000, 10))).json()["status"] == "matched"
        assert money(server) != before
        states = [(await trades(ann))[0]["status"]]
        while states[-1] not in {"FAILED", "CONFIRMED"}:
            venue.clock.step(1_000)
            await anyio.lowlevel.checkpoint()
            state = (await trades(ann))[0]["status"]
            if state != states[-1]:
                states.append(state)
        assert states == ["MATCHED", "FAILED"]
        assert money(server) == before


def money(server: Server) -> list[tuple[str, int, int]]:
    keeper = books(server)
    return [(one.account, one.collateral, keeper.shares(one.account, UP)) for one in keeper.wallets()]


async def trades(trader: Trader) -> list[dict[str, Any]]:
    answer = await trader.ask("GET", "/data/trades")
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows
