"""`services.feed.subscription`: every interleaving of events, readers and cancellations, and what is handed over."""

import asyncio

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from polywire.core.backlog import FEWEST
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.market import Traded
from polywire.model.units import ConditionId
from polywire.services.feed.subscription import Subscription
from services.feed.scripted import token
from services.feed.virtual import VirtualLoop

A = token(1)


class Attached:
    """The feed, as far as a subscription needs it."""

    async def attach(self, subscription: Subscription) -> None:
        pass

    def detach(self, subscription: Subscription) -> None:
        pass


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["event", "event", "event", "read", "cancel", "turn"]), max_size=150))
def test_whatever_the_interleaving_a_reader_gets_every_event_once_in_order_or_a_gap(steps: list[str]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_interleaved(steps))


async def _interleaved(steps: list[str]) -> None:
    stream = await Subscription(Attached(), 7, (A,), None, None, FEWEST, 1).__aenter__()
    hand = stream.reader
    told: list[Event] = []
    reading: asyncio.Task[None] | None = None
    count = 0

    async def read() -> None:
        told.append(await anext(stream))

    for step in (*steps, "cancel"):
        if step == "event":
            count += 1
            hand(Traded(A, ConditionId("0x1"), 3_600, 1, "BUY", None, "", 1, count))
        elif step == "read" and (reading is None or reading.done()):
            reading = asyncio.create_task(read())
        elif step == "cancel" and reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        elif step == "turn":
            await asyncio.sleep(0)
    stream.close()
    with anyio.fail_after(1):
        told += [event async for event in stream]
    expected = 1
    for event in told:
        if isinstance(event, Gap):
            assert event.from_ns == expected
            expected = event.to_ns + 1
        else:
            assert event.seen_ns == expected
            expected += 1
    assert expected == count + 1
    assert stream.received == count
