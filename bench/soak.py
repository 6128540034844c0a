"""Whether a feed keeps its memory: minutes of load, subscriptions opened and closed all the while, and what is left.

    python bench/soak.py [--minutes N] [--rate X] [--subscriptions N]

An exchange runs in a process of its own, as busy as `--rate` makes it (38: some 2,000 events a second). This process
holds one feed on all its markets, and opens and closes `--subscriptions` a minute on random tokens, each read for a
moment. USS is what this process alone would give back (`/proc/self/smaps_rollup`, so this needs Linux), after a full
collection. At the end: what an open, idle subscription to a token already held costs, and what is left of them all.
"""

import argparse
import asyncio
import gc
import json
import random
import subprocess
import sys
import time
import tracemalloc
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

import polywire
from polywire.model.events import Event
from polywire.model.market import MarketCreated
from polywire.services.feed.feed import Feed
from polywire.services.feed.subscription import Subscription

IDLE = 2_000
FOLLOWED = 8


def uss(*, collect: bool = True) -> int:
    """Return the bytes that only this process holds; a collection before it takes a while."""
    if collect:
        gc.collect()
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))


async def churn(feed: Feed, tokens: list[str], every_s: float) -> None:
    """Open and close subscriptions for ever, at a steady pace."""
    dice = random.Random(1)
    loop = asyncio.get_running_loop()
    due = loop.time()
    async with asyncio.TaskGroup() as tasks:
        while True:
            tasks.create_task(one(feed, dice.sample(tokens, 2), dice.uniform(0.05, 2.0)))
            due += every_s
            await asyncio.sleep(max(0.0, due - loop.time()))


async def one(feed: Feed, tokens: list[str], for_s: float) -> None:
    """Read two tokens for a moment."""
    async with feed.subscribe(tokens=tokens) as stream:
        try:
            async with asyncio.timeout(for_s):
                async for _ in stream:
                    pass
        except TimeoutError:
            pass


async def idle_cost(feed: Feed, token: str) -> float:
    """Return the bytes of one open subscription that nobody has sent anything yet."""
    first = feed.subscribe(tokens=[token], kinds=["TICK_SIZE_CHANGE"])
    await first.__aenter__()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    many = [feed.subscribe(tokens=[token], kinds=["TICK_SIZE_CHANGE"]) for _ in range(IDLE)]
    for subscription in many:
        await subscription.__aenter__()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    for subscription in (*many, first):
        subscription.close()
    return (after - before - sys.getsizeof(many)) / IDLE


async def soak(url: str, arguments: argparse.Namespace) -> None:
    """Run it and print."""
    with urllib.request.urlopen(f"{url}/venue?ledger=0") as answer:
        markets = json.load(answer)["markets"]
    tokens = [token for market in markets if not market["closed"] for token in market["tokens"]]
    counted = 0

    def count(_: Any) -> None:
        nonlocal counted
        counted += 1

    async with polywire.open_feed(polywire.Settings(venue=url)) as feed:
        newest = asyncio.create_task(follow_new(feed, count))
        async with feed.subscribe(tokens=tokens, callback=count):
            await feed.until_current(*tokens)
            churning = asyncio.create_task(churn(feed, tokens, 60.0 / arguments.subscriptions))
            first = 0
            print(f"{'minute':>6} {'events/s':>9} {'USS MiB':>8} {'of minute one':>14}")
            for minute in range(1, arguments.minutes + 1):
                before, began = counted, time.monotonic()
                await asyncio.sleep(60.0)
                rate = (counted - before) / (time.monotonic() - began)
                now = uss()
                first = first or now
                print(f"{minute:>6} {rate:>9,.0f} {now / 2**20:>8.2f} {now / first - 1:>+13.1%}", flush=True)
            churning.cancel()
            newest.cancel()
            await asyncio.wait([churning, newest])
            del churning, newest  # they keep what they raised, and that the frames it went through and their streams
            cost = await idle_cost(feed, tokens[-1])
            print(f"an open, idle subscription to a token already held: {cost:.0f} bytes")
        status: Any = feed.status()
        gc.collect()
        left = sum(isinstance(thing, Subscription) for thing in gc.get_objects())
        books, listed = len(feed.books), status["subscriptions"]["total"]
        print(f"after closing all: {left} subscription objects, {books} books, {listed} subscriptions in the status")
        print(json.dumps(status["statistics"]))


async def follow_new(feed: Feed, count: Callable[[Event], None]) -> None:
    """Subscribe to markets as they are created: the old ones resolve, and the load would dwindle."""
    followed: list[Subscription] = []
    try:
        async with feed.subscribe(kinds=[MarketCreated]) as news:
            async for event in news:
                if isinstance(event, MarketCreated):
                    followed.append(await feed.subscribe(tokens=event.tokens, callback=count).__aenter__())
                    while len(followed) > FOLLOWED:
                        followed.pop(0).close()
    finally:
        for subscription in followed:
            subscription.close()


def main() -> None:
    """Parse the arguments, start the exchange, soak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--rate", type=float, default=38.0)
    parser.add_argument("--subscriptions", type=int, default=500, help="opened and closed a minute")
    arguments = parser.parse_args()
    command = [
        sys.executable,
        "-P",
        "-m",
        "polywire",
        "exchange",
        "--child",
        "--port",
        "0",
        "--rate",
        str(arguments.rate),
    ]
    with subprocess.Popen(
        [*command, "--seed", "3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as exchange:
        assert exchange.stdout
        try:
            uvloop.run(soak(exchange.stdout.readline().strip(), arguments))
        finally:
            exchange.terminate()


if __name__ == "__main__":
    main()
