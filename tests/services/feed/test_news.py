"""News of markets: told once, whoever says so."""

from typing import Final

import msgspec

from polywire.core.books import Books
from polywire.model.events import Event
from polywire.model.market import MarketCreated, MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.services.feed.books import FeedBooks
from polywire.services.feed.news import NEWS, News

A, B = TokenId("7"), TokenId("8")
HEARD: Final = MarketResolved(ConditionId("0x1"), "1", (A, B), A, "Yes", (), 5, 6)
CREATED: Final = MarketCreated(ConditionId("0x1"), "1", "", "", "", (), (A, B), "", "", "", (), True, 100, None, 3, 4)


def told_of(*events: MarketCreated | MarketResolved) -> list[Event]:
    """Return what a reader of all news is told."""
    news, told = News(FeedBooks({}, {}, {})), list[Event]()
    news.read(told.append, NEWS)
    for event in events:
        news.sink(Books()).event(event)
    return told


def test_a_market_is_resolved_once_whether_the_stream_or_rest_says_so_first() -> None:
    recovered = msgspec.structs.replace(HEARD, venue_ms=0, seen_ns=9, recovered=True)
    assert told_of(HEARD, recovered, HEARD) == [HEARD]
    assert told_of(recovered, HEARD) == [recovered]


def test_two_markets_are_resolved_each() -> None:
    other = msgspec.structs.replace(HEARD, condition=ConditionId("0x2"))
    assert told_of(HEARD, other) == [HEARD, other]


def test_a_market_made_and_resolved_is_two_pieces_of_news() -> None:
    again = msgspec.structs.replace(CREATED, venue_ms=9)
    assert told_of(CREATED, HEARD, CREATED, again) == [CREATED, HEARD, again]
