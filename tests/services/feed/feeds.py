"""A feed on a scripted venue, as tests begin with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio

from polywire.core.link import Policy
from polywire.model.listing import MarketListed
from polywire.model.units import TokenId
from polywire.ports import Evidence
from polywire.services.feed.feed import Feed
from services.feed.scripted import VENUE, ScriptedCatalogue, ScriptedDial, market, token
from services.feed.virtual import LoopClock

A, B, C, D = (token(number) for number in (1, 2, 3, 4))
RAIN: Final = market("will-it-rain", 1, 2, event="weather")
SNOW: Final = market("will-it-snow", 3, 4, event="weather")


class FeedSetting:
    """A feed that runs, and what is behind it."""

    def __init__(
        self, *markets: MarketListed, size: int, spare_s: float, evidence: Evidence | None = None, **options: Any
    ) -> None:
        self.dial, self.catalogue = ScriptedDial(), ScriptedCatalogue(*markets)
        self.feed = Feed(
            VENUE,
            self.dial,
            self.catalogue,
            LoopClock(),
            lambda: 0.5,
            Policy(),
            tokens_a_socket=size,
            spare_s=spare_s,
            evidence=evidence,
            **options,
        )
        self.running: asyncio.Task[None] | None = None

    def hear(self, frame: bytes, *, on: str | None = None) -> None:
        """Let a frame arrive on every open socket, or on the one that carries a token."""
        for socket in self.dial.alive if on is None else [self.dial.serving(on)]:
            socket.hear(frame)

    async def end(self) -> None:
        """End the feed."""
        assert self.running is not None
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        assert self.running.cancelled(), self.running.exception()

    @property
    def status(self) -> Any:
        """What the feed says of itself."""
        return self.feed.status()


@asynccontextmanager
async def a_feed(
    *markets: MarketListed, size: int = 200, spare_s: float = 5.0, evidence: Evidence | None = None, **options: Any
) -> AsyncIterator[tuple[Feed, FeedSetting]]:
    """Run a feed; afterwards nothing of it is left in the loop."""
    before = asyncio.all_tasks()
    setting = FeedSetting(*(markets or (RAIN, SNOW)), size=size, spare_s=spare_s, evidence=evidence, **options)
    setting.running = asyncio.create_task(setting.feed.run())
    await asyncio.sleep(0)
    yield setting.feed, setting
    await setting.end()
    await asyncio.sleep(0)  # for sockets to say their last words
    assert asyncio.all_tasks() == before
    assert setting.dial.alive == []


async def until(true: Callable[[], object], within_s: float = 60.0) -> None:
    """Return once something holds; time passes meanwhile."""
    with anyio.fail_after(within_s):
        while not true():  # noqa: ASYNC110 - what is waited for has no event of its own, and time is virtual
            await asyncio.sleep(0.02)


def freshness(feed: Feed, one: TokenId) -> str:
    """Return a followed token's freshness."""
    return feed.books[one].freshness
