"""The HTTP port of an owner, put together: the gate, the site, and the doors of other interfaces."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from polywire.errors import Misuse
from polywire.interfaces.http.gate import Gate
from polywire.interfaces.http.server import listening
from polywire.interfaces.http.site import WAYS, site
from polywire.interfaces.http.terms import Terms, is_loopback_bind
from polywire.io import tcp_ports
from polywire.io.clock import SystemClock
from polywire.io.tokens import Tokens
from polywire.services.access.language import Access
from polywire.services.owner_protocol import Hello
from polywire.settings import HTTP_PORT


@dataclass(frozen=True)
class HttpAsked:
    """How HTTP is served."""

    data: Path
    host: str = "127.0.0.1"
    port: int | None = None  # None: 8420, or the next free one
    paper: bool = True  # on paper and on loopback nobody needs a token
    hosts: frozenset[str] = field(default_factory=frozenset)
    origins: frozenset[str] = field(default_factory=frozenset)


def check_bind(asked: HttpAsked) -> None:
    """Return if HTTP may be served there: wherever others than this machine's reach it, they need a token.

    Raises:
        Misuse: There is none that could let anybody in.
        PolywireError: The port is taken.
    """
    if not is_loopback_bind(asked.host) and not Tokens(asked.data).all():
        raise Misuse(
            f"others can reach {asked.host}, and there is no token that could let anybody in: make one with "
            f"`polywire token make NAME --data {asked.data}`, or leave --host out to listen on this machine alone"
        )
    if asked.port is not None:
        tcp_ports.refuse_if_taken(asked.host, asked.port, "--port")


class LateDoor:
    """A door that is built when somebody knocks: what it needs takes a second to import, and most never use it.

    Args:
        prepare: Called in a thread, before: what is imported meanwhile does not hold up the feed.
        build: Returns the context in which it answers.
    """

    def __init__(
        self, prepare: Callable[[], object], build: Callable[[], AbstractAsyncContextManager[ASGIApp]]
    ) -> None:
        self._prepare, self._build = prepare, build
        self._wanted, self._built = anyio.Event(), anyio.Event()
        self._app: ASGIApp | None = None

    async def run(self) -> None:
        """Keep it, from the first knock on, until cancelled."""
        await self._wanted.wait()
        await anyio.to_thread.run_sync(self._prepare)
        async with self._build() as self._app:
            self._built.set()
            await anyio.sleep_forever()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        self._wanted.set()
        await self._built.wait()
        assert self._app is not None  # noqa: S101 - it is set before the event
        await self._app(scope, receive, send)


@asynccontextmanager
async def mcp_door(access: Access, groups: frozenset[str] | None) -> AsyncIterator[LateDoor]:
    """Have the MCP server answer while the block runs; `groups` of tools, None: all."""

    def prepare() -> object:
        return import_module("polywire.interfaces.mcp.server")

    def build() -> AbstractAsyncContextManager[ASGIApp]:
        from polywire.interfaces.mcp.server import GROUPS, door, mcp_server  # noqa: PLC0415 - see `LateDoor`

        return door(mcp_server(access, SystemClock(), groups=GROUPS if groups is None else groups), gated=True)

    late = LateDoor(prepare, build)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(late.run)
        yield late
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def serving_http(
    asked: HttpAsked, access: Access, metrics: Callable[[dict[str, Any]], str], doors: Mapping[str, ASGIApp]
) -> AsyncIterator[str]:
    """Serve HTTP while the block runs; yield its base URL.

    Args:
        asked: Where and how.
        access: Answers questions.
        metrics: Returns a status as Prometheus text.
        doors: Applications of other interfaces, by path.

    Raises:
        Misuse: Nobody could come in; see `check_bind`.
        PolywireError: It cannot listen there.
    """
    check_bind(asked)
    terms = Terms(
        host=asked.host,
        ways=WAYS,
        open=asked.paper and is_loopback_bind(asked.host),
        hosts=asked.hosts,
        origins=asked.origins,
    )
    gate = Gate(site(access, metrics, doors), terms, Tokens(asked.data).check)
    port = tcp_ports.free_near(asked.host, HTTP_PORT) if asked.port is None else asked.port
    async with listening(gate, asked.host, port) as url:
        yield url


def prometheus_text_late(hello: Hello, status: dict[str, Any]) -> str:
    """Return a status as Prometheus text; what that takes is imported when somebody asks for it."""
    from polywire.services.metrics import prometheus_text  # noqa: PLC0415 - 0.1 s that nobody else pays for

    return prometheus_text(hello, status)
