"""One reader's subscription: what it is handed, how, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from polywire.core.backlog import FEWEST
from polywire.errors import Misuse
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged, Gap
from polywire.model.kinds import types_of
from polywire.model.market import LevelChanged, TickSizeChanged, Traded
from polywire.model.units import ConditionId, TokenId
from polywire.services.feed.subscription import ERRORS_IN_A_ROW, Subscription

pytestmark = pytest.mark.anyio

TOKEN = TokenId("7")
CONDITION = ConditionId("0x1")


class Desk:
    """A feed that attaches whoever asks."""

    def __init__(self) -> None:
        self.attached: list[Subscription] = []
        self.detached: list[Subscription] = []

    async def attach(self, subscription: Subscription) -> None:
        self.attached.append(subscription)

    def detach(self, subscription: Subscription) -> None:
        self.detached.append(subscription)


class Refusing(Desk):
    """A feed that attaches nobody."""

    async def attach(self, subscription: Subscription) -> None:
        raise Misuse(f"not {subscription.id}")


def level(number: int) -> LevelChanged:
    return LevelChanged(TOKEN, CONDITION, "bid", 3_400, number, None, None, "", number, number)


def trade(number: int) -> Traded:
    return Traded(TOKEN, CONDITION, 3_400, 1, "BUY", None, "", number, number)


def tick(number: int) -> TickSizeChanged:
    return TickSizeChanged(TOKEN, CONDITION, 100, 10, number, number)


def subscription(desk: Desk | None = None, *, kinds: tuple[str, ...] | None = None, limit: int = 64) -> Subscription:
    wanted = None if kinds is None else types_of(kinds)
    return Subscription(desk or Desk(), 3, ("7",), wanted, None, limit, 1)


def called(callback: object, desk: Desk | None = None, kinds: tuple[str, ...] | None = None) -> Subscription:
    wanted = None if kinds is None else types_of(kinds)
    return Subscription(desk or Desk(), 4, ("7",), wanted, callback, 64, 1)  # type: ignore[arg-type]  # any callable


async def read(events: AsyncIterator[Event], most: int) -> list[Event]:
    """Return the next events, at most so many; those that come within a virtual second."""
    found: list[Event] = []
    try:
        async with asyncio.timeout(1):
            while len(found) < most:
                found.append(await anext(events))
    except (TimeoutError, StopAsyncIteration):
        pass
    return found


# ---------------------------------------------------------------- iterating


async def test_events_come_in_the_order_they_were_handed() -> None:
    async with subscription() as stream:
        for number in range(5):
            stream.reader(level(number))
        assert [event.seen_ns for event in await read(aiter(stream), 9)] == [0, 1, 2, 3, 4]
        assert (stream.received, stream.last_ns, stream.waiting, stream.dropped) == (5, 4, 0, 0)


async def test_a_reader_that_waits_is_handed_the_event_itself_and_nothing_waits() -> None:
    async with subscription() as stream:
        first = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        event = level(1)
        stream.reader(event)
        assert await first is event
        assert stream.waiting == 0


async def test_what_comes_in_the_turn_of_a_hand_over_waits_behind_it() -> None:
    async with subscription() as stream:
        first = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        for number in (1, 2, 3):
            stream.reader(level(number))
        assert (await first).seen_ns == 1
        assert [event.seen_ns for event in await read(aiter(stream), 9)] == [2, 3]


async def test_a_reader_cancelled_while_it_waits_loses_nothing() -> None:
    async with subscription() as stream:
        for cancelled_first in (True, False):
            waiting = asyncio.create_task(read(aiter(stream), 1))
            await asyncio.sleep(0)
            if cancelled_first:
                waiting.cancel()
            stream.reader(level(1))
            waiting.cancel()  # with the event handed over, and the reader not yet awake
            await asyncio.gather(waiting, return_exceptions=True)
            assert [event.seen_ns for event in await read(aiter(stream), 9)] == [1]


async def test_breaking_off_an_iteration_and_iterating_again_goes_on_where_it_stopped() -> None:
    async with subscription() as stream:
        for number in range(4):
            stream.reader(level(number))
        async for event in stream:
            assert event.seen_ns == 0
            break
        assert [event.seen_ns for event in await read(aiter(stream), 9)] == [1, 2, 3]


async def test_an_iteration_ends_with_the_subscription_after_what_waits() -> None:
    async with subscription() as stream:
        stream.reader(level(1))
        stream.close()
        assert [event.seen_ns async for event in stream] == [1]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_closing_wakes_a_reader_that_waits() -> None:
    async with subscription() as stream:
        waiting = asyncio.create_task(read(aiter(stream), 1))
        await asyncio.sleep(0)
        stream.close("enough")
        assert await waiting == []
        assert stream.ended == "enough"


async def test_a_slow_reader_is_told_of_what_it_missed_and_counts_it() -> None:
    async with subscription(limit=FEWEST) as stream:
        for number in range(FEWEST + 5):
            stream.reader(level(number))
        events = await read(aiter(stream), 99)
        gap = events[-1]
        assert [event.seen_ns for event in events[:-1]] == list(range(FEWEST))
        assert isinstance(gap, Gap)
        assert (gap.tokens, gap.from_ns, gap.to_ns) == ((TOKEN,), FEWEST, FEWEST + 4)
        assert (stream.received, stream.dropped) == (FEWEST + 5, 5)


async def test_two_tasks_cannot_wait_at_once_and_the_first_goes_on() -> None:
    async with subscription() as stream:
        first = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        with pytest.raises(Misuse, match="in one task"):
            await anext(aiter(stream))
        stream.reader(level(1))
        assert (await first).seen_ns == 1


async def test_it_is_to_be_entered_before_it_is_iterated() -> None:
    with pytest.raises(Misuse, match="entered"):
        await anext(aiter(subscription()))


# ---------------------------------------------------------------- kinds


@pytest.mark.parametrize("by_callback", [False, True])
async def test_only_the_kinds_asked_for_come_and_what_the_feed_says_of_itself(by_callback: bool) -> None:  # noqa: FBT001 - parametrized
    told: list[Event] = []
    kinds = ("LAST_TRADE_PRICE",)
    stream = called(told.append, kinds=kinds) if by_callback else subscription(kinds=kinds)
    health = (
        FreshnessChanged(TOKEN, Freshness.CURRENT, Freshness.SUSPECT, "r", None, 0, 3),
        Gap((TOKEN,), 1, 2, "r", 0, 4),
    )
    async with stream:
        for event in (level(1), trade(2), *health, tick(5)):
            stream.reader(event)
        if not by_callback:
            told = await read(aiter(stream), 9)
        assert [event.seen_ns for event in told] == [2, 3, 4]
        assert stream.received == 3


# ---------------------------------------------------------------- callbacks


async def test_a_callback_is_called_with_each_event_and_cannot_be_iterated_beside() -> None:
    told: list[Event] = []
    async with called(told.append) as stream:
        stream.reader(level(1))
        assert [event.seen_ns for event in told] == [1]
        with pytest.raises(Misuse, match="callback"):
            await anext(aiter(stream))


async def test_a_callback_that_raises_is_counted_and_called_again() -> None:
    told: list[Event] = []

    def every_other(event: Event) -> None:
        told.append(event)
        if len(told) % 2:
            raise ZeroDivisionError("odd")

    async with called(every_other) as stream:
        for number in range(4 * ERRORS_IN_A_ROW):
            stream.reader(level(number))
        assert (len(told), stream.errors, stream.ended) == (4 * ERRORS_IN_A_ROW, 2 * ERRORS_IN_A_ROW, "")


async def test_a_callback_that_always_raises_is_called_no_more_and_it_says_why() -> None:
    desk = Desk()

    def failing(event: Event) -> None:
        raise ZeroDivisionError(f"event {event.seen_ns}")

    async with called(failing, desk) as stream:
        for number in range(ERRORS_IN_A_ROW + 5):
            stream.reader(level(number))
        assert stream.errors == stream.received == ERRORS_IN_A_ROW
        assert f"{ERRORS_IN_A_ROW} times in a row" in stream.ended
        assert f"ZeroDivisionError: event {ERRORS_IN_A_ROW - 1}" in stream.ended
        assert desk.detached == [stream]


async def test_a_callback_may_end_its_own_subscription_and_is_then_called_no_more() -> None:
    told: list[Event] = []

    def once(event: Event) -> None:
        told.append(event)
        stream.close()

    stream = called(once)
    async with stream:
        stream.reader(level(1))
        stream.reader(level(2))
    assert [event.seen_ns for event in told] == [1]


# ---------------------------------------------------------------- beginning and end


async def test_it_is_attached_on_entering_and_detached_once_however_often_it_is_closed() -> None:
    desk = Desk()
    async with subscription(desk) as stream:
        assert desk.attached == [stream]
        stream.close()
        stream.close("again")
    assert desk.detached == [stream]
    assert stream.ended == "closed"


async def test_it_is_entered_once() -> None:
    async with subscription() as stream:
        with pytest.raises(Misuse, match="entered once"):
            await stream.__aenter__()
    with pytest.raises(Misuse, match="sub-3"):
        await stream.__aenter__()


async def test_a_refused_entry_is_the_feeds_own_error() -> None:
    with pytest.raises(Misuse, match="not sub-3"):
        async with subscription(Refusing()):
            pass
