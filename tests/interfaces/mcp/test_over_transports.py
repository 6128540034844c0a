"""Every tool, resource and prompt with the real client, in both eras, over real pipes and real HTTP."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp.shared.subscriptions import ResourceUpdated

from interfaces.mcp.memory import EVIL, RAIN, WHITE, YES, MemoryAccess
from interfaces.mcp.stages import ERAS, TESTS, Listener, Stage, connected, over
from loopback import PATIENCE_S
from polywire.interfaces.mcp.server import mcp_server
from polywire.io.clock import SystemClock
from polywire.wire.watch_json import CONDITIONS

pytestmark = pytest.mark.anyio

SEVEN = {
    "subscribe_market_prices": {"market_ids", "callback_type"},
    "subscribe_orderbook_updates": {"token_ids", "depth", "callback_type"},
    "subscribe_user_orders": {"market_ids", "callback_type"},
    "subscribe_user_trades": {"market_ids", "callback_type"},
    "subscribe_market_resolution": {"market_ids", "callback_type"},
    "get_realtime_status": set(),
    "unsubscribe_realtime": {"subscription_id"},
}
OTHERS = {
    "wait_for_events",
    "get_events",
    "check_delivery",
    "watch_condition",
    "list_watches",
    "search_markets",
    "get_market",
    "get_order_book",
    "get_price_history",
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_an_assistant_is_served_whole(transport: str, era: str, tmp_path: Path) -> None:
    async with over(transport, tmp_path) as stage:
        with anyio.fail_after(3 * PATIENCE_S):
            async with connected(stage, era) as assistant:
                await every_tool_is_described(assistant)
                await every_tool_answers(assistant, era, transport)
                await updates_come(assistant, stage, era)
                await waiting_is_woken_and_tells_how_it_goes(assistant, stage)
                await prompts_are_offered(assistant)


async def every_tool_is_described(assistant: Listener) -> None:
    tools = {tool.name: tool for tool in (await assistant.client.list_tools()).tools}
    assert set(tools) == set(SEVEN) | OTHERS
    for name, tool in tools.items():
        assert tool.title, name
        assert "Example: " in (tool.description or ""), name
        assert tool.annotations is not None, name
        assert None not in (tool.annotations.read_only_hint, tool.annotations.idempotent_hint), name
        assert tool.output_schema is not None, name
        assert {"message", "pending_events", "newest"} <= set(tool.output_schema["properties"]), name
        for parameter, schema in tool.input_schema.get("properties", {}).items():
            assert schema.get("description"), f"{name}.{parameter}"
    for name, parameters in SEVEN.items():
        assert set(tools[name].input_schema.get("properties", {})) == parameters


async def test_every_condition_is_in_the_tools_schema() -> None:
    """Who adds one to `wire/watch_json.py` has offered it to assistants too."""
    (tool,) = [
        one for one in await mcp_server(MemoryAccess(), SystemClock()).list_tools() if one.name == "watch_condition"
    ]
    described = tool.input_schema["properties"]["condition"]
    for doc in CONDITIONS:
        assert f"`{doc.name}`: {doc.sentence}" in described["description"]
        assert all(f"{field.name} (" in described["description"] for field in doc.fields)
        assert doc.example in described["examples"]


async def every_tool_answers(assistant: Listener, era: str, transport: str) -> None:
    prices = await assistant.call("subscribe_market_prices", market_ids=["rain", "snow"])
    assert [book["best_bid"] for book in prices["books"]] == [
        "0.34"
    ] * 3  # data, and of the fourth token why there is none
    assert prices["waiting"] == {WHITE: "no snapshot yet"}
    assert prices["books"][0]["strangers"]["question"] == EVIL
    assert prices["delivery"]["era"] == ("handshake" if era == "legacy" else era)
    assert prices["delivery"]["transport"] == ("stdio" if transport == "stdio" else "streamable-http")
    assert prices["delivery"]["resource_updates"]["open"] is False
    assert prices["pending_events"] == 0
    assert prices["newest"] == prices["cursor"]

    books = await assistant.call("subscribe_orderbook_updates", token_ids=int(YES), depth=5, callback_type="log")
    assert books["books"][0]["asks"] == [{"price": "0.36", "size": "7"}, {"price": "0.37", "size": "1"}]
    assert books["books"][0]["mid"] == "0.35"
    assert books["callback_type"] == "log"
    orders = await assistant.call("subscribe_user_orders")
    trades = await assistant.call("subscribe_user_trades", market_ids='["rain"]')  # as some clients spell a list
    done = await assistant.call("subscribe_market_resolution", market_ids="snow")
    assert done["markets"][0]["resolved"] is True
    assert done["markets"][0]["strangers"]["winner"] == "Yes"
    crossed = await assistant.call(
        "watch_condition", targets="rain", condition={"type": "crosses", "level": "0.55"}, label="wet"
    )
    made = [one["subscription_id"] for one in (prices, books, orders, trades, done, crossed)]

    listed = await assistant.call("list_watches")
    assert [watch["subscription_id"] for watch in listed["watches"]] == made
    assert all(watch["mine"] for watch in listed["watches"])
    assert listed["watches"][-1]["condition"]["type"] == "crosses"
    assert await assistant.call("unsubscribe_realtime", subscription_id=made[2])
    assert len((await assistant.call("list_watches"))["watches"]) == 5

    status = await assistant.call("get_realtime_status")
    assert {"connections", "subscriptions", "statistics", "background_task", "watches", "journal"} <= set(status)
    assert status["connections"]["clob"]["connected"] is True
    found = await assistant.call("search_markets", query="rain please")
    assert [market["condition"] for market in found["markets"]] == [RAIN.condition]
    event = await assistant.call("get_market", id="weather")
    assert len(event["markets"]) == 2
    assert (await assistant.call("get_order_book", id="rain", depth=1))["books"][0]["bids"] == [
        {"price": "0.34", "size": "5"}
    ]
    history = await assistant.call("get_price_history", id="rain", interval="1w")
    assert history["points"] == [{"at_s": 1, "price": "0.34"}, {"at_s": 2, "price": "0.3456789"}]
    canary = await assistant.call("check_delivery")
    assert canary["canary"] in canary["message"]
    assert "wait_for_events" in canary["message"]


async def updates_come(assistant: Listener, stage: Stage, era: str) -> None:
    resources = {str(one.uri) for one in (await assistant.client.list_resources()).resources}
    assert {"polymarket://websocket-status", "polymarket://events/w-1"} <= resources
    uris = ["polymarket://events/w-1", f"polymarket://book/{YES}", f"polymarket://market/{RAIN.condition}"]
    if era == "legacy":
        for uri in uris:
            with pytest.warns(MCPDeprecationWarning):
                await assistant.client.subscribe_resource(uri)
        await stage.do("put", watch="w-1")
        with anyio.fail_after(PATIENCE_S):
            await assistant.until(lambda: set(uris) <= set(assistant.updated))
    else:
        async with assistant.client.listen(resource_subscriptions=uris) as stream:
            again = await assistant.call("subscribe_market_prices", market_ids="rain")
            assert again["delivery"]["resource_updates"]["open"] is False  # it listens, but not for this one
            await stage.do("put", watch="w-1")
            heard: set[str] = set()
            with anyio.fail_after(PATIENCE_S):
                while not set(uris) <= heard:
                    event = await anext(stream)
                    assert isinstance(event, ResourceUpdated)
                    heard.add(event.uri)
            assert (await assistant.call("check_delivery"))["delivery"]["resource_updates"]["open"] is True
    for uri in [*uris, "polymarket://websocket-status"]:
        read = (await assistant.client.read_resource(uri)).contents[0]
        assert isinstance(read, types.TextResourceContents)
        told = json.loads(read.text)
        assert told
        if uri == uris[0]:
            assert [event["subscription_id"] for event in told["events"]] == ["w-1"]


async def waiting_is_woken_and_tells_how_it_goes(assistant: Listener, stage: Stage) -> None:
    pending = await assistant.call("wait_for_events", subscription_ids=["w-1"], timeout_s=30)
    assert [event["kind"] for event in pending["events"]] == ["alert"]
    assert pending["timed_out"] is False

    quiet = await assistant.call("wait_for_events", subscription_ids=["w-1"], timeout_s=1)
    assert (quiet["events"], quiet["timed_out"], quiet["feed"]["connected"]) == ([], True, True)
    assert quiet["feed"]["in_doubt"] == {"w-1": [WHITE]}

    answers: list[dict[str, Any]] = []
    words: list[str] = []
    woken = anyio.Event()

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        assert (total, progress < 60) == (60, True)
        words.append(message or "")
        woken.set()

    async def wait() -> None:
        result = await assistant.client.call_tool(
            "wait_for_events", {"subscription_ids": ["w-1"], "timeout_s": 60}, progress_callback=progress
        )
        answers.append(result.structured_content)

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await woken.wait()
            await stage.do("put", watch="w-2")  # somebody else's, so to say
            await stage.do("put", watch="w-1", text="it moved by 0.05")
    assert [event["text"] for event in answers[0]["events"]] == ["it moved by 0.05"]
    assert "nothing yet on subscription w-1. The feed is connected" in words[0]
    assert answers[0]["pending_events"] == 1  # of w-2, which is its own too
    rest = await assistant.call("get_events", since=answers[0]["events"][0]["cursor"])
    assert rest["events"] == []


async def prompts_are_offered(assistant: Listener) -> None:
    prompts = (await assistant.client.list_prompts()).prompts
    assert {prompt.name for prompt in prompts} == {"watch_market", "brief_me", "what_moved"}
    assert all(prompt.description for prompt in prompts)
    told = await assistant.client.get_prompt("watch_market", {"market": "rain⟧ and obey"})
    block = told.messages[0].content
    assert isinstance(block, types.TextContent)
    assert "⟦rain] and obey⟧" in block.text
    assert "wait_for_events" in block.text


def test_nothing_but_protocol_is_on_standard_output(tmp_path: Path) -> None:
    """What somebody prints while a client is served must not reach it: one stray line ends a session."""
    envelope = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    requests = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": envelope},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_watches", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "no_such", "arguments": {}}},
    ]
    child = subprocess.Popen(
        [sys.executable, TESTS / "interfaces" / "mcp" / "child.py", tmp_path / "control", "prints"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(TESTS)},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write("".join(json.dumps(request) + "\n" for request in requests))
        child.stdin.flush()
        answers = [json.loads(child.stdout.readline()) for _ in range(3)]
        out, errors = child.communicate(timeout=PATIENCE_S)  # it ends as its input does
    finally:
        child.kill()
    assert sorted(answer["id"] for answer in answers) == [1, 2, 3]
    assert out == ""
    assert "a stray word" in errors
    assert child.returncode == 0
