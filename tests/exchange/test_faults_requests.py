"""Faults of requests, around an application that takes orders: what is answered, and what was done."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exchange.raw_http import Client, Port, serving
from polywire.exchange.faults import Faults
from polywire.exchange.faults.rest import RestFaults
from polywire.exchange.geoblock import geoblock_route
from polywire.exchange.ledger import Ledger

pytestmark = pytest.mark.anyio
PLACING = (("POST", "/clob/order"), ("POST", "/clob/orders"))
CANCELLING = tuple(("DELETE", f"/clob/{path}") for path in ("order", "orders", "cancel-all", "cancel-market-orders"))
READING = (("GET", "/clob/order"), ("GET", "/clob/book"), ("POST", "/clob/auth/api-key"), ("GET", "/gamma/markets"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Venue:
    """Takes whatever comes.

    Attributes:
        done: What it was asked for.
    """

    def __init__(self, faults: Faults) -> None:
        self.done: list[tuple[str, str, bytes]] = []
        route = Route("/{path:path}", self._take, methods=["GET", "POST", "DELETE"])
        self.asgi = RestFaults(Starlette(routes=[geoblock_route(faults), route]), faults)

    async def _take(self, request: Request) -> Response:
        self.done.append((request.method, request.url.path, await request.body()))
        return JSONResponse({"taken": len(self.done)})


class Setting:
    """A venue on a port, and its faults."""

    def __init__(self, faults: Faults, venue: Venue, port: Port) -> None:
        self.faults, self.venue, self.port = faults, venue, port

    async def ask(self, client: Client, method: str, path: str, body: bytes = b"{}") -> tuple[int, Any]:
        await self.say(client, method, path, body)
        return await client.answer()

    async def say(self, client: Client, method: str, path: str, body: bytes = b"{}") -> None:
        await client.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    faults = Faults(7, Ledger(), ())
    venue = Venue(faults)
    async with serving(venue.asgi) as port:
        yield Setting(faults, venue, port)


@pytest.mark.parametrize(("method", "path"), [*PLACING, *CANCELLING])
async def test_a_lost_answer_is_lost_after_the_deed(setting: Setting, method: str, path: str) -> None:
    setting.faults.start("lost-answer", "1")
    async with setting.port.client() as client:
        await setting.say(client, method, path, b'{"order":1}')
        assert await client.cut()
    assert setting.venue.done == [(method, path, b'{"order":1}')]
    assert setting.faults.described()[0]["did"] == 1


async def test_a_lost_answer_now_and_then_follows_from_the_seed(setting: Setting) -> None:
    fates = []
    for _ in range(2):
        setting.faults.start("lost-answer", "0.5")
        fate = []
        for _ in range(12):
            async with setting.port.client() as client:
                await setting.say(client, "POST", "/clob/order")
                fate.append(await answered(client))
        fates.append(fate)
    assert fates[0] == fates[1]
    assert len(set(fates[0])) == 2
    assert len(setting.venue.done) == 24


async def answered(client: Client) -> bool:
    try:
        return (await client.answer())[0] == 200
    except (EOFError, ConnectionError):
        return False


async def test_a_rate_limit_tells_when_to_come_again_and_spares_reads(setting: Setting) -> None:
    setting.faults.start("rate-limit", "2.5")
    async with setting.port.client() as client:
        for method, path in (*PLACING, *CANCELLING):
            assert await setting.ask(client, method, path) == (429, {"error": "Too Many Requests"})
            assert client.headers["retry-after"] == "3"
            assert client.headers["poly-ratelimit-remaining"] == "0"
            assert client.headers["poly-ratelimit-tier"] == "standard"
            assert 0 <= int(client.headers["poly-ratelimit-reset"]) - time.time() <= 5
        assert setting.venue.done == []
        for method, path in READING:
            assert (await setting.ask(client, method, path))[0] == 200


async def test_a_read_limit_is_for_reads_and_spares_orders_and_cancels(setting: Setting) -> None:
    setting.faults.start("read-limit", "2.5")
    async with setting.port.client() as client:
        for method, path in READING:
            assert await setting.ask(client, method, path) == (429, {"error": "Too Many Requests"})
            assert client.headers["retry-after"] == "3"
        assert setting.venue.done == []
        for method, path in (*PLACING, *CANCELLING):
            assert (await setting.ask(client, method, path))[0] == 200
        assert setting.faults.described()[0]["did"] == len(READING)


async def test_server_errors_do_nothing_and_say_what_the_venue_says(setting: Setting) -> None:
    setting.faults.start("server-errors", "1")
    async with setting.port.client() as client:
        for method, path in PLACING * 8:
            status, told = await setting.ask(client, method, path)
            assert status == 500
            assert told["error"] in {"could not insert order", "order timed out"}
        for method, path in CANCELLING:
            assert await setting.ask(client, method, path) == (500, {"error": "Internal server error"})
        assert setting.venue.done == []
        for method, path in READING:
            assert (await setting.ask(client, method, path))[0] == 200


async def test_a_geoblock_refuses_orders_and_lets_one_cancel(setting: Setting) -> None:
    async with setting.port.client() as client:
        assert await setting.ask(client, "GET", "/api/geoblock") == (
            200,
            {"blocked": False, "ip": "127.0.0.1", "country": "ZZ", "region": ""},
        )
        setting.faults.start("geoblock")
        for method, path in PLACING:
            status, told = await setting.ask(client, method, path)
            assert status == 403
            assert told["error"].startswith("Trading restricted in your region, please refer to available regions")
        assert setting.venue.done == []
        for method, path in (*CANCELLING, *READING):
            assert (await setting.ask(client, method, path))[0] == 200
        assert (await setting.ask(client, "GET", "/api/geoblock"))[1]["blocked"] is True
        assert setting.faults.described()[0]["did"] == len(PLACING)


async def test_slow_answers_are_late_and_the_deed_is_not(setting: Setting) -> None:
    setting.faults.start("slow-answers", "300")
    async with setting.port.client() as client:
        begun = anyio.current_time()
        await setting.say(client, "POST", "/clob/order")
        while not setting.venue.done:
            await anyio.lowlevel.checkpoint()
        done = anyio.current_time()
        assert await client.answer() == (200, {"taken": 1})
        assert done - begun < 0.2
        assert anyio.current_time() - begun >= 0.299


async def test_the_first_refusal_counts_and_the_rest_of_the_faults_stand_together(setting: Setting) -> None:
    setting.faults.start("server-errors", "1")
    setting.faults.start("rate-limit")
    setting.faults.start("geoblock")
    async with setting.port.client() as client:
        assert (await setting.ask(client, "POST", "/clob/order"))[0] == 403
        assert (await setting.ask(client, "DELETE", "/clob/order"))[0] == 429
        setting.faults.stop("geoblock")
        setting.faults.stop("rate-limit")
        assert (await setting.ask(client, "POST", "/clob/order"))[0] == 500


async def test_steering_is_spared(setting: Setting) -> None:
    """Or nobody could turn the fault off any more."""
    for name, argument in (("slow-answers", "60000"), ("lost-answer", "1"), ("server-errors", "1")):
        setting.faults.start(name, argument)
    async with setting.port.client() as client:
        with anyio.fail_after(5):
            assert await setting.ask(client, "DELETE", "/venue/faults") == (200, {"taken": 1})
            assert json.loads(setting.venue.done[0][2]) == {}
