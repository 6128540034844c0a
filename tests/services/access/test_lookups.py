"""Markets, books and prices: answered out of the feed or of REST, within five seconds, whatever the venue does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.errors import Misuse, TooMany, TooOften, UnknownTarget, VenueUnreachable
from polywire.model.health import Freshness
from polywire.services.access.language import BookSeen, HistoryWanted, PricePoint
from polywire.services.access.lookups import thinned
from services.access.asked import REFUSED, House, house
from services.feed.feeds import RAIN, SNOW, A, B, C
from services.feed.scripted import market
from services.watches.settings import wanted

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def within_five_seconds() -> AsyncIterator[None]:
    began_s = asyncio.get_running_loop().time()
    yield
    assert asyncio.get_running_loop().time() - began_s <= 5


def told(seen: list[BookSeen]) -> list[tuple[str, Freshness, int]]:
    """Return source, freshness, and the shares at the best bid of each."""
    return [(one.source, one.view.freshness, one.view.bids[0][1] if one.view.bids else 0) for one in seen]


# ---------------------------------------------------------------- books


async def test_a_book_that_is_followed_is_the_feeds_own() -> None:
    async with house() as at, at.feed.subscribe(tokens=[A, B]):
        await at.feed.until_current(A, B)
        seen = await at.access.book("will-it-rain", depth=1)
        assert told(seen) == [("feed", Freshness.CURRENT, 10_000_000)] * 2
        assert [len(one.view.bids) for one in seen] == [1, 1]
        assert [one.view.outcome for one in seen] == ["Yes", "No"]
        assert len(at.dial.sockets) == 1
        assert at.rest.asked == []


async def test_a_book_that_nobody_follows_is_followed_for_a_moment() -> None:
    async with house() as at:
        async with within_five_seconds():
            assert told(await at.access.book(A)) == [("feed", Freshness.CURRENT, 10_000_000)]
        assert at.scene.subscriptions == 0
        assert A not in at.feed.books


async def test_a_book_that_does_not_come_on_the_stream_is_asked_of_rest_and_says_so() -> None:
    async with house() as at:
        at.dial.withheld, at.rest.known = {A}, {A}
        async with within_five_seconds():
            (yes, no) = await at.access.book("will-it-rain")
        assert told([yes, no]) == [("rest", Freshness.CURRENT, 3_000_000), ("feed", Freshness.CURRENT, 10_000_000)]
        assert "asked over REST just now; the feed's own book is syncing" in yes.view.reason
        assert (yes.view.spread, yes.view.tick, yes.age_s) == (200, 100, 0.0)
        assert at.rest.asked == [("books", A)]


async def test_a_book_that_neither_has_is_told_as_it_is() -> None:
    async with house() as at:
        at.dial.withheld = {A}
        (seen,) = await at.access.book(A)
        assert (seen.source, seen.view.freshness, seen.view.bids) == ("feed", Freshness.SYNCING, ())


@pytest.mark.parametrize("hangs", [False, True])
async def test_where_the_venue_is_dead_the_answer_says_since_when_within_five_seconds(
    hangs: bool,  # noqa: FBT001 - a row
) -> None:
    async with house() as at:
        at.dial.withheld = {A}
        at.rest.fault = REFUSED
        if hangs:
            at.rest.gate.clear()
        async with within_five_seconds():
            with pytest.raises(VenueUnreachable, match=r"the last that came of it was at .* UTC, \d s ago") as caught:
                await at.access.book(A)
        assert ("no answer within" in caught.value.reason) == hangs


async def test_of_two_books_one_of_which_cannot_be_had_the_other_is_told() -> None:
    async with house() as at:
        at.dial.withheld, at.rest.fault = {A}, REFUSED
        assert told(await at.access.book("will-it-rain")) == [
            ("feed", Freshness.SYNCING, 0),
            ("feed", Freshness.CURRENT, 10_000_000),
        ]


async def test_a_venue_that_wants_to_be_asked_less_is_not_called_silent() -> None:
    async with house() as at:
        at.dial.withheld, at.rest.fault = {A}, TooOften("http://rest.invalid", 7.0)
        with pytest.raises(TooOften, match="ask it again in 7 s"):
            await at.access.book(A)


async def test_books_of_a_market_that_is_over_are_not_waited_for() -> None:
    over = msgspec.structs.replace(RAIN, closed=True)
    async with house(over) as at:
        began_s = asyncio.get_running_loop().time()
        assert told(await at.access.book("will-it-rain")) == [("feed", Freshness.COLD, 0)] * 2
        assert asyncio.get_running_loop().time() == began_s
        assert (at.rest.asked, at.scene.subscriptions) == ([], 0)


async def test_more_books_than_one_answer_has_are_refused_with_the_limit() -> None:
    event = [market(f"m-{number}", 2 * number, 2 * number + 1, event="many") for number in range(1, 52)]
    async with house(*event) as at:
        with pytest.raises(TooMany, match="102 books in one answer or more, and 100 is the most"):
            await at.access.book("many")


# ---------------------------------------------------------------- markets


async def test_a_market_comes_with_its_books_and_an_event_with_all_of_its_markets() -> None:
    async with house() as at:
        (seen,) = await at.access.market(C)
        assert seen.listed == SNOW
        assert [view.freshness for view in seen.views] == [Freshness.CURRENT] * 2
        assert [one.listed for one in await at.access.market("weather")] == [RAIN, SNOW]


async def test_a_market_is_told_without_its_books_where_they_cannot_be_had() -> None:
    async with house() as at:
        at.dial.serves, at.rest.fault = False, REFUSED
        async with within_five_seconds():
            (seen,) = await at.access.market("will-it-rain")
        assert (seen.listed, seen.views) == (RAIN, ())


async def test_of_a_large_event_only_the_books_that_are_followed_are_told() -> None:
    event = [market(f"m-{number}", 2 * number, 2 * number + 1, event="many") for number in range(1, 12)]
    async with house(*event) as at, at.feed.subscribe(tokens=[event[0].tokens[1]]):
        first, *others = await at.access.market("many")
        assert [view.token for view in first.views] == [event[0].tokens[1]]
        assert {one.views for one in others} == {()}


async def test_an_unknown_target_gets_the_nearest() -> None:
    async with house() as at:
        for ask in (at.access.market("will-it-rian"), at.access.book("will-it-rian")):
            with pytest.raises(UnknownTarget) as caught:
                await ask
            assert "will-it-rain" in caught.value.nearest


async def test_a_catalogue_that_does_not_answer_is_given_up_within_five_seconds() -> None:
    async with house() as at:
        at.catalogue.gate.clear()
        await asyncio.sleep(100)
        for ask in (at.access.market("x"), at.access.book("x"), at.access.history(HistoryWanted("x"))):
            async with within_five_seconds():
                with pytest.raises(VenueUnreachable, match="nothing came of it since Polywire started at"):
                    await ask


async def test_a_search_finds_by_words_and_without_words_what_is_open() -> None:
    async with house() as at:
        assert await at.access.search("snow") == [SNOW]
        assert await at.access.search("  ", limit=1) == [RAIN]


# ---------------------------------------------------------------- prices


async def test_a_history_is_of_the_token_or_of_the_first_outcome() -> None:
    async with house() as at:
        at.rest.points = [(1, "0.5"), (2, "0.51")]
        for target, token in ((B, B), ("will-it-rain", A)):
            history = await at.access.history(HistoryWanted(target, "1h"))
            assert (history.token, history.listed) == (token, RAIN)
            assert history.points == (PricePoint(1, "0.5"), PricePoint(2, "0.51"))
        assert at.rest.asked == [("history", B, "1h"), ("history", A, "1h")]


@given(st.integers(0, 300), st.integers(1, 100))
def test_a_history_is_thinned_evenly_and_keeps_its_ends(count: int, most: int) -> None:
    points = [(at, "0.5") for at in range(count)]
    kept = [at for at, _ in thinned(points, most)]
    assert len(kept) == min(count, most)
    assert kept == sorted(set(kept))
    if count:
        assert kept[-1] == count - 1
    if count and most > 1:
        assert kept[0] == 0
        steps = {later - earlier for earlier, later in pairwise(kept)}
        assert not steps or max(steps) - min(steps) <= 1


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda at: at.access.history(HistoryWanted("x", "1y")), "interval is one of 1h, 6h, 1d, 1w, 1m, max"),
        (lambda at: at.access.history(HistoryWanted("x", points=0)), "points is a number from 1 to 10,000"),
        (lambda at: at.access.book("x", 0), "depth is a number from 1 to 200, and 0 was given"),
        (lambda at: at.access.book("x", 201), "depth is a number from 1 to 200"),
        (lambda at: at.access.search("x", 101), "limit is a number from 1 to 100"),
    ],
)
async def test_a_number_out_of_its_range_is_refused_before_anybody_is_asked(
    ask: Callable[[House], Awaitable[object]], words: str
) -> None:
    async with house() as at:
        with pytest.raises(Misuse, match=words):
            await ask(at)
        assert not at.catalogue.asked


async def test_a_status_is_the_feeds_with_watches_and_journal_added() -> None:
    async with house() as at:
        status = await at.access.status()
        assert status | at.feed.status() == status
        assert status["watches"] == {"count": 0, "in_doubt": {}, "unwritten": 0}
        assert status["journal"] == {"id": at.journal.id, "newest": 0, "oldest": 1, "bytes": 4_096}


async def test_a_watch_on_a_venue_that_does_not_answer_is_refused_with_since_when() -> None:
    async with house() as at:
        at.catalogue.gate.clear()
        async with within_five_seconds():
            with pytest.raises(VenueUnreachable, match="nothing came of it since"):
                await at.access.add_watch(wanted("x"))
        assert await at.access.watches() == []
