"""The MCP Inspector's command line against the real server: all that it offers, in both eras and both ways in.

Each step is a client of its own that connects, asks once and leaves, as a person would who tries the server out.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from cli.processes import POLYWIRE, line_with, started
from e2e.node_tools import NotThere, command, environment
from interfaces.mcp.memory import MemoryAccess
from polywire.interfaces.mcp.follower import STATUS
from polywire.interfaces.mcp.server import mcp_server
from polywire.io.clock import SystemClock
from polywire.io.owner import endpoint

PATIENCE_S: Final = 60.0
REFUSED: Final = 5  # how the Inspector ends where a tool's answer is a refusal
TOOLS: Final = frozenset(tool.name for tool in anyio.run(mcp_server(MemoryAccess(), SystemClock()).list_tools))


class Inspector:
    """The Inspector in one era, pointed at one way in.

    Attributes:
        called: Every tool that it has called.
    """

    def __init__(self, data: Path, way: str, era: str, home: Path) -> None:
        owner = endpoint(data)
        assert owner is not None
        self._command = [*command("mcp-inspector", "@modelcontextprotocol/inspector"), "--cli"]
        stdio = ["--transport", "stdio", "--", *POLYWIRE, "mcp", "--data", str(data)]
        self._target = stdio if way == "stdio" else ["--transport", "http", "--server-url", f"{owner.http}/mcp"]
        self._options = ["--protocol-era", era, "--format", "json", "-q"]
        self._home = home
        self.called: set[str] = set()

    def run(self, *options: str) -> "subprocess.CompletedProcess[str]":
        """Run it to the end."""
        return subprocess.run(
            [*self._command, *self._options, *options, *self._target],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=environment(self._home),
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def asked(self, method: str, *options: str) -> dict[str, Any]:
        """Return what a method answers; a failure fails the test."""
        done = self.run("--method", method, *options)
        assert done.returncode == 0, f"{method} {options}: {done.stdout[:2_000]}{done.stderr[:2_000]}"
        result: dict[str, Any] = json.loads(done.stdout)["result"]
        return result

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return what a tool answers; a refusal fails the test."""
        self.called.add(tool)
        answer = self.asked("tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        structured: dict[str, Any] = answer["structuredContent"]
        assert structured["message"]
        assert answer["content"][0]["text"] == structured["message"]
        return structured


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run `polywire up` on an exchange whose prices move; yield its data directory."""
    try:
        command("mcp-inspector", "@modelcontextprotocol/inspector")
    except NotThere as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("owner")
    with started("up", "--data", str(folder), "--port", "0", "--exchange-port", "0", "--seed", "7") as up:
        line_with(up, "current,")
        yield folder


@pytest.fixture(params=["legacy", "modern"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["stdio", "http"])
def inspector(request: pytest.FixtureRequest, data: Path, era: str, tmp_path: Path) -> Inspector:
    return Inspector(data, request.param, era, tmp_path)


@pytest.mark.slow
def test_every_tool_answers_with_what_the_exchange_has(inspector: Inspector) -> None:
    """Arguments come from answers; events are real moves of prices after the subscription's own cursor."""
    listed = inspector.asked("tools/list", "--strict")["tools"]  # strict: a schema that not every client takes fails
    assert {tool["name"] for tool in listed} == TOOLS
    found = inspector.call("search_markets", query="", limit=5)["markets"]
    conditions = [market["condition"] for market in found]
    assert len(conditions) == 5
    (market,) = inspector.call("get_market", id=conditions[0])["markets"]
    assert market["strangers"]["slug"] == found[0]["strangers"]["slug"]
    token = market["tokens"][0]
    (book,) = inspector.call("get_order_book", id=token, depth=3)["books"]
    assert book["token"] == token
    assert book["answering"] is True
    history = inspector.call("get_price_history", id=token, interval="1h")
    assert history["token"] == token
    made = {
        "prices": inspector.call("subscribe_market_prices", market_ids=conditions),
        "books": inspector.call("subscribe_orderbook_updates", token_ids=[token], depth=5),
        "orders": inspector.call("subscribe_user_orders"),
        "trades": inspector.call("subscribe_user_trades", market_ids=[conditions[0]]),
        "ends": inspector.call("subscribe_market_resolution", market_ids=conditions[0], callback_type="log"),
        "watch": inspector.call(
            "watch_condition", condition={"type": "changes", "what": "price"}, targets=conditions, label="moves"
        ),
    }
    assert made["books"]["books"][0]["token"] == token
    assert inspector.call("get_realtime_status")["connections"]["clob"]["connected"] is True
    stand = {watch["subscription_id"] for watch in inspector.call("list_watches")["watches"]}
    assert {one["subscription_id"] for one in made.values()} <= stand
    assert inspector.call("check_delivery")["canary"]
    prices = {"subscription_ids": [made["prices"]["subscription_id"]], "since": made["prices"]["cursor"]}
    waited = inspector.call("wait_for_events", timeout_s=30, **prices)
    assert {event["kind"] for event in waited["events"]} == {"price"}
    again = inspector.call("get_events", limit=1, **prices)
    assert again["events"][0]["cursor"] == waited["events"][0]["cursor"]
    for one in made.values():
        ended = inspector.call("unsubscribe_realtime", subscription_id=one["subscription_id"])
        assert ended["subscription_id"] == one["subscription_id"]
    assert inspector.called == TOOLS


@pytest.mark.slow
def test_every_resource_and_prompt_is_listed_and_read(inspector: Inspector) -> None:
    found = inspector.call("search_markets", query="", limit=1)["markets"][0]
    watch = inspector.call("subscribe_market_prices", market_ids=[found["condition"]])["subscription_id"]
    listed = {one["uri"] for one in inspector.asked("resources/list")["resources"]}
    assert {STATUS, f"polymarket://events/{watch}"} <= listed
    templates = [one["uriTemplate"] for one in inspector.asked("resources/templates/list")["resourceTemplates"]]
    values = {"subscription": watch, "token": found["tokens"][0], "condition": found["condition"]}
    for uri in (STATUS, *(template.format(**values) for template in templates)):
        (content,) = inspector.asked("resources/read", "--uri", uri)["contents"]
        assert content["uri"] == uri
        assert json.loads(content["text"])
    for prompt in inspector.asked("prompts/list")["prompts"]:
        given = [f"{one['name']}=what rains" for one in prompt.get("arguments", []) if one.get("required")]
        options = ["--prompt-args", *given] if given else []
        (message,) = inspector.asked("prompts/get", "--prompt-name", prompt["name"], *options)["messages"]
        assert "wait_for_events" in message["content"]["text"] or "get_" in message["content"]["text"]
    inspector.call("unsubscribe_realtime", subscription_id=watch)


@pytest.mark.slow
def test_a_bad_argument_is_a_refusal_with_a_next_step(inspector: Inspector) -> None:
    done = inspector.run("--method", "tools/call", "--tool-name", "get_market", "--tool-arg", "id=no-such-market")
    assert done.returncode == REFUSED
    answer = json.loads(done.stdout)["result"]
    assert answer["isError"] is True
    assert "search_markets" in answer["content"][0]["text"]
    assert "Traceback" not in done.stdout + done.stderr
