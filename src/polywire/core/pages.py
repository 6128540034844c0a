"""What a reader of the journal is served without a disk: where his cursor stands, and the newest entries."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from polywire.model.journal import Cursor, Entry, EntryKind, Standing

KEPT: Final = 2_000
"""Entries that are served from memory, unless told otherwise."""


def standing_of(cursor: Cursor, journal: str, oldest: int, newest: int) -> Standing:
    """Return what a cursor is to a journal.

    Args:
        cursor: A reader's.
        journal: The journal's id.
        oldest: The number of the oldest entry that is kept; one more than `newest` where there is none.
        newest: The number of the newest entry.

    >>> standing_of(Cursor("3f9a11c02b7e", 4), "3f9a11c02b7e", oldest=6, newest=9)
    <Standing.TRUNCATED: 'truncated'>
    """
    if cursor.journal != journal:
        return Standing.FOREIGN
    if cursor.seq > newest:
        return Standing.FUTURE
    return Standing.TRUNCATED if cursor.seq < oldest - 1 else Standing.GOOD


class Tail:
    """The newest entries of a journal: whoever keeps up with it is served from here.

    Args:
        seq: The number of the newest entry so far; what follows it comes by `extend`.
        most: How many are kept at least; up to twice as many are.
    """

    __slots__ = ("_entries", "_most", "_seq")

    def __init__(self, seq: int, most: int = KEPT) -> None:
        self._seq, self._most = seq, most
        self._entries: list[Entry] = []

    def extend(self, entries: Sequence[Entry]) -> None:
        """Take the entries that follow."""
        self._entries += entries
        if len(self._entries) > 2 * self._most:
            cut = len(self._entries) - self._most
            self._seq = self._entries[cut - 1].seq
            del self._entries[:cut]

    def read(
        self, after: int, limit: int, watches: Sequence[str] = (), kinds: Sequence[EntryKind] = ()
    ) -> list[Entry] | None:
        """Return up to `limit` entries with a number over `after`, of these watches and kinds if any are named.

        None: some of those after it are no longer here.
        """
        if after < self._seq:
            return None
        first = bisect_right(self._entries, after, key=_SEQ)
        if not watches and not kinds:
            return self._entries[first : first + limit]
        found = list[Entry]()
        for entry in self._entries[first:]:
            if len(found) == limit:
                break
            if (not watches or entry.watch in watches) and (not kinds or entry.kind in kinds):
                found.append(entry)
        return found


_SEQ: Final = attrgetter("seq")
