"""Making a subscription for whoever asks, and telling what its subject is at this moment."""

from collections.abc import Sequence
from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult

from polywire.interfaces.mcp.answers import Subscribed
from polywire.interfaces.mcp.asking import CallbackType
from polywire.interfaces.mcp.delivery import delivery_to
from polywire.interfaces.mcp.follower import events_uri
from polywire.interfaces.mcp.guests import Made
from polywire.interfaces.mcp.host import Host, Request
from polywire.interfaces.mcp.showing import book_line, book_shown, listed_lines, market_line, market_shown
from polywire.model.watch import Condition
from polywire.services.access.language import WatchMade, WatchWanted

A_DAY_S: Final = 86_400.0
"""How long a subscription of an assistant stands, seconds: it may never come back to end it."""

MAKER: Final = "mcp"


async def subscribe(
    server: MCPServer[Any], host: Host, request: Request, wanted: WatchWanted, what: str
) -> CallToolResult:
    """Make a watch and answer with its first data.

    Args:
        server: Ours.
        host: The way to the owner.
        request: What is being answered.
        wanted: The watch.
        what: What it tells, as half a sentence that begins with "You will be told".
    """
    guest = host.guest(request)
    made = await host.line.add_watch(wanted)
    watch = made.watch.id
    guest.made.setdefault(watch, Made(made.cursor, wanted.delivery))
    uri = events_uri(watch)
    answer = Subscribed(
        message="",
        subscription_id=watch,
        cursor=made.cursor,
        callback_type=wanted.delivery,
        existed=made.existed,
        expires_ms=made.watch.expires_ms,
        resource=uri,
        books=[book_shown(view) for view in made.views],
        markets=[market_shown(one, made.resolved.get(one.condition)) for one in made.markets],
        waiting={str(token): why for token, why in made.waiting.items()},
        delivery=delivery_to(server, request, guest, uri),
    )
    answer.message = _told(answer, made, what)
    return await host.done(guest, answer)


def wanted(
    condition: Condition,
    targets: Sequence[str],
    callback_type: CallbackType,
    *,
    label: str = "",
    cooldown_s: float = 0.0,
    budget: int = 60,
    for_s: float = A_DAY_S,
) -> WatchWanted:
    """Return what an assistant asks for."""
    return WatchWanted(
        condition=condition,
        targets=tuple(targets),
        label=label,
        cooldown_s=cooldown_s,
        budget=budget,
        for_s=for_s,
        delivery=callback_type,
        maker=MAKER,
    )


def _told(answer: Subscribed, made: WatchMade, what: str) -> str:
    lines = [f"Subscription {answer.subscription_id} stands: you will be told {what}."]
    if answer.books:
        lines += ["Now, by data and not by hope:", listed_lines(book_line(book) for book in answer.books)]
    elif answer.markets:
        lines += ["It is of:", listed_lines(market_line(market) for market in answer.markets)]
    if answer.waiting:
        count = f"{len(answer.waiting)} of {len(made.watch.tokens)}" if made.watch.tokens else f"{len(answer.waiting)}"
        lines.append(f"The books of {count} tokens do not answer yet (see `waiting`); you will be told when they do.")
    way = answer.delivery.log_messages if answer.callback_type == "log" else answer.delivery.resource_updates
    kind = "Log messages" if answer.callback_type == "log" else f"Updates of {answer.resource}"
    lines.append(f"{kind} {'reach this client' if way.open else 'do not reach this client now'}: {way.why}.")
    lines.append(
        f'What works always: wait_for_events(subscription_ids=["{answer.subscription_id}"]). '
        + ("It ends by itself in a day of the venue's time." if answer.expires_ms else "It stands until it is ended.")
    )
    return "\n".join(lines)
