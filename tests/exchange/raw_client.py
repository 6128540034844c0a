"""A WebSocket client that hides nothing: frames as they come, and whatever bytes one likes to send."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from polywire.exchange.connection import Connection
from polywire.exchange.serve import listening
from polywire.exchange.site import Site
from polywire.exchange.venue import Venue

CONTINUATION, TEXT, CLOSE, PING, PONG = 0, 1, 8, 9, 10


class Frame(NamedTuple):
    """One frame from the server."""

    opcode: int
    payload: bytes
    fin: bool = True


def masked(text: str | bytes | dict[str, Any], opcode: int = TEXT, *, fin: bool = True) -> bytes:
    """Return a client's frame."""
    data = json.dumps(text).encode() if isinstance(text, dict) else text.encode() if isinstance(text, str) else text
    mask = os.urandom(4)
    size = len(data)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


class RawClient:
    """A connection after its handshake.

    Attributes:
        status: What the handshake was answered with.
        peer: Our address as the server's ledger names it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self.answer = b""
        self.peer = "{}:{}".format(*writer.get_extra_info("sockname")[:2])

    async def shake_hands(self, path: str) -> None:
        self._writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        self.status = int(head.split()[1])
        if self.status != 101:
            self.answer = await self._reader.read()

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def send(self, text: str | bytes | dict[str, Any], opcode: int = TEXT, *, fin: bool = True) -> None:
        await self.write(masked(text, opcode, fin=fin))

    async def frame(self) -> Frame:
        """Return the next frame. Raises `asyncio.IncompleteReadError` where the server has left without one."""
        first, second = await self._reader.readexactly(2)
        assert not second & 0x80, "a server's frames are not masked"
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(await self._reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self._reader.readexactly(8), "big")
        return Frame(first & 0x0F, await self._reader.readexactly(size), bool(first & 0x80))

    async def text(self) -> str:
        """Return the next frame, which is a whole text."""
        opcode, payload, fin = await self.frame()
        assert (opcode, fin) == (TEXT, True), payload
        return payload.decode()

    async def message(self) -> Any:
        """Return the next frame, which is JSON."""
        return json.loads(await self.text())

    async def closed_with(self) -> tuple[int, str]:
        """Return the close frame that comes next."""
        frame = await self.frame()
        assert frame.opcode == CLOSE, frame
        return int.from_bytes(frame.payload[:2], "big"), frame.payload[2:].decode()

    async def silent(self) -> bool:
        """Return whether nothing else came before the answer to a PING."""
        await self.send("PING")
        return await self.text() == "PONG"

    async def until_pong(self) -> list[Any]:
        """Return every message that comes before the answer to a PING."""
        await self.send("PING")
        found = []
        while (text := await self.text()) != "PONG":
            found.append(json.loads(text))
        return found

    async def dropped(self) -> bool:
        """Return whether the server leaves without another frame."""
        try:
            await self.frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            return True
        return False

    def stop_reading(self) -> None:
        """Take nothing from the socket any more."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can

    async def leave(self) -> None:
        self._writer.transport.abort()
        await asyncio.sleep(0)


class Server:
    """A served site with a still venue."""

    def __init__(self, site: Site, url: str) -> None:
        self.site, self.url = site, url
        host, _, port = url.removeprefix("http://").rpartition(":")
        self.address = host, int(port)

    @asynccontextmanager
    async def client(self, path: str = "/ws/market") -> AsyncIterator[RawClient]:
        reader, writer = await asyncio.open_connection(*self.address)
        client = RawClient(reader, writer)
        try:
            await client.shake_hands(path)
            yield client
        finally:
            await client.leave()

    @asynccontextmanager
    async def subscriber(self, *tokens: str, custom: bool = False) -> AsyncIterator[RawClient]:
        """Yield a client that has subscribed and taken its snapshots."""
        async with self.client() as client:
            await client.send({"type": "market", "assets_ids": tokens, "custom_feature_enabled": custom})
            await client.message()
            yield client

    @property
    def connection(self) -> Connection:
        """The only connection there is."""
        (one,) = self.site.channel.connections
        return one


@asynccontextmanager
async def served(venue: Venue) -> AsyncIterator[Server]:
    """Serve a venue on a free port of this process."""
    site = Site(venue.clock, seed=7, venue=venue)
    async with listening(site, "127.0.0.1", 0) as url:
        yield Server(site, url)
