"""From what the house knows to what an assistant is shown: structures, and sentences with strangers' words fenced."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from mcp_types import CallToolResult, TextContent

from polywire.interfaces.mcp.answers import Answer
from polywire.interfaces.mcp.shapes import BookShown, EventShown, Level, MarketShown, Strangers
from polywire.interfaces.mcp.strangers import fence
from polywire.model.journal import Cursor, Entry
from polywire.model.listing import MarketListed
from polywire.model.units import PRICE_ONE, price_text, size_text
from polywire.services.views import View

_SHOWN = 10  # lines of a sentence's list


def answered(answer: Answer) -> CallToolResult:
    """Return an answer as a tool's result: the sentence, the structure, and the structure as text for older clients."""
    text = answer.model_dump_json()
    return CallToolResult(
        content=[TextContent(type="text", text=answer.message), TextContent(type="text", text=text)],
        structured_content=answer.model_dump(mode="json"),
    )


def book_shown(view: View, source: str = "feed") -> BookShown:
    """Return a view as it is told."""
    bid = view.bids[0][0] if view.bids else None
    ask = view.asks[0][0] if view.asks else None
    return BookShown(
        token=view.token,
        freshness=str(view.freshness),
        reason=view.reason,
        answering=view.answering or source == "rest",
        bids=[Level(price=price_text(price), size=size_text(size)) for price, size in view.bids],
        asks=[Level(price=price_text(price), size=size_text(size)) for price, size in view.asks],
        bid_levels=view.bid_levels,
        ask_levels=view.ask_levels,
        best_bid=_price(bid),
        best_ask=_price(ask),
        mid=None if bid is None or ask is None else mid_text(bid, ask),
        spread=_price(view.spread),
        tick=_price(view.tick),
        last_price=_price(view.last_price),
        last_side=view.last_side,
        last_age_s=_seconds(view.last_age_s),
        event_age_s=_seconds(view.event_age_s),
        verified_age_s=_seconds(view.verified_age_s),
        source=source,
        strangers=Strangers(question=view.question, outcome=view.outcome, slug=view.slug),
    )


def mid_text(bid: int, ask: int) -> str:
    """Return half of two prices together, exactly.

    >>> mid_text(3_400, 3_500), mid_text(3_401, 3_500), mid_text(3_400, 3_600)
    ('0.345', '0.34505', '0.35')
    """
    whole, part = divmod(5 * (bid + ask), 10 * PRICE_ONE)
    return f"{whole}.{part:05d}".rstrip("0").rstrip(".")


def market_shown(listed: MarketListed, winner: str | None = None) -> MarketShown:
    """Return a listed market as it is told; `winner`: its winning outcome, where it is resolved."""
    return MarketShown(
        condition=listed.condition,
        tokens=list(listed.tokens),
        tick=_price(listed.tick),
        min_size=None if listed.min_size is None else size_text(listed.min_size),
        neg_risk=listed.neg_risk,
        closed=listed.closed,
        ends_at=listed.ends_at,
        resolved=winner is not None,
        strangers=Strangers(
            question=listed.question,
            outcomes=list(listed.outcomes),
            slug=listed.slug,
            event_title=listed.event_title,
            event_slug=listed.event_slug,
            group_item=listed.group_item,
            winner=winner or "",
        ),
    )


def event_shown(entry: Entry, journal: str) -> EventShown:
    """Return an entry as it is told."""
    data: dict[str, object] = msgspec.json.decode(entry.data) if bytes(entry.data) else {}
    return EventShown(
        cursor=str(Cursor(journal, entry.seq)),
        kind=str(entry.kind),
        text=entry.text,
        subscription_id=entry.watch,
        token=entry.token,
        condition=entry.condition,
        data=data,
        venue_ms=entry.venue_ms,
        seen_ns=entry.seen_ns,
        written_ms=entry.written_ms,
        stands_for=entry.stands_for,
    )


def book_line(book: BookShown) -> str:
    """Return a book in one line, for people."""
    name = " ".join(fence(words) for words in (book.strangers.question, book.strangers.outcome) if words)
    name = name or f"token {book.token[:12]}…"
    if not book.answering:
        return f"{name}: no prices, the book is {book.freshness} ({book.reason})"
    prices = f"bid {book.best_bid or 'none'}, ask {book.best_ask or 'none'}, last {book.last_price or 'unknown'}"
    return f"{name}: {prices} ({'asked of the venue just now' if book.source == 'rest' else book.freshness})"


def market_line(market: MarketShown) -> str:
    """Return a market in one line, for people."""
    words = market.strangers
    state = f"resolved: {fence(words.winner)}" if market.resolved else "closed" if market.closed else "open"
    return f"{fence(words.question)} ({state}, slug {fence(words.slug)}, condition {market.condition})"


def listed_lines(lines: Iterable[str], more: str = "more in the structured answer") -> str:
    """Return lines under one another, only so many of them."""
    every = list(lines)
    shown = [f"- {line}" for line in every[:_SHOWN]]
    if len(every) > _SHOWN:
        shown.append(f"- … and {len(every) - _SHOWN:,} {more}")
    return "\n".join(shown)


def plain(value: object) -> dict[str, Any]:
    """Return a mapping with nothing in it but what JSON has."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value, enc_hook=_plain))
    return told


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _price(price: int | None) -> str | None:
    return None if price is None else price_text(price)


def _seconds(span: float | None) -> float | None:
    return None if span is None else round(span, 3)
