"""The state file as a file: one exchange at a time, nobody else's eyes, and nothing that is not ours is touched.

The lock is `flock` on a sibling, FILE.lock, and not SQLite's own: the kernel lifts it however its holder ends, and a
person may look into the file with any SQLite tool meanwhile.
"""

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from polywire.errors import PolywireError
from polywire.exchange.trading.store_schema import APPLICATION_ID, CREATE, VERSION

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 72  # bytes of a file's beginning that say what it is
_VERSION_AT, _APPLICATION_AT = 60, 68
_OURS_ALONE: Final = 0o600
_SECRET: Final = 32


@contextmanager
def opened_file(path: Path | None) -> Iterator[sqlite3.Connection]:
    """Hold a state file, made if need be, and yield a connection for any one thread; None: in memory.

    Raises:
        PolywireError: Another exchange has it, it is none of ours or of a later version, or it cannot be written.
    """
    if path is None:
        with contextlib.closing(_connected(":memory:")) as connection:
            connection.executescript(CREATE)
            _found(connection)
            yield connection
        return
    path = Path(os.path.realpath(path))  # a link's other names lead to the same lock
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_locked(path))
            connection = held.enter_context(contextlib.closing(_opened(path)))
        except OSError as fault:
            raise PolywireError(
                f"the state file {path} cannot be opened: {fault.strerror}; name another with --state"
            ) from fault
        yield connection


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OURS_ALONE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            raise PolywireError(
                f"the state file {path} is in use by another exchange (process {holder or 'unknown'}); end that one, "
                "or name another file with --state"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> sqlite3.Connection:
    if not path.exists() or not path.stat().st_size:
        _make(path)
    _check(path)
    path.chmod(_OURS_ALONE)  # before anything is written: the log beside it is born with the same mode
    connection = _connected(str(path))
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as fault:
        connection.close()
        raise _damaged(path, fault) from fault
    return connection


def _make(path: Path) -> None:
    """Make an empty store beside its place and move it there whole: a file is never half of one."""
    new = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OURS_ALONE))
    try:
        with contextlib.closing(_connected(str(new))) as connection:
            connection.executescript(CREATE)
            _found(connection)
    except sqlite3.Error as fault:
        raise PolywireError(f"the state file {path} cannot be made: {fault}; name another with --state") from fault
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _found(connection: sqlite3.Connection) -> None:
    """Write what is decided once for a store."""
    facts = {"secret": secrets.token_bytes(_SECRET), "identity": secrets.token_hex(8), "runs": 0, "last_ms": 0}
    connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())


def _check(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if not header.startswith(_MAGIC) or _number(header, _APPLICATION_AT) != APPLICATION_ID:
        raise PolywireError(
            f"{path} is not the state of an exchange, and was left as it is; name another file with --state"
        )
    version = _number(header, _VERSION_AT)
    if version > VERSION:
        raise PolywireError(
            f"{path} was written by a later version (format {version}; this one reads {VERSION}), and was left as it "
            "is; update Polywire, or name another file with --state"
        )


def _number(header: bytes, at: int) -> int:
    return int.from_bytes(header[at : at + 4], "big")


def _connected(name: str) -> sqlite3.Connection:
    # `check_same_thread`: it is opened on the caller's thread, then used by one other alone.
    return sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=_WAIT_S)


def _damaged(path: Path, fault: sqlite3.Error) -> PolywireError:
    return PolywireError(
        f"the state file {path} cannot be read ({fault}); restore a copy of it, or name another with --state"
    )


_WAIT_S: Final = 5.0  # for somebody who looks into the file
