"""What an alert takes to reach an assistant: real processes, a real exchange, the official MCP client in both eras."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from mcp import Client

from cli.processes import POLYWIRE, gone, line_with, started
from e2e.assistants import WAYS, Assistant, Heard, called, following, on_stdio, over_http
from e2e.processes import asked
from e2e.traders import choose, paused_exchange, taken, trader
from polywire.io.owner import endpoint

pytestmark = pytest.mark.anyio

PATIENCE_S: Final = 90.0
SOON: Final = {
    "POLYWIRE_LEAST_SILENCE_S": "1",
    "POLYWIRE_LONGEST_SILENCE_S": "2",
    "POLYWIRE_MISSING_S": "1",
    "POLYWIRE_POLLED_S": "1",
}
"""Settings of an owner that doubts early, so that a test need not wait."""
OWN_S: Final = 5.0  # the promise is 1, as `say` shows; a test bounds it
FIRST_WORD_S: Final = 10.0  # the promise is 2, of a machine that has nothing else to do


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def doubts(events: list[dict[str, Any]], token: str) -> list[bool]:
    """Return what was told of whether a token's book answers."""
    return [event["data"]["answers"] for event in events if event["kind"] == "freshness" and event["token"] == token]


def end_owner(data: Path) -> None:
    """End whoever owns a data directory, if anybody does."""
    owner = endpoint(data)
    if owner is not None and not gone(owner.pid):
        os.kill(owner.pid, signal.SIGKILL)


def say(figure: str) -> None:
    """Show a figure to whoever runs this with `-s`; no test is judged by it."""
    print(figure)  # noqa: T201 - the point


async def test_each_cross_reaches_everybody_once_over_a_killed_owner_and_a_frozen_token(tmp_path: Path) -> None:
    """Four assistants (both eras, both transports) and `events --follow` hear one story, from one cursor on.

    Who bids two ticks more than the best crosses the level between; cancelling crosses it back. The owner is killed
    while all wait; the price crosses while nobody looks, and once more while the token is frozen.
    """
    with anyio.fail_after(PATIENCE_S):
        async with paused_exchange() as url, trader(url) as one, AsyncExitStack() as opened:
            up = opened.enter_context(started("up", "--venue", url, "--data", str(tmp_path), "--port", "0", **SOON))
            opened.callback(end_owner, tmp_path)
            await anyio.to_thread.run_sync(line_with, up, "current,")
            market = await choose(one.client, neg_risk=False, spread=3)
            level, over = market.bid + market.tick, market.bid + 2 * market.tick
            async with Client(over_http(tmp_path), mode="2026-07-28") as maker:
                condition = {"type": "crosses", "level": str(level), "of": "bid", "hysteresis": "0"}
                made = await called(maker, "watch_condition", targets=[market.token], condition=condition)
            watch, since = made["subscription_id"], made["cursor"]
            stdio = on_stdio(tmp_path, url, **SOON)
            assistants = [Assistant(way, tmp_path, stdio, watch, since) for way in WAYS]
            where = ("--data", str(tmp_path), "--venue", url)
            follower = await opened.enter_async_context(
                following("--since", since, "--watch", watch, *where, environment=SOON)
            )
            everybody: list[Heard] = [*assistants, follower]

            async def all_hear(holds: Callable[[Heard], bool]) -> None:
                for heard in everybody:
                    await heard.until(holds)

            async with anyio.create_task_group() as tasks:
                for assistant in assistants:
                    tasks.start_soon(assistant.run)
                for assistant in assistants:
                    await assistant.connected.wait()

                first = await one.rest(market.token, over)
                await all_hear(lambda heard: heard.alerts == 1)
                await one.client.cancel_order(order_id=first)
                await all_hear(lambda heard: heard.alerts == 2)

                up.send_signal(signal.SIGKILL)
                await anyio.to_thread.run_sync(up.wait)
                second = await one.rest(market.token, over)  # whoever misses the owner starts another meanwhile
                await all_hear(lambda heard: heard.alerts == 3)
                successor = endpoint(tmp_path)
                assert successor is not None
                assert successor.pid != up.pid

                await asked(f"{url}/venue/faults", {"name": "freeze-token", "argument": market.token})
                await one.client.cancel_order(order_id=second)
                await all_hear(lambda heard: False in doubts(heard.after_alert(3), market.token))
                await asked(f"{url}/venue/faults/freeze-token", method="DELETE")
                await all_hear(lambda heard: heard.alerts == 4)
                tasks.cancel_scope.cancel()

            stories = {heard.name: heard.to_alert(4) for heard in everybody}
            assert stories == dict.fromkeys(stories, follower.to_alert(4))
            assert all(len(set(heard.cursors)) == len(heard.cursors) for heard in everybody)
            assert follower.ways() == ["up", "down", "up", "down"]
            absences = [event for event in follower.after_alert(2) if event["data"].get("what") == "absent"]
            assert len(absences) == 1
            assert doubts(follower.after_alert(3), market.token)[0] is False
            assert [assistant.refusals for assistant in assistants] == [[]] * len(WAYS)
            assert [one.connections for one in assistants if one.way[0] == "stdio"] == [1, 1]


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

            async def next_of(made: dict[str, Any], began_s: float) -> list[dict[str, Any]]:
                page = await called(client, "wait_for_events", subscription_ids=[made["subscription_id"]])
                took_s = time.monotonic() - began_s
                say(f"{page['events'][0]['kind']}: {took_s:.3f} s from before the order was signed to the answer")
                assert took_s < OWN_S
                events: list[dict[str, Any]] = page["events"]
                return events

            began_s = time.monotonic()
            order = await owner.rest(market.token, market.bid)
            (placed,) = await next_of(orders, began_s)
            assert (placed["kind"], placed["data"]["order"]) == ("order", order)
            began_s = time.monotonic()
            bought = await owner.client.place_limit_order(asset_id=market.token, side="BUY", price=market.ask, size=10)
            (trade_id,) = taken(bought).trade_ids
            traded = await next_of(trades, began_s)
            assert {(one["kind"], one["data"]["trade"]) for one in traded} == {("trade", trade_id)}
            for made in (prices, books, ends, orders, trades):
                ended = await called(client, "unsubscribe_realtime", subscription_id=made["subscription_id"])
                assert ended["message"]
            assert (await called(client, "list_watches"))["watches"] == []


def test_an_assistants_server_answers_initialize_before_there_is_an_owner(tmp_path: Path) -> None:
    """It does not wait for the owner that it starts, nor for anything that only an owner needs."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    began_s = time.monotonic()
    with subprocess.Popen(
        [*POLYWIRE, "mcp", "--data", str(tmp_path), "--venue", "http://127.0.0.1:9"],  # nobody is there
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        took_s = time.monotonic() - began_s
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
    say(f"initialize was answered {took_s:.2f} s after the process was started")
    assert answer["result"]["serverInfo"]["name"] == "polywire"
    assert "tools" in answer["result"]["capabilities"]
    assert took_s < FIRST_WORD_S
