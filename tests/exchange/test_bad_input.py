"""What bad input gets, over real sockets: the venue's error or a 4xx with one sentence, and nothing else happens.

After every case the engine's digest and all wallets are what they were, nothing hangs, and nothing went to the log as
an error.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.raw_client import Server
from exchange.traders import BOBS_KEY, UP, Trader, books, trading_server
from polywire.exchange.open_files import allow_many_sockets

pytestmark = pytest.mark.anyio

MALFORMED: Final = "Invalid order payload"
UNAUTHORIZED: Final = "Unauthorized/Invalid api key"
Mutation = Callable[[dict[str, Any]], Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Scene:
    """A served exchange, a trader with a resting order, and what they looked like before."""

    def __init__(self, server: Server, trader: Trader) -> None:
        self.server, self.trader = server, trader
        self._before = self.state()

    def state(self) -> Any:
        venue, keeper = self.server.site.venue, books(self.server)
        assert venue is not None
        wallets = keeper.wallets()
        return venue.engine.digest(), wallets, [keeper.positions(wallet.account) for wallet in wallets]

    def nothing_changed(self) -> bool:
        return bool(self.state() == self._before)


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        trader = Trader(client)
        await trader.join()
        placed = await trader.place(trader.order("BUY", 4_000, 100))
        assert placed.status_code == 200, placed.text
        yield Scene(server, trader)


@pytest.fixture
async def set_up() -> AsyncIterator[Scene]:
    with anyio.fail_after(30):
        async with scene() as one:
            yield one
            assert one.nothing_changed()


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.ERROR)
    yield
    logged = [*caplog.get_records("setup"), *caplog.get_records("call"), *caplog.records]
    assert [(record.name, record.getMessage()) for record in logged] == []


def refused(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and sentence of a refusal."""
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    body = answer.json()
    assert isinstance(body["error"], str), body
    assert body["error"], body
    assert "\n" not in body["error"], body
    assert "Traceback" not in answer.text
    return answer.status_code, body["error"]


def field(name: str, value: Any) -> Mutation:
    """Return a mutation of the signed part."""
    return lambda body: body | {"order": body["order"] | {name: value}}


def beside(name: str, value: Any) -> Mutation:
    """Return a mutation of what stands beside it."""
    return lambda body: body | {name: value}


def without(name: str) -> Mutation:
    return lambda body: body | {"order": {key: value for key, value in body["order"].items() if key != name}}


@pytest.mark.parametrize(
    ("mutate", "status", "said"),
    [
        pytest.param(field("makerAmount", 4_000_000.0), 400, MALFORMED, id="a float where a text belongs"),
        pytest.param(field("makerAmount", 4_000_000), 400, MALFORMED, id="a number where a text belongs"),
        pytest.param(field("makerAmount", "4000000.5"), 400, MALFORMED, id="a part of a unit"),
        pytest.param(field("makerAmount", "-4000000"), 400, MALFORMED, id="negative"),
        pytest.param(field("makerAmount", "0"), 400, "invalid signature", id="for nothing"),
        pytest.param(field("takerAmount", "0"), 400, "invalid signature", id="of nothing"),
        pytest.param(field("makerAmount", "1" * 80), 400, MALFORMED, id="beyond 256 bits"),
        pytest.param(field("makerAmount", "9" * 100_000), 400, MALFORMED, id="a hundred thousand digits"),
        pytest.param(field("makerAmount", "\u0664"), 400, MALFORMED, id="digits of another script"),
        pytest.param(field("makerAmount", ""), 400, MALFORMED, id="no amount"),
        pytest.param(field("makerAmount", None), 400, MALFORMED, id="null"),
        pytest.param(field("salt", "123"), 400, MALFORMED, id="a text where a number belongs"),
        pytest.param(field("salt", -1), 400, MALFORMED, id="a negative salt"),
        pytest.param(field("salt", 1.5), 400, MALFORMED, id="a broken salt"),
        pytest.param(field("salt", 10**300), 400, "", id="a salt beyond 256 bits"),
        pytest.param(field("signatureType", "0"), 400, MALFORMED, id="a signature type in text"),
        pytest.param(field("signatureType", 9), 400, "", id="no such signature type"),
        pytest.param(field("signatureType", 10**30), 400, "", id="a huge signature type"),
        pytest.param(field("side", "HOLD"), 400, MALFORMED, id="no such side"),
        pytest.param(field("side", 0), 400, MALFORMED, id="a side in numbers"),
        pytest.param(field("tokenId", "12345"), 400, "Invalid token id", id="an unknown token"),
        pytest.param(field("tokenId", "x"), 400, MALFORMED, id="no token"),
        pytest.param(field("maker", "0x12"), 400, "", id="half an address"),
        pytest.param(field("maker", "0x" + "zz" * 20), 400, "", id="no address"),
        pytest.param(field("signer", "0x" + "00" * 20), 400, "", id="nobody's address"),
        pytest.param(field("metadata", "0x1"), 400, "", id="half a word"),
        pytest.param(field("builder", "zz" * 32), 400, "", id="no word"),
        pytest.param(field("timestamp", "soon"), 400, MALFORMED, id="no time"),
        pytest.param(field("expiration", "-5"), 400, MALFORMED, id="a negative expiration"),
        pytest.param(field("expiration", "9" * 30), 400, MALFORMED, id="a far expiration"),
        pytest.param(field("expiration", "5"), 400, "expiration", id="an expiration on GTC"),
        pytest.param(field("signature", "0x"), 400, "", id="no signature"),
        pytest.param(field("signature", "0x" + "11" * 65), 400, "invalid signature", id="a made-up signature"),
        pytest.param(field("signature", "0x" + "ff" * 65), 400, "invalid signature", id="an impossible signature"),
        pytest.param(field("signature", "0x" + "ff" * 100_000), 400, "", id="a long signature"),
        pytest.param(field("signature", "signed, Ann"), 400, "", id="a signature in words"),
        pytest.param(field("takerAmount", "11000000"), 400, "invalid signature", id="not what was signed"),
        pytest.param(without("salt"), 400, MALFORMED, id="no salt"),
        pytest.param(without("signature"), 400, MALFORMED, id="unsigned"),
        pytest.param(beside("owner", "ann"), 400, "the order owner has to be the owner of the API KEY", id="an owner"),
        pytest.param(beside("owner", 5), 400, MALFORMED, id="no owner"),
        pytest.param(beside("orderType", "IOC"), 400, MALFORMED, id="no such order type"),
        pytest.param(beside("orderType", "GTD"), 400, "expiration", id="GTD without a date"),
        pytest.param(beside("postOnly", "true"), 400, MALFORMED, id="a yes in text"),
        pytest.param(beside("order", []), 400, MALFORMED, id="an array for an order"),
        pytest.param(beside("order", None), 400, MALFORMED, id="no order"),
        pytest.param(lambda body: [body], 400, MALFORMED, id="an array of one"),
        pytest.param(lambda _: {}, 400, MALFORMED, id="nothing"),
        pytest.param(lambda _: 5, 400, MALFORMED, id="a number"),
        pytest.param(lambda body: json.dumps(body)[:-5].encode(), 400, MALFORMED, id="cut-off JSON"),
        pytest.param(
            lambda body: json.dumps(body).replace('"salt": ', '"salt": NaN, "was": ').encode(), 400, MALFORMED, id="NaN"
        ),
        pytest.param(lambda _: b"", 400, MALFORMED, id="an empty body"),
        pytest.param(lambda _: b"order=1&side=BUY", 400, MALFORMED, id="a form"),
        pytest.param(lambda _: b"[" * 500_000, 400, MALFORMED, id="deep nesting"),
        pytest.param(lambda _: b'{"order":' * 50_000 + b"1" + b"}" * 50_000, 400, MALFORMED, id="deep objects"),
        pytest.param(lambda _: "{\u2028}".encode("utf-16"), 400, MALFORMED, id="UTF-16"),
        pytest.param(lambda _: b"\xff\xfe\x00", 400, MALFORMED, id="no text"),
    ],
)
async def test_a_malformed_order_is_told_so(set_up: Scene, mutate: Mutation, status: int, said: str) -> None:
    trader = set_up.trader
    answer = await trader.place(mutate(trader.order("BUY", 4_000, 10)))
    told, error = refused(answer)
    assert told == status, error
    assert said in error


@pytest.mark.parametrize(
    ("price", "shares", "said"),
    [
        (4_050, 10, "Price (0.405) breaks minimum tick size rule: 0.01"),
        (10_000, 10, "breaks minimum tick size rule"),
        (4_000, 1, "Size (1) lower than the minimum: 5"),
        (4_000, 1_000_000, "not enough balance / allowance: the balance is not enough"),
    ],
)
async def test_an_order_that_breaks_a_rule_is_told_in_the_venues_words(
    set_up: Scene, price: int, shares: int, said: str
) -> None:
    assert said in refused(await set_up.trader.place(set_up.trader.order("BUY", price, shares)))[1]


async def test_an_order_comes_once(set_up: Scene) -> None:
    trader = set_up.trader
    body = trader.order("BUY", 3_000, 10)
    placed = await trader.place(body)
    assert placed.status_code == 200
    before = set_up.state()
    assert "Duplicated." in refused(await trader.place(body))[1]
    assert set_up.state() == before
    assert (await trader.ask("DELETE", "/order", {"orderID": placed.json()["orderID"]})).status_code == 200
    again = set_up.state()
    assert "Duplicated." in refused(await trader.place(body))[1]
    assert set_up.state() == again
    set_up._before = again  # noqa: SLF001 - placing and cancelling it was meant


@pytest.mark.parametrize(
    "headers",
    [
        {"POLY_SIGNATURE": "AAAA"},
        {"POLY_SIGNATURE": "\xfc\xe9"},
        {"POLY_SIGNATURE": ""},
        {"POLY_PASSPHRASE": "guess"},
        {"POLY_API_KEY": "00000000-0000-4000-8000-000000000000"},
        {"POLY_API_KEY": "x" * 30_000},
        {"POLY_ADDRESS": "0x" + "12" * 20},
        {"POLY_ADDRESS": "ann"},
        {"POLY_TIMESTAMP": "soon"},
        {"POLY_TIMESTAMP": "9" * 5_000},
        {"POLY_TIMESTAMP": "-1"},
    ],
    ids=lambda headers: " ".join(f"{name} {value[:12]!a}" for name, value in headers.items()),
)
async def test_who_is_not_proven_may_do_nothing(set_up: Scene, headers: dict[str, str]) -> None:
    trader = set_up.trader
    body = json.dumps(trader.order("BUY", 4_000, 10)).encode()
    signed = {**trader.headers("POST", "/order", body), **headers}
    encoded = {name: value.encode("latin-1") for name, value in signed.items()}
    answer = await trader.client.post("/clob/order", content=body, headers=encoded)  # type: ignore[arg-type]  # bytes are headers too
    assert refused(answer) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("stale_s", [-3_600, 3_600, -86_400 * 365])
async def test_a_stale_timestamp_is_refused_though_it_is_signed(set_up: Scene, stale_s: int) -> None:
    trader = set_up.trader
    body = json.dumps(trader.order("BUY", 4_000, 10)).encode()
    headers = trader.headers("POST", "/order", body, at_s=int(time.time()) + stale_s)
    assert refused(await trader.client.post("/clob/order", content=body, headers=headers)) == (401, UNAUTHORIZED)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/order"),
        ("POST", "/orders"),
        ("DELETE", "/order"),
        ("DELETE", "/orders"),
        ("DELETE", "/cancel-all"),
        ("DELETE", "/cancel-market-orders"),
        ("GET", "/data/orders"),
        ("GET", "/data/trades"),
        ("GET", "/balance-allowance"),
        ("POST", "/v1/heartbeats"),
        ("GET", "/notifications"),
        ("GET", "/auth/api-keys"),
        ("DELETE", "/auth/api-key"),
    ],
)
async def test_without_credentials_everything_private_is_closed(set_up: Scene, method: str, path: str) -> None:
    client = set_up.trader.client
    assert refused(await client.request(method, f"/clob{path}", content=b"{}"))[0] == 401
    signed = set_up.trader.headers(method, path, b"something else")
    assert refused(await client.request(method, f"/clob{path}", content=b"{}", headers=signed))[0] == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"POLY_ADDRESS": "0x" + "12" * 20, "POLY_SIGNATURE": "0x", "POLY_TIMESTAMP": "1", "POLY_NONCE": "0"},
        {"POLY_ADDRESS": "ann", "POLY_SIGNATURE": "0x" + "11" * 65, "POLY_TIMESTAMP": "now", "POLY_NONCE": "first"},
        {"POLY_NONCE": "9" * 5_000},
        {"POLY_SIGNATURE": "0x" + "zz" * 65},
    ],
    ids=["none", "unsigned", "words", "huge", "no hex"],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/auth/api-key"), ("GET", "/auth/derive-api-key")])
async def test_a_key_is_made_for_nobody_who_does_not_sign_for_it(
    set_up: Scene, method: str, path: str, headers: dict[str, str]
) -> None:
    status, error = refused(await set_up.trader.client.request(method, f"/clob{path}", headers=headers))
    assert status in {400, 401}, error


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("DELETE", "/order", {"orderID": 5}, "Invalid orderID"),
        ("DELETE", "/order", {}, "Invalid orderID"),
        ("DELETE", "/order", [], ""),
        ("DELETE", "/order", b"", ""),
        ("DELETE", "/orders", {}, ""),
        ("DELETE", "/orders", [], "Invalid orderID"),
        ("DELETE", "/orders", [1, 2], "Invalid orderID"),
        ("DELETE", "/orders", ["0x1"] * 3_001, "Too many orders in payload, max allowed: 3000"),
        ("DELETE", "/orders", b"[" * 100_000, ""),
        ("DELETE", "/cancel-market-orders", {"market": 5}, ""),
        ("POST", "/orders", [], ""),
        ("POST", "/orders", {}, ""),
        ("POST", "/orders", [{}] * 16, "Too many orders in payload: 16, max allowed: 15"),
        ("POST", "/v1/heartbeats", {"heartbeat_id": 5}, ""),
        ("POST", "/v1/heartbeats", b"nonsense", ""),
    ],
)
async def test_other_malformed_bodies_are_told_so(set_up: Scene, method: str, path: str, body: Any, said: str) -> None:
    status, error = refused(await set_up.trader.ask(method, path, body))
    assert status == 400
    assert said in error


async def test_one_bad_order_of_a_batch_does_not_spoil_the_answer(set_up: Scene) -> None:
    answer = await set_up.trader.ask("POST", "/orders", [{}, {"order": 5}, None])
    assert answer.status_code == 200
    assert [one["errorMsg"] for one in answer.json()] == [MALFORMED] * 3


async def test_nobody_cancels_anothers_order(set_up: Scene) -> None:
    thief = Trader(set_up.trader.client, BOBS_KEY)
    await thief.join()
    set_up._before = set_up.state()  # noqa: SLF001 - a wallet more
    (order,) = books(set_up.server).open_orders(set_up.trader.account)
    answer = await thief.ask("DELETE", "/order", {"orderID": order.id})
    assert answer.json()["canceled"] == []
    assert (await thief.ask("DELETE", "/cancel-all")).json()["canceled"] == []
    assert (await thief.ask("DELETE", "/cancel-market-orders", {"asset_id": UP})).json()["canceled"] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/clob/nothing", 501),
        ("GET", "/clob/%2e%2e/%00", 501),
        ("PUT", "/clob/order", 405),
        ("GET", "/clob/order", 405),
        ("PATCH", "/clob/orders", 405),
        ("DELETE", "/clob/book", 405),
        ("OPTIONS", "/clob/order", 405),
        ("TRACE", "/clob/order", 405),
        ("BREW", "/clob/order", 400),
        ("DELETE", "/venue", 405),
        ("POST", "/api/geoblock", 405),
        ("GET", "/clob/data/order/" + "x" * 5_000, 401),
        ("GET", "/clob/book?token_id=" + "9" * 5_000, 404),
        ("GET", "/ws/user", 426),
        ("GET", "/venue/", 404),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_is_nowhere_is_told_so(set_up: Scene, method: str, path: str, status: int) -> None:
    assert refused(await set_up.trader.client.request(method, path))[0] == status


async def test_ten_megabytes_are_refused_and_the_next_request_is_served(set_up: Scene) -> None:
    trader = set_up.trader
    body = b'{"order":"' + b"x" * (10 << 20) + b'"}'
    assert refused(await trader.ask("POST", "/order", body)) == (413, "the body is longer than 1048576 bytes")
    assert (await trader.ask("GET", "/data/orders")).json()["count"] == 1


async def test_a_thousand_idle_sockets_hinder_nobody(set_up: Scene) -> None:
    """Some silent, some in the middle of a head, a body or a handshake."""
    assert allow_many_sockets() > 2_100
    parts = (
        b"",
        b"POST /clob/order HTTP/1.1\r\nHost: x\r\n",
        b"POST /clob/order HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"GET /ws/user HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    )
    idle = []
    try:
        for number in range(1_000):
            _, writer = await asyncio.open_connection(*set_up.server.address)
            writer.write(parts[number % len(parts)])
            idle.append(writer)
        with anyio.fail_after(2):
            assert (await set_up.trader.ask("GET", "/data/orders")).json()["count"] == 1
    finally:
        for writer in idle:
            writer.transport.abort()


HANDSHAKE: Final = (
    b"GET /ws/user HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    ("instead_of", "comes"),
    [
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"\xf3\xff"),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"short"),
        (b"Host: x", b"Host: \x8f"),
        (b"/ws/user", b"/ws/\xc3\xa4"),
        (b"/ws/user", b"/ws/nothing"),
        (b"Version: 13", b"Version: 7"),
        (b"Connection: Upgrade", b"Connection: Upgrade, \xff"),
        (b"GET", b"POST"),
    ],
)
async def test_a_handshake_that_is_none_is_refused_and_its_connection_ends(
    set_up: Scene, instead_of: bytes, comes: bytes
) -> None:
    reader, writer = await asyncio.open_connection(*set_up.server.address)
    try:
        writer.write(HANDSHAKE.replace(instead_of, comes))
        answer = await reader.read()
    finally:
        writer.transport.abort()
    assert 400 <= int(answer.split()[1]) < 500, answer


# ------------------------------------------------------------ whatever else there is

SIGNS: Final = st.text(max_size=12) | st.sampled_from(["0x", "-0", "1e9", "NaN", "0x" + "f" * 64, "9" * 90, "\0"])
NUMBERS: Final = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(2**63, 2**300)
JSON: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | SIGNS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SIGNED: Final = st.sampled_from(
    [
        *("salt", "maker", "signer", "tokenId", "makerAmount", "takerAmount", "side", "expiration"),
        *("signatureType", "timestamp", "metadata", "builder", "signature"),
    ]
)
BESIDE: Final = st.sampled_from(["order", "owner", "orderType", "deferExec", "postOnly", "extra"])


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """Draw something that may become of an order's body."""
    match draw(st.integers(0, 4)):
        case 0:
            return field(draw(SIGNED), draw(JSON))
        case 1:
            return beside(draw(BESIDE), draw(JSON))
        case 2:
            return without(draw(SIGNED))
        case 3:
            part = draw(st.floats(0, 1))
            return lambda body: json.dumps(body).encode()[: int(part * len(json.dumps(body)))]
        case _:
            at, byte = draw(st.floats(0, 1, exclude_max=True)), draw(st.binary(min_size=1, max_size=3))
            return lambda body: _overwritten(json.dumps(body).encode(), at, byte)


def _overwritten(data: bytes, at: float, by: bytes) -> bytes:
    place = int(at * len(data))
    return data[:place] + by + data[place + len(by) :]


async def _send_all(mutated: list[Mutation]) -> None:
    with anyio.fail_after(60):
        async with scene() as one:
            trader = one.trader
            wallet = books(one.server).wallet(trader.account)
            taken = 0
            for mutate in mutated:
                answer = await trader.place(mutate(trader.order("BUY", 4_000, 10)))
                if answer.status_code == 200:  # what it changed means nothing, or something else that is right
                    taken += 1
                else:
                    status, error = refused(answer)
                    assert 400 <= status < 500, error
            assert taken or one.nothing_changed()
            assert (await trader.ask("DELETE", "/cancel-all")).status_code == 200
            assert books(one.server).wallet(trader.account) == wallet
            assert books(one.server).open_orders(trader.account) == []


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(mutated=st.lists(mutations(), min_size=30, max_size=50))
def test_whatever_becomes_of_an_order_on_its_way_nothing_is_lost(mutated: list[Mutation]) -> None:
    anyio.run(_send_all, mutated)
