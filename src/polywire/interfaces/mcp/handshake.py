"""What the handshake era has and the SDK does not answer by itself: `resources/subscribe`, `logging/setLevel`.

And for 2026-07-28, an account of who listens for what.
"""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from polywire.errors import Misuse
from polywire.interfaces.mcp import sdk
from polywire.interfaces.mcp.guests import Guests

Asked = ServerRequestContext[Any, Any]


def add_handshake(server: MCPServer[Any], guests: Guests) -> None:
    """Answer what the handshake era asks, and note what either era listens for."""

    async def subscribe(request: Asked, params: SubscribeRequestParams) -> EmptyResult:
        try:
            guests.of(request).subscribe(params.uri)
        except Misuse as fault:
            raise MCPError(code=INVALID_PARAMS, message=str(fault)) from fault
        return EmptyResult()

    async def unsubscribe(request: Asked, params: UnsubscribeRequestParams) -> EmptyResult:
        guests.of(request).uris.discard(params.uri)
        return EmptyResult()

    async def set_level(request: Asked, params: SetLevelRequestParams) -> EmptyResult:
        guests.of(request).level = params.level
        return EmptyResult()

    sdk.serve(server, "resources/subscribe", SubscribeRequestParams, subscribe)
    sdk.serve(server, "resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)
    sdk.serve(server, "logging/setLevel", SetLevelRequestParams, set_level)

    async def listening(ctx: Asked, call_next: CallNext) -> HandlerResult:
        if ctx.method != "subscriptions/listen":
            return await call_next(ctx)
        named = ((ctx.params or {}).get("notifications") or {}).get("resourceSubscriptions") or []
        with guests.of(ctx).listening([uri for uri in named if isinstance(uri, str)]):
            return await call_next(ctx)

    server.middleware.append(listening)
