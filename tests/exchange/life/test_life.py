"""The whole life: what the seed decides, what always holds, and that it lets others live."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import anyio
import anyio.lowlevel
import msgspec
import pytest

from exchange.venues import START_MS, Wall, order, still_venue, told_by
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import Match, OrderKind
from polywire.exchange.catalogue import Catalogue
from polywire.exchange.clock import VenueClock
from polywire.exchange.happenings import BookMoved, Happening, MarketEnded, MarketMade, TickMoved
from polywire.exchange.life.life import Life
from polywire.exchange.venue import Venue

MINUTE_MS = 60_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Lived(NamedTuple):
    """A venue after so many minutes of life, all that happened on it, and the life."""

    venue: Venue
    happenings: list[Happening]
    life: Life


def lived(seed: int, minutes: float, *, rate: float = 1.0, step_ms: int = MINUTE_MS) -> Lived:
    venue = still_venue()
    told = told_by(venue)
    life = Life(seed, venue, START_MS, rate=rate)
    end = START_MS + int(minutes * MINUTE_MS)
    for now in (*range(START_MS, end, step_ms), end):
        life.act(now)
    return Lived(venue, [happening for happenings in told for happening in happenings], life)


def digest(happenings: list[Happening], until_ms: int) -> str:
    encoder = msgspec.msgpack.Encoder()
    whole = hashlib.sha256()
    for happening in happenings:
        if happening.venue_ms <= until_ms:
            whole.update(type(happening).__name__.encode() + encoder.encode(happening))
    return whole.hexdigest()


# ------------------------------------------------------------ the seed


@pytest.mark.parametrize("step_ms", [7, 1_000, 600_000])
def test_the_same_seed_and_start_give_the_same_happenings_whatever_the_steps(step_ms: int) -> None:
    end = START_MS + 10 * MINUTE_MS
    venue, happenings, _ = lived(7, 10)
    other_venue, others, _ = lived(7, 10, step_ms=step_ms)
    assert len(happenings) > 10_000
    assert digest(happenings, end) == digest(others, end)
    assert venue.engine.digest() == other_venue.engine.digest()


@pytest.mark.anyio
async def test_a_life_at_high_speed_on_a_real_clock_is_the_same_life() -> None:
    clock = VenueClock(time.monotonic, start_ms=START_MS, speed=300.0)
    venue = Venue(Engine(), Catalogue(), clock)
    told = told_by(venue)
    life = Life(7, venue, START_MS)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(life.run)
            await clock.sleep_until(START_MS + 2 * MINUTE_MS)
            clock.pause()
            clock.speed = 60.0
            clock.resume()
            await clock.sleep_until(START_MS + 3 * MINUTE_MS)
            tasks.cancel_scope.cancel()
    end = START_MS + 3 * MINUTE_MS
    life.act(end)
    assert digest([each for all_ in told for each in all_], end) == digest(lived(7, 3).happenings, end)


def test_another_seed_gives_another_life() -> None:
    assert lived(7, 0).happenings != lived(8, 0).happenings


# ------------------------------------------------------------ what a newcomer sees


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_at_once_there_are_twelve_markets_in_four_events_with_full_books(seed: int) -> None:
    venue, happenings, _ = lived(seed, 0)
    assert len(venue.catalogue.markets) >= 12
    assert len(venue.catalogue.events) >= 4
    assert sum(event.neg_risk for event in venue.catalogue.events.values()) == 1
    assert {market.sports_market_type for market in venue.catalogue.markets.values()} == {
        "",
        "moneyline",
        "spreads",
        "totals",
    }
    for condition in venue.catalogue.markets:
        bids, asks = venue.engine.levels(condition)
        assert bids
        assert asks
        assert len(bids) + len(asks) >= 20
    assert isinstance(happenings[0], MarketMade)


@pytest.mark.parametrize("seed", range(5))
def test_within_a_second_of_its_beginning_books_move(seed: int) -> None:
    _, happenings, _ = lived(seed, 1 / 60)
    assert sum(each.venue_ms > START_MS for each in happenings) >= 5


def test_it_changes_books_forty_to_eighty_times_a_second_and_the_rate_scales_that() -> None:
    usual = sum(isinstance(each, BookMoved) for each in lived(7, 5).happenings) / 300
    busy = sum(isinstance(each, BookMoved) for each in lived(7, 0.5, rate=10.0).happenings) / 30
    assert 40 <= usual <= 80
    assert 5 * usual <= busy <= 15 * usual


def test_shares_are_traded_minted_and_merged() -> None:
    kinds = Counter(
        leg.match
        for each in lived(7, 10).happenings
        if isinstance(each, BookMoved)
        for trade in each.trades
        for leg in trade.legs
    )
    assert all(kinds[match] > 10 for match in Match)


# ------------------------------------------------------------ what always holds


@pytest.fixture(scope="module")
def day() -> Lived:
    """Six hours at a fiftieth of the usual trade: every kind of event ends and is followed."""
    return lived(7, 6 * 60 + 10, rate=0.02)


def test_there_are_never_fewer_than_twelve_open_markets(day: Lived) -> None:
    counts = list(_open_markets(day.happenings))
    assert min(counts[14:]) >= 12
    assert max(counts) <= 40


def _open_markets(happenings: list[Happening]) -> Iterator[int]:
    count = 0
    for each in happenings:
        if isinstance(each, MarketMade | MarketEnded):
            count += 1 if isinstance(each, MarketMade) else -1
            yield count


def test_times_never_go_back(day: Lived) -> None:
    assert all(before.venue_ms <= after.venue_ms for before, after in pairwise(day.happenings))


def test_nothing_happens_to_a_market_before_it_is_made_or_after_it_has_ended(
    day: Lived,
) -> None:
    alive: set[str] = set()
    for each in day.happenings:
        if isinstance(each, MarketMade):
            alive.add(each.condition)
        assert each.condition in alive
        if isinstance(each, MarketEnded):
            alive.remove(each.condition)


def test_every_kind_of_event_ends_and_is_followed_by_another_of_its_kind(day: Lived) -> None:
    events = day.venue.catalogue.events.values()
    kinds = Counter(event.tags[0] for event in events)
    ended = Counter(event.tags[0] for event in events if event.closed)
    assert set(ended) == set(kinds) == {"Crypto", "Sports", "Culture", "Politics"}
    assert all(kinds[kind] > ended[kind] for kind in kinds)


def test_of_a_neg_risk_event_exactly_one_market_resolves_yes(day: Lived) -> None:
    catalogue = day.venue.catalogue
    ended = [event for event in catalogue.events.values() if event.neg_risk and event.closed]
    assert ended
    for event in ended:
        markets = catalogue.of_event(event.id)
        assert len(markets) == 4
        assert sum(market.winner == market.tokens[0] for market in markets) == 1


def test_windows_follow_one_another_and_the_next_is_listed_a_window_ahead(day: Lived) -> None:
    windows = [market for market in day.venue.catalogue.markets.values() if market.slug.startswith("btc-updown-5m-")]
    starts = [market.window_start_ms for market in windows]
    assert all(after - before == 5 * MINUTE_MS for before, after in pairwise(starts))
    assert all(market.window_start_ms - market.created_ms == 5 * MINUTE_MS for market in windows[2:])
    assert all(0 < market.closed_ms - market.end_ms < 10_000 for market in windows if market.closed)
    assert {market.winner == market.tokens[0] for market in windows if market.closed} == {True, False}


def test_slugs_and_ids_are_never_used_twice(day: Lived) -> None:
    markets, events = day.venue.catalogue.markets.values(), day.venue.catalogue.events.values()
    for names in (
        [market.slug for market in markets],
        [market.id for market in markets],
        [token for market in markets for token in market.tokens],
        [event.slug for event in events],
        [event.id for event in events],
    ):
        assert len(set(names)) == len(names)


def test_a_market_near_an_end_gets_the_finer_grid_once(day: Lived) -> None:
    finer = Counter(each.condition for each in day.happenings if isinstance(each, TickMoved))
    assert len(finer) > 20
    assert set(finer.values()) == {1}


def test_every_unit_paid_in_is_in_a_purse_or_in_a_pair_of_shares_and_nobody_runs_dry(day: Lived) -> None:
    engine, markets = day.venue.engine, day.venue.catalogue.markets
    held = sum(engine.collateral(account) for account in engine.accounts())
    assert held + sum(engine.pairs(condition) for condition in markets) == day.life.deposited
    assert all(engine.pairs(condition) == 0 for condition, market in markets.items() if market.closed)
    assert all(crowd.bids or crowd.asks for crowd in day.life.crowds())


def test_what_is_paid_in_over_hours_is_little_more_than_at_the_beginning(day: Lived) -> None:
    assert day.life.deposited <= 1.5 * lived(7, 0).life.deposited


# ------------------------------------------------------------ with other people


def test_orders_of_others_trade_with_the_crowd_which_keeps_true_account_of_its_own() -> None:
    venue = still_venue()
    life = Life(7, venue, START_MS)
    life.act(START_MS)
    venue.engine.deposit("ann", 10**12)
    markets = list(venue.catalogue.markets.values())
    for second in range(1, 61):
        market = markets[second % len(markets)]
        if not market.closed:
            venue.place(order(f"a{second}", "ann", "BUY", 9_000, 400, token=market.tokens[second % 2]))
            venue.cancel(f"a{second}")
            sweep = order(f"f{second}", "ann", "BUY", 9_900, 300, token=market.tokens[0], kind=OrderKind.FAK)
            venue.place(sweep)
        life.act(START_MS + second * 1_000)
    held = {order: left for crowd in life.crowds() for order, left in (crowd.bids.sizes() | crowd.asks.sizes()).items()}
    truth = {
        open_.order.id: open_.left
        for account in venue.engine.accounts()
        if account != "ann"
        for open_ in venue.engine.open_orders(account)
    }
    assert held == truth
    assert any(venue.engine.shares("ann", market.tokens[0]) for market in markets)


def test_a_gtd_order_of_somebody_ends_at_its_time_and_not_when_life_next_acts() -> None:
    venue = still_venue()
    life = Life(7, venue, START_MS, rate=0.0001)
    life.act(START_MS)
    venue.engine.deposit("ann", 10**12)
    token = next(iter(venue.catalogue.markets.values())).tokens[0]
    placed = order("a", "ann", "BUY", 100, 10, token=token, kind=OrderKind.GTD, expires_s=START_MS // 1_000 + 90)
    assert venue.place(placed).status == "live"
    told = told_by(venue)
    life.act(START_MS + 5 * MINUTE_MS)
    ends = [
        each.venue_ms
        for happenings in told
        for each in happenings
        if isinstance(each, BookMoved) and any(gone.order == "a" for gone in each.cancelled)
    ]
    assert ends == [START_MS + 30_000]


# ------------------------------------------------------------ letting others live


class Ticking(Wall):
    """A wall clock on which every look takes a millisecond: so slow a machine can never keep up."""

    def __call__(self) -> float:
        self.at_s += 0.001
        return self.at_s


@pytest.mark.anyio
async def test_a_life_that_cannot_keep_up_still_gives_everyone_a_turn_every_few_milliseconds() -> None:
    wall = Ticking()
    venue = Venue(Engine(), Catalogue(), VenueClock(wall, start_ms=START_MS, speed=1e6))
    life = Life(7, venue, START_MS, rate=50.0)
    waits: list[float] = []
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(life.run)
            for _ in range(200):
                before = wall.at_s
                await anyio.lowlevel.checkpoint()
                waits.append(wall.at_s - before)
            tasks.cancel_scope.cancel()
    assert max(waits) < 0.02
    assert len(venue.catalogue.markets) >= 12
