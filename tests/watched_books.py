"""Books and events for the tests of conditions and sentries."""

from decimal import Decimal
from typing import Any

import msgspec

from polywire.core.book import Book
from polywire.model.health import Freshness, FreshnessChanged, Gap
from polywire.model.levels import Levels
from polywire.model.listing import MarketListed
from polywire.model.market import BookReplaced, LevelChanged, MarketCreated, MarketResolved, TickSizeChanged, Traded
from polywire.model.own import OrderStep, OwnOrderChanged, OwnTradeChanged, TradeStatus
from polywire.model.units import ConditionId, TokenId
from polywire.model.watch import (
    Changes,
    Condition,
    Created,
    Crosses,
    Depth,
    Moves,
    Opportunity,
    OrderChanges,
    OwnTrades,
    Resolves,
    Silent,
    Spread,
    TickChanges,
    TradeOver,
    Watch,
)

A, B, C, D = (TokenId(str(number) * 70) for number in (1, 2, 3, 4))
RAIN, SNOW = ConditionId("0x" + "a" * 64), ConditionId("0x" + "b" * 64)
MS = 1_000_000


def market(condition: ConditionId = RAIN, tokens: tuple[TokenId, TokenId] = (A, B)) -> MarketListed:
    """Return a market of two outcomes."""
    return MarketListed(
        condition, "1", "rain", "Will it rain?", ("Yes", "No"), tokens, "", "", "", 100, None, False, False, ""
    )


LISTED = dict.fromkeys((A, B), market()) | dict.fromkeys((C, D), market(SNOW, (C, D)))

EVERY: list[Condition] = [
    Changes(),
    Crosses(5_000),
    Moves(10, 60.0),
    Spread("over", 100),
    Depth("under", 100),
    Silent(60.0),
    TradeOver(1),
    TickChanges(),
    Resolves(),
    OrderChanges(),
    OwnTrades(),
    Opportunity(100),
    Created(),
]

Side = list[tuple[int, int]]


def snapshot(
    token: TokenId = A, bids: Side | None = None, asks: Side | None = None, *, last: int | None = None
) -> BookReplaced:
    """Return a snapshot; sizes in whole shares."""
    sides = (
        [(price, size * 1_000_000) for price, size in bids or []],
        [(price, size * 1_000_000) for price, size in asks or []],
    )
    return BookReplaced(token, RAIN, Levels.of("bid", sides[0]), Levels.of("ask", sides[1]), 100, last, "", 7, 9 * MS)


def book(token: TokenId = A, bids: Side | None = None, asks: Side | None = None) -> Book:
    """Return a book that answers, proven at 9 ms."""
    made = Book(token)
    made.replace(snapshot(token, bids, asks))
    return made


def around(mid: int, token: TokenId = A) -> Book:
    """Return a book of one level a side, 10 away from a price."""
    return book(token, [(mid - 10, 5)], [(mid + 10, 5)])


def changed(token: TokenId = A, seen_ms: int = 10) -> LevelChanged:
    """Return a change of a level: conditions look at the book."""
    return LevelChanged(token, RAIN, "bid", 4_000, 1, None, None, "", 7, seen_ms * MS)


def traded(token: TokenId = A, price: int = 5_000, size: int | None = 5_000_000) -> Traded:
    """Return a trade."""
    return Traded(token, RAIN, price, size, "BUY", None, "0xfe", 7, 10 * MS)


def freshness(
    now: Freshness, token: TokenId = A, was: Freshness = Freshness.CURRENT, reason: str = "why"
) -> FreshnessChanged:
    """Return a change of a book's freshness."""
    return FreshnessChanged(token, was, now, reason, 1, 7, 10 * MS)


def gap(*tokens: TokenId) -> Gap:
    """Return a gap of two seconds."""
    return Gap(tokens, 1_000_000_000, 3_000_000_000, "a socket was lost", 7, 10 * MS)


def ticked() -> TickSizeChanged:
    """Return a change of the tick."""
    return TickSizeChanged(A, RAIN, 100, 10, 7, 10 * MS)


def resolved(condition: ConditionId = RAIN, winner: TokenId = A) -> MarketResolved:
    """Return a market's end."""
    return MarketResolved(condition, "1", (A, B), winner, "Yes" if winner else "", (), 7, 10 * MS)


def created(question: str = "Will it snow?") -> MarketCreated:
    """Return a new market."""
    return MarketCreated(
        SNOW, "2", "snow", question, "", ("Yes", "No"), (C, D), "", "Weather", "", (), True, 100, None, 7, 10 * MS
    )


def ordered(step: OrderStep = OrderStep.UPDATED, matched: int = 0) -> OwnOrderChanged:
    """Return an own order of ten shares."""
    whole = 10_000_000
    return OwnOrderChanged(
        "0x0d",
        step,
        "LIVE",
        A,
        RAIN,
        "Yes",
        "BUY",
        5_000,
        whole,
        matched,
        "GTC",
        0,
        (),
        "me",
        "0x0e",
        False,
        7,
        10 * MS,
    )


def own_trade(role: str = "TAKER") -> OwnTradeChanged:
    """Return an own trade."""
    return OwnTradeChanged(
        "t1",
        TradeStatus.MATCHED,
        role,
        "0x0d",
        A,
        RAIN,
        "Yes",
        "BUY",
        5_000,
        1_000_000,
        None,
        (),
        "",
        0,
        "me",
        False,
        7,
        10 * MS,
    )


def watch(condition: Condition, *tokens: TokenId, **more: Any) -> Watch:
    """Return a watch."""
    given = {"tokens": tokens or (A,), "markets": (RAIN,)} | more
    return msgspec.structs.replace(Watch("w1", condition), **given)


def number(text: str | None) -> Decimal:
    """Return a decimal text as a number."""
    return Decimal(text or "NaN")
