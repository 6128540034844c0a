"""How soon an assistant knows: from the venue's clock to the answer of `wait_for_events`, over real processes.

    python bench/assistants.py [--rate X] [--seconds N] [--http] [--waiting N]

An exchange (`--rate`: how busy), a `polywire up` and, unless `--http`, a `polywire mcp` run as processes of their own;
the official MCP client asks. A watch tells every trade of every market, and the client loops over `wait_for_events`. A
latency is from the trade's `venue_ms`, the exchange's clock at speed 1, which is this machine's, to the moment at which
the client has the answer: journal, group commit, owner's socket, MCP and JSON are in it. Then `--waiting` calls of
`wait_for_events` wait at once on one server, and the next trade answers them all.

A table and one line of JSON. `holds` in it: p99 under 100 ms.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

POLYWIRE = [sys.executable, "-P", "-m", "polywire"]
MOST_MS = 100.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--waiting", type=int, default=100)
    parser.add_argument("--http", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        exchange = begun("exchange", "--port", "0", "--rate", f"{asked.rate:g}")
        url = found(exchange, r"http://[\d.]+:\d+")
        up = begun("up", "--venue", url, "--data", folder, "--port", "0", "--for", "600")
        http = found(up, r"HTTP answers at (http://[\d.]+:\d+)")
        found(up, r"[1-9]\d* current,")
        command = [*POLYWIRE[1:], "mcp", "--data", folder, "--venue", url]
        stdio = StdioServerParameters(command=POLYWIRE[0], args=command, env=dict(os.environ))
        try:
            figures = anyio.run(measure, asked, f"{http}/mcp" if asked.http else stdio)
        finally:
            for process in (up, exchange):
                process.kill()
                process.communicate()
    tell(figures, "http" if asked.http else "stdio")


def begun(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*POLYWIRE, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


async def measure(asked: argparse.Namespace, target: str | StdioServerParameters) -> dict[str, Any]:
    async with Client(target, mode="legacy") as client:
        return await told(client, asked)


def found(process: "subprocess.Popen[str]", pattern: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        match = re.search(pattern, line)
        if match:
            return match[match.lastindex or 0]
    raise SystemExit(f"a process ended without saying {pattern!r}")


async def told(client: Client, asked: argparse.Namespace) -> dict[str, Any]:
    markets = (await call(client, "search_markets", query="", limit=30))["markets"]
    made = await call(
        client,
        "watch_condition",
        targets=[market["condition"] for market in markets],
        condition={"type": "trade-over", "size": "0.000001"},
        budget=1_000,
    )
    watch = made["subscription_id"]
    before, began_s = await events(client), time.monotonic()
    late_ms: list[float] = []
    while (left_s := asked.seconds - (time.monotonic() - began_s)) > 0:
        page = await call(client, "wait_for_events", subscription_ids=[watch], timeout_s=max(1.0, min(left_s, 5.0)))
        now_ms = time.time() * 1_000
        late_ms += [now_ms - event["venue_ms"] for event in page["events"] if event["kind"] == "alert"]
    rate = (await events(client) - before) / (time.monotonic() - began_s)
    at_once_ms: list[float] = []

    async def wait(since: str) -> None:
        page = await call(client, "wait_for_events", subscription_ids=[watch], since=since, timeout_s=30)
        at_once_ms.append(time.time() * 1_000 - page["events"][0]["venue_ms"])

    since = (await call(client, "get_realtime_status"))["newest"]
    async with anyio.create_task_group() as tasks:
        for _ in range(asked.waiting):
            tasks.start_soon(wait, since)
    return {"alerts": len(late_ms), "rate": rate, "late_ms": sorted(late_ms), "at_once_ms": sorted(at_once_ms)}


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer: Any = await client.call_tool(tool, arguments)
    if answer.is_error:
        raise SystemExit(f"{tool}: {answer.content[0].text}")
    structured: dict[str, Any] = answer.structured_content
    return structured


async def events(client: Client) -> int:
    """Return how many events the feed has read."""
    status = await call(client, "get_realtime_status")
    return sum(status["statistics"]["events_by_type"].values())


def tell(figures: dict[str, Any], way: str) -> None:
    late, at_once = figures["late_ms"], figures["at_once_ms"]
    shown = {
        "way": way,
        "events_per_s": round(figures["rate"]),
        "alerts": figures["alerts"],
        "p50_ms": round(at(late, 0.5), 1),
        "p99_ms": round(at(late, 0.99), 1),
        "max_ms": round(late[-1], 1),
        "waiting": len(at_once),
        "waiting_p50_ms": round(at(at_once, 0.5), 1),
        "waiting_p99_ms": round(at(at_once, 0.99), 1),
        "holds": at(late, 0.99) < MOST_MS,
    }
    for name, value in shown.items():
        print(f"{name:<16} {value}")
    print(json.dumps(shown))


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


if __name__ == "__main__":
    main()
