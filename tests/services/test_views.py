"""What a person is shown of a token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.model.health import Freshness
from polywire.services.views import Views
from services.hand_feed import NO, RAIN, SECOND_NS, YES, HandFeed, change, snapshot, trade

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    """Our clock, set by hand."""

    def __init__(self, second: float = 100.0) -> None:
        self.second = second

    def now_ns(self) -> int:
        return round(self.second * SECOND_NS)


def views(feed: HandFeed, clock: Clock | None = None) -> Views:
    return Views(feed.books, feed.listed, (clock or Clock()).now_ns)


async def test_a_view_has_the_best_levels_first_and_the_markets_words() -> None:
    feed = HandFeed(RAIN)
    await feed.resolve("rain")
    feed.books.follow(YES)
    feed.books.book(snapshot())
    view = views(feed).of(YES, 1)
    assert (view.question, view.outcome, view.slug) == ("Rain?", "Yes", "rain")
    assert (view.bids, view.asks) == (((3_400, 5_000_000),), ((3_600, 7_000_000),))
    assert (view.bid_levels, view.ask_levels, view.spread, view.tick) == (2, 2, 200, 100)
    assert view.answering


async def test_a_book_that_may_be_wrong_has_its_reason_in_the_view_and_no_price() -> None:
    feed = HandFeed(RAIN)
    feed.books.follow(YES)
    feed.books.book(snapshot(seen_ns=98 * SECOND_NS))
    feed.books.doubt((YES,), Freshness.SUSPECT, "a frame could not be read", 99 * SECOND_NS)
    view = views(feed).of(YES)
    assert (view.bids, view.asks, view.spread, view.bid_levels) == ((), (), None, 0)
    assert (view.freshness, view.reason, view.answering) == (Freshness.SUSPECT, "a frame could not be read", False)
    assert view.verified_age_s == 2.0


def test_a_token_nobody_follows_is_cold() -> None:
    view = views(HandFeed()).of(YES)
    assert (view.freshness, view.event_age_s, view.verified_age_s) == (Freshness.COLD, None, None)


async def test_the_last_trade_is_the_last_one_heard_of_and_before_that_the_snapshots() -> None:
    feed, clock = HandFeed(RAIN), Clock(10.0)
    made = views(feed, clock)
    async with made.following(feed, [YES]):
        feed.books.book(snapshot(last=3_500))
        before = made.of(YES)
        assert (before.last_price, before.last_side, before.last_age_s) == (3_500, None, None)
        feed.books.event(trade(seen_ns=8 * SECOND_NS))
        after = made.of(YES)
        assert (after.last_price, after.last_side, after.last_age_s) == (3_600, "BUY", 2.0)


async def test_two_who_follow_the_same_token_do_not_count_its_events_twice() -> None:
    feed = HandFeed(RAIN)
    made = views(feed)
    async with made.following(feed, [YES, NO]), made.following(feed, [YES]):
        feed.books.book(snapshot())
        feed.books.levels([change(), change(size=1_000_000)])
        assert made.of(YES).changes == 2


async def test_what_was_noted_goes_with_the_last_who_follows() -> None:
    feed = HandFeed(RAIN)
    made = views(feed)
    async with made.following(feed, [YES]):
        async with made.following(feed, [YES]):
            feed.books.book(snapshot())
            feed.books.levels([change()])
        assert made.of(YES).changes == 1
    assert made.of(YES).changes == 0
    assert feed.reads == {YES: 0}


def test_events_a_second_are_those_of_the_last_five_whole_seconds() -> None:
    feed, clock = HandFeed(), Clock()
    made = views(feed, clock)
    for second in range(20):
        for _ in range(3):
            made.heed(change(seen_ns=second * SECOND_NS + 5))
    clock.second = 20.5
    assert made.of(YES).events_per_s == 3.0
    clock.second = 22.5  # two silent seconds
    assert made.of(YES).events_per_s == pytest.approx(9 / 5)
    clock.second = 60.0
    assert made.of(YES).events_per_s == 0.0
    assert made.of(YES).event_age_s == pytest.approx(41.0)


def test_a_young_token_is_measured_by_the_seconds_it_has_had() -> None:
    clock = Clock(100.9)
    made = views(HandFeed(), clock)
    for _ in range(4):
        made.heed(change(seen_ns=100 * SECOND_NS + 5))
    assert made.of(YES).events_per_s == 4.0
    clock.second = 102.0
    assert made.of(YES).events_per_s == 2.0


def test_a_clock_set_back_makes_no_rate_negative_and_forgets_what_was_ahead() -> None:
    clock = Clock(50.5)
    made = views(HandFeed(), clock)
    for second in (1_000, 1_001, 49, 50):
        made.heed(change(seen_ns=second * SECOND_NS))
    view = made.of(YES)
    assert view.events_per_s == 1.0
    assert view.event_age_s == 0.5


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60), st.integers(0, 70))
def test_the_rate_never_exceeds_what_came_in_its_window(seconds: list[int], now: int) -> None:
    """Whatever the pace, sorted as our clock gives them."""
    heard = sorted(seconds)
    now = max(now, heard[-1])
    clock = Clock(now + 0.5)
    made = views(HandFeed(), clock)
    for second in heard:
        made.heed(change(seen_ns=second * SECOND_NS + 1, size=(second + 1) * 1_000_000))
    whole = min(5, now - heard[0])
    if whole:
        inside = sum(now - whole <= second < now for second in heard)
        assert made.of(YES).events_per_s == pytest.approx(inside / whole)
    else:
        assert made.of(YES).events_per_s == len(heard)
