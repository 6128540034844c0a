"""`app.running`: who owns a feed's task, and what becomes of its failure."""

import asyncio

import anyio
import pytest

from polywire.app.running import running
from polywire.core.link import Policy
from polywire.services.feed.feed import Feed
from services.feed.scripted import VENUE, ScriptedCatalogue, ScriptedDial, token
from services.feed.virtual import LoopClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class BrokenDial(ScriptedDial):
    """A dial with a fault of its own, which no port promises."""

    async def __call__(self, *_: object) -> ScriptedDial:  # type: ignore[override]
        raise ZeroDivisionError("a fault of ours")


def a_feed(dial: ScriptedDial) -> Feed:
    return Feed(VENUE, dial, ScriptedCatalogue(), LoopClock(), lambda: 0.5, Policy())


async def test_a_feed_that_fails_ends_the_block_that_uses_it_with_its_own_error() -> None:
    feed = a_feed(BrokenDial())
    with anyio.fail_after(5), pytest.raises(ZeroDivisionError, match="a fault of ours"):
        async with running(feed, "feed"), feed.subscribe(tokens=[token(1)], callback=lambda _: None):
            await anyio.sleep_forever()
    assert feed.status()["background_task"] == "ended"
    await asyncio.sleep(0)  # the block's cancellation was taken back: nothing is cancelled here


async def test_an_error_of_the_block_is_its_own_and_ends_the_feed() -> None:
    feed = a_feed(ScriptedDial())
    before = asyncio.all_tasks()
    with pytest.raises(KeyError, match="mine"):
        async with running(feed, "feed"):
            raise KeyError("mine")
    assert feed.status()["background_task"] == "ended"
    assert asyncio.all_tasks() == before


async def test_a_block_that_is_cancelled_stays_cancelled() -> None:
    feed = a_feed(ScriptedDial())
    with anyio.move_on_after(0.01) as scope:
        async with running(feed, "feed"), feed.subscribe(tokens=[token(1)]) as stream:
            async for _ in stream:
                pass
    assert scope.cancelled_caught
    assert feed.status()["background_task"] == "ended"
