"""Which ways to a client are open, said honestly: what is sent is not always what a model is shown."""

from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp_types import LOG_LEVEL_META_KEY, LoggingLevel

from polywire.interfaces.mcp import sdk
from polywire.interfaces.mcp.answers import Delivery, Path
from polywire.interfaces.mcp.guests import Guest
from polywire.interfaces.mcp.host import Request
from polywire.model.journal import EntryKind

HONEST: Final = (
    "Sent is not seen: most clients show resource updates and log messages to a person or to nobody, and not to the "
    "model. What reaches a model for certain is the answer of a tool that it calls: wait_for_events."
)

LEVELS: Final[tuple[LoggingLevel, ...]] = (
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
)  # fmt: skip
UNSAID: Final[LoggingLevel] = "info"
"""The level of a client of the handshake era that never said one."""

_LOUDER: Final[dict[EntryKind, LoggingLevel]] = {
    EntryKind.PRICE: "info",
    EntryKind.BOOK: "info",
    EntryKind.SYSTEM: "info",
    EntryKind.GAP: "warning",
    EntryKind.FRESHNESS: "warning",
}


def level_of(kind: EntryKind) -> LoggingLevel:
    """Return at which level an entry is logged."""
    return _LOUDER.get(kind, "notice")


def allows(level: LoggingLevel | None, wanted: LoggingLevel) -> bool:
    """Return whether a client that asked for a level, or never did, is to be sent a message of another."""
    return LEVELS.index(wanted) >= LEVELS.index(level or UNSAID)


def opted_level(request: Request) -> LoggingLevel | None:
    """Return at which level a request of 2026-07-28 wants log messages; None: not at all."""
    level = (request.request_context.meta or {}).get(LOG_LEVEL_META_KEY)
    return next((known for known in LEVELS if known == level), None)


def wants_progress(request: Request) -> bool:
    """Return whether a call wants to be told how it goes on."""
    return "progress_token" in (request.request_context.meta or {})


def delivery_to(server: MCPServer[Any], request: Request, guest: Guest, uri: str = "") -> Delivery:
    """Return which ways are open to whoever is asking.

    Args:
        server: Ours.
        request: What is being answered.
        guest: Who is asking.
        uri: The resource it is about; "": any.
    """
    http = request.request_context.request is not None
    standing = sdk.stands(server, guest.connection) if http and guest.connection is not None else None
    return Delivery(
        era="2026-07-28" if guest.modern else "handshake",
        protocol_version=request.protocol_version or "",
        transport="streamable-http" if http else "stdio",
        resource_updates=_updates(guest, uri, standing=standing),
        log_messages=_logs(guest, opted_level(request), standing=standing),
        progress=_progress(wanted=wants_progress(request)),
    )


def _updates(guest: Guest, uri: str, *, standing: bool | None) -> Path:
    about = uri or "a resource"
    heard = set(guest.listens) | guest.uris
    if guest.modern:
        if not (uri in heard if uri else heard):
            return Path(open=False, why=f"no open subscriptions/listen stream of this client names {about}")
        whose = (
            "this client" if guest.session else "a client of this name (there are no sessions over HTTP in this era)"
        )
        return Path(open=True, why=f"{whose} listens for {uri or f'{len(heard)} resources'}")
    if standing is False:
        return Path(open=False, why="this client holds no standing stream (GET) open, so nothing reaches it unasked")
    if not (uri in heard if uri else heard):
        return Path(open=False, why=f"this client has not sent resources/subscribe for {about}")
    return Path(open=True, why=f"this client subscribed to {uri or f'{len(heard)} resources'}")


def _logs(guest: Guest, opted: LoggingLevel | None, *, standing: bool | None) -> Path:
    if guest.modern:
        why = (
            f"this request asked for them at {opted}; only inside a request" if opted else "this request asked for none"
        )
        return Path(open=opted is not None, why=f"{why} (in 2026-07-28 there are none outside)")
    if standing is False:
        return Path(open=False, why="this client holds no standing stream (GET) open")
    said = f"it asked for {guest.level}" if guest.level else f"it never said a level, so {UNSAID} holds"
    return Path(open=True, why=f"{said} and above; of subscriptions made with callback_type log")


def _progress(*, wanted: bool) -> Path:
    if wanted:
        return Path(open=True, why="this call gave a progress token")
    return Path(open=False, why="this call gave no progress token")
