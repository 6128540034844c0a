"""Journals for tests: drafts, and another process's hand on the file."""

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

from polywire.core.coalescing import Keep
from polywire.io.clock import SystemClock
from polywire.io.journal import SqliteJournal
from polywire.model.journal import Draft, EntryKind


def opened(path: Path, **options: Any) -> AbstractAsyncContextManager[SqliteJournal]:
    return SqliteJournal.open(path, SystemClock(), **options)


def draft(number: int = 0, kind: EntryKind = EntryKind.ALERT, *, watch: str = "w", of: str = "7") -> Draft:
    return Draft(kind, f"No. {number}", {"n": number}, watch, of, "0xc", 1_700_000_000_000, number)


def kept(watch: str, body: bytes | None = b"", state: bytes = b"{}") -> Keep:
    return Keep(watch, body, state)


def content(path: Path) -> bytes | None:
    """Return a file's bytes; None where there is none."""
    return path.read_bytes() if path.is_file() else None


def modes(folder: Path) -> dict[str, int]:
    """Return who may do what with each file in a folder."""
    return {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}


@contextmanager
def tool(path: Path) -> Iterator[sqlite3.Connection]:
    """Look into a journal as any SQLite tool does."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


@contextmanager
def write_locked(path: Path) -> Iterator[None]:
    """Keep the journal from writing, as a backup does, until the block ends."""
    with tool(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
