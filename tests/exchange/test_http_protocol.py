"""What a request may take, and how a connection that breaks a limit ends: bytes on a real socket."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exchange.raw_http import Port, serving
from polywire.exchange.answers import BODY_LIMIT, Refused, raw_body_of, refused
from polywire.exchange.http_protocol import HEAD_LIMIT, HttpProtocol, drop_connection
from polywire.exchange.open_files import allow_many_sockets

pytestmark = pytest.mark.anyio
GET = b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Impatient(HttpProtocol):
    """Waits so little that a test can see the end of it."""

    whole_within_s = 0.2
    linger_s = 0.2


class Application:
    """Counts what reaches it.

    Attributes:
        bodies: Lengths of the bodies that were read whole.
        reached: Requests that it was handed.
    """

    def __init__(self) -> None:
        self.bodies: list[int] = []
        self.reached = 0
        routes = [
            Route("/ok", self._ok),
            Route("/body", self._body, methods=["POST"]),
            Route("/dropped", self._dropped, methods=["POST"]),
        ]
        self.asgi = Starlette(routes=routes, exception_handlers={Refused: refused})

    async def _ok(self, _: Request) -> Response:
        self.reached += 1
        return JSONResponse("OK")

    async def _body(self, request: Request) -> Response:
        self.reached += 1
        body = await raw_body_of(request)
        self.bodies.append(len(body))
        return JSONResponse(len(body))

    async def _dropped(self, request: Request) -> Response:
        self.bodies.append(len(await request.body()))
        drop_connection(request.scope)
        return JSONResponse("never seen")


class Served(NamedTuple):
    """The application, and where it is."""

    application: Application
    port: Port


@asynccontextmanager
async def served(protocol: type[HttpProtocol]) -> AsyncIterator[Served]:
    application = Application()
    async with serving(application.asgi, protocol) as port:
        yield Served(application, port)


@pytest.fixture
async def patient() -> AsyncIterator[Served]:
    async with served(HttpProtocol) as one:
        yield one


@pytest.fixture
async def impatient() -> AsyncIterator[Served]:
    async with served(Impatient) as one:
        yield one


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.ERROR)
    yield
    logged = [*caplog.get_records("call"), *caplog.records]
    assert [record.getMessage() for record in logged] == []


def post(length: int, path: str = "/body") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path.encode(), length)


async def test_requests_follow_one_another_on_a_connection(patient: Served) -> None:
    async with patient.port.client() as client:
        for _ in range(3):
            await client.send(GET)
            assert await client.answer() == (200, "OK")
            await client.send(post(5), b"12345")
            assert await client.answer() == (200, 5)
    assert patient.application.bodies == [5, 5, 5]


async def test_requests_sent_together_are_answered_in_order(patient: Served) -> None:
    async with patient.port.client() as client:
        await client.send(GET + post(3) + b"abc" + GET)
        assert [await client.answer() for _ in range(3)] == [(200, "OK"), (200, 3), (200, "OK")]


async def test_a_request_may_come_byte_by_byte(patient: Served) -> None:
    whole = post(3) + b"abc"
    async with patient.port.client() as client:
        await client.send(*(whole[at : at + 1] for at in range(len(whole))))
        assert await client.answer() == (200, 3)


@pytest.mark.parametrize("beginning", [b"", b"\r\n", b"\r\n\r\n"], ids=["nothing", "a line", "two lines"])
async def test_a_connection_that_asks_for_nothing_ends(impatient: Served, beginning: bytes) -> None:
    async with impatient.port.client() as client:
        await client.send(beginning)
        assert await client.cut()
    assert impatient.application.reached == 0


@pytest.mark.parametrize(
    "part",
    [b"G", b"GET /ok HTTP/1.1\r\nHost: x\r\n", post(10), post(10) + b"123456789", b"GET /ws HTTP/1.1\r\nUpgrade: webs"],
    ids=["a letter", "a head", "no body", "most of a body", "a handshake"],
)
async def test_a_request_that_is_not_whole_in_time_is_told_so_and_ends(impatient: Served, part: bytes) -> None:
    async with impatient.port.client() as client:
        await client.send(part)
        assert await client.answer() == (
            408,
            {"error": "the request was not whole within 0.2 s; send it again, all of it"},
        )
        assert await client.ended()
    assert impatient.application.bodies == []


async def test_a_request_that_drips_ends_all_the_same(impatient: Served) -> None:
    """A byte now and then buys no time: it counts from the first."""
    async with impatient.port.client() as client:
        await client.send(b"GET /ok HTTP/1.1\r\nX-Drip: ")
        first = b""
        while not first:
            await client.send(b"a")
            with anyio.move_on_after(0.02):
                first = await client.reader.read(1)
        assert (await client.answer())[0] == 408


async def test_time_begins_anew_with_each_request(impatient: Served) -> None:
    async with impatient.port.client() as client:
        await client.send(GET)
        assert await client.answer() == (200, "OK")
        await client.send(b"GET /ok HT")
        assert (await client.answer())[0] == 408
        assert await client.ended()


async def test_an_unfinished_second_request_is_not_mistaken_for_the_first(impatient: Served) -> None:
    async with impatient.port.client() as client:
        await client.send(GET + b"GET /ok")
        assert await client.answer() == (200, "OK")
        assert (await client.answer())[0] == 408


@pytest.mark.parametrize(
    "filler", [b"X-Long: " + b"a" * HEAD_LIMIT, b"X: y\r\n" * (HEAD_LIMIT // 2)], ids=["one", "many"]
)
async def test_a_head_that_is_too_long_is_refused(patient: Served, filler: bytes) -> None:
    async with patient.port.client() as client:
        await client.send(b"GET /ok HTTP/1.1\r\nHost: x\r\n" + filler + b"\r\n\r\n")
        assert await client.answer() == (
            431,
            {"error": "the request's target and headers are longer than 65536 bytes"},
        )
        assert await client.ended()
    assert patient.application.reached == 0


async def test_a_header_without_an_end_is_refused_before_it_fills_the_memory(patient: Served) -> None:
    async with patient.port.client() as client:
        await client.send(b"GET /ok HTTP/1.1\r\nX-Endless: ", *([b"a" * 10_000] * 30))
        assert (await client.answer())[0] == 431
        assert await client.ended()


async def test_a_head_just_within_the_limit_is_served(patient: Served) -> None:
    async with patient.port.client() as client:
        await client.send(b"GET /ok HTTP/1.1\r\nX-Long: " + b"a" * (HEAD_LIMIT - 100) + b"\r\n\r\n")
        assert await client.answer() == (200, "OK")


async def test_ten_megabytes_are_refused_by_their_announcement_and_the_answer_arrives(patient: Served) -> None:
    """A client that sends all of its body before it reads must find the answer, and no reset in its place."""
    async with patient.port.client() as client:
        await client.send(post(10 << 20), *([b"x" * (1 << 16)] * 160))
        assert await client.answer() == (413, {"error": "the body is longer than 1048576 bytes"})
        assert await client.ended()
    assert patient.application.reached == 0


async def test_a_client_that_waits_for_leave_to_send_is_refused_at_once(patient: Served) -> None:
    async with patient.port.client() as client:
        await client.send(post(10 << 20).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert (await client.answer())[0] == 413


async def test_a_body_of_no_stated_length_is_refused_once_it_is_too_long(patient: Served) -> None:
    chunk = b"10000\r\n" + b"x" * (1 << 16) + b"\r\n"
    async with patient.port.client() as client:
        await client.send(b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", *([chunk] * 160))
        assert await client.answer() == (413, {"error": "the body is longer than 1048576 bytes"})
        assert await client.ended()
    assert patient.application.bodies == []


async def test_a_body_at_the_limit_is_read(patient: Served) -> None:
    async with patient.port.client() as client:
        await client.send(post(BODY_LIMIT), b"x" * BODY_LIMIT)
        assert await client.answer() == (200, BODY_LIMIT)


async def test_a_body_that_nobody_asked_for_is_bounded_too(patient: Served) -> None:
    """The application has answered by then: there is no second answer, and an end."""
    chunk = b"10000\r\n" + b"x" * (1 << 16) + b"\r\n"
    async with patient.port.client() as client:
        await client.send(b"GET /ok HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", *([chunk] * 32))
        assert await client.answer() == (200, "OK")
        assert await client.ended()


async def test_who_goes_on_sending_after_a_refusal_is_cut_off(impatient: Served) -> None:
    async with impatient.port.client() as client:
        await client.send(post(1 << 40))
        assert (await client.answer())[0] == 413
        assert await client.ended()
        with anyio.fail_after(5):
            while impatient.port.connections:
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HELO example\r\n\r\n",
        b"GET /ok HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"POST /body HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /body HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /body HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /ok HTTP/1.1\r\nBad Header\r\n\r\n",
    ],
    ids=["TLS", "SMTP", "version", "path", "negative", "huge", "two lengths", "chunk", "header"],
)
async def test_what_is_no_http_is_told_so(patient: Served, said: bytes) -> None:
    async with patient.port.client() as client:
        await client.send(said)
        status, told = await client.answer()
        assert (status, set(told)) == (400, {"error"})
        assert await client.ended()
    assert patient.application.bodies == []


async def test_a_dropped_connection_ends_without_a_byte_after_the_deed(patient: Served) -> None:
    async with patient.port.client() as client:
        await client.send(post(4, "/dropped"), b"deed")
        assert await client.cut()
    assert patient.application.bodies == [4]


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_forgotten(patient: Served) -> None:
    async with patient.port.client() as client:
        await client.send(post(10), b"1234")
        with anyio.fail_after(5):
            while not patient.application.reached:
                await anyio.lowlevel.checkpoint()
    with anyio.fail_after(5):
        while patient.port.connections:
            await anyio.lowlevel.checkpoint()
    assert patient.application.bodies == []


async def test_a_thousand_silent_connections_hinder_nobody(patient: Served) -> None:
    assert allow_many_sockets() > 2_100
    silent = [await asyncio.open_connection(*patient.port.address) for _ in range(1_000)]
    try:
        async with patient.port.client() as client:
            with anyio.fail_after(1):
                await client.send(GET)
                assert await client.answer() == (200, "OK")
    finally:
        for _, writer in silent:
            writer.transport.abort()
