"""What the published prices say of the windows that they decide."""

import time
from collections.abc import Iterator
from decimal import Decimal

import anyio
import pytest

from exchange.live.live_clients import PATH, events_of, subscription
from exchange.raw_client import Server
from exchange.venues import START_MS, still_venue
from polywire.core.matching.engine import Engine
from polywire.exchange.catalogue import Catalogue, VenueMarket
from polywire.exchange.clock import VenueClock
from polywire.exchange.life.life import Life
from polywire.exchange.live.prices import Quote
from polywire.exchange.serve import listening
from polywire.exchange.site import Site
from polywire.exchange.venue import Venue
from polywire.model.live import CryptoPriced, PricesBackfilled

MINUTE_MS = 60_000
Published = dict[tuple[str, int], Quote]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lived(seed: int, minutes: int, start_ms: int = START_MS) -> tuple[Venue, Published]:
    """Return a venue after some time of life, and every price that was published or assumed, by asset and time."""
    venue = still_venue()
    life = Life(seed, venue, start_ms, rate=0.02)
    published: Published = {}

    def note(quote: Quote) -> None:
        assert (quote.asset, quote.at_ms) not in published
        published[quote.asset, quote.at_ms] = quote

    venue.prices.observe(note)
    life.act(start_ms)
    assumed = {(one.asset, one.at_ms): one for asset in venue.prices.assets for one in venue.prices.last(asset)}
    life.act(start_ms + minutes * MINUTE_MS)
    return venue, assumed | published


def resolved(venue: Venue) -> Iterator[VenueMarket]:
    return (market for market in venue.catalogue.markets.values() if market.window_start_ms and market.closed)


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_the_prices_at_a_windows_ends_decide_it_each_time(seed: int) -> None:
    venue, published = lived(seed, 240)
    counted = {True: 0, False: 0}
    for market in resolved(venue):
        asset = market.slug.partition("-")[0]
        begins, ends = (published.get((asset, at_ms)) for at_ms in (market.window_start_ms, market.end_ms))
        if market.window_start_ms < START_MS - 120_000:
            continue  # it was running before anything was published
        assert begins is not None
        assert ends is not None
        assert (market.winner == market.tokens[0]) == (ends.chainlink >= begins.chainlink)
        counted[market.winner == market.tokens[0]] += 1
    assert sum(counted.values()) >= 62
    assert min(counted.values()) > 10


@pytest.mark.parametrize("late_ms", [0, 1, 249, 250, 333, 999, 61_234])
def test_the_window_that_runs_at_the_opening_begins_at_the_price_before_it(late_ms: int) -> None:
    """Two minutes of it can be asked for."""
    begun = START_MS - START_MS % (15 * MINUTE_MS)
    venue, published = lived(7, 16, begun + late_ms)
    first = [market for market in resolved(venue) if market.window_start_ms == begun]
    assert {market.slug.partition("-")[0] for market in first} == {"btc", "eth"}
    for market in first:
        asset = market.slug.partition("-")[0]
        up = published[asset, market.end_ms].chainlink >= published[asset, begun].chainlink
        assert (market.winner == market.tokens[0]) == up


def test_every_second_has_one_price_of_each_asset_and_binances_is_near() -> None:
    _, published = lived(7, 30, START_MS + 333)
    for asset in ("btc", "eth"):
        times = sorted(at_ms for name, at_ms in published if name == asset)
        assert times == list(range(times[0], times[-1] + 1, 1_000))
        assert times[-1] == START_MS + 333 + 30 * MINUTE_MS - 333
        offs = [abs(one.binance - one.chainlink) / one.chainlink for one in published.values() if one.asset == asset]
        assert 0 < max(offs) < 0.0006
        assert len({one.binance - one.chainlink for one in published.values() if one.asset == asset}) > 50


def test_after_a_restart_the_window_that_was_left_open_begins_at_what_its_own_price_says() -> None:
    """Its first price is not kept; so the price before the restart is what makes the market's price right."""
    begun = START_MS - START_MS % (15 * MINUTE_MS)
    first, _ = lived(7, 1, begun)
    again = still_venue()
    for event in first.catalogue.events.values():
        again.list_event(event)
    for market in first.catalogue.markets.values():
        again.put_back(market)
    restarted_ms = begun + 2 * MINUTE_MS - 300
    life = Life(7, again, restarted_ms, rate=0.02, run=2)
    life.act(restarted_ms)
    published = {asset: {one.at_ms: one for one in again.prices.last(asset)} for asset in again.prices.assets}
    again.prices.observe(lambda quote: published[quote.asset].update({quote.at_ms: quote}))
    life.act(begun + 16 * MINUTE_MS)
    left = [market for market in resolved(again) if market.window_start_ms == begun]
    assert len(left) == 2
    for market in left:
        its = published[market.slug.partition("-")[0]]
        assert (market.winner == market.tokens[0]) == (its[market.end_ms].chainlink >= its[begun].chainlink)


@pytest.mark.anyio
async def test_a_client_can_tell_the_winner_by_the_prices_alone() -> None:
    """Nine minutes of the exchange in some seconds, on real sockets: prices, back-fill and resolutions agree."""
    start_ms = START_MS - START_MS % (5 * MINUTE_MS) + MINUTE_MS
    clock = VenueClock(time.monotonic, start_ms=start_ms, speed=200.0)
    venue = Venue(Engine(), Catalogue(), clock)
    site = Site(clock, seed=7, venue=venue)
    life = Life(7, venue, start_ms, rate=0.02)
    life.act(start_ms)
    prices: dict[int, Decimal] = {}
    with anyio.fail_after(40):
        async with listening(site, "127.0.0.1", 0) as url, anyio.create_task_group() as tasks:
            server = Server(site, url)
            async with server.client(PATH) as live, server.client() as books:
                await books.send({"type": "market", "assets_ids": [], "custom_feature_enabled": True})
                assert await books.message() == []
                await live.send(subscription("crypto_prices_chainlink", "*", '{"symbol":"btc/usd"}'))
                tasks.start_soon(life.run)
                while max(prices, default=0) < start_ms + 9 * MINUTE_MS + 4_000:  # windows resolve 3 s after their end
                    (event,) = events_of([(await live.text()).encode()])
                    if isinstance(event, PricesBackfilled):
                        prices |= {point.venue_ms: point.value for point in event.points}
                    else:
                        assert isinstance(event, CryptoPriced)
                        prices[event.venue_ms] = event.value
                told = {
                    message["market"]: message["winning_outcome"]
                    for message in await books.until_pong()
                    if message["event_type"] == "market_resolved"
                }
                tasks.cancel_scope.cancel()
    reckoned = {
        market.condition: "Up" if prices[market.end_ms] >= prices[market.window_start_ms] else "Down"
        for market in venue.catalogue.markets.values()
        if market.slug.startswith("btc-") and market.end_ms <= start_ms + 9 * MINUTE_MS
    }
    assert len(reckoned) == 2
    assert reckoned.items() <= told.items()
