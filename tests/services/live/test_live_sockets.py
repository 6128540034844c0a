"""`services.live.sockets`: renewal in time, another socket where a topic is silent, nothing lost and nothing twice."""

import asyncio

import pytest

from polywire.model.health import Gap
from polywire.model.live import ActivityMatched, Commented, CryptoPriced
from services.feed.feeds import until
from services.live.live_service import LiveSetting, LiveSocket, a_live_feed, comment, everything, price, trade

pytestmark = pytest.mark.anyio


async def second_of(it: LiveSetting) -> LiveSocket:
    """Return the second socket, once it is subscribed."""
    await until(lambda: len(it.dial.streams) == 2 and it.dial.streams[1].sent)
    return it.dial.streams[1]


# ------------------------------------------------------------ renewal in time


async def test_a_socket_is_renewed_after_ten_minutes_and_nothing_is_lost_or_told_twice() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched, CryptoPriced)
        first = await it.until_open()
        seconds = await it.tick(598)
        assert it.dial.dials == 1
        seconds = await it.tick(10, seconds)
        assert first.closed
        assert it.dial.dials == 2
        await it.tick(590, seconds)
        assert it.dial.dials == 2
        assert it.trades == it.seconds == list(range(1, 1_199))
        assert not it.of(Gap)
        assert it.status["renewals"] == 1


@pytest.mark.parametrize(("roll", "after_s"), [(0.0, 540), (0.5, 600), (0.999, 659.88)])
async def test_not_all_clients_renew_theirs_in_the_same_second(roll: float, after_s: float) -> None:
    async with a_live_feed(roll=roll) as it:
        it.read(Commented)
        await it.until_open()
        await asyncio.sleep(after_s - 2)
        assert it.dial.dials == 1
        await asyncio.sleep(4)
        assert it.dial.dials == 2


async def test_the_first_is_closed_only_after_a_message_came_on_both() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        first = await it.until_open()
        await it.tick(10)
        it.feed.renew()
        second = await second_of(it)
        second.hear(trade(11))
        await asyncio.sleep(4)
        assert not first.closed, "the second may be ahead of what the first has brought"
        assert it.trades[-1] == 10
        first.hear(trade(11))
        second.hear(trade(12))
        await asyncio.sleep(2)
        assert first.closed
        second.hear(trade(13))
        assert it.trades == list(range(1, 14))
        assert it.status["sockets"][0]["number"] == 2


async def test_what_the_first_was_ahead_with_comes_once() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        first = await it.until_open()
        await it.tick(10)
        it.feed.renew()
        second = await second_of(it)
        for number in (11, 12, 13):
            first.hear(trade(number))
        second.hear(trade(11))
        await asyncio.sleep(3)
        assert first.closed
        for number in (12, 13, 14):
            second.hear(trade(number))
        assert it.trades == list(range(1, 15))


async def test_of_topics_that_say_little_both_are_heard_for_two_seconds() -> None:
    async with a_live_feed() as it:
        it.read(Commented)
        first = await it.until_open()
        it.tell(comment(1))
        it.feed.renew()
        second = await second_of(it)
        await asyncio.sleep(1)
        assert not first.closed
        it.tell(comment(2))
        await asyncio.sleep(2)
        assert first.closed
        second.hear(comment(3))
        assert [event.comment for event in it.of(Commented)] == ["1", "2", "3"]


async def test_a_second_that_brings_nothing_where_the_first_does_is_given_up_and_tried_again_ever_later() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched, CryptoPriced)
        first = await it.until_open()
        await it.tick(10)
        it.feed.renew()
        mute = await second_of(it)
        dials = []
        for second in range(10, 110):
            for frame in everything(second + 1):
                first.hear(frame)
            dials.append(it.dial.dials)
            await asyncio.sleep(1)
        assert mute.closed
        assert not first.closed
        assert [dials.count(number) for number in (2, 3, 4)] == [
            pytest.approx(expected, abs=2) for expected in (25, 35, 40)
        ]
        assert it.trades == it.seconds == list(range(1, 111))
        assert not it.of(Gap)
        assert (
            "brought nothing of activity, crypto_prices, crypto_prices_chainlink"
            in it.status["sockets"][0]["reasons"][0]["reason"]
        )


@pytest.mark.parametrize("how", ["refused", "hangs", "lost"])
async def test_a_second_that_cannot_be_had_costs_the_first_nothing(how: str) -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        first = await it.until_open()
        seconds = await it.tick(10)
        it.dial.refuses = how == "refused"
        if how == "hangs":
            it.dial.open.clear()
        it.feed.renew()
        if how == "lost":
            (await second_of(it)).lose()
        seconds = await it.tick(9 if how == "lost" else 25, seconds)
        assert it.trades == list(range(1, seconds + 1))
        assert not first.closed
        assert not it.of(Gap)
        it.dial.refuses = False
        it.dial.open.set()
        await it.tick(30, seconds)
        assert first.closed, "it is tried again"
        assert it.trades == list(range(1, seconds + 31))


async def test_a_first_that_is_lost_while_there_is_a_second_is_replaced_at_once() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched, CryptoPriced)
        first = await it.until_open()
        await it.tick(10)
        it.feed.renew()
        second = await second_of(it)
        it.tell(trade(11))
        second.hear(trade(12))
        second.hear(price(12))
        first.lose()
        await asyncio.sleep(0.1)
        assert it.trades == list(range(1, 13)), "both have met in it, so nothing is missing"
        assert {gap.reason.partition(":")[0] for gap in it.of(Gap) if "twap" not in gap.reason} == {"crypto_prices"}
        assert it.dial.dials == 2 + 1, "prices are asked for"


# ------------------------------------------------------------ silence


async def test_a_frozen_socket_is_replaced_within_half_a_minute_and_what_was_missed_is_a_gap() -> None:
    """Socket open, PINGs answered, no data: the fault that renewal alone finds too late."""
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        first = await it.until_open()
        await it.tick(40)
        last_ns = it.told[-1].seen_ns
        await asyncio.sleep(14)
        assert it.dial.dials == 1
        second = await second_of(it)
        second.hear(trade(60))
        await asyncio.sleep(0.1)
        assert first.closed, "nobody waits for a socket that is silent anyway"
        gap, event = it.told[-2:]
        assert isinstance(gap, Gap)
        assert (gap.from_ns, gap.to_ns) == (last_ns, event.seen_ns)
        assert gap.reason == "activity: activity said nothing for 16 s"
        assert it.trades[-1] == 60


async def test_a_socket_that_speaks_again_before_another_is_there_leaves_a_gap_all_the_same() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        first = await it.until_open()
        await it.tick(40)
        await second_of(it)
        first.hear(trade(60))
        assert [type(event) for event in it.told[-2:]] == [Gap, ActivityMatched]
        seconds = await it.tick(10, 60)
        assert first.closed
        assert it.trades == [*range(1, 41), *range(60, seconds + 1)]
        assert len(it.of(Gap)) == 1


async def test_one_silent_topic_costs_the_others_nothing() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched, CryptoPriced)
        first = await it.until_open()
        await it.tick(40)
        second = 41
        while not first.closed:
            for socket in it.dial.streams:
                for frame in everything(second)[socket is first :]:
                    socket.hear(frame)
            second += 1
            await asyncio.sleep(1)
            assert second < 90
        await asyncio.sleep(1)
        assert it.seconds == list(range(1, second))
        assert [gap.reason.partition(":")[0] for gap in it.of(Gap)] == ["activity"]
        assert it.trades[-1] == second - 1


async def test_a_topic_that_is_silent_on_every_socket_is_waited_for_ever_longer() -> None:
    """A venue that stands still must not be dialled twice a minute for ever."""
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        await it.until_open()
        dials = []
        for _ in range(30):
            await asyncio.sleep(60)
            dials.append(it.dial.dials)
        assert dials[0] == 2
        assert dials[-1] - dials[-11] <= 3
        it.tell(trade(1))
        (gap,) = it.of(Gap)
        assert gap.to_ns - gap.from_ns > 1_700e9
        assert it.trades == [1]


async def test_a_topic_of_which_nothing_was_ever_heard_is_looked_for_on_another_socket() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        await it.until_open()
        await asyncio.sleep(29)
        assert it.dial.dials == 1
        await asyncio.sleep(3)
        assert it.dial.dials == 2


async def test_reading_more_while_there_are_two_asks_both() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        await it.until_open()
        await it.tick(10)
        it.feed.renew()
        await second_of(it)
        it.read(ActivityMatched, Commented)
        await asyncio.sleep(1)
        assert [("comments", "comment_created", "") in one.subscribed for one in it.dial.streams] == [True, True]


async def test_a_feed_that_ends_with_two_sockets_closes_both() -> None:
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        await it.until_open()
        await it.tick(10)
        it.feed.renew()
        await second_of(it)
        assert it.status["renewing"] == "it was old enough to be renewed"
        assert [one["number"] for one in it.status["sockets"]] == [1, 2]


async def test_two_that_are_lost_in_one_turn_leave_a_gap() -> None:
    """What the second held has a hole behind it: that both had met before proves nothing any more."""
    async with a_live_feed() as it:
        it.read(ActivityMatched)
        first = await it.until_open()
        await it.tick(10)
        it.feed.renew()
        second = await second_of(it)
        it.tell(trade(11))
        second.lose()
        first.lose()
        await until(lambda: it.dial.streams and it.dial.streams[-1].sent)
        it.tell(trade(20))
        assert [type(event) for event in it.told[-2:]] == [Gap, ActivityMatched]
        assert it.trades == [*range(1, 12), 20]
