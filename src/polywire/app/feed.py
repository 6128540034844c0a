"""The feed, built and run: what `polywire.open_feed` is."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from polywire.core.link import Policy
from polywire.io.clock import SystemClock
from polywire.io.sockets import PicowsDial, is_loopback
from polywire.io.venue import VenueHttp, find_venue
from polywire.model.venue import Venue
from polywire.services.feed.feed import Feed
from polywire.settings import Settings, read_settings


@asynccontextmanager
async def open_feed(settings: Settings | None = None, *, venue: Venue | None = None) -> AsyncIterator[Feed]:
    """Open the market feed of a venue, and close it when the block ends.

    Args:
        settings: Which venue, and how patient to be; None: from the environment.
        venue: The venue itself, where it is known already.

    Raises:
        VenueUnreachable: The venue does not answer.
        Misuse: It is none.
    """
    chosen = read_settings() if settings is None else settings
    found = venue or await find_venue(chosen.venue, paper_port=chosen.exchange_port)
    policy = Policy(
        ping_s=chosen.ping_s, pong_s=chosen.pong_s, data_s=chosen.data_s, longest_delay_s=chosen.longest_delay_s
    )
    on_this_machine = is_loopback(urlsplit(found.urls.market_ws).hostname or "")
    dial = PicowsDial(longest_message=chosen.longest_message, open_s=policy.dial_s, only_loopback=on_this_machine)
    async with VenueHttp(found) as catalogue:
        feed = Feed(
            found,
            dial,
            catalogue,
            SystemClock(),
            random.random,
            policy,
            tokens_a_socket=chosen.tokens_a_socket,
            events_waiting=chosen.events_waiting,
        )
        running = asyncio.create_task(feed.run(), name="polywire feed")
        try:
            await asyncio.sleep(0)  # let it begin, so that the first subscription finds it running
            yield feed
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        if not running.cancelled() and (fault := running.exception()) is not None:
            raise fault
