"""The journal's tables, and an entry as a row of one."""

import sqlite3
from typing import Any, Final

import msgspec

from polywire.core.chain import Checkpoint
from polywire.model.journal import Entry, EntryKind

APPLICATION_ID: Final = 0x50_57_4A_4C  # "PWJL", where a file says whose it is
VERSION: Final = 1
"""Of the tables; a file of a later one is refused."""

CREATE: Final = f"""
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL,
    watch TEXT NOT NULL, token TEXT NOT NULL, condition TEXT NOT NULL, venue_ms INTEGER NOT NULL,
    seen_ns INTEGER NOT NULL, written_ms INTEGER NOT NULL, stands_for INTEGER NOT NULL, prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
);
CREATE INDEX of_watch ON entries (watch, seq, kind);
CREATE INDEX of_kind ON entries (kind, seq);
CREATE TABLE watches (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL, state BLOB NOT NULL
);
"""
"""Facts: `id`, and `removed_seq` and `removed_hash`, the checkpoint that retention leaves."""

COLUMNS: Final = (
    "seq, kind, text, data, watch, token, condition, venue_ms, seen_ns, written_ms, stands_for, prev_hash, hash"
)

INSERT: Final = f"INSERT INTO entries ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - ours

Values = tuple[int, str, str, str, str, str, str, int, int, int, int, bytes, bytes]


def removed_to(connection: sqlite3.Connection) -> Checkpoint:
    """Return up to where retention has removed entries.

    Raises:
        TypeError: It is not written down.
    """
    facts = dict(connection.execute("SELECT name, value FROM facts"))
    seq, hash_ = facts.get("removed_seq"), facts.get("removed_hash")
    if not isinstance(seq, int) or not isinstance(hash_, bytes):
        raise TypeError("its checkpoint is none")
    return Checkpoint(seq, hash_.hex())


def ever_of(connection: sqlite3.Connection) -> int:
    """Return the highest number that was ever given."""
    (seq,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entries'").fetchone() or (0,)
    return int(seq)


def row_of(entry: Entry) -> Values:
    """Return an entry as a row of `COLUMNS`."""
    return (
        entry.seq,
        entry.kind.value,
        entry.text,
        bytes(entry.data).decode(),
        entry.watch,
        entry.token,
        entry.condition,
        entry.venue_ms,
        entry.seen_ns,
        entry.written_ms,
        entry.stands_for,
        bytes.fromhex(entry.prev_hash),
        bytes.fromhex(entry.hash),
    )


def entry_of(row: tuple[Any, ...]) -> Entry:
    """Return a row of `COLUMNS` as an entry.

    Raises:
        ValueError: It is none of ours: somebody else has written into the file.
    """
    seq, kind, text, data, watch, token, condition, venue_ms, seen_ns, written_ms, stands_for, prev_hash, hash_ = row
    texts, numbers = (text, data, watch, token, condition), (venue_ms, seen_ns, written_ms, stands_for)
    if not (
        all(isinstance(one, str) for one in texts)
        and all(isinstance(one, int) for one in numbers)
        and isinstance(prev_hash, bytes)
        and isinstance(hash_, bytes)
    ):
        raise ValueError(f"entry {seq} has a value of a wrong type")
    return Entry(
        seq,
        EntryKind(kind),
        text,
        msgspec.Raw(data.encode()),
        watch,
        token,
        condition,
        venue_ms,
        seen_ns,
        written_ms,
        stands_for,
        prev_hash.hex(),
        hash_.hex(),
    )
