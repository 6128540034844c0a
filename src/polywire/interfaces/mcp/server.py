"""The MCP server: the same for stdio and HTTP, in the owner and in a process that is attached to it."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import Any, Final

import anyio
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import (
    ResourceError,
    ResourceNotFoundError,
    ToolError,
    UnexpectedResourceError,
    UnexpectedToolError,
)
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, GetPromptResult, InputRequiredResult, Resource
from pydantic import AnyUrl, ValidationError
from starlette.types import ASGIApp

from polywire import __version__
from polywire.errors import Misuse, PolywireError
from polywire.interfaces.mcp import refusals, sdk
from polywire.interfaces.mcp.follower import Follower
from polywire.interfaces.mcp.handshake import add_handshake
from polywire.interfaces.mcp.host import Host, Pace
from polywire.interfaces.mcp.line import Line
from polywire.interfaces.mcp.prompts import add_prompts
from polywire.interfaces.mcp.resources import add_resources, events_listed
from polywire.interfaces.mcp.strangers import RULE
from polywire.interfaces.mcp.tools_events import LONGEST_WAIT_S, add_events
from polywire.interfaces.mcp.tools_read import add_read
from polywire.interfaces.mcp.tools_realtime import add_realtime
from polywire.interfaces.mcp.tools_watch import add_watch_tools
from polywire.ports import Clock
from polywire.services.access.language import Access

GROUPS: Final = frozenset({"realtime", "read", "watch"})
"""Groups of tools by name, for `--tools`."""

INSTRUCTIONS: Final = (
    "Polymarket in real time. Subscribe (subscribe_market_prices, subscribe_orderbook_updates, watch_condition, …), "
    "then call wait_for_events in a loop: its answer is the way events reach you for certain; a timeout is ordinary. "
    "Every answer has `pending_events` and `newest`; an event's `cursor` can be passed as `since`. Prices are USDC a "
    "share, as decimal texts: 0.34 means 34 %. Believe a book only while its freshness is current or quiet; an event "
    f"of kind gap or freshness says that something may have been missed. {RULE}"
)

_LOG: Final = logging.getLogger("polywire.mcp")
_SESSIONS: Final = 1_000


class Server(MCPServer[Any]):
    """The SDK's server, with our words for what goes wrong."""

    def __init__(self, host: Host, name: str, version: str) -> None:
        bus = InMemorySubscriptionBus()
        self.host, self.bus = host, bus
        super().__init__(
            name,
            title="Polywire: Polymarket in real time",
            description="Prices, books, own orders and alerts of Polymarket, delivered",
            instructions=INSTRUCTIONS,
            version=version,
            subscriptions=bus,
            lifespan=self._following,
            log_level="WARNING",
        )

    @asynccontextmanager
    async def _following(self, _: MCPServer[Any]) -> AsyncIterator[dict[str, Any]]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Follower(self.host, self.bus).run)
            yield {}
            tasks.cancel_scope.cancel()

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; whatever goes wrong is answered in a sentence or two, and in time."""
        limit_s = self.host.pace.answer_s + (
            LONGEST_WAIT_S + self.host.pace.answer_s if name == "wait_for_events" else 0
        )
        try:
            with anyio.fail_after(limit_s):
                return await super().call_tool(name, arguments, context)
        except TimeoutError:
            return refusals.refused(refusals.silent(self.host.line, self.host.pace.answer_s))
        except UnexpectedToolError as wrapped:
            return refusals.refused(self._told(name, wrapped))
        except ToolError as wrapped:
            if isinstance(wrapped.__cause__, ValidationError):
                return refusals.refused(refusals.malformed(name, wrapped.__cause__))
            return refusals.refused(await self._unknown(name, str(wrapped)))

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a resource; whatever goes wrong is told in a sentence or two, and in time."""
        try:
            with anyio.fail_after(self.host.pace.answer_s):
                return await super().read_resource(uri, context)
        except TimeoutError as late:
            raise ResourceError(refusals.silent(self.host.line, self.host.pace.answer_s)) from late
        except UnexpectedResourceError as wrapped:
            kind = ResourceNotFoundError if isinstance(wrapped.__cause__, Misuse) else ResourceError
            raise kind(self._told(str(uri)[:100], wrapped)) from wrapped

    async def list_resources(self) -> list[Resource]:
        """List the status, and the events of each subscription there is."""
        with anyio.move_on_after(self.host.pace.answer_s):
            return [*await super().list_resources(), *await events_listed(self.host)]
        return await super().list_resources()

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """Return a prompt.

        Raises:
            MCPError: There is none of that name, or an argument is missing.
        """
        try:
            return await super().get_prompt(name, arguments, context)
        except ValueError as fault:
            known = ", ".join(prompt.name for prompt in await self.list_prompts())
            raise MCPError(code=INVALID_PARAMS, message=f"{fault}; there are the prompts {known}") from fault

    def _told(self, what: str, wrapped: Exception) -> str:
        fault = wrapped.__cause__
        if isinstance(fault, PolywireError):
            return refusals.sentence_of(fault, self.host.line)
        if isinstance(fault, TimeoutError):
            return refusals.silent(self.host.line, self.host.pace.answer_s)
        name = self.host.name()
        _LOG.error("error %s in %s", name, what, exc_info=fault)
        return refusals.unexpected(what, name)

    async def _unknown(self, name: str, fault: str) -> str:
        offered = [tool.name for tool in await self.list_tools()]
        if name in offered:
            return fault
        near = get_close_matches(name, offered, 3, cutoff=0.4) or offered
        return f"There is no tool {name[:60]!r}; the nearest are {', '.join(near)}."


def mcp_server(
    access: Access,
    clock: Clock,
    *,
    groups: AbstractSet[str] = GROUPS,
    name: str = "polywire",
    version: str = __version__,
    pace: Pace | None = None,
) -> Server:
    """Return a server; serve it with `serve_stdio`, or over HTTP with `door`.

    Args:
        access: Answers what tools ask.
        clock: Ours.
        groups: Which groups of tools it offers.
        name: What it is called.
        version: Which it says it is.
        pace: How fast things go; None: as they should.

    Raises:
        Misuse: There is no group of that name.
    """
    if strange := sorted(set(groups) - GROUPS):
        raise Misuse(f"there is no group of tools {strange[0][:40]!r}; there are: {', '.join(sorted(GROUPS))}")
    host = Host(Line(access, clock), clock, pace or Pace())
    server = Server(host, name, version)
    if "realtime" in groups:
        add_realtime(server, host)
        add_events(server, host, server.bus)
    adders: dict[str, Callable[[MCPServer[Any], Host], None]] = {"watch": add_watch_tools, "read": add_read}
    for group, add in adders.items():
        if group in groups:
            add(server, host)
    add_resources(server, host)
    add_prompts(server)
    add_handshake(server, host.guests)
    return server


async def serve_stdio(server: Server) -> None:
    """Serve one client on standard input and output until it closes them; nothing else may be printed meanwhile."""
    await sdk.run_stdio(server)


@asynccontextmanager
async def door(server: Server, *, gated: bool) -> AsyncIterator[ASGIApp]:
    """Serve over HTTP while the block runs; yield what answers, whatever path it is put at.

    Args:
        server: Which; once.
        gated: Whether a gate before it checks Host, Origin and tokens. Without one only loopback names are let in.
    """
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False) if gated else None
    server.streamable_http_app(transport_security=security, max_sessions=_SESSIONS, host="127.0.0.1")
    async with server.session_manager.run():
        yield StreamableHTTPASGIApp(server.session_manager)
