"""What watches cost: 1,000 of them on 2,000 tokens at 5,000 events a second, and how soon who waits is told.

    python bench/watches.py [--watches N] [--markets N] [--rate N] [--seconds N] [--rounds N] [--readers N]

`steady_venue.py` sends `--rate` frames a second over real sockets; each frame changes a level of both outcomes, so
there are twice as many events. This process holds one feed with all its checks, one callback that reads every token,
the real watches and the real journal on disk. Each round measures the same time three times on that feed: without
watches; with watches of every kind that have nothing to say, as most have nearly always; and with the same of which one
in fifty fires each time its price comes back and one in twenty tells prices once a second, some 110 entries a second.
Figures are this process's CPU time, the journal's thread included: what silent watches add an event, and what an entry
costs on top, from the judgement to the disk.

Then `--readers` wait for alerts at once, as `wait_for_events` does in the owner. A latency is from the moment at
which the frame was seen at the socket to the moment at which a reader has the alert that it caused, on disk by then.

A table and one line of JSON. `holds` in it: silent watches add under 10 µs of CPU an event, no entry is lost, no
book wrong.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import uvloop

from polywire import open_feed
from polywire.io.clock import SystemClock
from polywire.io.journal import SqliteJournal
from polywire.model.events import Event
from polywire.model.journal import EntryKind
from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId, TokenId
from polywire.model.venue import Venue, VenueUrls
from polywire.model.watch import Changes, Condition, Crosses, Depth, Moves, Of, Silent, Spread, TradeOver
from polywire.services.access.language import EntriesWanted, WatchWanted
from polywire.services.access.pages import Pages
from polywire.services.feed.feed import Feed
from polywire.services.watches.watches import Watches
from polywire.settings import Settings
from steady_venue import Delays

MOST_US = 10.0
SETTLE_S = 2.0
READY_S = 60.0
NEVER_S = 86_400.0  # this venue has no list of what is resolved, and asking for it would be measured too
TOGETHER = 50  # watches that are made at once
FIRES = Crosses(4_950, Of.BID, "up", 0)
"""The venue takes its best bid of 0.50 back to 0.49 and raises it again."""
TELLS = Changes("price", every_s=1.0)
QUIET: tuple[Condition, ...] = (
    Crosses(9_000), Crosses(1_000, Of.ASK), Crosses(7_000, Of.LAST), Crosses(6_000, Of.BID), Moves(500, 300.0),
    Spread("over", 500), Depth("under", 1_000_000), Silent(600.0), TradeOver(1_000_000_000),
)  # fmt: skip


class ListedFeed:
    """The feed, and a list of the markets that `steady_venue.py` has no list of. See `WatchFeed`."""

    def __init__(self, feed: Feed, markets: int) -> None:
        self.venue, self.books, self.listed = feed.venue, feed.books, feed.listed
        self.subscribe, self.resolved, self.until_current = feed.subscribe, feed.resolved, feed.until_current
        self._of: dict[str, MarketListed] = {}
        for number in range(markets):
            tokens = TokenId(str(10**76 + 2 * number)), TokenId(str(10**76 + 2 * number + 1))
            names = ConditionId(f"0x{number:064x}"), str(number), f"market-{number}", "Is it?", ("Yes", "No"), tokens
            self._of[names[0]] = MarketListed(*names, "", "", "", 100, 5_000_000, False, False, "")
        self.names = list(self._of)
        self.tokens = [token for market in self._of.values() for token in market.tokens]

    async def resolve(self, *targets: str) -> list[MarketListed]:
        """Return the markets of these conditions."""
        return [self._of[target] for target in targets]


def condition_of(number: int, *, telling: bool) -> Condition:
    """Return what the watch of this number waits for."""
    if telling and number % 50 == 0:
        return FIRES
    return TELLS if telling and number % 20 == 1 else QUIET[number % len(QUIET)]


class Measured(NamedTuple):
    """What a while took."""

    us_an_event: float  # of CPU
    events_per_second: float
    entries_per_second: float
    core: float


class Bench:
    """One feed on the steady venue, and the watches that come and go on it.

    Attributes:
        events: Those of all tokens, counted by the one reader that reads them all.
    """

    def __init__(self, feed: ListedFeed, journal: SqliteJournal, asked: argparse.Namespace) -> None:
        self.feed, self.journal, self.asked, self.events = feed, journal, asked, 0
        clock = SystemClock()
        self.watches = Watches(
            feed, journal, clock, lambda: clock.now_ns() // 1_000_000, most_watches=max(1_000, asked.watches)
        )
        self.made = 0

    def count(self, _: Event) -> None:
        """Be a reader: without one no events are made at all."""
        self.events += 1

    async def make(self, *, telling: bool) -> float:
        """Make all watches; return the seconds that took."""
        began, names = time.monotonic(), self.feed.names

        async def some(first: int) -> None:
            for number in range(first, self.asked.watches, TOGETHER):
                target = names[number % len(names)]
                made = await self.watches.add(
                    WatchWanted(
                        condition_of(number, telling=telling), (target,), f"w{self.made}-{number}", budget=10_000
                    )
                )
                assert not made.waiting, made.waiting

        self.made += 1
        async with asyncio.TaskGroup() as tasks:
            for first in range(TOGETHER):
                tasks.create_task(some(first))
        return time.monotonic() - began

    async def drop(self) -> None:
        """Drop all watches."""
        for status in self.watches.statuses():
            await self.watches.drop(status.watch.id)

    async def measured(self) -> Measured:
        """Return what the time asked for took."""
        await asyncio.sleep(SETTLE_S)
        events, entries, began, cpu = self.events, self.journal.newest, time.monotonic(), time.process_time()
        await asyncio.sleep(self.asked.seconds)
        took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
        count, written = self.events - events, self.journal.newest - entries
        return Measured(cpu_s / count * 1e6, count / took_s, written / took_s, cpu_s / took_s)

    async def waited(self) -> Delays:
        """Return how late alerts came to readers that all wait for them."""
        late = Delays()

        async def read() -> None:
            since = access.newest
            while True:
                page = await access.entries(EntriesWanted(since, kinds=(EntryKind.ALERT,), wait_s=self.asked.seconds))
                since, now_ns = page.cursor, time.time_ns()
                for entry in page.entries:
                    late.add((now_ns - entry.seen_ns) // 1_000)

        access = Pages(self.journal)  # what `LocalAccess.entries` asks, with nothing between
        with anyio.move_on_after(self.asked.seconds):
            async with anyio.create_task_group() as tasks:
                for _ in range(self.asked.readers):
                    tasks.start_soon(read)
        return late


async def one_round(bench: Bench, number: int) -> tuple[Measured, Measured, Measured]:
    """Measure without watches, with silent ones, with telling ones; those of the last round stay."""
    if number == 1:
        print(
            f"{'round':>5} {'none µs':>8} {'silent':>7} {'telling':>8} {'events/s':>9} {'entries/s':>9} {'made s':>7}"
        )
    else:
        await bench.drop()
    alone = await bench.measured()
    made_s = await bench.make(telling=False)
    silent = await bench.measured()
    await bench.drop()
    await bench.make(telling=True)
    telling = await bench.measured()
    print(
        f"{number:>5} {alone.us_an_event:>8.1f} {silent.us_an_event:>7.1f} {telling.us_an_event:>8.1f} "
        f"{telling.events_per_second:>9,.0f} {telling.entries_per_second:>9.0f} {made_s:>7.2f}",
        flush=True,
    )
    return alone, silent, telling


async def run(port: int, asked: argparse.Namespace, folder: Path) -> bool:
    """Run it, print, and return whether it holds."""
    http = f"http://127.0.0.1:{port}"
    urls = VenueUrls(http, http, f"ws://127.0.0.1:{port}/ws/market")
    async with (
        SqliteJournal.open(folder / "journal.sqlite3", SystemClock()) as journal,
        open_feed(Settings(resolutions_s=NEVER_S), venue=Venue("bench", 80_002, urls)) as feed,
    ):
        listed = ListedFeed(feed, asked.markets)
        bench = Bench(listed, journal, asked)
        await feed.subscribe(tokens=listed.tokens, callback=bench.count).__aenter__()  # ends with the feed
        await feed.until_current(*listed.tokens, within_s=READY_S)
        running = asyncio.create_task(bench.watches.run())
        await bench.watches.ready.wait()
        rounds = [await one_round(bench, number) for number in range(1, asked.rounds + 1)]
        late = await bench.waited()
        status: Any = feed.status()
        numbers = status["statistics"]
        wrong = numbers["best_price_mismatches"] + numbers["book_mismatches"] + sum(numbers["undecoded"].values())
        alone, silent, telling = (
            Measured(*(statistics.median(column) for column in zip(*phase, strict=True)))
            for phase in zip(*rounds, strict=True)
        )
        added = statistics.median(quiet.us_an_event - none.us_an_event for none, quiet, _ in rounds)
        found: dict[str, Any] = {
            "watches": asked.watches,
            "tokens": len(listed.tokens),
            "events_per_second": silent.events_per_second,
            "feed_us_an_event": alone.us_an_event,
            "added_us_an_event": added,
            "added_telling_us_an_event": statistics.median(t.us_an_event - n.us_an_event for n, _, t in rounds),
            "entries_per_second": telling.entries_per_second,
            "us_an_entry": statistics.median(
                (t.us_an_event - q.us_an_event) * t.events_per_second / t.entries_per_second for _, q, t in rounds
            ),
            "core": silent.core,
            "core_telling": telling.core,
            "entries": journal.newest,
            "unwritten": bench.watches.unwritten,
            "reader_errors": numbers["reader_errors"],
            "wrong": wrong,
            "readers": asked.readers,
            "told": late.count,
            **late.told(),
        }
        held = added < MOST_US and not wrong and not bench.watches.unwritten
        print(json.dumps(found | {"holds": held}))
        running.cancel()
        await asyncio.wait([running])
    return held


def main() -> None:
    """Parse the arguments, start the venue, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watches", type=int, default=1_000)
    parser.add_argument("--markets", type=int, default=1_000, help="two tokens each")
    parser.add_argument("--rate", type=int, default=2_500, help="frames a second, two events each")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--readers", type=int, default=100)
    asked = parser.parse_args()
    command = [sys.executable, str(Path(__file__).with_name("steady_venue.py")), "--markets", str(asked.markets)]
    command += ["--rate", str(asked.rate), "--origin", str(time.monotonic_ns())]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as venue,
    ):
        assert venue.stdout
        assert venue.stdin
        try:
            held = uvloop.run(run(int(venue.stdout.readline()), asked, Path(folder)))
        finally:
            venue.stdin.close()
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
