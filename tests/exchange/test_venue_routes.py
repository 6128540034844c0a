"""`/venue`: what the exchange says of itself, and who may steer it."""

from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from exchange.raw_client import Server, served
from exchange.venues import CONDITION, NO, START_MS, YES, listed, order
from polywire.exchange.venue_routes import urls

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    with anyio.fail_after(20):
        async with served(listed()) as one:
            yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as one:
        yield one


async def test_it_describes_itself_on_the_host_it_was_asked_at(server: Server, client: httpx2.AsyncClient) -> None:
    told = (await client.get("/venue")).json()
    assert told["identity"].startswith("polywire-exchange:7-")
    assert (told["chain_id"], told["seed"]) == (80_002, 7)
    assert told["urls"] == urls(server.url)
    assert set(told["urls"]) == {
        *("clob", "gamma", "data", "relayer", "rpc", "rfq"),
        *("market_ws", "user_ws", "rtds_ws", "realtime_ws", "sports_ws"),
    }
    assert told["clock"] == {"now_ms": START_MS, "speed": 1.0, "paused": True}
    assert told["markets"][0]["tokens"] == [YES, NO]
    again = (await client.get("/venue", headers={"Host": "localhost:9"}, params={"ledger": "0"})).json()
    assert again["identity"] == told["identity"]
    assert again["urls"]["market_ws"] == "ws://localhost:9/ws/market"
    assert "sent" not in again
    odd = (await client.get("/venue", headers={"Host": 'x"/evil'})).json()
    assert odd["urls"] == urls(server.url)


async def test_the_ledger_is_told_by_token_kind_and_connection(server: Server, client: httpx2.AsyncClient) -> None:
    async with server.subscriber(YES) as one:
        assert server.site.venue is not None
        server.site.venue.place(order("1", "ann", "BUY", 4_000, 10))
        await one.until_pong()
        told = (await client.get("/venue")).json()
        (mine,) = told["connections"]
        assert (mine["peer"], mine["subscribed"]) == (one.peer, [YES])
        assert told["happened"] == {
            YES: {"price_change": 1, "best_bid_ask": 1},
            NO: {"price_change": 1, "best_bid_ask": 1},
        }
        assert mine["sent"] == mine["due"] == {YES: {"book": 1, "price_change": 1}, NO: {"price_change": 1}}
        assert mine["frames"] == 3  # snapshot, change, PONG
        assert mine["bytes"] > 500
    with anyio.fail_after(5):
        while server.site.channel.connections:
            await anyio.lowlevel.checkpoint()
    after = (await client.get("/venue")).json()
    assert after["connections"] == []
    assert after["closed"][-1]["peer"] == one.peer
    assert after["sent"] == told["sent"] == mine["sent"]


async def test_the_clock_is_paused_hastened_and_stepped(client: httpx2.AsyncClient) -> None:
    stepped = (await client.post("/venue/clock", json={"step_ms": 1_500, "speed": 4})).json()
    assert stepped == {"now_ms": START_MS + 1_500, "speed": 4.0, "paused": True}
    assert (await client.post("/venue/clock", json={"paused": False})).json()["paused"] is False


async def test_faults_are_turned_on_and_off(server: Server, client: httpx2.AsyncClient) -> None:
    body = {"name": "drop-frame", "argument": 0.5, "for_s": 60}
    (one,) = (await client.post("/venue/faults", json=body)).json()
    assert (one["name"], one["argument"], one["did"]) == ("drop-frame", "0.5", 0)
    assert 59 < one["left_s"] <= 60
    await client.post("/venue/faults", json={"name": "freeze"})
    assert [fault["name"] for fault in (await client.get("/venue")).json()["faults"]] == ["drop-frame", "freeze"]
    (left,) = (await client.delete("/venue/faults/drop-frame")).json()
    assert left == {"name": "freeze", "argument": "", "left_s": None, "did": 0}
    assert (await client.delete("/venue/faults/drop-frame")).status_code == 404
    assert (await client.delete("/venue/faults")).json() == []
    assert not server.site.faults.on


async def test_a_market_is_resolved_by_hand_once(client: httpx2.AsyncClient) -> None:
    body = {"condition": CONDITION, "winner": NO}
    assert (await client.post("/venue/resolve", json=body)).json() == body
    assert (await client.get("/venue")).json()["markets"][0]["closed"] is True
    again = await client.post("/venue/resolve", json=body)
    assert again.status_code == 400
    assert "a market resolves once" in again.json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/venue/clock", [], "the body is a JSON object"),
        ("/venue/clock", {"paused": 1}, "paused is true or false"),
        ("/venue/clock", {"speed": 0}, "a speed of 0.0 was asked for"),
        ("/venue/clock", {"speed": "fast"}, "speed is a number above 0"),
        ("/venue/clock", {"step_ms": -1}, "cannot go back"),
        ("/venue/clock", {"step_ms": 1.5}, "step_ms is a whole number"),
        ("/venue/faults", {}, "a fault is"),
        ("/venue/faults", {"name": "storm"}, "there is no fault 'storm'"),
        ("/venue/faults", {"name": "freeze", "for_s": 0}, "for_s is a number of seconds above 0"),
        ("/venue/resolve", {"condition": CONDITION, "winner": "9"}, "winner is one of"),
    ],
)
async def test_wrong_steering_is_told_what_is_right(
    client: httpx2.AsyncClient, path: str, body: object, said: str
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example:8421"},
        {"Host": "127.0.0.1.example"},
        {"Origin": "https://a-page.example"},
        {"Origin": "null"},
    ],
)
async def test_a_page_elsewhere_cannot_steer(
    server: Server, client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    """A browser on this machine reaches loopback for any web site: by a rebound name, or across origins."""
    answer = await client.post("/venue/faults", json={"name": "freeze"}, headers=headers)
    assert answer.status_code == 403
    assert not server.site.faults.on


@pytest.mark.parametrize("headers", [{"Host": "localhost:1"}, {"Host": "[::1]:1"}, {"Origin": "http://127.0.0.1:3"}])
async def test_this_machines_own_names_may_steer(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.post("/venue/clock", json={}, headers=headers)).status_code == 200


async def test_another_machine_may_look_and_not_steer(server: Server) -> None:
    """The application is handed a request whose peer is not loopback, as the server would hand it."""
    application = server.site.application("0.0.0.0", 8421)  # noqa: S104 - nothing listens
    transport = httpx2.ASGITransport(application, client=("192.0.2.7", 5))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8421") as stranger:
        assert (await stranger.get("/venue")).status_code == 200
        answer = await stranger.post("/venue/clock", json={"paused": False})
        assert answer.status_code == 403
        assert "192.0.2.7" in answer.json()["error"]
