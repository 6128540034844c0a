"""Resources: what can be read, and be listened for. All are JSON; words of strangers are in fields named so."""

from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp_types import Resource
from pydantic import BaseModel

from polywire.errors import PolywireError
from polywire.interfaces.mcp.answers import Books, Events, MarketTold
from polywire.interfaces.mcp.follower import STATUS, events_uri
from polywire.interfaces.mcp.host import Host, Request
from polywire.interfaces.mcp.reading import reading
from polywire.interfaces.mcp.showing import (
    book_line,
    book_shown,
    event_shown,
    listed_lines,
    market_line,
    market_shown,
    plain,
)
from polywire.interfaces.mcp.tools_read import seen_shown
from polywire.model.journal import Cursor

_JSON: Final = "application/json"
_ENTRIES: Final = 100
_DEPTH: Final = 25
_LISTED: Final = 100


def add_resources(server: MCPServer[Any], host: Host) -> None:
    """Offer them."""

    @server.resource(
        STATUS,
        title="How the feed is",
        description="Connections, subscriptions and figures of the feed. Changes with gaps, doubts and restarts.",
        mime_type=_JSON,
    )
    async def websocket_status() -> dict[str, Any]:
        return plain(await host.line.status())

    @server.resource(
        "polymarket://events/{subscription}",
        title="Events of a subscription",
        description="What you have not been given of a subscription yet, the oldest first, at most 100. Reading it "
        "gives nothing away: wait_for_events and get_events do.",
        mime_type=_JSON,
    )
    async def events(subscription: str, ctx: Request) -> str:
        look = await reading(host, host.guest(ctx), [subscription], "")
        page = await look.page(_ENTRIES)
        shown = [event_shown(entry, Cursor.read(page.newest).journal) for entry in look.new(page)]
        lines = listed_lines(f"[{one.cursor}] {one.kind}: {one.text}" for one in shown)
        return _text(
            Events(
                message=lines or "Nothing yet.",
                events=shown,
                cursor=page.cursor,
                subscription_ids=[subscription],
                truncated=page.lost,
                pending_events=len(shown) + page.pending,
                newest=page.newest,
            )
        )

    @server.resource(
        "polymarket://book/{token}",
        title="Order book",
        description="A token's book, 25 levels a side. You are told of changes while a subscription covers the token.",
        mime_type=_JSON,
    )
    async def book(token: str) -> str:
        books = [seen_shown(one) for one in await host.line.book(token, _DEPTH)]
        return _text(Books(message=listed_lines(map(book_line, books)), books=books, newest=await host.line.newest()))

    @server.resource(
        "polymarket://market/{condition}",
        title="Market",
        description="A market by its condition id, with its books. You are told of changes while it is subscribed to.",
        mime_type=_JSON,
    )
    async def market(condition: str) -> str:
        seen = await host.line.market(condition)
        markets = [market_shown(one.listed) for one in seen]
        books = [book_shown(view) for one in seen for view in one.views]
        message = listed_lines(map(market_line, markets))
        return _text(MarketTold(message=message, markets=markets, books=books, newest=await host.line.newest()))


async def events_listed(host: Host) -> list[Resource]:
    """Return a resource for each subscription there is; none where the owner does not answer."""
    try:
        watches = await host.line.watches()
    except PolywireError:
        return []
    return [
        Resource(
            uri=events_uri(one.watch.id),
            name=f"events of {one.watch.id}",
            title=one.watch.label or None,
            description=f"{one.entries:,} entries since the owner started",
            mime_type=_JSON,
        )
        for one in watches[-_LISTED:]
    ]


def _text(model: BaseModel) -> str:
    return model.model_dump_json()
