"""Who owns a data directory: its lock, the socket it answers on, and the way to it.

The lock (`flock` on `DATA/lock`) is the truth: the kernel lifts it however its holder ends. `DATA/endpoint` and the
socket may be left behind by a killed owner; nobody believes them without an answer from the other end.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import socket
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import anyio
import msgspec

from polywire.errors import DataOwned, OwnerGone, PolywireError
from polywire.io.outputs import written_whole

LINE_LIMIT: Final = 16 * 1024 * 1024
"""The longest line either side takes, bytes."""

_PATH_LIMIT: Final = 100  # of a Unix socket's address: 108 bytes on Linux, 104 on macOS, its final 0 included
_FOLDER_PREFIX: Final = "polywire-"
_TRY_LOCK_S: Final = 0.5  # whoever asks `is_owned` holds the lock for an instant
_SHORT_S: Final = 0.01
_CLOSE_S: Final = 0.5


class Endpoint(msgspec.Struct, frozen=True):
    """What `DATA/endpoint` says."""

    socket: str  # the path of a Unix socket
    pid: int
    venue: str  # "paper", "live" or a URL, as it was asked for
    started_ms: int  # Unix milliseconds
    http: str = ""  # where it answers over HTTP; "": nowhere


# ---------------------------------------------------------------- the lock


@contextmanager
def owned(data: Path) -> Iterator[None]:
    """Own a data directory, made if need be, until the block ends.

    Raises:
        DataOwned: Another process does.
        PolywireError: It cannot be made or written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise PolywireError(f"{data} cannot be written: {fault.strerror}; choose another with --data") from fault
    try:
        _lock(descriptor, data)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data: Path) -> None:
    until = time.monotonic() + _TRY_LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise DataOwned(str(data), _written_pid(data)) from None
            time.sleep(_SHORT_S)
        else:
            return


def is_owned(data: Path) -> bool:
    """Return whether a process owns a data directory now."""
    try:
        descriptor = os.open(data / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _written_pid(data: Path) -> int | None:
    try:
        return int((data / "lock").read_text())
    except (OSError, ValueError):
        return None


# ---------------------------------------------------------------- the owner's side


@asynccontextmanager
async def serving(
    data: Path, venue: str, attend: Callable[["Lines"], Awaitable[None]], *, http: str = ""
) -> AsyncIterator[None]:
    """Hand every client to `attend` until the block ends; `DATA/endpoint` tells the way. The lock must be held.

    Raises:
        PolywireError: The socket cannot be made.
    """
    stale = endpoint(data)
    if stale is not None:
        _discard(data, Path(stale.socket))
    path = _socket_path(data)
    told = Endpoint(str(path), os.getpid(), venue, time.time_ns() // 1_000_000, http)
    try:
        async with anyio.create_task_group() as clients:

            async def attended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                lines = Lines(reader, writer, str(data))
                try:
                    await attend(lines)
                finally:
                    await lines.close()

            def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                clients.start_soon(attended, reader, writer)

            server = await asyncio.start_unix_server(came, sock=_bound(path), limit=LINE_LIMIT)
            try:
                with written_whole(data / "endpoint") as temporary:  # born 0600
                    temporary.write_bytes(msgspec.json.encode(told) + b"\n")
                yield
            finally:
                server.close()
                clients.cancel_scope.cancel()
    finally:
        (data / "endpoint").unlink(missing_ok=True)
        _discard(data, path)


def _bound(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)  # the socket is born private: between bind and chmod anybody could connect
    try:
        bound.bind(str(path))
    except OSError as fault:
        bound.close()
        raise PolywireError(f"{path} cannot be listened on: {fault.strerror}; choose another --data") from fault
    finally:
        os.umask(mask)
    bound.setblocking(False)
    return bound


def endpoint(data: Path) -> Endpoint | None:
    """Return what `DATA/endpoint` says; None where there is none that can be read."""
    try:
        return msgspec.json.decode((data / "endpoint").read_bytes(), type=Endpoint)
    except (OSError, msgspec.MsgspecError):
        return None


def answers(told: Endpoint) -> bool:
    """Return whether somebody listens at an endpoint: the file may be a killed owner's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
        tried.settimeout(_TRY_LOCK_S)
        try:
            tried.connect(told.socket)
        except OSError:
            return False
    return True


def _socket_path(data: Path) -> Path:
    near = data.resolve() / "owner.sock"
    if len(os.fsencode(near)) <= _PATH_LIMIT:
        near.unlink(missing_ok=True)
        return near
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    parent = runtime if runtime and os.access(runtime, os.W_OK) else tempfile.gettempdir()
    digest = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:8]
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{digest}-", dir=parent)) / "owner.sock"  # 0700 by its nature


def _discard(data: Path, path: Path) -> None:
    """Remove a socket, and the folder that was made for it; nothing that could be anybody else's."""
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(path.lstat().st_mode) and path.name == "owner.sock":
            path.unlink()
    folder = path.parent
    if folder != data.resolve() and folder.name.startswith(_FOLDER_PREFIX):
        with contextlib.suppress(OSError):
            folder.rmdir()


# ---------------------------------------------------------------- lines


class Lines:
    """JSON lines over a stream. See `polywire.services.owner_protocol.Wire`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: str) -> None:
        self._reader, self._writer, self._data = reader, writer, data
        self._sending = asyncio.Lock()

    async def receive(self) -> bytes | None:
        """Return the next line without its end; None once the other side has left.

        Raises:
            OwnerGone: A line was longer than `LINE_LIMIT`.
        """
        try:
            line = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except asyncio.LimitOverrunError:
            raise OwnerGone(self._data, f"was sent a line of more than {LINE_LIMIT:,} bytes") from None
        return line[:-1]

    async def send(self, line: bytes) -> None:
        """Send one line, after those that are being sent; wait while the other side does not read.

        Raises:
            OwnerGone: The other side has left.
        """
        try:
            async with self._sending:
                if self._writer.is_closing():
                    raise ConnectionResetError
                self._writer.write(line + b"\n")
                await self._writer.drain()
        except ConnectionError:
            raise OwnerGone(self._data, "has closed the connection") from None

    async def close(self) -> None:
        """Hang up; what the other side has not taken yet is dropped if it is slow to."""
        self._writer.close()
        with contextlib.suppress(ConnectionError), anyio.move_on_after(_CLOSE_S, shield=True):
            await self._writer.wait_closed()
        self._writer.transport.abort()


@asynccontextmanager
async def attached(data: Path) -> AsyncIterator[Lines]:
    """Be connected to the owner of a data directory until the block ends.

    Raises:
        OwnerGone: There is none, or it does not answer.
    """
    told = endpoint(data)
    if told is None or not is_owned(data):
        raise OwnerGone(str(data), "does not run")
    try:
        reader, writer = await asyncio.open_unix_connection(told.socket, limit=LINE_LIMIT)
    except OSError as fault:
        raise OwnerGone(str(data), f"(process {told.pid}) does not answer: {fault.strerror or fault}") from fault
    lines = Lines(reader, writer, str(data))
    try:
        yield lines
    finally:
        await lines.close()
