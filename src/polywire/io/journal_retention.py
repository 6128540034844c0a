"""Removing the oldest entries of the journal, a little at a time, so that writing goes on in between.

What is removed leaves a checkpoint, the number and hash of its last entry, in the same transaction: the chain is
verified from there. Freed pages are given back to the system but for some that the next entries fill.
"""

import sqlite3
from typing import Final

import msgspec

_ROWS: Final = 2_000
"""Entries removed in one transaction, at most: some 20 ms."""

_PAGES: Final = 500
"""Pages given back in one go, at most."""

_LEFT: Final = 256
"""Free pages that are left, 1 MiB, to be filled again."""


class Removed(msgspec.Struct, frozen=True):
    """What one step did."""

    rows: int = 0
    seq: int = 0  # the newest that was removed
    more: bool = False  # another step is needed


def removed_some(connection: sqlite3.Connection, before_ms: int | None, max_bytes: int | None) -> Removed:
    """Remove up to 2,000 entries that are too old or too many.

    Args:
        connection: The writer's.
        before_ms: Those written before this, Unix milliseconds, are too old; None: none is.
        max_bytes: Of what is kept, in the file, without its log; None: any number.
    """
    rows = connection.execute("SELECT seq, written_ms, hash FROM entries ORDER BY seq LIMIT ?", (_ROWS,)).fetchall()
    too_old = 0
    while before_ms is not None and too_old < len(rows) and rows[too_old][1] < before_ms:
        too_old += 1
    count = max(too_old, min(len(rows), _too_many(connection, max_bytes)))
    if not count:
        return Removed()
    seq, _, hash_ = rows[count - 1]
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("DELETE FROM entries WHERE seq <= ?", (seq,))
        connection.execute("UPDATE facts SET value = ? WHERE name = 'removed_seq'", (seq,))
        connection.execute("UPDATE facts SET value = ? WHERE name = 'removed_hash'", (hash_,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return Removed(count, seq, more=True)


def gave_back(connection: sqlite3.Connection) -> bool:
    """Give back up to 500 free pages; return whether there are more to give."""
    too_many = _number(connection, "freelist_count") - _LEFT
    if too_many <= 0:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({min(_PAGES, too_many)})").fetchall()
    return too_many > _PAGES


def _too_many(connection: sqlite3.Connection, max_bytes: int | None) -> int:
    """Return about how many entries are to be removed for the rest to have `max_bytes`."""
    if max_bytes is None:
        return 0
    pages = _number(connection, "page_count") - _number(connection, "freelist_count")
    kept_bytes = pages * _number(connection, "page_size")
    if kept_bytes <= max_bytes:
        return 0
    oldest, newest = connection.execute("SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM entries").fetchone()
    return int((newest - oldest + 1) * (kept_bytes - max_bytes) // kept_bytes) + 1


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
