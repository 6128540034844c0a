"""How late a feed is, and whether its memory stands, under the load of a big subscriber: 10,000 tokens on 50 sockets.

    python bench/feed_soak.py [--minutes N] [--tokens N] [--rate N]

`steady_venue.py` runs on one core and sends 10,000 frames a second, evenly, over all sockets; this process runs one
feed on the other core, with all its checks, and one callback that reads every token. Each frame carries the moment at
which it was written to its socket; a latency is the moment at which the callback is called less that. Memory is USS,
what this process alone would give back, without a collection before it (Linux only).

A line a minute, then one line of JSON. `holds` in it: p99 under 5 ms, memory at most 5 % above the first minute's, all
that was sent has come, every book right.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from polywire import open_feed
from polywire.model.events import Event
from polywire.model.market import LevelChanged
from polywire.model.venue import Venue, VenueUrls
from polywire.services.feed.feed import Feed
from polywire.settings import Settings
from soak import uss
from steady_venue import Delays

MOST_P99_MS = 5.0
MOST_GROWTH = 0.05
WARM_S = 5.0
READY_S = 60.0


class Latencies:
    """A callback that measures.

    Attributes:
        now: Of the present minute.
        whole: Of the minutes before.
    """

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns
        self.now, self.whole = Delays(), Delays()

    def take(self, event: Event) -> None:
        """Measure an event that carries a stamp."""
        if type(event) is LevelChanged and event.size:
            self.now.add((time.monotonic_ns() - self._origin_ns) // 1_000 - event.size)

    def next_minute(self) -> Delays:
        """Return what was measured since the last time."""
        told, self.now = self.now, Delays()
        self.whole.add_all(told)
        return told


async def soak(port: int, venue: "subprocess.Popen[str]", origin_ns: int, arguments: argparse.Namespace) -> bool:
    """Run it, print, and return whether all promises hold."""
    http = f"http://127.0.0.1:{port}"
    urls = VenueUrls(http, http, f"ws://127.0.0.1:{port}/ws/market")
    tokens = [str(10**76 + number) for number in range(arguments.tokens)]
    latencies = Latencies(origin_ns)
    async with open_feed(Settings(), venue=Venue("bench", 80002, urls)) as feed:
        began = time.monotonic()
        async with feed.subscribe(tokens=tokens, callback=latencies.take):
            await feed.until_current(*tokens, within_s=READY_S)
            print(f"{len(tokens):,} books current after {time.monotonic() - began:.1f} s", flush=True)
            await asyncio.sleep(WARM_S)
            minutes = await each_minute(feed, latencies, arguments.minutes)
            told = await asyncio.to_thread(stopped, venue)
            await asyncio.sleep(1.0)  # for what is under way
            return summed_up(feed, latencies, minutes, told, arguments)


async def each_minute(feed: Feed, latencies: Latencies, minutes: int) -> list[dict[str, float]]:
    """Measure for so many minutes; print and return each."""
    print(f"{'minute':>6} {'frames/s':>9} {'p50 ms':>7} {'p99 ms':>7} {'p99.9':>7} {'max ms':>7} {'USS MiB':>8}   CPU")
    rows = []
    latencies.now = Delays()
    for minute in range(1, minutes + 1):
        frames, began, cpu = feed.tally.frames, time.monotonic(), time.process_time()
        await asyncio.sleep(60.0)
        took_s = time.monotonic() - began
        row = latencies.next_minute().told()
        row |= {
            "frames_per_second": (feed.tally.frames - frames) / took_s,
            "cpu": (time.process_time() - cpu) / took_s,
            "uss": uss(collect=False),
        }
        rows.append(row)
        print(
            f"{minute:>6} {row['frames_per_second']:>9,.0f} {row['p50_ms']:>7.2f} {row['p99_ms']:>7.2f} "
            f"{row['p99.9_ms']:>7.2f} {row['max_ms']:>7.2f} {row['uss'] / 2**20:>8.1f} {row['cpu']:>5.0%}",
            flush=True,
        )
    return rows


def stopped(venue: "subprocess.Popen[str]") -> dict[str, Any]:
    """Have the venue stop sending; return what it says of itself."""
    assert venue.stdin
    assert venue.stdout
    venue.stdin.write("stop\n")
    venue.stdin.flush()
    told: dict[str, Any] = json.loads(venue.stdout.readline())
    return told


def summed_up(
    feed: Feed,
    latencies: Latencies,
    minutes: list[dict[str, float]],
    venue: dict[str, Any],
    arguments: argparse.Namespace,
) -> bool:
    """Print all of it as one line of JSON; return whether the promises hold."""
    status: Any = feed.status()
    numbers, clob = status["statistics"], status["connections"]["clob"]
    late = latencies.whole.told()
    growth = minutes[-1]["uss"] / minutes[0]["uss"] - 1
    wrong = numbers["best_price_mismatches"] + numbers["book_mismatches"] + sum(numbers["undecoded"].values())
    found: dict[str, Any] = {
        "tokens": arguments.tokens,
        "sockets": len(clob["sockets"]),
        "minutes": len(minutes),
        "frames_per_second": sum(row["frames_per_second"] for row in minutes) / len(minutes),
        **late,
        "uss_first": minutes[0]["uss"],
        "uss_last": minutes[-1]["uss"],
        "growth": growth,
        "cpu": sum(row["cpu"] for row in minutes) / len(minutes),
        "lost": venue["sent"] - feed.tally.changes,
        "wrong": wrong,
        "reconnects": numbers["reconnect_count"],
        "freshness": clob["freshness"],
        "lag": numbers["lag"],
        "witness": numbers.get("witness"),
        "venue_late": venue["late"],
    }
    found["holds"] = late["p99_ms"] < MOST_P99_MS and growth <= MOST_GROWTH and not found["lost"] and not wrong
    print(json.dumps(found))
    return bool(found["holds"])


def main() -> None:
    """Parse the arguments, start the venue on a core of its own, soak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=10_000, help="two a market, 200 a socket")
    parser.add_argument("--rate", type=int, default=10_000, help="frames a second")
    arguments = parser.parse_args()
    origin_ns = time.monotonic_ns()
    command = [sys.executable, str(Path(__file__).with_name("steady_venue.py")), "--origin", str(origin_ns)]
    command += ["--markets", str(arguments.tokens // 2), "--rate", str(arguments.rate)]
    cores = sorted(os.sched_getaffinity(0))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as venue:
        assert venue.stdout
        if len(cores) > 1:
            os.sched_setaffinity(venue.pid, cores[:1])
            os.sched_setaffinity(0, cores[1:2])
        try:
            held = uvloop.run(soak(int(venue.stdout.readline()), venue, origin_ns, arguments))
        finally:
            venue.terminate()
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
