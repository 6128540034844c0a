"""One transaction of the journal: batches of lines, and what is kept of watches, on disk together or not at all."""

import contextlib
import sqlite3
from collections.abc import Sequence

import msgspec

from polywire.core.chain import Checkpoint, linked
from polywire.core.coalescing import Batch, Keep
from polywire.io.journal_schema import INSERT, row_of
from polywire.model.journal import Entry


class Written(msgspec.Struct, frozen=True):
    """What is on disk now."""

    entries: list[Entry]
    numbers: list[tuple[int, list[Entry]]]  # of those who wait: whose, and which of the entries
    last: Checkpoint  # the newest entry
    commits: int  # 1; 0 where there was nothing to write


def written(connection: sqlite3.Connection, batches: Sequence[Batch], last: Checkpoint, written_ms: int) -> Written:
    """Write batches in order, in one transaction, and return what is on disk.

    Args:
        connection: The writer's, between two transactions.
        batches: What is due.
        last: The newest entry before.
        written_ms: Unix milliseconds, our clock.

    Raises:
        sqlite3.Error: Nothing of it was written.
    """
    numbers, every = list[tuple[int, list[Entry]]](), list[Entry]()
    for batch in batches:
        entries = list[Entry]()
        for line in batch.lines:
            entry = linked(last, line.draft, line.data, line.stands_for, written_ms)
            last = Checkpoint(entry.seq, entry.hash)
            entries.append(entry)
        every += entries
        if batch.number:
            numbers.append((batch.number, [entries[at] for at in batch.own]))
    keeps = [keep for batch in batches for keep in batch.keeps]
    if not every and not keeps:
        return Written(every, numbers, last, 0)
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(INSERT, map(row_of, every))
        for keep in keeps:
            connection.execute(*_statement(keep))
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back by itself after some errors
            connection.execute("ROLLBACK")
        raise
    return Written(every, numbers, last, 1)


def _statement(keep: Keep) -> tuple[str, tuple[str | bytes, ...]]:
    if keep.body is None:
        return "DELETE FROM watches WHERE id = ?", (keep.id,)
    if not keep.body:
        return "UPDATE watches SET state = ? WHERE id = ?", (keep.state, keep.id)
    return _UPSERT, (keep.id, keep.body, keep.state)


_UPSERT = (
    "INSERT INTO watches (id, body, state) VALUES (?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET body = excluded.body, state = excluded.state"
)
