"""`polywire events`, put together: the journal read through its owner, each entry once, whoever owns it by then."""

import sys
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import msgspec

from polywire.app.attach import Say, access_of_owner
from polywire.errors import Misuse
from polywire.interfaces.terminal.entries import entry_line, lost_line
from polywire.model.journal import Cursor, Entry, EntryKind, Page, Standing
from polywire.services.access.language import Access, EntriesWanted

LAST: Final = 20
"""Entries that are shown where nobody says since when."""

_PAGE: Final = 500
_WAIT_S: Final = 60.0
_FURTHER: Final = 8  # times as far back as before, where too few of those were wanted


@dataclass(frozen=True)
class Listened:
    """What `polywire events` was asked for."""

    data: Path
    since: str = ""  # a cursor; "": the last entries
    follow: bool = False
    jsonl: bool = False
    for_s: float | None = None
    watches: tuple[str, ...] = ()  # of these alone
    kinds: tuple[EntryKind, ...] = ()
    venue: str | None = None  # None: whatever the owner is connected to


def run_events(asked: Listened, say: Say) -> None:
    """Print entries until there are no more, or with `follow` until the time is over or it is interrupted.

    Raises:
        Misuse: The cursor is another journal's, or beyond its newest entry.
        OwnerGone: There is no owner, and none can be started.
    """
    anyio.run(_run, asked, say, backend_options={"use_uvloop": True})


async def _run(asked: Listened, say: Say) -> None:
    async with access_of_owner(asked.data, asked.venue, say) as access:
        with anyio.move_on_after(asked.for_s):
            async for entry, journal in entries_of(access, asked, say):
                print_entry(entry, journal, jsonl=asked.jsonl)


async def entries_of(access: Access, asked: Listened, say: Say) -> AsyncGenerator[tuple[Entry, str], None]:
    """Yield entries with the id of their journal, each once.

    Raises:
        Misuse: The cursor is another journal's, or beyond its newest entry.
    """
    cursor = asked.since
    if not cursor:
        last, cursor = await _last(access, asked)
        for entry in last:
            yield entry, Cursor.read(cursor).journal
    while True:
        page = await access.entries(_wanted(asked, cursor, _WAIT_S if asked.follow else 0.0))
        _check(page, cursor, say)
        for entry in page.entries:
            yield entry, Cursor.read(page.cursor).journal
        cursor = page.cursor
        if not asked.follow and not page.pending:
            return


async def _last(access: Access, asked: Listened) -> tuple[list[Entry], str]:
    """Return the last entries that are wanted, and the cursor after all there are: from ever further back."""
    newest = Cursor.read(await access.newest())
    back = LAST
    while True:
        begin = max(0, newest.seq - back)
        found: deque[Entry] = deque(maxlen=LAST)
        cursor = str(Cursor(newest.journal, begin))
        while True:
            page = await access.entries(_wanted(asked, cursor, 0.0))
            found.extend(page.entries)
            cursor = page.cursor
            if not page.pending:
                break
        if len(found) == LAST or not begin or page.standing is Standing.TRUNCATED:
            return list(found), cursor
        back *= _FURTHER


def _wanted(asked: Listened, since: str, wait_s: float) -> EntriesWanted:
    return EntriesWanted(since, asked.watches, asked.kinds, _PAGE, wait_s)


def _check(page: Page, cursor: str, say: Say) -> None:
    match page.standing:
        case Standing.FOREIGN:
            raise Misuse(f"{cursor} is a cursor of another journal; this one can be read from {page.oldest} on")
        case Standing.FUTURE:
            raise Misuse(
                f"{cursor} is beyond the newest entry, {page.newest}: the journal was put back from a copy, or the "
                f"cursor is made up; it can be read from {page.oldest} on"
            )
        case Standing.TRUNCATED:
            say(f"polywire: {lost_line(page)}")
        case Standing.GOOD:
            pass


def print_entry(entry: Entry, journal: str, *, jsonl: bool) -> None:
    """Print an entry: for people, or as a line of JSON."""
    if jsonl:
        line = b'{"cursor":"%s",' % str(Cursor(journal, entry.seq)).encode() + msgspec.json.encode(entry)[1:]
    else:
        line = entry_line(entry, journal).encode()
    out = sys.stdout.buffer
    out.write(line + b"\n")  # at once: an interrupt leaves no half of a line
    out.flush()
