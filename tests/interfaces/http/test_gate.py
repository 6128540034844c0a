"""The gate, over real sockets: what it lets through, what it refuses, and that a refusal says what to do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from loopback import HERE, PATIENCE_S
from polywire.errors import PolywireError
from polywire.interfaces.http.gate import GRANT, Gate
from polywire.interfaces.http.server import listening
from polywire.interfaces.http.terms import Terms, Way, host_of, is_loopback_bind
from polywire.io.tokens import Tokens
from polywire.model.roles import Grant, Role

pytestmark = pytest.mark.anyio

WAYS = (Way("/health", None), Way("/read", Role.READ), Way("/trade", Role.TRADE), Way("/slow", Role.READ, answer_s=0.2))


class Behind:
    """An application that says with what it was reached, and reads what it is sent."""

    def __init__(self) -> None:
        self.grants: list[Grant] = []
        self.bodies: list[int] = []
        self.reached = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.grants.append(scope[GRANT])
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        self.bodies.append(size)
        self.reached.set()
        if scope["path"] == "/slow":
            await anyio.sleep_forever()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})


@asynccontextmanager
async def gate(tokens: Tokens, **terms: Any) -> AsyncIterator[tuple[httpx2.AsyncClient, Behind]]:
    behind = Behind()
    app = Gate(behind, Terms(HERE, WAYS, **terms), tokens.check)
    with anyio.fail_after(PATIENCE_S):
        async with listening(app, HERE, 0) as url, httpx2.AsyncClient(base_url=url, trust_env=False) as client:
            yield client, behind


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_foreign_host_or_page_is_refused_wherever_it_comes_from(tokens: Tokens) -> None:
    """DNS rebinding: the browser believes that evil.example is this machine, and sends that as the host."""
    async with gate(tokens, open=True, origins=frozenset({"https://board.example"})) as (client, behind):
        port = client.base_url.port
        for host in (
            "evil.example",
            f"evil.example:{port}",
            "",
            "127.0.0.1.evil.example",
            "evil@127.0.0.1",
            "10.0.0.1",
        ):
            refused = await client.get("/health", headers={"Host": host})
            assert refused.status_code == 421, host
            assert "http_hosts" in refused.json()["error"]
        for origin in ("http://evil.example", "null", "https://127.0.0.1.evil.example", f"ftp://{HERE}:{port}"):
            refused = await client.get("/health", headers={"Origin": origin})
            assert refused.status_code == 403, origin
        assert not behind.grants
        for headers in (
            {},
            {"Host": "localhost"},
            {"Host": "[::1]:80"},
            {"Origin": f"http://{HERE}:{port}"},
            {"Origin": "https://board.example"},
        ):
            assert (await client.get("/health", headers=headers)).text == "in", headers


async def test_listening_everywhere_an_address_is_ours_and_a_name_is_not() -> None:
    terms = Terms("0.0.0.0", ())  # noqa: S104 - it does not listen
    assert terms.admits_host("10.1.2.3:8420")
    assert terms.admits_host("[fe80::1]:8420")
    assert not terms.admits_host("evil.example")
    assert [is_loopback_bind(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "box")] == [True] * 3 + [  # noqa: S104
        False
    ] * 2
    assert host_of("a/b") == host_of("a:b") == ""


async def test_two_hosts_are_one_too_many(tokens: Tokens) -> None:
    async with gate(tokens, open=True) as (client, _):
        answer = await said(client, b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")


async def test_a_token_opens_what_its_roles_are_good_for_and_nothing_else(tokens: Tokens) -> None:
    reads, all_of_it = tokens.make("reads", [Role.READ]), tokens.make("all", [Role.ADMIN])
    async with gate(tokens) as (client, behind):
        assert (await client.get("/health")).status_code == 200
        bare = await client.get("/read")
        assert bare.status_code == 401
        assert bare.headers["www-authenticate"] == 'Bearer realm="polywire"'
        assert "polywire token make" in bare.json()["error"]
        assert (await client.get("/read", headers=bearer(reads))).status_code == 200
        refused = await client.post("/trade", headers=bearer(reads))
        assert refused.status_code == 403
        assert "'reads' has not the role `trade`" in refused.json()["error"]
        assert (await client.get("/nowhere", headers=bearer(reads))).status_code == 403  # what no way names is admin's
        for path in ("/read", "/trade", "/nowhere"):
            assert (await client.get(path, headers=bearer(all_of_it))).status_code == 200
        for given in ("Basic eDp5", "bearer", reads, f"Bearer {reads}, {all_of_it}"):
            assert (await client.get("/read", headers={"Authorization": given})).status_code == 401
    assert [grant.name for grant in behind.grants] == ["", "reads", "all", "all", "all"]


async def test_whoever_guesses_at_a_token_shuts_himself_out_and_nobody_else(tokens: Tokens) -> None:
    mine, other = tokens.make("mine", [Role.READ]), tokens.make("other", [Role.READ])
    wrong = mine[:12] + "A" * 43
    async with gate(tokens) as (client, _):
        answers = [(await client.get("/read", headers=bearer(wrong))).status_code for _ in range(12)]
        assert answers == [401] * 9 + [429] * 3
        shut = await client.get("/read", headers=bearer(mine))  # as right as it is, nobody looks at it now
        assert shut.status_code == 429
        assert 0 < int(shut.headers["retry-after"]) <= 61
        assert (await client.get("/read", headers=bearer(other))).status_code == 200


async def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(tokens: Tokens) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    async with gate(tokens, open=True, longest_body=1_000) as (client, behind):
        assert (await client.post("/read", content=b"x" * 1_000)).status_code == 200
        told = await client.post("/read", content=b"x" * 1_001)
        assert told.status_code == 413
        assert "1,000 bytes" in told.json()["error"]
        assert (await client.post("/read", content=pieces())).status_code == 413
    assert behind.bodies == [1_000]


async def test_a_body_that_does_not_come_and_an_answer_that_does_not_are_not_waited_for(tokens: Tokens) -> None:
    async with gate(tokens, open=True, body_s=0.2) as (client, _):
        late = await said(client, b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
        assert late.startswith(b"HTTP/1.1 408")
        slow = await client.get("/slow")
        assert slow.status_code == 503
        assert "no answer within 0.2 s" in slow.json()["error"]


async def test_more_requests_at_once_than_it_takes_are_told_to_come_again(tokens: Tokens) -> None:
    async with gate(tokens, open=True, at_once=1) as (client, behind), anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "/slow")
        await behind.reached.wait()
        busy = await client.get("/read")
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")


async def test_a_websocket_passes_the_same_gate(tokens: Tokens) -> None:
    reached: list[str] = []

    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000})

    token = tokens.make("reads", [Role.READ])
    hello = b"GET /read HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    hello += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    app = Gate(behind, Terms(HERE, WAYS), tokens.check)
    with anyio.fail_after(PATIENCE_S):
        async with listening(app, HERE, 0) as url, httpx2.AsyncClient(base_url=url) as client:
            bare = await said(client, hello + b"\r\n")
            let_in = await said(client, hello + b"Authorization: Bearer " + token.encode() + b"\r\n\r\n")
    assert bare.startswith(b"HTTP/1.1 403")
    assert let_in.startswith(b"HTTP/1.1 101")
    assert reached == ["/read"]


async def test_a_port_that_is_taken_is_told_with_the_option_that_changes_it() -> None:
    async with listening(Behind(), HERE, 0) as url:
        with pytest.raises(PolywireError, match=r"HTTP cannot listen on .* choose another with --port"):
            async with listening(Behind(), HERE, int(url.rsplit(":", 1)[1])):
                pass
    with pytest.raises(PolywireError, match="is no address"):
        async with listening(Behind(), "no such host", 0):
            pass


async def said(client: httpx2.AsyncClient, request: bytes) -> bytes:
    """Return what comes back for bytes that no client library would write."""
    reader, writer = await asyncio.open_connection(HERE, client.base_url.port)
    writer.write(request)
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return answer


async def test_a_refusal_is_one_line_of_json(tokens: Tokens) -> None:
    async with gate(tokens) as (client, _):
        refused = await client.get("/read")
    assert set(json.loads(refused.content)) == {"error"}
    assert refused.headers["cache-control"] == "no-store"
