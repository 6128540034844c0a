"""Peers on loopback that the tests of `io` talk to: real sockets, and frames written by hand where no library would."""

import asyncio
import base64
import contextlib
import hashlib
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Self

import anyio

PATIENCE_S: Final = 10.0
HERE: Final = "127.0.0.1"

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(kind: int, payload: bytes = b"", *, fin: bool = True, mask: bool = False, first: int = 0) -> bytes:
    """Return one frame as a server writes it; with `mask`, as only a client may. `first`: more bits of its first byte.

    Source: RFC 6455, section 5.2.
    """
    head = bytes([fin << 7 | first | kind])
    masked, size = mask << 7, len(payload)
    if size < 126:
        head += bytes([masked | size])
    elif size < 1 << 16:
        head += struct.pack("!BH", masked | 126, size)
    else:
        head += struct.pack("!BQ", masked | 127, size)
    return head + (bytes(4) if mask else b"") + payload


def closing(code: int, reason: bytes = b"") -> bytes:
    """Return a CLOSE frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


class Peer:
    """The other end of one connection.

    Attributes:
        request: What it was asked in its opening handshake.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.request = b""

    async def hear_request(self) -> bytes:
        """Read up to the empty line after an HTTP head."""
        self.request = await self.reader.readuntil(b"\r\n\r\n")
        return self.request

    def accept(self, *first: bytes) -> None:
        """Answer an opening handshake, with frames right behind it in the same write."""
        (key,) = [
            line[19:].strip() for line in self.request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")
        ]
        proof = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.write(head + b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n", *first)

    def write(self, *parts: bytes) -> None:
        """Write all parts at once."""
        self.writer.write(b"".join(parts))

    async def read(self) -> tuple[int, bytes]:
        """Return the next frame's opcode and its unmasked payload."""
        first, second = await self.reader.readexactly(2)
        size = second & 127
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        assert second & 128, "a client masks its frames"
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(size)
        return first & 15, bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))

    async def until_the_end(self) -> bytes:
        """Return all bytes that come until the other side has closed or reset the connection."""
        whole = bytearray()
        with contextlib.suppress(ConnectionError):
            while part := await self.reader.read(1 << 16):
                whole += part
        return bytes(whole)

    def hang_up(self) -> None:
        """End the connection, without a word."""
        self.writer.close()

    def reset(self) -> None:
        """End it as a crash does: with a TCP reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Attend = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def serving(attend: Attend, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections on a free port and yield it; what fails in `attend` fails the block.

    On leaving, every connection's `attend` must come to its end.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = asyncio.current_task()
        assert own is not None
        tasks.add(own)
        try:
            await attend(Peer(reader, writer))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(accepted, HERE, 0, ssl=tls, limit=1 << 22)
    try:
        yield server.sockets[0].getsockname()[1]
        server.close()
        for _ in range(10):  # a connection that has just been accepted comes to its task in a few turns of the loop
            await asyncio.sleep(0)
        with anyio.fail_after(PATIENCE_S):
            await asyncio.gather(*tasks)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def opening(converse: Attend) -> Attend:
    """Return what attends to a connection by answering its handshake first."""

    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.accept()
        await converse(peer)

    return attend


class Listener:
    """What was heard of a socket, and how it ended.

    Attributes:
        messages: Each message.
        seen_ns: When each was seen.
        ends: Each reason told; one, if all is well.
    """

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.seen_ns: list[int] = []
        self.ends: list[str] = []
        self._stir = asyncio.Event()

    def heard(self, message: bytes, seen_ns: int) -> None:
        self.messages.append(message)
        self.seen_ns.append(seen_ns)
        self._stir.set()

    def lost(self, reason: str) -> None:
        self.ends.append(reason)
        self._stir.set()

    async def until(self, true: Callable[[Self], bool]) -> None:
        """Wait until something is true of it."""
        with anyio.fail_after(PATIENCE_S):
            while not true(self):
                self._stir.clear()
                await self._stir.wait()

    async def message(self, count: int = 1) -> None:
        """Wait until so many messages were heard."""
        await self.until(lambda me: len(me.messages) >= count)

    async def end(self) -> str:
        """Wait for the end and return its reason, told once."""
        await self.until(lambda me: bool(me.ends))
        for _ in range(3):  # whatever else is due in the loop has its turn
            await asyncio.sleep(0)
        (reason,) = self.ends
        return reason


def without_proxies() -> list[str]:
    """Return the names in the environment that a proxy could be named by."""
    return [name for name in os.environ if name.lower().endswith("_proxy")]
