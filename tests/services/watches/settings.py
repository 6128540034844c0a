"""Watches on a scripted venue, as tests begin with them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from polywire.model.listing import MarketListed
from polywire.model.units import TokenId
from polywire.model.watch import Crosses, Of
from polywire.ports import Journal
from polywire.services.access.language import WatchWanted
from polywire.services.watches.watches import Watches
from services.feed.feeds import A, FeedSetting, a_feed
from services.feed.scripted import encode
from services.feed.virtual import LoopClock

OVER: Final = Crosses(3_450, Of.BID, "up", 0)
"""The best bid of every scripted book is 0.34 until a test raises it."""


def wanted(*targets: str, **more: Any) -> WatchWanted:
    """Return what asks for a watch; without more of one that waits for `OVER`."""
    fields: dict[str, Any] = {"condition": OVER, "targets": targets or (A,)}
    return WatchWanted(**fields | more)


def bid(one: TokenId, *, up: bool) -> bytes:
    """Return a change that raises a token's best bid to 0.35, or takes that back."""
    best, size = ("0.35", "5") if up else ("0.34", "0")
    entry = {"asset_id": one, "price": "0.35", "size": size, "side": "BUY", "hash": "", "best_bid": best}
    changes = [entry | {"best_ask": "0.36"}]
    return encode({"market": "0x1", "price_changes": changes, "timestamp": "1790000000001"}, "price_change")


class Scene:
    """Watches that run, the feed they are on, and what is behind it."""

    def __init__(self, watches: Watches, setting: FeedSetting) -> None:
        self.watches, self.setting, self.feed = watches, setting, setting.feed

    async def cross(self, one: TokenId, times: int = 1) -> None:
        """Let a token's best bid rise over 0.345, and fall back between."""
        for number in range(times):
            if number:
                self.setting.hear(bid(one, up=False))
                await asyncio.sleep(0.01)
            self.setting.hear(bid(one, up=True))
            await asyncio.sleep(0.01)

    @property
    def subscriptions(self) -> int:
        """How many are open."""
        total: int = self.setting.status["subscriptions"]["total"]
        return total


@asynccontextmanager
async def watching(
    journal: Journal,
    *,
    markets: Sequence[MarketListed] = (),
    now_ms: Callable[[], int] | None = None,
    most: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Scene]:
    """Run watches on a scripted venue.

    Args:
        journal: Theirs; another run with the same is a restart.
        markets: What the venue lists.
        now_ms: The venue's time; None: the loop's.
        most: Their limits.
        options: Of the feed.
    """
    clock = LoopClock()
    async with a_feed(*markets, **options) as (feed, setting):
        venue_ms = now_ms or (lambda: clock.now_ns() // 1_000_000)
        watches = Watches(feed, journal, clock, venue_ms, **(most or {}))
        run = asyncio.create_task(watches.run())
        await watches.ready.wait()
        try:
            yield Scene(watches, setting)
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
        assert run.cancelled(), run.exception()
        assert setting.status["statistics"]["reader_errors"] == 0
