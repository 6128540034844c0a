"""An ASGI application on a port of this process, and an HTTP client that sends whatever bytes one likes."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvicorn
from starlette.types import ASGIApp

from polywire.exchange.http_protocol import HttpProtocol


class Port:
    """A served application."""

    def __init__(self, address: tuple[str, int], server: uvicorn.Server) -> None:
        self.address, self._server = address, server

    @asynccontextmanager
    async def client(self) -> AsyncIterator["Client"]:
        """Yield a connection."""
        client = Client(*await asyncio.open_connection(*self.address))
        try:
            yield client
        finally:
            client.writer.transport.abort()

    @property
    def connections(self) -> int:
        """How many connections the server has."""
        return len(self._server.server_state.connections)


class Client:
    """Bytes out, an answer in.

    Attributes:
        headers: Of the last answer, in lower case.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.headers: dict[str, str] = {}

    async def send(self, *parts: bytes) -> None:
        """Send bytes, one part after the other."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, Any]:
        """Return status and JSON of the next answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = await self.reader.readexactly(int(fields[b"content-length"]))
        self.headers = {name.decode(): value.decode() for name, value in fields.items()}
        return int(head.split()[1]), json.loads(body)

    async def ended(self) -> bool:
        """Return whether the server ended the connection in order, with nothing more to say."""
        return await self.reader.read() == b""

    async def cut(self) -> bool:
        """Return whether the connection ends without another byte, in order or not."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def serving(application: ASGIApp, protocol: type[HttpProtocol] = HttpProtocol) -> AsyncIterator[Port]:
    """Serve an application with a protocol, on a free port."""
    bound = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    config = uvicorn.Config(
        application,
        http=protocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve([bound]))  # noqa: SLF001 - `serve` would take our signals
    try:
        with anyio.fail_after(20):
            while not server.started:
                await anyio.lowlevel.checkpoint()
            yield Port(bound.getsockname(), server)
    finally:
        server.should_exit = True
        await running
