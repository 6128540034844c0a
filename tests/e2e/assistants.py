"""Assistants as they come: the official MCP client in both eras, on standard input and over HTTP, each in a loop."""

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any, Final, Literal

import anyio
import httpx2
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client, MCPError, StdioServerParameters

from cli.processes import POLYWIRE
from polywire.io.owner import endpoint

Era = Literal["legacy", "2026-07-28"]
Way = tuple[Literal["stdio", "http"], Era]

WAYS: Final[tuple[Way, ...]] = (
    ("stdio", "legacy"),
    ("stdio", "2026-07-28"),
    ("http", "legacy"),
    ("http", "2026-07-28"),
)
STEP_S: Final = 30.0
LONGEST_LINE: Final = 1 << 20
_LOST: Final = (MCPError, httpx2.TransportError)  # what the client says of a server that is gone
_AGAIN_S: Final = 0.2  # between two tries to connect


def on_stdio(data: Path, url: str, **environment: str) -> StdioServerParameters:
    """Return how an assistant starts us."""
    arguments = [*POLYWIRE[1:], "mcp", "--data", str(data), "--venue", url]
    return StdioServerParameters(command=POLYWIRE[0], args=arguments, env=os.environ | environment)


def over_http(data: Path) -> str:
    """Return where whoever owns the data directory serves assistants."""
    owner = endpoint(data)
    assert owner is not None
    return f"{owner.http}/mcp"


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return a tool's answer; one that is refused fails the test."""
    answer: Any = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    assert answer.structured_content is not None
    structured: dict[str, Any] = answer.structured_content
    return structured


class Heard:
    """What reached somebody, in the order in which it did.

    Attributes:
        name: Whom.
        events: Each as it was told.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[dict[str, Any]] = []
        self._came = anyio.Event()

    def take(self, events: Sequence[dict[str, Any]]) -> None:
        """Note what came."""
        self.events += events
        came, self._came = self._came, anyio.Event()
        came.set()

    async def until(self, holds: Callable[["Heard"], bool]) -> None:
        """Wait until what has come makes `holds` true; where that takes too long, the failure says what has."""
        with anyio.move_on_after(STEP_S) as waiting:
            while not holds(self):
                await self._came.wait()
        assert not waiting.cancelled_caught, (self.name, [(event["kind"], event["text"]) for event in self.events])

    @property
    def alerts(self) -> int:
        """How many there are among them."""
        return len(self.ways())

    def after_alert(self, number: int) -> list[dict[str, Any]]:
        """Return what came after the alert of this number, the first being 1; nothing where there is no such alert."""
        places = [at for at, event in enumerate(self.events) if event["kind"] == "alert"]
        return self.events[places[number - 1] + 1 :] if len(places) >= number else []

    def to_alert(self, number: int) -> list[str]:
        """Return the cursors of what came up to the alert of this number, and of itself."""
        return self.cursors[: len(self.events) - len(self.after_alert(number))]

    @property
    def cursors(self) -> list[str]:
        """Of everything that came."""
        return [event["cursor"] for event in self.events]

    def ways(self) -> list[str]:
        """Return which ways its alerts say that the price crossed."""
        return [event["data"]["way"] for event in self.events if event["kind"] == "alert"]


class Assistant(Heard):
    """One that calls `wait_for_events` in a loop; where its server is gone, it connects to the one that is there then.

    Over HTTP it passes the cursor of the answer before, as it is told to; on standard input it need not, as its server
    is its own and lives on.

    Args:
        way: How it connects.
        data: Whose server.
        stdio: What starts one, on standard input.
        watch: Whose events it waits for.
        since: From where on.

    Attributes:
        connected: Set while it has a connection.
        connections: How often it has connected, or in 2026-07-28 over HTTP, where there is no handshake, tried to.
        refusals: What tools refused.
    """

    def __init__(self, way: Way, data: Path, stdio: StdioServerParameters, watch: str, since: str) -> None:
        super().__init__(" ".join(way))
        self.way = way
        self._data, self._stdio, self._watch, self._since = data, stdio, watch, since
        self.connected = anyio.Event()
        self.connections = 0
        self.refusals: list[str] = []

    async def run(self) -> None:
        """Go on until cancelled."""
        transport, era = self.way
        while True:
            try:
                async with Client(self._stdio if transport == "stdio" else over_http(self._data), mode=era) as client:
                    self.connections += 1
                    self.connected.set()
                    while True:
                        await self._wait(client)
            except* _LOST:
                assert transport == "http", "its server on standard input is gone"
            await anyio.sleep(_AGAIN_S)

    async def _wait(self, client: Client) -> None:
        given = {"since": self._since} if self._since else {}
        answer: Any = await client.call_tool("wait_for_events", {"subscription_ids": [self._watch], **given})
        if answer.is_error:
            self.refusals.append(answer.content[0].text)
            return
        page = answer.structured_content
        self._since = page["cursor"] if self.way[0] == "http" else ""
        self.take(page["events"])


@asynccontextmanager
async def following(*options: str, environment: Mapping[str, str]) -> AsyncIterator[Heard]:
    """Run `polywire events --follow --jsonl` while the block does; yield what it prints."""
    heard = Heard("events --follow")

    async def read(process: Any) -> None:
        lines = BufferedByteReceiveStream(process.stdout)
        while True:
            heard.take([json.loads(await lines.receive_until(b"\n", LONGEST_LINE))])

    command = [*POLYWIRE, "events", "--follow", "--jsonl", *options]
    async with (
        await anyio.open_process(command, stdin=DEVNULL, stdout=PIPE, stderr=None, env=os.environ | environment) as it,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(read, it)
        try:
            yield heard
        finally:
            tasks.cancel_scope.cancel()
            it.kill()
