"""Pages of the journal: what comes after a cursor, now or as soon as there is something."""

from typing import Final

import anyio

from polywire.core.pages import standing_of
from polywire.errors import Misuse
from polywire.model.journal import Cursor, Entry, Page, Standing
from polywire.ports import Journal
from polywire.services.access.language import EntriesWanted

MOST_ENTRIES: Final = 1_000
LONGEST_WAIT_S: Final = 300.0
_COUNTED: Final = 1_000  # entries that wait are counted so far


class Pages:
    """Reads a journal for many readers.

    Args:
        journal: The journal.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @property
    def newest(self) -> str:
        """The cursor of the newest entry."""
        return self._cursor(self._journal.newest)

    async def entries(self, wanted: EntriesWanted) -> Page:
        """Return entries after a cursor; wait for a first one where there are none and it is asked to.

        Where others were looked through and left out, the cursor of the page is beyond them.

        Raises:
            Misuse: `since` is no cursor, or a number is out of its range.
        """
        if not 1 <= wanted.limit <= MOST_ENTRIES:
            raise Misuse(f"limit is a number from 1 to {MOST_ENTRIES:,}, and {wanted.limit:,} was given")
        if not 0 <= wanted.wait_s <= LONGEST_WAIT_S:
            raise Misuse(f"wait_s is a number from 0 to {LONGEST_WAIT_S:g}, and {wanted.wait_s:g} was given")
        journal = self._journal
        since = Cursor.read(wanted.since) if wanted.since else Cursor(journal.id, journal.newest)
        ends_s = anyio.current_time() + wanted.wait_s
        after = since.seq
        while True:
            standing = standing_of(since, journal.id, journal.oldest, journal.newest)
            if standing in {Standing.FOREIGN, Standing.FUTURE}:
                return self._page((), journal.newest, standing)
            oldest, looked_to = journal.oldest, journal.newest
            lost = max(0, oldest - 1 - since.seq)
            after = max(after, oldest - 1)
            found = await journal.read(after, limit=wanted.limit, watches=wanted.watches, kinds=wanted.kinds)
            if journal.oldest != oldest:  # retention took some of them meanwhile: what is lost is told
                continue
            if len(found) == wanted.limit:
                return await self._full(found, standing, lost, wanted)
            after = max(after, looked_to, found[-1].seq if found else 0)
            if found or anyio.current_time() >= ends_s:
                return self._page(tuple(found), after, standing, lost)
            with anyio.move_on_at(ends_s):
                await journal.beyond(after)

    async def _full(self, found: list[Entry], standing: Standing, lost: int, wanted: EntriesWanted) -> Page:
        after = found[-1].seq
        more = await self._journal.read(after, limit=_COUNTED, watches=wanted.watches, kinds=wanted.kinds)
        return self._page(tuple(found), after, standing, lost, len(more))

    def _page(self, found: tuple[Entry, ...], after: int, standing: Standing, lost: int = 0, pending: int = 0) -> Page:
        oldest = self._cursor(self._journal.oldest - 1)
        return Page(found, self._cursor(after), self.newest, oldest, standing, lost, pending)

    def _cursor(self, seq: int) -> str:
        return str(Cursor(self._journal.id, seq))
