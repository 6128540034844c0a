"""What is more than a feed takes on: refused with the limit, before anything is done for it."""

import asyncio
import tracemalloc
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.errors import Misuse, TooMany
from polywire.model.listing import MarketListed
from polywire.services.feed.feed import Feed
from polywire.services.feed.limits import Limits
from services.feed.feeds import RAIN, SNOW, A, B, C, D, a_feed
from services.feed.scripted import change, market, token

pytestmark = pytest.mark.anyio

MILLION = 1_000_000


def limits(feed: Feed, **most: int) -> None:
    """Give a running feed other limits, as its settings would have."""
    feed._limits = Limits(**most)  # noqa: SLF001 - what `open_feed` hands over when it makes one


async def test_a_million_tokens_are_refused_with_the_limit_and_what_was_followed_goes_on() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A]) as stream:
        await feed.until_current(A)
        asked, memory = venue.catalogue.asked.copy(), len(feed.books)
        with pytest.raises(TooMany, match=r"100,000 is the most; .* `most_tokens`") as refused:
            feed.subscribe(tokens=[token(number) for number in range(MILLION)])
        assert (refused.value.what, refused.value.limit) == ("tokens", 100_000)
        assert refused.value.asked > refused.value.limit
        assert isinstance(refused.value, Misuse)
        assert (venue.catalogue.asked, len(feed.books)) == (asked, memory)
        received = stream.received
        venue.hear(change(A))
        assert stream.received == received + 1
        assert venue.status["subscriptions"]["total"] == 1


async def test_names_without_end_are_refused_as_soon_as_the_limit_is_passed_and_cost_no_more_memory() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for taken in count(1):
            yield token(taken)

    async with a_feed() as (feed, _):
        tracemalloc.start()
        with pytest.raises(TooMany):
            feed.subscribe(markets=endless())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert taken == 100_001
        assert peak < 64 << 20


async def test_tokens_of_all_subscriptions_count_together_and_each_once() -> None:
    async with a_feed() as (feed, venue):
        limits(feed, tokens=3)
        async with feed.subscribe(tokens=[A, B]), feed.subscribe(tokens=[A, B, C]):
            await feed.until_current(A, B, C)
            refused = feed.subscribe(tokens=[A, D])
            with pytest.raises(TooMany) as told:
                await refused.__aenter__()
            assert (told.value.asked, told.value.limit) == (4, 3)
            assert feed.books.get(D) is None
            assert venue.status["subscriptions"]["total"] == 2
            venue.hear(change(A))
            assert refused.received == 0
        async with feed.subscribe(tokens=[A, D]):  # room again
            await feed.until_current(A, D)


async def test_a_market_counts_with_all_it_means_and_the_catalogue_is_not_asked_where_the_ids_are_too_many() -> None:
    async with a_feed() as (feed, venue):
        limits(feed, tokens=3)
        with pytest.raises(TooMany) as told:
            await feed.subscribe(markets=["weather"]).__aenter__()  # one name, two markets, four tokens
        assert told.value.asked == 4
        asked = venue.catalogue.asked.copy()
        async with feed.subscribe(tokens=[A, B, C]):
            with pytest.raises(TooMany):
                await feed.subscribe(tokens=[D], markets=[RAIN.slug]).__aenter__()
        with pytest.raises(TooMany):
            await feed.resolve("a", "b", "c", "d")
        assert venue.catalogue.asked == asked


async def test_two_that_are_entered_at_once_do_not_pass_the_limit_together() -> None:
    """Both are within it when they begin; the venue is asked what they mean, and the second to hear finds no room."""
    async with a_feed() as (feed, venue):
        limits(feed, tokens=3)
        one, other = feed.subscribe(markets=[RAIN.slug]), feed.subscribe(markets=[SNOW.slug])
        ended = await asyncio.gather(one.__aenter__(), other.__aenter__(), return_exceptions=True)
        assert [type(end) for end in ended if isinstance(end, Exception)] == [TooMany]
        assert len(feed.books) == 2
        assert venue.status["subscriptions"]["total"] == 1
        one.close()
        other.close()


async def test_one_subscription_more_than_there_may_be_is_refused_and_a_closed_one_makes_room() -> None:
    async with a_feed() as (feed, _):
        limits(feed, subscriptions=2)
        async with feed.subscribe(tokens=[A]) as first, feed.subscribe():
            third = feed.subscribe(tokens=[A])
            with pytest.raises(TooMany, match=r"3 subscriptions or more, and 2 is the most.*most_subscriptions"):
                await third.__aenter__()
            first.close()
            async with feed.subscribe(tokens=[A]):
                await feed.until_current(A)


async def test_a_hundred_markets_of_one_event_are_refused_in_one_go() -> None:
    many: list[MarketListed] = [market(f"m{one}", 2 * one, 2 * one + 1, event="all") for one in range(100)]
    async with a_feed(*many) as (feed, venue):
        limits(feed, tokens=199)
        with pytest.raises(TooMany):
            await feed.subscribe(markets=["all"]).__aenter__()
        assert venue.dial.sockets == []
        limits(feed, tokens=200)
        async with feed.subscribe(markets=["all"]):
            assert len(feed.books) == 200


@given(names=st.lists(st.sampled_from("abcdef")), most=st.integers(1, 7))
def test_names_are_taken_once_in_their_order_up_to_the_limit(names: list[str], most: int) -> None:
    once = tuple(dict.fromkeys(names))
    if len(once) > most:
        with pytest.raises(TooMany) as refused:
            Limits(tokens=most).named(names)
        assert refused.value.asked == most + 1
    else:
        assert Limits(tokens=most).named(names) == once
