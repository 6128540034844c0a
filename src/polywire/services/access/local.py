"""`Access` in the owner itself."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from polywire.model.journal import Page
from polywire.model.listing import MarketListed
from polywire.model.venue import Venue
from polywire.model.watch import Watch
from polywire.ports import Catalogue, Clock, Evidence, Journal, Prices
from polywire.services.access.language import (
    BookSeen,
    EntriesWanted,
    History,
    HistoryWanted,
    MarketSeen,
    WatchMade,
    WatchStatus,
    WatchWanted,
)
from polywire.services.access.lookups import LookedAt, Lookups
from polywire.services.access.pages import Pages
from polywire.services.access.patience import Patience
from polywire.services.views import Views
from polywire.services.watches.watches import Watches


class AskedFeed(LookedAt, Protocol):
    """The feed, as far as it is asked."""

    @property
    def venue(self) -> Venue:
        """Whose."""

    def status(self) -> dict[str, Any]:
        """Return its statistics."""


class LocalAccess:
    """Answers out of this process. See `polywire.services.access.language.Access` for what each question means.

    Args:
        feed, views, watches, journal: What is asked.
        clock: Our time.
        catalogue, evidence, prices: What the venue is asked beside the feed, by clients that give up within seconds.
        about_journal: Returns what is to be said of the journal's disk, for the status.
    """

    def __init__(
        self,
        feed: AskedFeed,
        views: Views,
        watches: Watches,
        journal: Journal,
        clock: Clock,
        *,
        catalogue: Catalogue,
        evidence: Evidence,
        prices: Prices,
        about_journal: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._feed, self._watches, self._journal, self._about_journal = feed, watches, journal, about_journal
        self._pages = Pages(journal)
        self._patience = Patience(clock, feed.venue.urls.gamma, lambda: _heard_ns(feed, clock))
        self._lookups = Lookups(feed, views, self._patience, catalogue, evidence, prices)

    async def add_watch(self, wanted: WatchWanted) -> WatchMade:
        """Make a watch, wait a little for its first data, and return it."""
        with self._patience.told():  # it bounds itself, lest half a watch be made
            return await self._watches.add(wanted)

    async def drop_watch(self, watch: str) -> Watch:
        """End a watch and return it."""
        return await self._watches.drop(watch)

    async def watches(self) -> list[WatchStatus]:
        """Return every watch, the oldest first."""
        return self._watches.statuses()

    async def entries(self, wanted: EntriesWanted) -> Page:
        """Return entries after a cursor; wait for a first one if there are none and it is asked to."""
        return await self._pages.entries(wanted)

    async def newest(self) -> str:
        """Return the cursor of the newest entry."""
        return self._pages.newest

    async def status(self) -> dict[str, Any]:
        """Return the feed's status, with `watches` and `journal` added."""
        statuses = self._watches.statuses()
        return dict(self._feed.status()) | {
            "watches": {
                "count": len(statuses),
                "in_doubt": {one.watch.id: list(one.in_doubt) for one in statuses if one.in_doubt},
                "unwritten": self._watches.unwritten,
            },
            "journal": {
                "id": self._journal.id,
                "newest": self._journal.newest,
                "oldest": self._journal.oldest,
                **self._about_journal(),
            },
        }

    async def search(self, text: str, limit: int = 10) -> list[MarketListed]:
        """Return markets that the venue's search finds, the best first; of an empty text those that are open."""
        return await self._lookups.search(text, limit)

    async def market(self, target: str) -> list[MarketSeen]:
        """Return what a target means: one market, or all of an event's."""
        return await self._lookups.market(target)

    async def book(self, target: str, depth: int = 10) -> list[BookSeen]:
        """Return the books of what a target means, each with up to `depth` levels a side."""
        return await self._lookups.book(target, depth)

    async def history(self, wanted: HistoryWanted) -> History:
        """Return a token's price history."""
        return await self._lookups.history(wanted)


def _heard_ns(feed: AskedFeed, clock: Clock) -> int:
    """Return when data last came on any of the market channel's sockets, Unix nanoseconds; 0: never."""
    ages_s = [socket["last_data_s"] for socket in feed.status()["connections"]["clob"]["sockets"]]
    known_s = [age_s for age_s in ages_s if age_s is not None]
    return clock.now_ns() - int(min(known_s) * 1_000_000_000) if known_s else 0
