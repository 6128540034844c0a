"""Every place where the MCP SDK has to be reached behind its public names; a test tells when one of them changes.

The SDK serves `resources/subscribe` and `logging/setLevel` of the handshake era only on its low-level server, and does
not say which client a request is from.
"""

import sys
import warnings
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from typing import Any, Final

from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.session import ServerSession
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import LoggingLevel, RequestId
from pydantic import BaseModel

Handler = Callable[[ServerRequestContext[Any, Any], Any], Awaitable[BaseModel]]

_STANDING: Final = "_GET_stream"  # mcp.server.streamable_http.GET_STREAM_KEY


def serve(server: MCPServer[Any], method: str, params: type[BaseModel], handler: Handler) -> None:
    """Have a handler answer a method that the server itself does not know."""
    server._lowlevel_server.add_request_handler(method, params, handler)  # noqa: SLF001 - see the module's docstring


async def run_stdio(server: MCPServer[Any]) -> None:
    """Serve one client on standard input and output until it closes them.

    The SDK keeps stray output of the process off the wire while it serves; what is printed in Python is kept off it
    afterwards too, when a buffer is emptied into the descriptor that is standard output again.
    """
    low = server._lowlevel_server  # noqa: SLF001
    async with stdio_server() as (read, write):
        with redirect_stdout(sys.stderr):
            await low.run(read, write, low.create_initialization_options())


def connection_of(session: ServerSession) -> Connection:
    """Return what a request came over: in the handshake era one object for as long as the client stays."""
    return session._connection  # noqa: SLF001


def stands(server: MCPServer[Any], connection: Connection) -> bool | None:
    """Return whether a client of the handshake era over HTTP holds its standing stream open; None: it cannot be seen.

    Without that stream nothing reaches the client outside an answer.
    """
    try:
        transport = server.session_manager._server_instances.get(connection.session_id or "")  # noqa: SLF001
    except RuntimeError:  # not served over HTTP
        return None
    return None if transport is None else _STANDING in transport._request_streams  # noqa: SLF001


async def log(
    session: ServerSession, level: LoggingLevel, data: object, logger: str, request: RequestId | None
) -> None:
    """Send a log message where the client's era and level allow; the SDK calls all of logging deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        sending = session.send_log_message(level, data, logger, related_request_id=request)
    await sending
