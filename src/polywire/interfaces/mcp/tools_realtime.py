"""The seven real-time tools: subscribe to five kinds of things, look how it goes, and unsubscribe."""

from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult
from pydantic import Field

from polywire.interfaces.mcp.answers import RealtimeStatus, Subscribed, Unsubscribed
from polywire.interfaces.mcp.asking import Callback, MarketIds, SomeMarketIds, TokenIds, named
from polywire.interfaces.mcp.delivery import delivery_to
from polywire.interfaces.mcp.host import Host, Request
from polywire.interfaces.mcp.showing import plain
from polywire.interfaces.mcp.subscribing import subscribe, wanted
from polywire.interfaces.mcp.tooling import ENDS, LOOKS, MAKES, offer
from polywire.model.watch import Changes, OrderChanges, OwnTrades, Resolves


def add_realtime(server: MCPServer[Any], host: Host) -> None:
    """Offer the seven."""

    async def subscribe_market_prices(
        market_ids: MarketIds, ctx: Request, callback_type: Callback = "notification"
    ) -> Annotated[CallToolResult, Subscribed]:
        """Follow the prices of markets: at most one event a token and second, always the newest.

        Answers with the prices as they are now, and which ways to this client are open. Then call wait_for_events.
        Example: subscribe_market_prices(market_ids=["will-it-rain-tomorrow"])
        """
        asked = wanted(Changes("price"), named(market_ids, "market_ids"), callback_type)
        return await subscribe(server, host, ctx, asked, "when a price of these changes")

    async def subscribe_orderbook_updates(
        token_ids: TokenIds,
        ctx: Request,
        depth: Annotated[int, Field(ge=1, le=100, description="Levels a side, 1 to 100")] = 10,
        callback_type: Callback = "notification",
    ) -> Annotated[CallToolResult, Subscribed]:
        """Follow the order books of outcome tokens: at most one event a token and second, the newest top of the book.

        Answers with the books as they are now. Then call wait_for_events.
        Example: subscribe_orderbook_updates(token_ids=["713210456792522125946…"], depth=5)
        """
        asked = wanted(Changes("book", depth=depth), named(token_ids, "token_ids"), callback_type)
        return await subscribe(server, host, ctx, asked, f"when the best {depth} levels of these books change")

    async def subscribe_user_orders(
        ctx: Request, market_ids: SomeMarketIds = None, callback_type: Callback = "notification"
    ) -> Annotated[CallToolResult, Subscribed]:
        """Follow your own orders: placed, matched, cancelled. Of some markets, or of all where none is named.

        Needs API credentials in the owner's vault or environment; says which where they are missing.
        Example: subscribe_user_orders()
        """
        asked = wanted(OrderChanges(), named(market_ids, "market_ids") if market_ids else (), callback_type)
        return await subscribe(server, host, ctx, asked, "when an own order changes")

    async def subscribe_user_trades(
        ctx: Request, market_ids: SomeMarketIds = None, callback_type: Callback = "notification"
    ) -> Annotated[CallToolResult, Subscribed]:
        """Follow your own trades from matched to confirmed. Of some markets, or of all where none is named.

        Needs API credentials in the owner's vault or environment; says which where they are missing.
        Example: subscribe_user_trades(market_ids=["will-it-rain-tomorrow"])
        """
        asked = wanted(OwnTrades(), named(market_ids, "market_ids") if market_ids else (), callback_type)
        return await subscribe(server, host, ctx, asked, "when an own trade reaches a status")

    async def subscribe_market_resolution(
        market_ids: MarketIds, ctx: Request, callback_type: Callback = "notification"
    ) -> Annotated[CallToolResult, Subscribed]:
        """Be told when a market's outcome is proposed, where the venue tells it, and when it is known.

        A market that is resolved already is told in this answer.
        Example: subscribe_market_resolution(market_ids="0x5f65177b394277fd294cd75650044e32ba009a95022d88a0…")
        """
        asked = wanted(Resolves(proposed=True), named(market_ids, "market_ids"), callback_type)
        return await subscribe(server, host, ctx, asked, "when one of these is resolved")

    async def get_realtime_status(ctx: Request) -> Annotated[CallToolResult, RealtimeStatus]:
        """Tell how the feed is: connections, subscriptions, figures, and which ways to this client are open.

        Example: get_realtime_status()
        """
        guest = host.guest(ctx)
        status = plain(await host.line.status())
        told = status | {"message": _health(status), "delivery": delivery_to(server, ctx, guest)}
        return await host.done(guest, RealtimeStatus.model_validate(told))

    async def unsubscribe_realtime(
        subscription_id: Annotated[
            str, Field(description="What subscribing answered; list_watches names all", examples=["w-1f2e3d"])
        ],
        ctx: Request,
    ) -> Annotated[CallToolResult, Unsubscribed]:
        """End a subscription or watch. What it wrote stays in the journal.

        Example: unsubscribe_realtime(subscription_id="w-1f2e3d")
        """
        guest = host.guest(ctx)
        ended = await host.line.drop_watch(subscription_id.strip())
        guest.forget(ended.id)
        message = f"Subscription {ended.id} is ended; what it wrote can still be read with get_events(since=…)."
        return await host.done(guest, Unsubscribed(message=message, subscription_id=ended.id))

    offer(server, subscribe_market_prices, "Follow prices", MAKES)
    offer(server, subscribe_orderbook_updates, "Follow order books", MAKES)
    offer(server, subscribe_user_orders, "Follow your orders", MAKES)
    offer(server, subscribe_user_trades, "Follow your trades", MAKES)
    offer(server, subscribe_market_resolution, "Follow resolutions", MAKES)
    offer(server, get_realtime_status, "How the feed is", LOOKS)
    offer(server, unsubscribe_realtime, "End a subscription", ENDS)


def _health(status: dict[str, Any]) -> str:
    channels = status.get("connections", {})
    said = ", ".join(
        f"{name} {'connected' if one.get('connected') else 'not connected'}" for name, one in channels.items()
    )
    last = status.get("statistics", {}).get("last_event_at")
    return f"Channels: {said or 'none'}. The last event was {f'at {last}' if last else 'never'}."
