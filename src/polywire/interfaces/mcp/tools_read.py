"""The tools that look: search markets, one market, a book, a price history."""

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult
from pydantic import Field

from polywire.interfaces.mcp.answers import Books, Found, MarketTold, PriceHistory
from polywire.interfaces.mcp.asking import OneId
from polywire.interfaces.mcp.host import Host, Request
from polywire.interfaces.mcp.shapes import BookShown, PointShown
from polywire.interfaces.mcp.showing import (
    book_line,
    book_shown,
    listed_lines,
    market_line,
    market_shown,
)
from polywire.interfaces.mcp.strangers import fence
from polywire.interfaces.mcp.tooling import READS, offer
from polywire.services.access.language import BookSeen, HistoryWanted

Interval = Literal["1h", "6h", "1d", "1w", "1m", "max"]


def add_read(server: MCPServer[Any], host: Host) -> None:
    """Offer them."""

    async def search_markets(
        ctx: Request,
        query: Annotated[
            str, Field(max_length=200, description="Words to look for; empty: markets that are open")
        ] = "",
        limit: Annotated[int, Field(ge=1, le=50, description="At most so many, 1 to 50")] = 10,
    ) -> Annotated[CallToolResult, Found]:
        """Search the venue's markets, the best first.

        Example: search_markets(query="rain tomorrow", limit=5)
        """
        markets = [market_shown(one) for one in await host.line.search(query, limit)]
        said = f"{len(markets)} markets" + (f" for {fence(query)}" if query else " that are open")
        message = f"{said}:\n{listed_lines(map(market_line, markets))}" if markets else f"No market was found: {said}."
        return await host.done(host.guest(ctx), Found(message=message, markets=markets))

    async def get_market(id: OneId, ctx: Request) -> Annotated[CallToolResult, MarketTold]:  # noqa: A002 - its name outside
        """Tell a market by any of its names, with its books as they are now; of an event's slug all its markets.

        Example: get_market(id="will-it-rain-tomorrow")
        """
        seen = await host.line.market(id.strip())
        markets = [market_shown(one.listed) for one in seen]
        books = [book_shown(view) for one in seen for view in one.views]
        message = listed_lines([*map(market_line, markets), *map(book_line, books)])
        return await host.done(host.guest(ctx), MarketTold(message=message, markets=markets, books=books))

    async def get_order_book(
        id: OneId,  # noqa: A002 - its name outside
        ctx: Request,
        depth: Annotated[int, Field(ge=1, le=100, description="Levels a side, 1 to 100")] = 10,
    ) -> Annotated[CallToolResult, Books]:
        """Tell the order book of a token, or of both outcomes of a market, as it is now.

        `source` says whether it is followed live (feed) or was asked of the venue just now (rest).
        Example: get_order_book(id="will-it-rain-tomorrow", depth=5)
        """
        books = [seen_shown(one) for one in await host.line.book(id.strip(), depth)]
        return await host.done(host.guest(ctx), Books(message=listed_lines(map(book_line, books)), books=books))

    async def get_price_history(
        id: OneId,  # noqa: A002 - its name outside
        ctx: Request,
        interval: Annotated[Interval, Field(description="How far back: an hour to everything")] = "1d",
    ) -> Annotated[CallToolResult, PriceHistory]:
        """Tell what a token cost over time; of a market, slug or URL: its first outcome. At most 200 points.

        Example: get_price_history(id="will-it-rain-tomorrow", interval="1w")
        """
        told = await host.line.history(HistoryWanted(id.strip(), interval))
        points = [PointShown(at_s=point.at_s, price=point.price) for point in told.points]
        market = None if told.listed is None else market_shown(told.listed)
        name = market_line(market) if market else f"token {told.token}"
        span = f"from {points[0].price} to {points[-1].price}" if points else "nothing is told of that time"
        message = f"{name}: {len(points)} prices over {interval}, {span}."
        return await host.done(
            host.guest(ctx),
            PriceHistory(message=message, token=told.token, interval=interval, market=market, points=points),
        )

    offer(server, search_markets, "Search markets", READS)
    offer(server, get_market, "One market", READS)
    offer(server, get_order_book, "Order book", READS)
    offer(server, get_price_history, "Price history", READS)


def seen_shown(seen: BookSeen) -> BookShown:
    """Return a book as it is told; of one that was asked of the venue, its age is what it was proven at."""
    shown = book_shown(seen.view, seen.source)
    return shown.model_copy(update={"verified_age_s": round(seen.age_s, 3)}) if seen.source == "rest" else shown
