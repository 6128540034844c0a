"""`services.feed.feed` and what it is made of: subscriptions, sockets, books and news, on a scripted venue."""

import asyncio
import gc
import json
from typing import Any

import anyio
import pytest

from polywire.errors import BookNotCurrent, Misuse, UnknownTarget
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged
from polywire.model.market import MarketCreated, MarketResolved, Traded
from polywire.services.feed.subscription import Subscription
from polywire.wire.tape import RecordKind
from services.feed.feeds import RAIN, A, B, C, D, a_feed, freshness, until
from services.feed.scripted import change, created, resolved, token, trade

pytestmark = pytest.mark.anyio


def of(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


# ------------------------------------------------------------ who holds what


async def test_a_token_that_somebody_else_still_reads_is_not_given_up() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A]) as first:
        await feed.until_current(A)
        async with feed.subscribe(tokens=[A, A]) as second:
            first.close()
            venue.hear(trade(A))
            assert isinstance(await anext(second), Traded)
            assert first.received == 2
            await asyncio.sleep(0.1)
            assert venue.dial.last.asked == [("first", (A,))]
        await asyncio.sleep(0.1)
        assert venue.dial.last.asked == [("first", (A,)), ("unsubscribe", (A,))]
        with pytest.raises(BookNotCurrent, match="nobody has subscribed"):
            feed.book(A)


async def test_four_hundred_and_fifty_tokens_take_three_sockets_of_at_most_two_hundred() -> None:
    tokens = [token(number) for number in range(450)]
    async with a_feed() as (feed, venue), feed.subscribe(tokens=tokens):
        await feed.until_current(*tokens)
        assert sorted(one["tokens"] for one in venue.status["connections"]["clob"]["sockets"]) == [50, 200, 200]
        assert len(feed.books) == len(feed.books.values()) == 450


async def test_a_socket_without_tokens_is_used_again_and_closed_after_a_while() -> None:
    async with a_feed(spare_s=5.0) as (feed, venue):
        async with feed.subscribe(tokens=[A]):
            await feed.until_current(A)
        await asyncio.sleep(4)
        async with feed.subscribe(tokens=[B]):
            await feed.until_current(B)
            await asyncio.sleep(20)
            assert len(venue.dial.sockets) == 1
            assert freshness(feed, B) == "current"
        await asyncio.sleep(5.1)
        assert venue.dial.alive == []
        assert venue.status["connections"]["clob"]["sockets"] == []
        async with feed.subscribe(tokens=[A]):
            await feed.until_current(A)
        assert venue.status["statistics"]["reconnect_count"] == 0


async def test_two_tokens_of_one_market_on_two_sockets_keep_a_right_book_each() -> None:
    """Each socket's message names both outcomes, and each book must take only its own socket's word."""
    async with a_feed(size=1) as (feed, venue), feed.subscribe(tokens=[A, B]):
        await feed.until_current(A, B)
        venue.hear(change(A, B, size="3"), on=A)
        assert [feed.book(one).bids[-1].size for one in (A, B)] == [3_000_000, 10_000_000]
        venue.hear(change(A, B, size="4"), on=B)
        assert [feed.book(one).bids[-1].size for one in (A, B)] == [3_000_000, 4_000_000]
        venue.dial.serving(A).lose()
        assert (freshness(feed, A), freshness(feed, B)) == ("resyncing", "current")


async def test_a_markets_name_means_both_its_tokens_and_an_events_all_of_them() -> None:
    async with a_feed() as (feed, _):
        for name in ("will-it-rain", RAIN.condition, "https://polymarket.com/event/weather/will-it-rain?tid=1"):
            async with feed.subscribe(markets=[name]) as stream:
                assert stream.tokens == (A, B)
                await feed.until_current(A, B)
        async with feed.subscribe(tokens=["weather", A]) as stream:
            assert stream.tokens == (A, B, C, D)
        assert feed.listed[A].question == "Will it rain?"


async def test_a_name_alone_may_stand_where_several_can() -> None:
    async with a_feed() as (feed, _), feed.subscribe(tokens=A, kinds="last_trade_price") as stream:
        assert stream.tokens == (A,)


# ------------------------------------------------------------ entering and leaving


async def test_an_unknown_target_among_known_ones_leaves_nothing_behind() -> None:
    async with a_feed() as (feed, venue):
        with pytest.raises(UnknownTarget) as refused:
            await feed.subscribe(markets=["will-it-rain", "will-it-hail"]).__aenter__()
        assert "will-it-rain" in refused.value.nearest
        assert venue.dial.dials == 0
        assert len(feed.books) == 0
        assert venue.status["subscriptions"] == {"total": 0, "active": []}


async def test_a_subscription_can_be_entered_once_and_not_after_its_end() -> None:
    async with a_feed() as (feed, _):
        async with feed.subscribe(tokens=[A]) as stream:
            with pytest.raises(Misuse, match="can be entered once"):
                await stream.__aenter__()
        with pytest.raises(Misuse, match="can be entered once"):
            await stream.__aenter__()
        never = feed.subscribe(tokens=[A])
        never.close()
        with pytest.raises(Misuse, match="can be entered once"):
            await never.__aenter__()


async def test_a_subscription_that_ends_while_the_venue_is_asked_for_its_market_reads_nothing() -> None:
    async with a_feed() as (feed, venue):
        venue.catalogue.gate.clear()
        stream = feed.subscribe(markets=["will-it-rain"])
        entering = asyncio.ensure_future(stream.__aenter__())
        await asyncio.sleep(0.1)
        stream.close()
        venue.catalogue.gate.set()
        with pytest.raises(Misuse, match="closed while it was being entered"):
            await entering
        assert len(feed.books) == 0


async def test_a_feed_that_ends_ends_its_subscriptions_and_takes_no_more() -> None:
    async with a_feed() as (feed, venue):
        venue.catalogue.gate.clear()
        late = asyncio.ensure_future(feed.subscribe(markets=["will-it-rain"]).__aenter__())
        stream = await feed.subscribe(tokens=[A]).__aenter__()
        await feed.until_current(A)
        book = feed.book(A)
        waiting = asyncio.ensure_future(feed.until_current(B, within_s=1_000))
        reading = asyncio.ensure_future(_all_of(stream))
        await asyncio.sleep(0.1)
        await venue.end()
        with anyio.fail_after(1):
            assert [type(event) for event in await reading][-1] is not FreshnessChanged
            with pytest.raises(BookNotCurrent):
                await waiting
        assert stream.ended == "the feed has ended"
        with pytest.raises(BookNotCurrent):
            _ = book.best_bid  # whoever holds it gets no answer from it either
        venue.catalogue.gate.set()
        for entering in (late, feed.subscribe(tokens=[B]).__aenter__()):
            with pytest.raises(Misuse, match="not running"):
                await entering
        assert feed.status()["background_task"] == "ended"


async def _all_of(stream: Subscription) -> list[Event]:
    return [event async for event in stream]


async def test_after_everything_is_closed_nothing_is_left() -> None:
    gc.collect()
    before = sum(isinstance(one, Subscription) for one in gc.get_objects())
    async with a_feed(spare_s=0.1) as (feed, venue):
        for number in range(30):
            async with feed.subscribe(tokens=[token(number), token(number + 1)], kinds=["AGG_ORDERBOOK"]):
                await feed.until_current(token(number))
                venue.hear(change(token(number)))
            async with feed.subscribe(tokens=[A], callback=lambda _: None):
                pass
            async with feed.subscribe():
                pass
        await asyncio.sleep(1)
        gc.collect()
        assert sum(isinstance(one, Subscription) for one in gc.get_objects()) == before
        assert len(feed.books) == 0
        assert venue.dial.alive == []
        assert venue.status["connections"]["clob"] == {
            "connected": False, "url": "ws://none.invalid", "tokens": 0, "freshness": {}, "sockets": [],
        }  # fmt: skip


# ------------------------------------------------------------ books


async def test_a_book_that_may_be_wrong_refuses_to_answer() -> None:
    async with a_feed() as (feed, venue):
        with pytest.raises(BookNotCurrent, match="nobody has subscribed"):
            feed.book(A)
        async with feed.subscribe(tokens=[A]):
            with pytest.raises(BookNotCurrent, match="syncing"):
                feed.book(A)
            await feed.until_current(A)
            assert feed.book(A).best_bid == 3_400
            with pytest.raises(BookNotCurrent, match="limit 1 s"):
                feed.book(A, max_age=1)
            await feed.reconnect()
            with pytest.raises(BookNotCurrent, match="reconnect was asked for"):
                feed.book(A)
            await feed.until_current(A)
            assert len(venue.dial.sockets) == 2
        with pytest.raises(KeyError):
            _ = feed.books[A]


async def test_until_current_waits_for_a_token_that_is_subscribed_to_only_later() -> None:
    async with a_feed() as (feed, _):
        waiting = asyncio.ensure_future(feed.until_current(A, within_s=60))
        await asyncio.sleep(1)
        async with feed.subscribe(tokens=[A]):
            with anyio.fail_after(1):
                await waiting


async def test_until_current_survives_a_token_that_is_released_and_taken_up_again() -> None:
    async with a_feed() as (feed, venue):
        venue.dial.withheld.add(A)
        async with feed.subscribe(tokens=[A]):
            waiting = asyncio.ensure_future(feed.until_current(A, within_s=60))
            await asyncio.sleep(1)
        await asyncio.sleep(1)
        venue.dial.withheld.clear()
        async with feed.subscribe(tokens=[A]):
            with anyio.fail_after(1):
                await waiting


async def test_until_current_says_of_which_token_there_is_no_book() -> None:
    async with a_feed() as (feed, venue):
        venue.dial.withheld.add(B)
        async with feed.subscribe(tokens=[A, B]):
            with pytest.raises(BookNotCurrent) as refused:
                await feed.until_current(A, B, within_s=2)
            assert (refused.value.token, refused.value.freshness) == (B, "syncing")
            assert feed.books[B].readers == feed.books[A].readers  # nobody else is left reading


# ------------------------------------------------------------ news


async def test_news_come_once_although_several_sockets_carry_them() -> None:
    told: list[Event] = []
    both: list[Event] = []
    async with (
        a_feed(size=1) as (feed, venue),
        feed.subscribe(tokens=[A, B], callback=both.append),
        feed.subscribe(callback=told.append),
    ):
        await feed.until_current(A, B)
        assert len(venue.dial.alive) == 2
        both.clear()
        venue.hear(created(C, D))
        venue.hear(resolved(A, B))
        venue.hear(resolved(A, B, at=6))
        assert [type(event) for event in told] == [MarketCreated, MarketResolved]
        assert of(MarketResolved, both) == of(MarketResolved, told)


async def test_who_reads_tokens_is_told_of_their_own_resolutions_and_of_new_markets_if_asked_for() -> None:
    told: list[Event] = []
    kinds = ["MARKET_RESOLVED", "MARKET_CREATED"]
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A], kinds=kinds, callback=told.append):
        await feed.until_current(A)
        told.clear()
        venue.hear(resolved(C, D))
        venue.hear(resolved(A, B, at=6))
        venue.hear(created(C, D))
        news = [event for event in told if isinstance(event, MarketResolved | MarketCreated)]
        assert [type(event) for event in news] == [MarketResolved, MarketCreated]
        assert of(MarketResolved, told)[0].winner == A
        assert freshness(feed, A) == "quiet"


async def test_news_alone_take_one_socket_and_tokens_that_come_later_use_it() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(kinds=[MarketCreated]) as news:
        await until(lambda: venue.dial.sockets)
        async with feed.subscribe(tokens=[A]):
            await feed.until_current(A)
        await asyncio.sleep(600)
        assert len(venue.dial.sockets) == 1
        venue.hear(created(C, D))
        assert isinstance(await anext(news), MarketCreated)


async def test_the_last_socket_is_kept_for_news_whichever_it_is() -> None:
    async with a_feed(size=1) as (feed, venue):
        async with feed.subscribe() as news:
            async with feed.subscribe(tokens=[A]), feed.subscribe(tokens=[B]):
                await feed.until_current(A, B)
            await asyncio.sleep(60)
            assert len(venue.dial.alive) == 1
            venue.hear(created(C, D))
            assert isinstance(await anext(news), MarketCreated)
        await asyncio.sleep(6)
        assert venue.dial.alive == []


# ------------------------------------------------------------ status and recording


async def test_the_status_has_the_shape_people_know_and_the_numbers_of_what_happened() -> None:
    async with a_feed() as (feed, venue):
        assert venue.status["statistics"]["last_event_at"] is None
        async with feed.subscribe(tokens=[A, B], callback=lambda _: None) as stream:
            await feed.until_current(A, B)
            for frame in (change(A, B), change(A), trade(A), b"PONG", b"not json, and long enough to be no word" * 3):
                venue.hear(frame)
            status = json.loads(json.dumps(feed.status()))
            assert status["connections"]["clob"]["connected"] is True
            assert status["connections"]["clob"]["freshness"] == {"suspect": 2}
            (socket,) = status["connections"]["clob"]["sockets"]
            assert (socket["state"], socket["frames"], socket["tokens"]) == ("open", 6, 2)
            assert socket["bytes"] > 600
            assert status["subscriptions"]["total"] == 1
            (active,) = status["subscriptions"]["active"]
            assert active["id"] == stream.id
            assert active["events_received"] == 2 + 2 + 2 + 1 + 1 + 2
            assert active["created_at"].endswith("+00:00")
            assert active["last_event_at"] is not None
            statistics = status["statistics"]
            assert statistics["total_events"] == 5
            assert statistics["events_by_type"] == {"book": 2, "price_change": 2, "last_trade_price": 1}
            assert statistics["undecoded"] == {"not-json": 1}
            assert (statistics["connection_errors"], statistics["reconnect_count"]) == (0, 0)
            assert status["background_task"] == "running"

            await feed.until_current(A, B)
            venue.dial.refuses = True
            venue.dial.last.lose("the cable was cut")
            await until(lambda: venue.status["statistics"]["connection_errors"] == 2)
            down = venue.status["connections"]["clob"]
            assert down["connected"] is False
            assert down["sockets"][0]["next_try_s"] > 0
            assert down["sockets"][0]["reasons"][0]["reason"] == "the cable was cut"
            venue.dial.refuses = False
            await feed.until_current(A, B)
            assert venue.status["statistics"]["reconnect_count"] == 1
        last = venue.status["statistics"]["last_event_at"]
        await asyncio.sleep(10)
        statistics = venue.status["statistics"]
        assert (statistics["connection_errors"], statistics["reconnect_count"]) == (2, 1), "kept beyond the socket"
        assert statistics["last_event_at"] == last is not None
        assert statistics["best_price_checks"] == 3


async def test_a_second_socket_that_is_not_open_yet_does_not_hide_a_reconnect() -> None:
    async with a_feed(size=1) as (feed, venue), feed.subscribe(tokens=[A]):
        await feed.until_current(A)
        await feed.reconnect()
        await feed.until_current(A)
        venue.dial.open.clear()
        async with feed.subscribe(tokens=[B]):
            await asyncio.sleep(0.1)
            assert venue.status["statistics"]["reconnect_count"] == 1
            assert venue.status["connections"]["clob"]["connected"] is False


async def test_a_recording_that_is_begun_before_the_first_socket_holds_all_of_every_socket() -> None:
    kept: list[Any] = []
    async with a_feed(size=1) as (feed, venue):
        feed.record(kept.append)
        async with feed.subscribe(tokens=[A, B]):
            await feed.until_current(A, B)
            venue.hear(trade(A))
            feed.record(None)
            venue.hear(trade(A))
        for number in (1, 2):
            own = [record for record in kept if record.connection == number]
            assert [record.kind for record in own] == [RecordKind.OPENED, RecordKind.FRAME, RecordKind.FRAME]
            assert own[2].data == trade(A)
