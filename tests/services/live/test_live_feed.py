"""`services.live.live_feed`: who is told what, for how long there is a socket, and what is told of a loss."""

import asyncio

import pytest

from polywire.errors import Misuse, VenueUnreachable
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.live import ActivityMatched, Commented, CryptoPriced, PricesBackfilled
from polywire.model.units import TokenId
from polywire.services.live.live_feed import LiveFeed
from polywire.services.live.readers import Interest
from services.feed.feeds import until
from services.feed.virtual import LoopClock
from services.live.live_service import SECOND_MS, URL, LiveDial, a_live_feed, comment, price, trade

pytestmark = pytest.mark.anyio

TWAPS = {"crypto_prices_twap_thirty", "crypto_prices_twap_sixty"}


def trades(events: list[Event]) -> list[ActivityMatched]:
    return [event for event in events if isinstance(event, ActivityMatched)]


# ------------------------------------------------------------ the socket


async def test_without_a_reader_there_is_no_socket() -> None:
    async with a_live_feed() as it:
        await asyncio.sleep(60)
        assert it.dial.dials == 0
        assert it.status["connected"] is False
        assert it.status["topics"] == {}


async def test_one_socket_carries_all_that_is_read_and_is_let_go_a_while_after_the_last_reader() -> None:
    async with a_live_feed(spare_s=5) as it:
        it.read(ActivityMatched)
        it.feed.read(print, Interest(kinds=frozenset({CryptoPriced})))
        await it.until_open()
        it.feed.leave(print)
        it.feed.leave(it.told.append)
        await asyncio.sleep(3)
        it.read(Commented)
        await asyncio.sleep(30)
        assert it.dial.dials == 1, "who comes back in time need not dial"
        assert {topic for topic, _, _ in it.dial.streams[0].subscribed} == {"comments"}
        it.feed.leave(it.told.append)
        await asyncio.sleep(7)
        assert it.dial.alive == []
        assert it.status["topics"] == {}
        it.read(Commented)
        (await it.until_open()).hear(comment(1))
        assert len(it.told) == 1, "nothing was lost while nobody read"


async def test_who_leaves_is_told_nothing_and_may_leave_twice() -> None:
    async with a_live_feed() as it:
        it.read(Commented)
        socket = await it.until_open()
        it.feed.leave(it.told.append)
        it.feed.leave(it.told.append)
        socket.hear(comment(1))
        assert it.told == []


async def test_who_reads_before_the_feed_runs_is_told_from_its_start() -> None:
    dial, told = LiveDial(), list[Event]()
    feed = LiveFeed(URL, dial, LoopClock(), lambda: 0.5)
    feed.read(told.append, Interest(kinds=frozenset({Commented})))
    running = asyncio.create_task(feed.run())
    await until(lambda: dial.streams and dial.streams[0].sent)
    dial.streams[0].hear(comment(1))
    assert len(told) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


# ------------------------------------------------------------ who is told what


async def test_trades_are_chosen_by_token_market_or_event_here_and_not_by_the_service() -> None:
    told: dict[str, list[Event]] = {name: [] for name in ("token", "market", "event", "either", "all")}
    async with a_live_feed() as it:
        kinds = frozenset[type]({ActivityMatched})
        it.feed.read(told["token"].append, Interest(kinds=kinds, tokens=frozenset({TokenId("8")})))
        it.feed.read(told["market"].append, Interest(kinds=kinds, markets=frozenset({"snow"})))
        it.feed.read(told["event"].append, Interest(kinds=kinds, events=frozenset({"weather"})))
        either = Interest(kinds=kinds, tokens=frozenset({TokenId("8")}), markets=frozenset({"snow"}))
        it.feed.read(told["either"].append, either)
        it.feed.read(told["all"].append, Interest(kinds=kinds))
        socket = await it.until_open()
        for number, (token, slug) in enumerate([("7", "rain"), ("8", "rain"), ("9", "snow")], 1):
            socket.hear(trade(number, of=token, slug=slug))
        socket.hear(trade(4).replace(b"weather", b"politics"))
        assert {topic for topic, _, filters in socket.subscribed if filters} == set()
    sizes = {name: [int(event.size) for event in trades(events)] for name, events in told.items()}
    assert sizes == {"token": [2], "market": [3], "event": [1, 2, 3], "either": [2, 3], "all": [1, 2, 3, 4]}


async def test_of_several_readers_of_one_token_one_may_leave() -> None:
    async with a_live_feed() as it:
        others: list[Event] = []
        interest = Interest(kinds=frozenset({ActivityMatched}), tokens=frozenset({TokenId("7")}))
        it.feed.read(it.told.append, interest)
        it.feed.read(others.append, interest)
        socket = await it.until_open()
        socket.hear(trade(1))
        it.feed.leave(it.told.append)
        socket.hear(trade(2))
        assert (it.trades, len(others)) == ([1], 2)


async def test_prices_are_chosen_by_symbol() -> None:
    async with a_live_feed() as it:
        it.read(CryptoPriced, symbols=frozenset({"ethusdt"}))
        socket = await it.until_open()
        socket.hear(price(1))
        socket.hear(price(1, "ethusdt"))
        assert [event.symbol for event in it.told] == ["ethusdt"]  # type: ignore[union-attr]


async def test_a_price_that_a_service_sends_twice_is_told_once() -> None:
    """Two subscriptions that both match have been seen to send everything twice."""
    async with a_live_feed() as it:
        it.read(CryptoPriced)
        socket = await it.until_open()
        for second in (1, 1, 2, 1):
            socket.hear(price(second))
        assert it.seconds == [1, 2]


# ------------------------------------------------------------ what may have been lost


async def test_a_lost_socket_is_a_gap_from_the_last_data_until_it_comes_again_and_prices_are_filled_in() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched, CryptoPriced, PricesBackfilled)
        await it.until_open()
        last = await it.tick(10)
        it.dial.kept = {"btcusdt": list(range(1, 16))}
        it.dial.streams[0].lose()
        await asyncio.sleep(5)
        assert {gap.reason.partition(":")[0] for gap in it.of(Gap)} == TWAPS, "others are told when they are over"
        for second in (14, 16):
            it.tell(price(second), trade(second))
            await asyncio.sleep(1)
        await until(lambda: it.of(PricesBackfilled))
        gaps = {gap.reason.partition(":")[0]: gap for gap in it.of(Gap)}
        assert gaps.keys() == {"activity", "crypto_prices"} | TWAPS, "chainlink is not back yet"
        assert "the cable was cut" in gaps["activity"].reason
        first_seen = it.of(ActivityMatched)[-2].seen_ns
        last_seen = next(event.seen_ns for event in it.of(ActivityMatched) if event.size == last)
        assert (gaps["activity"].from_ns, gaps["activity"].to_ns) == (last_seen, first_seen)
        assert gaps["activity"].tokens == ()
        (filled,) = it.of(PricesBackfilled)
        assert [point.venue_ms // SECOND_MS for point in filled.points] == [11, 12, 13, 15], "and none that was told"
        assert it.seconds == [*range(1, 11), 14, 16]
        assert it.status["gaps"] == 4
        assert it.status["topics"]["crypto_prices_chainlink"]["lost_for_s"] > 5
        assert (it.status["backfills"], it.status["backfills_failed"]) == (1, 0)


async def test_the_gap_is_told_before_the_event_that_ends_it() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        await it.until_open()
        await it.tick(3)
        it.dial.streams[0].lose()
        await it.until_open()
        it.tell(trade(9))
        assert [type(event) for event in it.told[-2:]] == [Gap, ActivityMatched]


async def test_a_topic_that_says_little_has_its_gap_told_as_soon_as_it_is_listened_to_again() -> None:
    async with a_live_feed() as it:
        it.read(Commented)
        (await it.until_open()).hear(comment(1))
        await asyncio.sleep(100)
        it.dial.streams[0].lose()
        await asyncio.sleep(5)
        (gap,) = it.of(Gap)
        assert gap.reason == "comments: the cable was cut"
        assert gap.from_ns == it.of(Commented)[0].seen_ns


async def test_a_symbol_whose_filter_may_only_be_a_list_is_asked_for_that_way_too() -> None:
    async with a_live_feed() as it:
        it.read(CryptoPriced, PricesBackfilled)
        await it.until_open()
        await it.tick(3)
        it.dial.reads_json = False
        it.dial.kept = {"btcusdt": [1, 2, 3, 4]}
        it.dial.streams[0].lose()
        await it.until_open()
        it.tell(price(6))
        await until(lambda: it.of(PricesBackfilled))
        assert [point.venue_ms for point in it.of(PricesBackfilled)[0].points] == [4_000]


async def test_a_back_fill_that_tells_nothing_new_is_not_told() -> None:
    async with a_live_feed() as it:
        it.read(CryptoPriced, PricesBackfilled)
        await it.until_open()
        await it.tick(3)
        it.dial.kept = {"btcusdt": [1, 2, 3]}
        it.dial.streams[0].lose()
        await it.until_open()
        it.tell(price(4))
        await asyncio.sleep(10)
        assert not it.of(PricesBackfilled)
        assert len(it.dial.alive) == 1, "the socket it was asked on is closed"


@pytest.mark.parametrize("how", ["refused", "silent", "lost"])
async def test_a_back_fill_that_does_not_come_is_counted_and_costs_nothing_else(how: str) -> None:
    async with a_live_feed() as it:
        it.read(CryptoPriced, PricesBackfilled)
        await it.until_open()
        await it.tick(3)
        it.dial.streams[0].lose()
        socket = await it.until_open()
        it.dial.refuses = how == "refused"
        socket.hear(price(6))
        await asyncio.sleep(0.5)
        if how == "lost":
            it.dial.last.lose()
        await asyncio.sleep(7)
        assert it.status["backfills_failed"] == 1
        socket.hear(price(7))
        assert it.seconds == [1, 2, 3, 6, 7]


# ------------------------------------------------------------ history


async def test_history_is_asked_for_on_a_socket_of_its_own() -> None:
    async with a_live_feed() as it:
        it.read(CryptoPriced)
        stream = await it.until_open()
        it.dial.kept = {"btcusdt": [1, 2], "btc/usd": [1]}
        came = await it.feed.history({"crypto_prices": ["btcusdt"], "crypto_prices_chainlink": ["btc/usd"]})
        assert {one.symbol: len(one.points) for one in came} == {"btcusdt": 2, "btc/usd": 1}
        assert not any(filters for _, _, filters in stream.subscribed)
        assert it.dial.alive == [stream]


async def test_history_of_nothing_asks_nobody_and_what_is_unknown_is_left_out() -> None:
    async with a_live_feed() as it:
        assert await it.feed.history({}) == []
        assert await it.feed.history({"equity_prices": []}) == []
        assert it.dial.dials == 0
        assert await it.feed.history({"equity_prices": ["AAPL"]}) == []


async def test_history_of_what_has_none_is_refused_and_of_a_service_that_is_away_too() -> None:
    async with a_live_feed() as it:
        with pytest.raises(Misuse, match="no history of comments"):
            await it.feed.history({"comments": ["x"]})
        it.dial.refuses = True
        with pytest.raises(VenueUnreachable):
            await it.feed.history({"crypto_prices": ["btcusdt"]})
