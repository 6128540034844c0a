"""The top of books, at a depth and a rate."""

import asyncio

import pytest

from polywire.core.book import Book
from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import Freshness
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, LevelChanged, Traded
from polywire.model.units import ConditionId, TokenId
from polywire.services.feed.aggregate import Aggregator

pytestmark = pytest.mark.anyio

ONE, OTHER = TokenId("7"), TokenId("8")
CONDITION = ConditionId("0x1")
BIDS = [(3_000 + step, 1_000_000) for step in range(0, 500, 100)]
ASKS = [(4_000 + step, 2_000_000) for step in range(0, 500, 100)]


def snapshot(token: TokenId, at: int = 1) -> BookReplaced:
    return BookReplaced(token, CONDITION, Levels.of("bid", BIDS), Levels.of("ask", ASKS), 100, None, "", at, at)


def level(token: TokenId, at: int) -> LevelChanged:
    return LevelChanged(token, CONDITION, "bid", 3_400, 9_000_000, 3_400, 4_000, "", at, at)


class Setting:
    """Two books, and what is said of them."""

    def __init__(self, depth: int = 3, every_s: float = 0.1) -> None:
        self.books = {token: Book(token) for token in (ONE, OTHER)}
        self.said: list[Event] = []
        self.aggregator = Aggregator(self.books.get, self.said.append, depth, every_s)
        for token, book in self.books.items():
            book.replace(snapshot(token))

    def change(self, token: TokenId, at: int) -> None:
        self.books[token].change(level(token, at))
        self.aggregator.touch(level(token, at))


async def test_it_says_the_top_of_a_book_best_last_with_the_last_changes_times() -> None:
    setting = Setting(depth=3)
    setting.change(ONE, at=5)
    await asyncio.sleep(0.11)
    (said,) = setting.said
    assert isinstance(said, BookAggregated)
    assert [tuple(pair) for pair in said.bids] == [(3_200, 1_000_000), (3_300, 1_000_000), (3_400, 9_000_000)]
    assert [pair.price for pair in said.asks] == [4_200, 4_100, 4_000]
    assert (said.token, said.tick, said.verified_ns, said.venue_ms, said.seen_ns) == (ONE, 100, 1, 5, 5)


async def test_many_changes_are_said_once_and_no_more_often_than_asked_for() -> None:
    setting = Setting(every_s=1.0)
    for at in range(10, 40):  # one every tenth of a second
        setting.change(ONE, at)
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.1)
    assert [event.seen_ns for event in setting.said] == [19, 29, 39]


async def test_nothing_is_said_of_a_book_in_which_nothing_changed() -> None:
    setting = Setting()
    setting.aggregator.touch(Traded(ONE, CONDITION, 3_400, 1, "BUY", None, "", 5, 5))
    setting.change(OTHER, at=6)
    await asyncio.sleep(5)
    assert [event.token for event in setting.said if isinstance(event, BookAggregated)] == [OTHER]


async def test_nothing_is_said_of_a_book_that_may_be_wrong_until_it_changes_again() -> None:
    setting = Setting()
    setting.change(ONE, at=5)
    setting.books[ONE].doubt(Freshness.SUSPECT, "a test says so")
    await asyncio.sleep(1)
    assert setting.said == []
    setting.books[ONE].replace(snapshot(ONE, at=7))
    setting.aggregator.touch(snapshot(ONE, at=7))
    await asyncio.sleep(1)
    assert [event.seen_ns for event in setting.said] == [7]


async def test_nothing_is_said_of_a_token_that_is_not_followed_any_more() -> None:
    setting = Setting()
    setting.change(ONE, at=5)
    del setting.books[ONE]
    await asyncio.sleep(1)
    assert setting.said == []


async def test_once_stopped_it_says_nothing_more_not_even_what_was_due() -> None:
    setting = Setting()
    setting.change(ONE, at=5)
    setting.aggregator.stop()
    setting.aggregator.stop()
    setting.change(ONE, at=6)
    await asyncio.sleep(5)
    assert setting.said == []


async def test_what_it_said_stays_as_it_was_when_the_book_goes_on() -> None:
    setting = Setting(depth=1)
    setting.change(ONE, at=5)
    await asyncio.sleep(0.2)
    (said,) = setting.said
    assert isinstance(said, BookAggregated)
    setting.books[ONE].change(LevelChanged(ONE, CONDITION, "bid", 3_400, 0, 3_300, 4_000, "", 6, 6))
    assert [tuple(pair) for pair in said.bids] == [(3_400, 9_000_000)]
