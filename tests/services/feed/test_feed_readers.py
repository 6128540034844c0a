"""`services.feed.feed`: what each reader is told, by kind, as a callback, of a book's top, on a scripted venue."""

import asyncio
from typing import Any

import pytest

from polywire.errors import Misuse, NoCredentials
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.kinds import TYPES, EventKind
from polywire.model.market import LevelChanged, Traded
from polywire.services.feed.subscription import Subscription
from polywire.services.live.streams import LIVE
from polywire.services.own.readers import OWN
from services.feed.feeds import A, B, C, D, a_feed, freshness, until
from services.feed.scripted import change, created, resolved, tick, trade

pytestmark = pytest.mark.anyio


def of(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


# ------------------------------------------------------------ kinds


@pytest.mark.parametrize("kind", EventKind)
async def test_each_of_the_ten_kinds_is_delivered_or_says_why_not(kind: EventKind) -> None:
    told: list[Event] = []
    async with a_feed() as (feed, venue):
        if TYPES[kind] in OWN:  # tests/services/own has a feed with credentials
            with pytest.raises(NoCredentials, match="scripted need API credentials: set POLYGON_PRIVATE_KEY"):
                feed.subscribe(tokens=[A], kinds=[kind])
            return
        if TYPES[kind] in LIVE:  # tests/services/live has a feed with live data
            with pytest.raises(Misuse, match="scripted names no live-data service"):
                feed.subscribe(tokens=[A], kinds=[kind])
            return
        async with feed.subscribe(tokens=[A], kinds=[kind], callback=told.append):
            await feed.until_current(A)
            for frame in (change(A), trade(A), tick(A), created(C, D), resolved(A, B)):
                venue.hear(frame)
            await asyncio.sleep(1)
        others = [event for event in told if not isinstance(event, FreshnessChanged)]
        assert others
        assert {type(event) for event in others} == {TYPES[kind]}


async def test_what_the_feed_says_of_its_own_truth_comes_whatever_kinds_were_asked_for() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A], kinds=["LAST_TRADE_PRICE"]) as stream:
        await feed.until_current(A)
        venue.dial.last.lose()
        venue.hear(change(A))
        await feed.until_current(A)
        venue.hear(trade(A))
        told = [await anext(stream) for _ in range(stream.waiting)]
        assert [type(event) for event in told] == [FreshnessChanged, FreshnessChanged, Gap, FreshnessChanged, Traded]


async def test_misuse_is_refused_with_what_to_do_instead() -> None:
    async def awaited(_: Event) -> None: ...

    async with a_feed() as (feed, _):
        with pytest.raises(Misuse, match="is no kind of event"):
            feed.subscribe(tokens=[A], kinds=["NEWS"])
        with pytest.raises(Misuse, match="name tokens or markets"):
            feed.subscribe(kinds=["PRICE_CHANGE"])
        with pytest.raises(Misuse, match="plain function"):
            feed.subscribe(tokens=[A], callback=awaited)
        for wrong in ({"depth": 0}, {"every_s": 0.0}, {"every_s": float("nan")}, {"limit": 0}):
            with pytest.raises(Misuse, match="must be positive"):
                feed.subscribe(tokens=[A], **wrong)


async def test_an_aggregated_book_comes_at_the_depth_and_rate_asked_for_and_never_of_a_book_in_doubt() -> None:
    told: list[Any] = []
    async with (
        a_feed() as (feed, venue),
        feed.subscribe(tokens=[A, B], kinds=["AGG_ORDERBOOK"], depth=1, every_s=0.5, callback=told.append),
    ):
        await feed.until_current(A, B)
        await asyncio.sleep(1)
        told.clear()
        for step in range(100):  # ten seconds
            venue.hear(change(A, size=str(step + 1)))
            await asyncio.sleep(0.1)
        assert 18 <= len(told) <= 20
        assert {(event.token, len(event.bids), len(event.asks)) for event in told} == {(A, 1, 1)}
        await asyncio.sleep(1)
        assert told[-1].bids[0].size == 100_000_000
        assert told[-1].bids[0].price == 3_400
        assert told[-1].tick == 100
        told.clear()
        await asyncio.sleep(10)
        assert told == [], "nothing changed"
        venue.hear(change(A))
        venue.hear(b"{garbage" * 20)
        venue.dial.serves = False
        await asyncio.sleep(1)
        assert {type(event) for event in told} == {FreshnessChanged}


# ------------------------------------------------------------ callbacks


async def test_a_callback_that_raises_is_counted_kept_from_the_others_and_dropped_after_ten_in_a_row() -> None:
    told: list[Event] = []
    failing = iter([True] * 9 + [False] + [True] * 10)

    def fail(_: Event) -> None:
        if next(failing):
            raise ZeroDivisionError("on purpose")

    async with a_feed() as (feed, venue):
        bad = feed.subscribe(tokens=[A], kinds=["LAST_TRADE_PRICE"], callback=fail)
        async with bad, feed.subscribe(tokens=[A], kinds=["LAST_TRADE_PRICE"], callback=told.append):
            await feed.until_current(A)  # one FreshnessChanged each: the first failure
            for _ in range(19):
                assert bad.ended == ""
                venue.hear(trade(A))
            assert bad.errors == 19
            assert "raised 10 times in a row, last ZeroDivisionError: on purpose" in bad.ended
            venue.hear(trade(A))
            assert bad.errors == 19
            assert len(of(Traded, told)) == 20
            assert venue.status["statistics"]["reader_errors"] == 19
            assert freshness(feed, A) == "current"


async def test_a_callback_may_close_its_own_and_other_subscriptions_and_begin_new_ones() -> None:
    begun: list[asyncio.Task[Subscription]] = []
    calls = 0

    def act(_: Event) -> None:
        nonlocal calls
        calls += 1
        own.close()
        other.close()
        begun.append(asyncio.ensure_future(feed.subscribe(tokens=[B]).__aenter__()))

    async with a_feed() as (feed, venue):
        own = feed.subscribe(tokens=[A], kinds=["PRICE_CHANGE", "AGG_ORDERBOOK"], callback=act)
        other = feed.subscribe(tokens=[A])
        async with feed.subscribe(tokens=[A]) as third:
            await feed.until_current(A)
            async with own, other:
                venue.hear(change(A))
                venue.hear(change(A))
                assert calls == 1
                assert (own.ended, other.ended) == ("closed", "closed")
            assert len(of(LevelChanged, [await anext(third) for _ in range(third.waiting)])) == 2
            await feed.until_current(B)
            (await begun[0]).close()
            await asyncio.sleep(1)
            assert venue.dial.last.asked == [("first", (A,)), ("subscribe", (B,)), ("unsubscribe", (B,))]


async def test_closing_the_last_subscription_inside_a_callback_gives_its_tokens_up() -> None:
    async with a_feed() as (feed, venue):
        stream = feed.subscribe(tokens=[A, B], callback=lambda _: stream.close())
        async with stream:
            await until(lambda: stream.ended)
            assert len(feed.books) == 0
            venue.hear(change(A, B))
            assert stream.received == 1
