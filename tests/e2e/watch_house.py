"""Feed, journal and watches on an exchange in a process of its own, put together as an owner does."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec

import polywire
from polywire.io.clock import SystemClock
from polywire.io.journal import SqliteJournal
from polywire.io.venue_clock import VenueClock
from polywire.io.venue_desk import VenueDesk
from polywire.model.credentials import ApiCredentials
from polywire.model.journal import Entry, EntryKind
from polywire.model.watch import Condition
from polywire.services.access.language import WatchMade, WatchWanted
from polywire.services.feed.feed import Feed
from polywire.services.watches.watches import Watches

PATIENCE_S = 20.0


class House:
    """What runs, and how to wait for what it writes."""

    def __init__(self, feed: Feed, journal: SqliteJournal, watches: Watches) -> None:
        self.feed, self.journal, self.watches = feed, journal, watches

    async def entries(self, *kinds: EntryKind, watch: str = "") -> list[Entry]:
        """Return the entries on disk; of these kinds and this watch, if any are named."""
        return await self.journal.read(0, limit=10_000, watches=(watch,) if watch else (), kinds=kinds)

    async def until(self, holds: Callable[[Sequence[Entry]], object], *kinds: EntryKind) -> list[Entry]:
        """Return the entries of these kinds once they are as wanted; each new entry is looked at."""
        with anyio.fail_after(PATIENCE_S):
            while True:
                newest = self.journal.newest
                found = await self.entries(*kinds)
                if holds(found):
                    return found
                await self.journal.beyond(newest)

    async def watch(self, name: str, condition: Condition, *targets: str, **fields: Any) -> WatchMade:
        """Make a watch of this id."""
        with anyio.fail_after(PATIENCE_S):
            return await self.watches.add(WatchWanted(condition, targets, name, **fields))


def data_of(entry: Entry) -> dict[str, Any]:
    """Return what an entry holds."""
    found: dict[str, Any] = msgspec.json.decode(entry.data)
    return found


@asynccontextmanager
async def house(
    url: str, data: Path, *, credentials: ApiCredentials | None = None, **settings: Any
) -> AsyncIterator[House]:
    """Run it all in a data directory; what was kept there is watched again. It ends in good order."""
    clock = SystemClock()
    async with (
        SqliteJournal.open(data / "journal.sqlite3", clock) as journal,
        polywire.open_feed(polywire.Settings(venue=url, **settings), credentials=credentials) as feed,
        VenueDesk(url) as desk,
        anyio.create_task_group() as tasks,
    ):
        venue_clock = VenueClock(clock, desk, every_s=0.2)
        await venue_clock.learn()
        watches = Watches(feed, journal, clock, venue_clock.now_ms)
        tasks.start_soon(venue_clock.run)
        tasks.start_soon(watches.run)
        with anyio.fail_after(PATIENCE_S):
            await watches.ready.wait()
        yield House(feed, journal, watches)
        tasks.cancel_scope.cancel()
