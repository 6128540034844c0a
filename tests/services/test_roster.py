"""What `up` follows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest

from polywire.errors import VenueUnreachable
from polywire.model.units import ConditionId, TokenId
from polywire.services.reckoning import Reckoning
from polywire.services.roster import Roster
from polywire.services.views import Views
from services.hand_feed import NO, RAIN, SECOND_NS, YES, HandFeed, change, snapshot

pytestmark = pytest.mark.anyio
SNOW = msgspec.structs.replace(
    RAIN, condition=ConditionId("0xsnow"), slug="snow", tokens=(TokenId("3" * 30), TokenId("4" * 30))
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Board:
    """A venue's list that a test writes on."""

    def __init__(self, *conditions: str) -> None:
        self.conditions = list(conditions)
        self.closed = False

    async def listed(self) -> list[str]:
        if self.closed:
            raise VenueUnreachable("http://venue", "closed")
        return self.conditions


@asynccontextmanager
async def running(feed: HandFeed, board: Board) -> AsyncIterator[tuple[Roster, Reckoning]]:
    reckoning = Reckoning()
    roster = Roster(feed, feed.books, Views(feed.books, feed.listed, lambda: SECOND_NS), reckoning, board.listed)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(roster.run)
        with anyio.fail_after(5):
            await roster.ready.wait()
            yield roster, reckoning
        tasks.cancel_scope.cancel()


async def test_all_that_is_listed_is_followed_and_counted() -> None:
    feed = HandFeed(RAIN)
    async with running(feed, Board(RAIN.condition)) as (roster, reckoning):
        feed.books.book(snapshot())
        feed.books.levels([change()])
        assert roster.tokens == [YES, NO]
        assert reckoning.received == {YES: {"book": 1, "price_change": 1}}
        assert not roster.joined_late
    assert feed.reads == {YES: 0, NO: 0}


async def test_a_market_that_is_announced_is_followed_at_once_and_its_announcement_counted() -> None:
    feed, board = HandFeed(RAIN), Board(RAIN.condition)
    async with running(feed, board) as (roster, reckoning):
        board.conditions.append(SNOW.condition)
        feed.create(SNOW)
        while len(roster.tokens) < 4:
            await anyio.lowlevel.checkpoint()
        assert reckoning.received[SNOW.tokens[0]] == {"new_market": 1}


async def test_a_market_whose_announcement_was_lost_is_found_by_looking() -> None:
    """The venue never repeats it."""
    feed, board = HandFeed(RAIN, SNOW), Board(RAIN.condition)
    async with running(feed, board) as (roster, _):
        board.conditions.append(SNOW.condition)
        while len(roster.tokens) < 4:
            await anyio.lowlevel.checkpoint()


async def test_a_token_that_somebody_followed_before_is_known_to_be_joined_late() -> None:
    feed = HandFeed(RAIN)
    feed.books.follow(YES)
    async with running(feed, Board(RAIN.condition)) as (roster, _):
        assert roster.joined_late == {YES}


async def test_a_market_that_is_gone_when_it_is_asked_for_is_passed_over() -> None:
    async with running(HandFeed(RAIN), Board("0xgone", RAIN.condition)) as (roster, _):
        assert roster.tokens == [YES, NO]


async def test_a_venue_that_does_not_answer_at_the_start_is_an_error_and_later_is_asked_again() -> None:
    board = Board(RAIN.condition)
    feed = HandFeed(RAIN, SNOW)
    async with running(feed, board) as (roster, _):
        board.closed = True
        board.conditions.append(SNOW.condition)
        feed.create(SNOW)  # makes it look
        await anyio.lowlevel.checkpoint()
        board.closed = False
        while len(roster.tokens) < 4:
            await anyio.lowlevel.checkpoint()
    board.closed = True
    with pytest.RaisesGroup(VenueUnreachable):
        async with running(feed, board):
            pass
