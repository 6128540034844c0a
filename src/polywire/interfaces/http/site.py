"""What stands behind the gate: health, status, metrics, and the doors of other interfaces."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from polywire import __version__
from polywire.errors import PolywireError
from polywire.interfaces.http.terms import Way
from polywire.model.roles import Role
from polywire.services.access.language import Access

MCP_ANSWER_S: Final = 330.0
"""A tool call may wait for events for 280 s, and has no answer until then."""

WAYS: Final = (
    Way("/health", None),
    Way("/status", Role.READ),
    Way("/metrics", Role.READ),
    Way("/mcp", Role.READ, MCP_ANSWER_S),
)
"""Every piece of the site, and the role it needs."""


def site(access: Access, metrics: Callable[[dict[str, Any]], str], doors: Mapping[str, ASGIApp]) -> ASGIApp:
    """Return the site.

    Args:
        access: Answers questions.
        metrics: Returns a status as Prometheus text.
        doors: Applications of other interfaces, by the path that is theirs with and without a `/` at its end.
    """

    async def health(_: Request) -> Response:
        return _json({"ok": True, "polywire": __version__})

    async def status(_: Request) -> Response:
        return await _told(access, _json)

    async def metrics_text(_: Request) -> Response:
        return await _told(access, lambda told: Response(metrics(told), media_type="text/plain; version=0.0.4"))

    inner = Starlette(routes=[Route("/health", health), Route("/status", status), Route("/metrics", metrics_text)])

    async def site_of(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        for at, door in doors.items():
            if path == at or path.startswith(at + "/"):
                await door(scope, receive, send)
                return
        await inner(scope, receive, send)

    return site_of


async def _told(access: Access, shown: Callable[[dict[str, Any]], Response]) -> Response:
    try:
        return shown(await access.status())
    except PolywireError as refusal:
        return _json({"error": str(refusal)}, 503)


def _json(value: object, status: int = 200) -> Response:
    body = msgspec.json.encode(value, enc_hook=_plain)
    return Response(body, status, media_type="application/json", headers={"cache-control": "no-store"})


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)
