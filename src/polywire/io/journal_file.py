"""The journal as a file: 0600 from its first byte, made whole or not at all, and nothing that is not ours is touched.

One process writes it: whoever owns the data directory. Anybody of the same user may look into it with a SQLite tool.
"""

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from polywire.core.chain import Checkpoint
from polywire.errors import JournalFault
from polywire.io.journal_schema import APPLICATION_ID, CREATE, VERSION, ever_of, removed_to

PATIENCE_S: Final = 5.0
"""How long somebody else may lock the file, unless told otherwise."""

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 72  # bytes of a file's beginning that say what it is
_VERSION_AT, _APPLICATION_AT = 60, 68
_OURS_ALONE: Final = 0o600
_LOG_BYTES: Final = 16 << 20  # of the write-ahead log beside it, once what it holds is in the file


class Opened(msgspec.Struct, frozen=True):
    """An open journal, and what was found in it."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    id: str
    removed: Checkpoint  # up to which retention has removed entries
    last: Checkpoint  # the newest entry


@contextmanager
def opened_file(path: Path, patience_s: float = PATIENCE_S) -> Iterator[Opened]:
    """Hold a journal open, made if need be, until the block ends.

    Raises:
        JournalFault: It cannot be opened or made, or it is none of ours or of a later version.
    """
    with contextlib.ExitStack() as held:
        try:
            if not path.exists() or not path.stat().st_size:
                _make(path)
            _check(path)
            _close_to_others(path)  # before it is opened: the files beside it are born with its mode
            writer = held.enter_context(contextlib.closing(_connected(path, patience_s)))
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("PRAGMA synchronous = FULL")
            writer.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
            reader = held.enter_context(opened_to_read(path, patience_s))
            opened = _found(writer, reader)
        except (OSError, sqlite3.Error, TypeError, ValueError) as fault:
            raise fault_of(path, fault) from fault
        yield opened


@contextmanager
def opened_to_read(path: Path, patience_s: float = PATIENCE_S) -> Iterator[sqlite3.Connection]:
    """Yield a connection that writes nothing, for one thread at a time, until the block ends."""
    with contextlib.closing(_connected(path, patience_s)) as connection:
        connection.execute("PRAGMA query_only = ON")
        yield connection


def fault_of(path: Path, fault: Exception) -> JournalFault:
    """Return what went wrong in words that say what to do."""
    if isinstance(fault, JournalFault):
        return fault
    if isinstance(fault, OSError):
        return JournalFault(
            str(path), f"cannot be opened: {fault.strerror}; mend that, or choose another folder with --data"
        )
    if isinstance(fault, sqlite3.Error):
        code = getattr(fault, "sqlite_errorcode", 0) & 0xFF  # absent where Python itself refuses a call
        says, remedy = _REASONS.get(code, ("cannot be read or written any more", _COPY))
        return JournalFault(str(path), f"{says} ({fault}); {remedy}")
    return JournalFault(str(path), f"is damaged ({fault}); {_COPY}")


def _make(path: Path) -> None:
    """Make an empty journal beside its place and move it there whole: a file is never half of one."""
    log, _ = _beside(path)
    if log.exists() and log.stat().st_size:  # it may hold entries that the file did not have yet
        raise JournalFault(
            str(path), f"is gone, and its log {log.name} is still there; put the file back, or move the log away too"
        )
    new = path.with_name(f".{path.name}.new")
    for name in (new, new.with_name(f"{new.name}-journal")):  # what a killed maker left
        name.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _OURS_ALONE))
    with contextlib.closing(_connected(new, PATIENCE_S)) as connection:
        connection.executescript(CREATE)
        facts = {"id": secrets.token_hex(6), "removed_seq": 0, "removed_hash": bytes(32)}
        connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if not header.startswith(_MAGIC) or _number(header, _APPLICATION_AT) != APPLICATION_ID:
        raise JournalFault(
            str(path),
            "is no journal of ours, and was left as it is; move it away, or choose another folder with --data",
        )
    version = _number(header, _VERSION_AT)
    if version > VERSION:
        raise JournalFault(
            str(path),
            f"was written by a later version (format {version}; this one reads {VERSION}), and was left as it is; "
            "update Polywire, or choose another folder with --data",
        )


def _number(header: bytes, at: int) -> int:
    return int.from_bytes(header[at : at + 4], "big")


def _close_to_others(path: Path) -> None:
    for name in (path, *_beside(path)):
        with contextlib.suppress(FileNotFoundError):
            name.chmod(_OURS_ALONE)


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _connected(path: Path, patience_s: float) -> sqlite3.Connection:
    # `check_same_thread`: it is opened on the caller's thread, then used by one other at a time.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=patience_s)


def _found(writer: sqlite3.Connection, reader: sqlite3.Connection) -> Opened:
    removed = last = removed_to(writer)
    newest = writer.execute("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    if newest is not None:
        last = Checkpoint(int(newest[0]), bytes(newest[1]).hex())
    (journal,) = writer.execute("SELECT value FROM facts WHERE name = 'id'").fetchone()
    # Where somebody took the newest away, no number is given twice, and the hole shows.
    return Opened(writer, reader, str(journal), removed, Checkpoint(max(ever_of(writer), last.seq), last.hash))


_COPY: Final = "what is on disk was left as it is: put a copy of the file back, or move it away to begin a new one"
_REASONS: Final = {  # by SQLite's primary result code: what it says, and what to do
    sqlite3.SQLITE_FULL: ("cannot be written: the disk is full", "make room and start again"),
    sqlite3.SQLITE_READONLY: (
        "cannot be written: it, or its folder, is read-only",
        "make both writable, or choose another folder with --data",
    ),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "see that its folder is there and writable"),
    sqlite3.SQLITE_PERM: ("cannot be opened", "see that its folder is there and writable"),
    sqlite3.SQLITE_BUSY: (
        "is locked by another process",
        "close the SQLite tool, backup or second owner that has it, and start again",
    ),
    sqlite3.SQLITE_LOCKED: ("is locked", "close whatever else has it, and start again"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _COPY),
    sqlite3.SQLITE_NOTADB: ("is damaged", _COPY),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: the disk fails", "look to the disk, then start again"),
    sqlite3.SQLITE_CONSTRAINT: (
        "was written by another process meanwhile",
        "end that one: a data directory has one owner; then start again",
    ),
}
