"""How soon an assistant knows: from the venue's clock to the answer of `wait_for_events`, over real processes.

    python bench/assistants.py [--rate X] [--seconds N] [--way stdio|http] [--era legacy|2026-07-28] [--waiting N]

An exchange (`--rate`: how busy), a `polywire up` and, on standard input, a `polywire mcp` run as processes of their
own; the official MCP client asks, over one transport after the other unless `--way` names one. A watch tells every
trade of every market, and the client loops over `wait_for_events`. A latency is from the trade's `venue_ms`, the
exchange's clock at speed 1, which is this machine's, to the moment at which the client has the answer: journal, group
commit, owner's socket, MCP and JSON are in it. Then `--waiting` calls of `wait_for_events` wait at once on one server
for a market's end, which answers them all. `connected_ms` is what the client takes to be ready, with the start of the
server's process.

A table a way and one line of JSON. `holds` in it: p99 under 100 ms.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

POLYWIRE = [sys.executable, "-P", "-m", "polywire"]
MOST_MS = 100.0
SETTLED_S = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=9.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--waiting", type=int, default=100)
    parser.add_argument("--way", choices=["stdio", "http"], action="append", help="default: both")
    parser.add_argument("--era", choices=["legacy", "2026-07-28"], default="legacy")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        exchange = begun("exchange", "--port", "0", "--rate", f"{asked.rate:g}")
        url = found(exchange, r"http://[\d.]+:\d+")
        up = begun("up", "--venue", url, "--data", folder, "--port", "0", "--for", "600")
        http = found(up, r"HTTP answers at (http://[\d.]+:\d+)")
        found(up, r"[1-9]\d* current,")
        command = [*POLYWIRE[1:], "mcp", "--data", folder, "--venue", url]
        stdio = StdioServerParameters(command=POLYWIRE[0], args=command, env=dict(os.environ))
        targets: dict[str, str | StdioServerParameters] = {"stdio": stdio, "http": f"{http}/mcp"}
        try:
            shown = {way: shown_of(anyio.run(measure, asked, targets[way], url)) for way in asked.way or targets}
        finally:
            for process in (up, exchange):
                process.kill()
                process.communicate()
    for way, figures in shown.items():
        print(f"{way}, {asked.era}")
        for name, value in figures.items():
            print(f"  {name:<16} {value}")
    print(json.dumps(shown | {"holds": all(figures["holds"] for figures in shown.values())}))


def begun(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*POLYWIRE, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


async def measure(asked: argparse.Namespace, target: str | StdioServerParameters, url: str) -> dict[str, Any]:
    began_s = time.monotonic()
    async with Client(target, mode=asked.era) as client:
        connected_ms = 1_000 * (time.monotonic() - began_s)
        one_by_one = await told(client, asked)
        return one_by_one | {"connected_ms": connected_ms, "at_once_ms": await told_at_once(client, asked, url)}


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
    watch, since = made["subscription_id"], made["cursor"]
    before, began_s = await events(client), time.monotonic()
    late_ms: list[float] = []
    while (left_s := asked.seconds - (time.monotonic() - began_s)) > 0:
        timeout_s = max(1.0, min(left_s, 5.0))
        page = await call(client, "wait_for_events", subscription_ids=[watch], since=since, timeout_s=timeout_s)
        now_ms = time.time() * 1_000
        since = page["cursor"]
        late_ms += [now_ms - event["venue_ms"] for event in page["events"] if event["kind"] == "alert"]
    rate = (await events(client) - before) / (time.monotonic() - began_s)
    await call(client, "unsubscribe_realtime", subscription_id=watch)
    return {"alerts": len(late_ms), "rate": rate, "late_ms": sorted(late_ms)}


async def told_at_once(client: Client, asked: argparse.Namespace, url: str) -> list[float]:
    open_ones = [market for market in await described(url) if not market["closed"] and "updown" not in market["slug"]]
    market = open_ones[0]
    made = await call(client, "subscribe_market_resolution", market_ids=[market["condition"]])
    wanted = {"subscription_ids": [made["subscription_id"]], "since": made["cursor"], "timeout_s": 60}
    late_ms: list[float] = []

    async def wait() -> None:
        page = await call(client, "wait_for_events", **wanted)
        now_ms = time.time() * 1_000
        late_ms.extend(now_ms - event["venue_ms"] for event in page["events"] if event["kind"] == "resolution")

    async with anyio.create_task_group() as tasks:
        for _ in range(asked.waiting):
            tasks.start_soon(wait)
        await anyio.sleep(SETTLED_S)  # by then all of them wait
        end = {"condition": market["condition"], "winner": market["tokens"][0]}
        await anyio.to_thread.run_sync(answered, f"{url}/venue/resolve", end)
    return sorted(late_ms)


async def described(url: str) -> list[dict[str, Any]]:
    about = await anyio.to_thread.run_sync(answered, f"{url}/venue?ledger=0")
    markets: list[dict[str, Any]] = about["markets"]
    return markets


def answered(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data, timeout=10) as answer:
        return json.load(answer)


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


def shown_of(figures: dict[str, Any]) -> dict[str, Any]:
    late, at_once = figures["late_ms"], figures["at_once_ms"]
    return {
        "connected_ms": round(figures["connected_ms"]),
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


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


if __name__ == "__main__":
    main()
