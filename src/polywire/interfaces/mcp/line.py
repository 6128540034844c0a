"""The way to the owner, with a memory of when it last answered: so that a refusal can say since when."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, TypeVar

from polywire.errors import OwnerGone, PolywireError
from polywire.model.journal import Page
from polywire.model.listing import MarketListed
from polywire.model.watch import Watch
from polywire.ports import Clock
from polywire.services.access.language import (
    Access,
    BookSeen,
    EntriesWanted,
    History,
    HistoryWanted,
    MarketSeen,
    WatchMade,
    WatchStatus,
    WatchWanted,
)

Told = TypeVar("Told")


class Line:
    """An `Access` that remembers. See `polywire.services.access.language.Access` for what each question means."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access, self._clock = access, clock
        self._born_ns = clock.now_ns()
        self._owner_ns = self._venue_ns = 0

    def owner_since(self) -> str:
        """Return when the owner last answered, as half a sentence."""
        return self._since(self._owner_ns)

    def venue_since(self) -> str:
        """Return when the venue last gave an answer that was asked for here, as half a sentence."""
        return self._since(self._venue_ns)

    async def add_watch(self, wanted: WatchWanted) -> WatchMade:
        """Make a watch."""
        return await self._asked(self._access.add_watch(wanted))

    async def drop_watch(self, watch: str) -> Watch:
        """End a watch."""
        return await self._asked(self._access.drop_watch(watch))

    async def watches(self) -> list[WatchStatus]:
        """Return every watch."""
        return await self._asked(self._access.watches())

    async def entries(self, wanted: EntriesWanted) -> Page:
        """Return entries after a cursor."""
        return await self._asked(self._access.entries(wanted))

    async def newest(self) -> str:
        """Return the cursor of the newest entry."""
        return await self._asked(self._access.newest())

    async def status(self) -> dict[str, Any]:
        """Return the feed's status."""
        return await self._asked(self._access.status())

    async def search(self, text: str, limit: int = 10) -> list[MarketListed]:
        """Return markets that the venue's search finds."""
        return await self._asked(self._access.search(text, limit), venue=True)

    async def market(self, target: str) -> list[MarketSeen]:
        """Return what a target means."""
        return await self._asked(self._access.market(target), venue=True)

    async def book(self, target: str, depth: int = 10) -> list[BookSeen]:
        """Return the books of what a target means."""
        return await self._asked(self._access.book(target, depth), venue=True)

    async def history(self, wanted: HistoryWanted) -> History:
        """Return a token's price history."""
        return await self._asked(self._access.history(wanted), venue=True)

    async def _asked(self, question: Awaitable[Told], *, venue: bool = False) -> Told:
        try:
            answer = await question
        except (OwnerGone, TimeoutError):
            raise
        except PolywireError:
            self._owner_ns = self._clock.now_ns()
            raise
        self._owner_ns = self._clock.now_ns()
        if venue:
            self._venue_ns = self._owner_ns
        return answer

    def _since(self, then_ns: int) -> str:
        now_ns = self._clock.now_ns()
        if not then_ns:
            return f"has not answered since this server began at {at(self._born_ns)} ({ago(now_ns - self._born_ns)})"
        return f"last answered at {at(then_ns)} ({ago(now_ns - then_ns)})"


def at(unix_ns: int) -> str:
    """Return a time of day in UTC, to the second.

    >>> at(0)
    '1970-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(unix_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(span_ns: int) -> str:
    """Return how long ago something was.

    >>> ago(41_300_000_000)
    '41.3 s ago'
    """
    return f"{max(0, span_ns) / 1e9:,.1f} s ago"
