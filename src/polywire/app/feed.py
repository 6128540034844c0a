"""The feed, built and run: what `polywire.open_feed` is."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from polywire.app.running import running
from polywire.core.freshness import Vigilance
from polywire.core.link import Policy
from polywire.errors import Misuse
from polywire.io.account import RestAccount
from polywire.io.clock import SystemClock
from polywire.io.evidence import RestEvidence
from polywire.io.sockets import PicowsDial, is_loopback
from polywire.io.venue import VenueHttp, find_venue
from polywire.model.credentials import ApiCredentials
from polywire.model.venue import Venue
from polywire.services.feed.feed import Feed
from polywire.services.feed.limits import Limits
from polywire.services.live.live_feed import LIVE_POLICY, LiveFeed
from polywire.services.own.feed import OwnFeed
from polywire.settings import Settings, read_settings


@asynccontextmanager
async def open_feed(
    settings: Settings | None = None, *, venue: Venue | None = None, credentials: ApiCredentials | None = None
) -> AsyncIterator[Feed]:
    """Open the market feed of a venue, and close it when the block ends.

    Args:
        settings: Which venue, and how patient to be; None: from the environment.
        venue: The venue itself, where it is known already.
        credentials: Of an API key of this venue, for the account's own orders and trades; market data need none.

    Raises:
        VenueUnreachable: The venue does not answer.
        Misuse: It is none, or the credentials are none that could be sent.
    """
    chosen = read_settings() if settings is None else settings
    found = venue or await find_venue(chosen.venue, paper_port=chosen.exchange_port)
    policy = Policy(
        ping_s=chosen.ping_s, pong_s=chosen.pong_s, data_s=chosen.data_s, longest_delay_s=chosen.longest_delay_s
    )
    on_this_machine = is_loopback(urlsplit(found.urls.market_ws).hostname or "")
    dial = PicowsDial(longest_message=chosen.longest_message, open_s=policy.dial_s, only_loopback=on_this_machine)
    clock = SystemClock()
    async with AsyncExitStack() as open_things:
        catalogue = await open_things.enter_async_context(VenueHttp(found))
        evidence = await open_things.enter_async_context(RestEvidence(found, clock))
        own = None
        if credentials is not None:
            account = await open_things.enter_async_context(RestAccount(found, credentials, clock))
            own = _own_feed(found, dial, account, credentials, clock, policy, chosen)
        feed = Feed(
            found,
            dial,
            catalogue,
            clock,
            random.random,
            policy,
            tokens_a_socket=chosen.tokens_a_socket,
            events_waiting=chosen.events_waiting,
            evidence=evidence,
            vigilance=Vigilance(
                least_silence_s=chosen.least_silence_s,
                longest_silence_s=chosen.longest_silence_s,
                proof_s=chosen.proof_s,
                missing_s=chosen.missing_s,
                polled_s=chosen.polled_s,
            ),
            books_a_second=chosen.books_a_second,
            resolutions_s=chosen.resolutions_s,
            limits=Limits(chosen.most_tokens, chosen.most_subscriptions),
            standby=chosen.standby,
            renew_after_s=chosen.renew_after_s,
            live=_live_feed(found, dial, clock, chosen),
            own=own,
        )
        async with running(feed, "feed"):
            yield feed


def _own_feed(
    venue: Venue,
    dial: PicowsDial,
    account: RestAccount,
    credentials: ApiCredentials,
    clock: SystemClock,
    policy: Policy,
    chosen: Settings,
) -> OwnFeed:
    url = venue.urls.user_ws
    if not url:
        raise Misuse(f"{venue.identity} names no user channel (`user_ws`); open its feed without credentials")
    return OwnFeed(url, dial, account, credentials, clock, policy, random.random, every_s=chosen.reconcile_s)


def _live_feed(venue: Venue, dial: PicowsDial, clock: SystemClock, chosen: Settings) -> LiveFeed | None:
    if not venue.urls.rtds_ws:
        return None
    return LiveFeed(
        venue.urls.rtds_ws,
        dial,
        clock,
        random.random,
        replace(LIVE_POLICY, longest_delay_s=chosen.longest_delay_s),
        silent_s=chosen.live_silent_s,
        renewal_s=chosen.live_renewal_s,
    )
