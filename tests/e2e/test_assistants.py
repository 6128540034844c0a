"""What an alert takes to reach an assistant: real processes, a real exchange, the official MCP client in both eras."""

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from mcp import Client, StdioServerParameters

from cli.processes import POLYWIRE, line_with, started
from e2e.traders import choose, paused_exchange, trader
from polywire.io.owner import endpoint

pytestmark = pytest.mark.anyio

PATIENCE_S: Final = 60.0
ERAS: Final = ("legacy", "2026-07-28")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def on_stdio(data: Path, url: str) -> StdioServerParameters:
    """Return how an assistant starts us."""
    arguments = [*POLYWIRE[1:], "mcp", "--data", str(data), "--venue", url]
    return StdioServerParameters(command=POLYWIRE[0], args=arguments, env=dict(os.environ))


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return a tool's answer; one that is refused fails the test."""
    answer: Any = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    assert answer.structured_content is not None
    structured: dict[str, Any] = answer.structured_content
    return structured


async def told(client: Client, watch: str, kind: str, *, since: str = "") -> list[str]:
    """Return the cursors of what of a kind comes next of a watch: those of one answer, and of the pause after it."""
    found: list[str] = []
    while True:
        more = {"since": since} if since else {}
        timeout_s = 1.0 if found else 30.0
        page = await called(client, "wait_for_events", subscription_ids=[watch], timeout_s=timeout_s, **more)
        since = page["cursor"] if since else ""
        new = [event["cursor"] for event in page["events"] if event["kind"] == kind]
        if found and not page["events"]:
            return found
        found += new


@asynccontextmanager
async def assistants(data: Path, url: str) -> AsyncIterator[dict[str, Client]]:
    """Yield a client of each era on standard input and over HTTP."""
    owner = endpoint(data)
    assert owner is not None
    async with AsyncExitStack() as opened:
        clients = {}
        for era in ERAS:
            for way, target in (("stdio", on_stdio(data, url)), ("http", f"{owner.http}/mcp")):
                clients[f"{way} {era}"] = await opened.enter_async_context(Client(target, mode=era))
        yield clients


async def test_one_cross_reaches_every_assistant_once_and_over_a_killed_owner_too(tmp_path: Path) -> None:
    """By a loop of `wait_for_events` in both eras and over both transports, and by `events --follow`."""
    with anyio.fail_after(2 * PATIENCE_S):
        async with paused_exchange() as url, trader(url) as one, AsyncExitStack() as opened:
            up = opened.enter_context(started("up", "--venue", url, "--data", str(tmp_path), "--port", "0"))
            await anyio.to_thread.run_sync(line_with, up, "current,")
            market = await choose(one.client, neg_risk=False, spread=3)
            level = str(market.bid + market.tick)
            clients = await opened.enter_async_context(assistants(tmp_path, url))
            condition = {"type": "crosses", "level": level, "of": "bid", "direction": "up", "hysteresis": "0"}
            made = await called(
                clients["stdio legacy"], "watch_condition", targets=[market.condition], condition=condition
            )
            watch, since = made["subscription_id"], made["cursor"]
            options = ("--jsonl", "--since", since, "--watch", watch, "--kind", "alert", "--data", str(tmp_path))
            follow = opened.enter_context(started("events", "--follow", *options, "--venue", url))
            resting = await one.rest(market.token, market.bid + market.tick)
            heard: dict[str, list[str]] = {}

            async def hear(name: str, client: Client) -> None:
                heard[name] = await told(client, watch, "alert", since=since)

            async with anyio.create_task_group() as tasks:
                for name, client in clients.items():
                    tasks.start_soon(hear, name, client)
            assert {name: len(cursors) for name, cursors in heard.items()} == dict.fromkeys(clients, 1)
            assert len({cursors[0] for cursors in heard.values()}) == 1
            assert follow.stdout is not None
            line = json.loads(await anyio.to_thread.run_sync(follow.stdout.readline))
            assert line["cursor"] == heard["stdio legacy"][0]

            # Armed again, killed, and crossed while nobody looks.
            await one.client.cancel_order(order_id=resting)
            while True:
                (book, *_) = (await called(clients["stdio legacy"], "get_order_book", id=market.token))["books"]
                if book["best_bid"] != level:
                    break
            await anyio.sleep(1.5)  # what a watch remembers without telling is kept within a second
            up.send_signal(signal.SIGKILL)
            await anyio.to_thread.run_sync(up.wait)
            await one.rest(market.token, market.bid + market.tick)
            heard.clear()
            async with anyio.create_task_group() as tasks:
                for name, client in clients.items():
                    if name.startswith("stdio"):
                        tasks.start_soon(hear, name, client)
            # From the same cursor on: the one before and the one nobody saw, each once.
            assert {name: len(cursors) for name, cursors in heard.items()} == {f"stdio {era}": 2 for era in ERAS}
            line = json.loads(await anyio.to_thread.run_sync(follow.stdout.readline))
            assert line["cursor"] == heard["stdio legacy"][1]
            successor = endpoint(tmp_path)
            assert successor is not None
            os.kill(successor.pid, signal.SIGTERM)


async def test_the_seven_tools_answer_with_real_data_and_the_users_own_order_comes_within_a_second(
    tmp_path: Path,
) -> None:
    """The owner's account is that of its throw-away wallet; the order is placed by the official SDK with its key."""
    with anyio.fail_after(PATIENCE_S):
        async with paused_exchange() as url, AsyncExitStack() as opened:
            up = opened.enter_context(started("up", "--venue", url, "--data", str(tmp_path), "--port", "0"))
            await anyio.to_thread.run_sync(line_with, up, "current,")
            (key,) = (tmp_path / "wallets").glob("*.key")
            owner = await opened.enter_async_context(trader(url, key=key.read_text().strip()))
            market = await choose(owner.client, neg_risk=False, spread=3)
            client = await opened.enter_async_context(Client(on_stdio(tmp_path, url), mode="auto"))
            prices = await called(client, "subscribe_market_prices", market_ids=market.condition)
            assert {book["answering"] for book in prices["books"]} == {True}
            assert market.token in {book["token"] for book in prices["books"]}
            books = await called(client, "subscribe_orderbook_updates", token_ids=[market.token], depth=3)
            (book,) = books["books"]
            assert book["bids"][0]["price"] == str(market.bid)
            assert len(book["bids"]) <= 3
            ends = await called(client, "subscribe_market_resolution", market_ids=[market.condition])
            orders = await called(client, "subscribe_user_orders")
            trades = await called(client, "subscribe_user_trades", market_ids=[market.condition])
            status = await called(client, "get_realtime_status")
            assert status["connections"]["clob"]["connected"] is True
            assert status["connections"]["user"]["connected"] is True
            order = await owner.rest(market.token, market.bid)
            began_s = anyio.current_time()
            seen = await called(client, "wait_for_events", subscription_ids=[orders["subscription_id"]], timeout_s=10)
            assert anyio.current_time() - began_s < 5  # one second is measured in bench/; a test bounds it
            assert [event["data"]["order"] for event in seen["events"] if event["kind"] == "order"] == [order]
            for made in (prices, books, ends, orders, trades):
                gone = await called(client, "unsubscribe_realtime", subscription_id=made["subscription_id"])
                assert gone["message"]
            assert (await called(client, "list_watches"))["watches"] == []
