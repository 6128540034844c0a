"""The tools that deliver: wait for events, get them, and find out what reaches this client."""

import math
from contextlib import suppress
from typing import Annotated, Any, Final

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import ResourceUpdated, SubscriptionBus
from mcp_types import CallToolResult
from pydantic import Field

from polywire.errors import OwnerGone, PolywireError
from polywire.interfaces.mcp import sdk
from polywire.interfaces.mcp.answers import Canary, Events, FeedState
from polywire.interfaces.mcp.asking import Since, SubscriptionIds
from polywire.interfaces.mcp.delivery import HONEST, allows, delivery_to, level_of, opted_level, wants_progress
from polywire.interfaces.mcp.follower import LOGGER
from polywire.interfaces.mcp.guests import Guest
from polywire.interfaces.mcp.host import Host, Request
from polywire.interfaces.mcp.reading import Reading, reading
from polywire.interfaces.mcp.showing import event_shown, listed_lines
from polywire.interfaces.mcp.tooling import LOOKS, TAKES, offer
from polywire.model.journal import Cursor, Entry

LONGEST_WAIT_S: Final = 280.0
_CHUNK_S: Final = 30.0  # seconds for which the owner is asked to wait in one question
_AT_ONCE: Final = 50  # events of one wait
_LOGGED: Final = 20  # log messages inside one request
_CANARIES: Final = 10  # resources that one canary is sent on


def add_events(server: MCPServer[Any], host: Host, bus: SubscriptionBus) -> None:
    """Offer them."""

    async def wait_for_events(
        ctx: Request,
        subscription_ids: SubscriptionIds = None,
        since: Since = "",
        timeout_s: Annotated[
            float,
            Field(
                ge=1, le=LONGEST_WAIT_S, description="Seconds to wait, 1 to 280; keep it below your client's own limit"
            ),
        ] = 45.0,
    ) -> Annotated[CallToolResult, Events]:
        """Wait until something happens on your subscriptions: the way that always reaches you. Call it in a loop.

        Answers at once if events are pending. Each event is given once; a timeout is an ordinary answer that says how
        the feed is. Over HTTP in 2026-07-28 a connection has no session: pass `since` there, or name your
        subscription_ids.
        Example: wait_for_events(subscription_ids=["w-1f2e3d"], timeout_s=45)
        """
        guest = host.guest(ctx)
        begun_s = host.clock.monotonic_s()
        look = await reading(host, guest, subscription_ids, since)
        entries, journal = await _waited(host, ctx, look, begun_s, timeout_s)
        return await _told(host, ctx, guest, look, entries, journal, host.clock.monotonic_s() - begun_s)

    async def get_events(
        ctx: Request,
        since: Since = "",
        limit: Annotated[int, Field(ge=1, le=1_000, description="At most so many, 1 to 1,000")] = 100,
        subscription_ids: SubscriptionIds = None,
    ) -> Annotated[CallToolResult, Events]:
        """Get events that were written down, without waiting: since a cursor, or since your last wait or get.

        Example: get_events(since="3f9a11c02b7e.41", limit=20)
        """
        guest = host.guest(ctx)
        look = await reading(host, guest, subscription_ids, since)
        entries: list[Entry] = []
        while True:
            page = await look.page(limit - len(entries))
            entries += look.new(page)
            if len(entries) >= limit or not page.pending:
                break
        return await _told(host, ctx, guest, look, entries, Cursor.read(page.newest).journal, None)

    async def check_delivery(ctx: Request) -> Annotated[CallToolResult, Canary]:
        """Find out what reaches you: sends a canary on every way that is open to this client, and says which.

        Then tell your user on which of them it came; what you were not shown does not reach you.
        Example: check_delivery()
        """
        guest = host.guest(ctx)
        canary = f"canary-{host.name()}"
        sent = await _canary(ctx, bus, guest, canary)
        message = (
            f"{canary} was sent on: {', '.join(sent)}. You have it in this answer for certain. "
            "If you or your user saw it, or an update of a resource, anywhere else just now, that way is open too. "
            f"{HONEST}"
        )
        return await host.done(
            guest, Canary(message=message, canary=canary, sent_on=sent, delivery=delivery_to(server, ctx, guest))
        )

    offer(server, wait_for_events, "Wait for events", TAKES)
    offer(server, get_events, "Get events", TAKES)
    offer(server, check_delivery, "What reaches you", LOOKS)


async def _waited(
    host: Host, request: Request, look: Reading, begun_s: float, timeout_s: float
) -> tuple[list[Entry], str]:
    """Return the first entries that come, and their journal; none where the time is over before.

    An owner that does not answer at first is a refusal in time. One that answered and is gone may be back: the cursor
    holds, so it is asked again for as long as the caller would wait anyway.
    """
    tells, told_s, gone_s = wants_progress(request), begun_s, begun_s
    heard, wait_s = False, 0.0
    while True:
        try:
            with anyio.fail_after(wait_s + host.pace.answer_s):
                page = await look.page(_AT_ONCE, wait_s)
        except (OwnerGone, TimeoutError):
            now_s = host.clock.monotonic_s()
            patience_s = max(0.0, begun_s + timeout_s - gone_s) if heard else host.pace.answer_s
            if now_s - gone_s >= patience_s:
                raise
            await anyio.sleep(host.pace.retry_s)
            continue
        entries = look.new(page)
        heard, now_s = True, host.clock.monotonic_s()
        if entries or (now_s >= begun_s + timeout_s and not page.pending):
            return entries, Cursor.read(page.newest).journal
        if tells and now_s >= told_s + host.pace.progress_s:
            told_s = now_s
            word = await _word(host, look, now_s - begun_s, timeout_s)
            await request.report_progress(now_s - begun_s, timeout_s, word)
        gone_s = now_s
        until_s = min(begun_s + timeout_s, now_s + _CHUNK_S, told_s + host.pace.progress_s if tells else math.inf)
        wait_s = max(0.0, until_s - now_s)


async def _word(host: Host, look: Reading, waited_s: float, timeout_s: float) -> str:
    feed = await _feed_state(host, look)
    return f"Waited {waited_s:.0f} of {timeout_s:.0f} s: nothing yet {_of(look)}. {_feed_words(feed)}"


async def _told(
    host: Host,
    request: Request,
    guest: Guest,
    look: Reading,
    entries: list[Entry],
    journal: str,
    waited_s: float | None,
) -> CallToolResult:
    feed = None if entries else await _feed_state(host, look)
    answer = Events(
        message="",
        events=[event_shown(entry, journal) for entry in entries],
        cursor=look.cursor,
        subscription_ids=list(look.watches),
        timed_out=not entries and waited_s is not None,
        waited_s=round(waited_s or 0.0, 3),
        truncated=look.truncated,
        feed=feed,
    )
    if entries:
        lines = [f"{len(entries)} event{'s' if len(entries) > 1 else ''} {_of(look)}:"]
        lines.append(listed_lines(f"[{one.cursor}] {one.kind}: {one.text}" for one in answer.events))
    else:
        after = f"in {waited_s:.0f} s" if waited_s is not None else "since then"
        lines = [f"Nothing happened {after} {_of(look)}. {_feed_words(feed)}"]
    if look.truncated:
        lines.append(f"{look.truncated:,} entries before these were removed by age or size before you asked.")
    if look.anew:
        lines.append("The journal is another than before: you were begun from its oldest entry.")
    lines.append(f'Go on with since="{look.cursor}"' + ("." if not guest.session else ", or without it."))
    answer.message = "\n".join(lines)
    await _log(request, guest, entries, journal)
    look.end()  # what follows does not fail: from here on the guest has been given these
    return await host.done(guest, answer)


async def _log(request: Request, guest: Guest, entries: list[Entry], journal: str) -> None:
    """Send log messages of subscriptions that want them inside this request: the only place in 2026-07-28."""
    wanted = opted_level(request) if guest.modern else None
    if wanted is None:
        return
    due = [one for one in entries if (made := guest.made.get(one.watch)) is not None and made.delivery == "log"]
    for entry in due[:_LOGGED]:
        if allows(wanted, level_of(entry.kind)):
            data = event_shown(entry, journal).model_dump(mode="json")
            await sdk.log(request.session, level_of(entry.kind), data, LOGGER, request.request_context.request_id)


async def _canary(request: Request, bus: SubscriptionBus, guest: Guest, canary: str) -> list[str]:
    sent = ["the answer of this tool"]
    for uri in sorted(set(guest.listens) | guest.uris)[:_CANARIES]:
        if guest.modern:
            await bus.publish(ResourceUpdated(uri))
        elif guest.connection is not None:
            await guest.connection.send_resource_updated(uri)
        sent.append(f"an update of {uri}")
    if guest.modern and opted_level(request) is not None:
        await sdk.log(
            request.session, opted_level(request) or "info", canary, LOGGER, request.request_context.request_id
        )
        sent.append("a log message inside this request")
    elif not guest.modern and guest.connection is not None:
        level = guest.level or "notice"
        await guest.connection.notify("notifications/message", {"level": level, "logger": LOGGER, "data": canary})
        sent.append(f"a log message ({level})")
    if wants_progress(request):
        await request.report_progress(1, 1, canary)
        sent.append("a word of progress")
    return sent


async def _feed_state(host: Host, look: Reading) -> FeedState | None:
    """Return how the feed is; None where that cannot be had now."""
    status: dict[str, Any] | None = None
    with suppress(PolywireError), anyio.move_on_after(host.pace.aside_s):
        watches = await host.line.watches()
        status = await host.line.status()
    if status is None:
        return None
    doubts: dict[str, list[str]] = {one.watch.id: list(one.in_doubt) for one in watches if one.in_doubt}
    return FeedState(
        connected=bool(status.get("connections", {}).get("clob", {}).get("connected")),
        last_event_at=status.get("statistics", {}).get("last_event_at"),
        in_doubt={watch: tokens for watch, tokens in doubts.items() if not look.watches or watch in look.watches},
    )


def _of(look: Reading) -> str:
    if not look.watches:
        return "anywhere"
    return f"on subscription {look.watches[0]}" if len(look.watches) == 1 else f"on {len(look.watches)} subscriptions"


def _feed_words(feed: FeedState | None) -> str:
    if feed is None:
        return "How the feed is cannot be told now."
    last = f"its last event came at {feed.last_event_at}" if feed.last_event_at else "no event has come yet"
    doubt = sum(len(tokens) for tokens in feed.in_doubt.values())
    doubts = f"; of {doubt} token{'s' if doubt > 1 else ''} the book does not answer now" if doubt else ""
    return f"The feed is {'connected' if feed.connected else 'not connected'}, {last}{doubts}."
