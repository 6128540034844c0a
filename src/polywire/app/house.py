"""What an owner has beside its feed: the journal, the watches, and the access that interfaces ask."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final, NoReturn

import anyio

from polywire import __version__
from polywire.errors import JournalFault, PolywireError
from polywire.io.clock import SystemClock
from polywire.io.evidence import RestEvidence
from polywire.io.history import RestPrices
from polywire.io.journal import SqliteJournal
from polywire.io.venue import VenueHttp
from polywire.io.venue_clock import VenueClock
from polywire.io.venue_desk import VenueDesk
from polywire.model.journal import Draft, EntryKind
from polywire.services.access.local import LocalAccess
from polywire.services.feed.feed import Feed
from polywire.services.views import Views
from polywire.services.watches.watches import Watches
from polywire.settings import Settings

Say = Callable[[str], None]

JOURNAL: Final = "journal.sqlite3"
"""In the data directory."""

_PATIENCE_S: Final = 4.0  # for the venue's answers, so that ours come within 5 s
_READY_S: Final = 5.0
_RETAINED_EVERY_S: Final = 600.0
_LAST_WORD_S: Final = 5.0
_DAY_S: Final = 86_400


@asynccontextmanager
async def open_house(
    settings: Settings, feed: Feed, views: Views, desk: VenueDesk | None, say: Say
) -> AsyncIterator[LocalAccess]:
    """Write the journal and keep the watches of a data directory until the block ends; yield what is asked of them.

    Args:
        settings: Which directory, and for how long entries are kept. It must be ours.
        feed: What is watched.
        views: Makes views of its tokens.
        desk: Tells the venue's time; None: it is ours.
        say: Told what a person should know.

    Raises:
        JournalFault: The journal cannot be opened; or, in a group, it cannot be written any more: watches that nobody
            could hear of are none.
        VenueUnreachable: The venue does not tell its time.
    """
    clock, venue, path = SystemClock(), feed.venue, settings.data / JOURNAL
    async with AsyncExitStack() as opened:
        catalogue = await opened.enter_async_context(VenueHttp(venue, patience_s=_PATIENCE_S))
        evidence = await opened.enter_async_context(RestEvidence(venue, clock, patience_s=_PATIENCE_S))
        prices = await opened.enter_async_context(RestPrices(venue, patience_s=_PATIENCE_S))
        journal = await opened.enter_async_context(SqliteJournal.open(path, clock))
        venue_clock = VenueClock(clock, desk)
        await venue_clock.learn()
        watches = Watches(feed, journal, clock, venue_clock.now_ms, views=views)

        def about_journal() -> dict[str, int]:
            return {"bytes": _bytes_of(settings), "waiting": journal.waiting, "commits": journal.commits}

        access = LocalAccess(
            feed,
            views,
            watches,
            journal,
            clock,
            catalogue=catalogue,
            evidence=evidence,
            prices=prices,
            about_journal=about_journal,
        )
        await journal.append([_entry("started", settings, venue.identity)])
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(venue_clock.run)
                tasks.start_soon(watches.run)
                tasks.start_soon(journal.failed)
                tasks.start_soon(_retain, journal, settings, say)
                with anyio.move_on_after(_READY_S):
                    await watches.ready.wait()
                yield access
                tasks.cancel_scope.cancel()
        finally:
            with suppress(PolywireError), anyio.move_on_after(_LAST_WORD_S, shield=True):
                await journal.append([_entry("ended", settings, venue.identity)])


async def _retain(journal: SqliteJournal, settings: Settings, say: Say) -> NoReturn:
    """Remove what is too old, or too much, now and then."""
    while True:
        await anyio.sleep(_RETAINED_EVERY_S)
        try:
            await journal.retain(settings.journal_days * _DAY_S, settings.journal_bytes)
        except JournalFault as fault:
            say(f"polywire: old entries stay for now: {fault}")


def _entry(what: str, settings: Settings, identity: str) -> Draft:
    data: dict[str, Any] = {
        "event": what,
        "polywire": __version__,
        "pid": os.getpid(),
        "venue": settings.venue,
        "identity": identity,
    }
    text = f"Polywire {__version__} {what}: process {os.getpid()}, venue {identity}."
    return Draft(EntryKind.SYSTEM, text, data, seen_ns=SystemClock().now_ns())


def _bytes_of(settings: Settings) -> int:
    """Return the bytes of the journal and of the log beside it."""
    files = [settings.data / JOURNAL, settings.data / f"{JOURNAL}-wal"]
    return sum(file.stat().st_size for file in files if file.exists())
