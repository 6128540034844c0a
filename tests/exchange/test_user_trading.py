"""The user channel of a whole exchange: what it tells traders is what REST shows them, and no secret is anywhere."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest

from exchange.raw_client import RawClient, Server
from exchange.traders import ANNS_KEY, BOBS_KEY, UP, Trader, books, trading_server
from polywire.exchange.websocket import USER_PATH
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def listening(server: Server, trader: Trader) -> AsyncIterator[RawClient]:
    async with server.client(USER_PATH) as client:
        await client.send({"type": "user", "auth": trader.credentials})
        assert await client.silent()
        yield client


@asynccontextmanager
async def two_traders() -> AsyncIterator[tuple[Server, Trader, Trader]]:
    """Yield an exchange with ann, who has 10 shares of both outcomes, and bob, who has money."""
    with anyio.fail_after(30):
        async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
            ann, bob = Trader(http, ANNS_KEY), Trader(http, BOBS_KEY)
            for one in (ann, bob):
                await one.join()
            assert server.site.venue is not None
            (condition,) = server.site.venue.catalogue.markets
            books(server).split(ann.account, condition, 10 * SIZE_ONE)
            yield server, ann, bob


async def rows(trader: Trader, path: str) -> list[dict[str, Any]]:
    answer = await trader.ask("GET", path)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def shared(told: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Return what a message says under the names of a REST row."""
    numbers = {"created_at": int(told["created_at"])} if "created_at" in told else {}
    return {key: value for key, value in (told | numbers).items() if key in row}


async def test_a_trade_is_told_to_both_sides_to_its_end_as_rest_shows_it() -> None:
    async with two_traders() as (server, ann, bob), listening(server, ann) as maker, listening(server, bob) as taker:
        assert (await ann.place(ann.order("SELL", 5_200, 10))).status_code == 200
        placed = await maker.message()
        (open_order,) = await rows(ann, "/data/orders")
        assert (placed["type"], placed["status"]) == ("PLACEMENT", "LIVE")
        assert shared(placed, open_order) == open_order

        assert (await bob.place(bob.order("BUY", 5_200, 6))).status_code == 200
        assert server.site.venue is not None
        for state in ("MATCHED", "MINED", "CONFIRMED"):
            while (heard := await taker.message())["event_type"] != "trade":
                pass
            while (mine := await maker.message())["event_type"] != "trade":
                pass
            assert (heard["status"], heard["trader_side"], heard["owner"]) == (
                state,
                "TAKER",
                bob.credentials["apiKey"],
            )
            assert (mine["status"], mine["trader_side"], mine["owner"]) == (state, "MAKER", ann.credentials["apiKey"])
            for trader, told in ((bob, heard), (ann, mine)):
                (row,) = await rows(trader, "/data/trades")
                assert shared(told, row) == row
            server.site.venue.clock.step(3_000)

        (open_order,) = await rows(ann, "/data/orders")
        assert open_order["size_matched"] == "6"
        assert (await ann.ask("DELETE", "/order", {"orderID": open_order["id"]})).status_code == 200
        told = await maker.until_pong()
        assert [(one["type"], one["status"], one["size_matched"]) for one in told if one["event_type"] == "order"][
            -1
        ] == ("CANCELLATION", "CANCELED", "6")


async def test_who_deletes_the_key_of_a_socket_loses_the_socket() -> None:
    async with two_traders() as (server, ann, bob), listening(server, ann) as client, listening(server, bob) as other:
        assert (await ann.ask("DELETE", "/auth/api-key")).status_code == 200
        assert await client.dropped()
        assert await other.silent()


async def test_no_secret_is_in_the_log_or_on_the_exchanges_page(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with two_traders() as (server, ann, bob):
        async with listening(server, ann) as client:
            await ann.place(ann.order("SELL", 5_200, 10))
            assert (await client.message())["type"] == "PLACEMENT"
            await client.send({"operation": "subscribe", "auth": bob.credentials})
            assert await client.dropped()
        page = (await ann.client.get("/venue")).text
    said = page + caplog.text + "".join(capfd.readouterr())
    assert "dropped: it named other credentials than before" in page
    assert f'"{UP}":{{"order":1}}' in page
    for trader in (ann, bob):
        assert trader.credentials["secret"] not in said
        assert trader.credentials["passphrase"] not in said
