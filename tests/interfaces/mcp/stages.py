"""A server to be spoken to over a real transport, whose access a test holds in its hand."""

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import anyio
import anyio.lowlevel
import mcp_types as types
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client, StdioServerParameters

from interfaces.mcp.memory import DEEDS, MemoryAccess
from loopback import HERE
from polywire.interfaces.http.server import listening
from polywire.interfaces.mcp.host import Pace
from polywire.interfaces.mcp.server import Server, door, mcp_server
from polywire.io.clock import SystemClock

TESTS = Path(__file__).parents[2]
ERAS = ("legacy", "2026-07-28")
PACE = Pace(answer_s=1.0, progress_s=0.2, update_s=0.1, retry_s=0.05)


async def until(met: Callable[[], bool]) -> None:
    """Return once something is so, of which nobody tells."""
    while not met():
        await anyio.lowlevel.checkpoint()


class Stage(Protocol):
    """A server, and what happens to it."""

    target: Any

    async def do(self, deed: str, **values: Any) -> None:
        """Do something to its access."""


class HttpStage:
    """A server of this process behind a port.

    Attributes:
        target: Its URL.
        server: Itself.
        access: Its access.
    """

    def __init__(self, url: str, server: Server, access: MemoryAccess) -> None:
        self.target, self.server, self.access = f"{url}/mcp", server, access

    async def do(self, deed: str, **values: Any) -> None:
        """Do something to its access."""
        DEEDS[deed](self.access, **values)


class StdioStage:
    """A server that is a child of whoever connects.

    Attributes:
        target: How it is started.
    """

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "control"
        self.target = StdioServerParameters(
            command=sys.executable,
            args=[str(TESTS / "interfaces" / "mcp" / "child.py"), str(self._socket)],
            env={"PYTHONPATH": str(TESTS)},
        )

    async def do(self, deed: str, **values: Any) -> None:
        """Do something to its access."""
        async with await anyio.connect_unix(self._socket) as stream:
            await stream.send(json.dumps({"do": deed, **values}).encode() + b"\n")
            assert await BufferedByteReceiveStream(stream).receive_until(b"\n", 64) == b"done"


@asynccontextmanager
async def over_http(pace: Pace = PACE, **options: Any) -> AsyncIterator[HttpStage]:
    """Serve over HTTP while the block runs."""
    access = MemoryAccess()
    server = mcp_server(access, SystemClock(), pace=pace, **options)
    async with door(server, gated=False) as app, listening(app, HERE, 0) as url:
        yield HttpStage(url, server, access)


@asynccontextmanager
async def over(transport: str, folder: Path) -> AsyncIterator[Stage]:
    """Serve over a transport by name."""
    if transport == "stdio":
        yield StdioStage(folder)
    else:
        async with over_http() as stage:
            yield stage


class Listener:
    """A client, and everything that it is told unasked.

    Attributes:
        client: The SDK's.
        updated: Resources that were said to have changed, in order.
        logged: Log messages, in order.
        words: What progress said.
    """

    def __init__(self) -> None:
        self.client: Client
        self.updated: list[str] = []
        self.logged: list[types.LoggingMessageNotificationParams] = []
        self.words: list[str] = []
        self._told = anyio.Event()

    async def message(self, message: Any) -> None:
        """Take note of an update."""
        if isinstance(message, types.ResourceUpdatedNotification):
            self.updated.append(str(message.params.uri))
            self._heard()

    async def log(self, params: types.LoggingMessageNotificationParams) -> None:
        """Take note of a log message."""
        self.logged.append(params)
        self._heard()

    async def progress(self, progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG002
        """Take note of progress."""
        self.words.append(message or "")
        self._heard()

    async def until(self, met: Callable[[], bool]) -> None:
        """Return once something is so."""
        while not met():
            told = self._told
            await told.wait()

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that is to succeed; return its structured answer."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        assert isinstance(result.structured_content, dict)
        return result.structured_content

    async def refused(self, tool: str, **arguments: Any) -> str:
        """Call a tool that is to refuse; return what it says."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        block = result.content[0]
        assert isinstance(block, types.TextContent)
        return block.text

    def _heard(self) -> None:
        self._told.set()
        self._told = anyio.Event()


@asynccontextmanager
async def connected(stage: Stage, era: str, **options: Any) -> AsyncIterator[Listener]:
    """Connect with the real client."""
    told = Listener()
    client = Client(
        stage.target,
        mode=era,
        message_handler=told.message,
        logging_callback=told.log,
        **options,
    )
    async with client:
        told.client = client
        yield told
