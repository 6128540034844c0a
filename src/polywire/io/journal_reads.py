"""Questions to the journal. Each runs on whatever thread its connection is used by."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice

from polywire.core.chain import Broken, Checkpoint, verify
from polywire.io.journal_schema import COLUMNS, entry_of, ever_of, removed_to
from polywire.model.journal import Entry, EntryKind


def entries(
    connection: sqlite3.Connection,
    after: int,
    to: int,
    limit: int,
    watches: Sequence[str] = (),
    kinds: Sequence[EntryKind] = (),
) -> list[Entry]:
    """Return up to `limit` entries over `after` and up to `to`, in order; of these watches and kinds, if any are named.

    Each watch, or kind, is asked for by itself: so every question is answered from an index, however many others lie
    between, and is over after `limit` rows.
    """
    marks = ", ".join("?" * len(kinds))
    of_kinds = f" AND kind IN ({marks})" if kinds else ""
    parts: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]
    if watches:
        parts = [("watch = ? AND ", of_kinds, (watch,), tuple(kinds)) for watch in dict.fromkeys(watches)]
    elif kinds:
        parts = [("kind = ? AND ", "", (kind.value,), ()) for kind in dict.fromkeys(kinds)]
    else:
        parts = [("", "", (), ())]
    found = list[Entry]()
    for first, last, before, behind in parts:
        select = f"SELECT {COLUMNS} FROM entries WHERE {first}seq > ? AND seq <= ?{last} ORDER BY seq LIMIT ?"  # noqa: S608 - values are bound
        found += map(entry_of, connection.execute(select, (*before, after, to, *behind, limit)))
    if len(parts) > 1:
        found.sort(key=lambda entry: entry.seq)
    return found[:limit]


def kept(connection: sqlite3.Connection) -> list[tuple[str, bytes, bytes]]:
    """Return every watch that is kept: its id, its body, its state; the oldest first."""
    return connection.execute("SELECT id, body, state FROM watches ORDER BY place").fetchall()


def verified(connection: sqlite3.Connection) -> Checkpoint | Broken:
    """Return the newest entry's place where the whole chain holds, from what retention left; else where it breaks."""
    connection.execute("BEGIN")  # one view of it, whatever is written and removed meanwhile
    try:
        removed, ever = removed_to(connection), ever_of(connection)
        rows = connection.execute(f"SELECT {COLUMNS} FROM entries ORDER BY seq")  # noqa: S608 - ours
        read = _Readable(rows)
        found = verify(read, removed)
    finally:
        connection.execute("ROLLBACK")
    if isinstance(found, Broken):
        return found
    if read.fault is not None:
        return Broken(found.seq + 1, read.fault)
    if found.seq < ever:
        return Broken(found.seq + 1, f"entries {found.seq + 1} to {ever} were written, and are gone")
    return found


class _Readable:
    """Rows as entries, up to the first that is none; `fault` then says why."""

    def __init__(self, rows: sqlite3.Cursor) -> None:
        self._rows = rows
        self.fault: str | None = None

    def __iter__(self) -> Iterator[Entry]:
        while rows := list(islice(self._rows, 1_000)):
            for row in rows:
                try:
                    entry = entry_of(row)
                except ValueError as fault:
                    self.fault = f"entry {row[0]} cannot be read: {fault}"
                    return
                yield entry
