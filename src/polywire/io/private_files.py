"""Files that only we may read: checked before they are read, and written whole or not at all.

A write goes to a file beside the one meant, is on disk before that takes its name, and the name is on disk before the
writer is told so. A process that is killed anywhere in it leaves the old file or the new one, and at most a temporary
one, which the next writer removes.
"""

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from polywire.errors import FileExposed, PolywireError

LARGEST: Final = 16 << 20
"""Bytes of the largest file that is read."""

_OTHERS: Final = 0o177  # any of these bits set is more than reading and writing by ourselves
_STEP_S: Final = 0.01


class LockTimeout(Exception):
    """Another process has held a lock for longer than it was waited for."""


def read_private(path: Path, *, follow: bool = False) -> bytes | None:
    """Return a file's bytes; None where there is none.

    Args:
        path: Which.
        follow: Whether it may be a link, as mounted secrets are; what it leads to is checked all the same.

    Raises:
        FileExposed: It is not ours, others may read or write it, or it is no plain file.
        PolywireError: It cannot be read, or is larger than `LARGEST`.
    """
    try:
        # A pipe is not waited for: it is refused below.
        no_link = 0 if follow else os.O_NOFOLLOW
        descriptor = os.open(path, os.O_RDONLY | no_link | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise PolywireError(f"{path} cannot be read: {fault.strerror}; nothing was changed") from fault
    try:
        check_private(path, os.fstat(descriptor))  # before it is a file object, which no folder can be
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    except OSError as fault:
        raise PolywireError(f"{path} cannot be read: {fault.strerror}; nothing was changed") from fault
    finally:
        os.close(descriptor)
    if len(content) > LARGEST:
        raise PolywireError(f"{path} has over {LARGEST:,} bytes, which none of ours has; move it away")
    return content


def check_private(path: Path, found: os.stat_result) -> None:
    """Return if a file is plain, ours, and 0600 or less.

    Raises:
        FileExposed: It is not.
    """
    if not stat.S_ISREG(found.st_mode):
        raise FileExposed(str(path), "is no plain file", "name one that is")
    if found.st_uid != os.geteuid():
        raise FileExposed(
            str(path), f"belongs to user {found.st_uid} and we are user {os.geteuid()}", "use one that is your own"
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & _OTHERS:
        raise FileExposed(str(path), f"has mode {mode:04o} and may have 0600 at most", f"run: chmod 600 {path}")


def private_folder(path: Path) -> Path:
    """Return a folder that exists; where it had to be made, it is 0700.

    Raises:
        PolywireError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise PolywireError(f"{path} cannot be made: {fault.strerror}; choose another with --data") from fault
    return path


@contextmanager
def locked(path: Path, patience_s: float) -> Iterator[None]:
    """Keep other writers of a file out until the block ends, however it ends. What a killed one left is removed.

    The lock is a file beside it, `.NAME.lock`, which stays: a lock that is removed can be held twice.

    Raises:
        LockTimeout: Another process has held it for `patience_s`.
        PolywireError: It cannot be made.
    """
    try:
        descriptor = os.open(
            path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
    except OSError as fault:
        raise PolywireError(f"{path} cannot be written: {fault.strerror}; nothing was changed") from fault
    try:
        _wait_for(descriptor, patience_s)
        with contextlib.suppress(FileNotFoundError):
            _temporary(path).unlink()
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file's content, or make it, 0600; on return it is on disk. Its lock must be held.

    Raises:
        PolywireError: It cannot be written; what was there still is.
    """
    temporary = _temporary(path)
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        _write_new(temporary, content)
        temporary.rename(path)
        _sync_folder(path.parent)
    except OSError as fault:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise PolywireError(f"{path} cannot be written: {fault.strerror}; what was there still is") from fault


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        os.fchmod(descriptor, 0o600)  # a umask may have taken more
        left = memoryview(content)
        while left:
            left = left[file.write(left) :]
        _sync(descriptor)


def _sync(descriptor: int) -> None:
    full = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone leaves it in the disk's own cache
    if full is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, full)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _wait_for(descriptor: int, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise LockTimeout from None
            time.sleep(_STEP_S)
        else:
            return
