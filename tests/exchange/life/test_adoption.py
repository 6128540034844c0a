"""Life after a restart: what was listed is listed again, and goes on to the end it was meant to have."""

from collections import Counter
from typing import NamedTuple

import msgspec
import pytest

from exchange.venues import START_MS, USDC, Wall, told_by
from polywire.core.ledger import Position
from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import OrderKind
from polywire.exchange.catalogue import Catalogue, VenueMarket
from polywire.exchange.clock import VenueClock
from polywire.exchange.happenings import Happening, MarketEnded, MarketMade
from polywire.exchange.life.floor import last_price
from polywire.exchange.life.life import Life
from polywire.exchange.trading.records import Holding, UserOrder, Wallet
from polywire.exchange.trading.restoring import HOUSE, restore
from polywire.exchange.trading.store import Kept, nothing_kept
from polywire.exchange.venue import Venue
from polywire.model.units import SIZE_ONE, ConditionId

MINUTE_MS = 60_000


class Run(NamedTuple):
    """A venue, its life, and all that was announced."""

    venue: Venue
    life: Life
    told: list[tuple[Happening, ...]]

    def happenings(self) -> list[Happening]:
        return [happening for happenings in self.told for happening in happenings]


def run(kept: Kept, at_ms: int, *, number: int = 1, seed: int = 7, rate: float = 1.0) -> Run:
    """Begin at `at_ms` with what was kept, as the exchange does."""
    clock = VenueClock(Wall(), start_ms=at_ms)
    clock.pause()
    venue = Venue(Engine(), Catalogue(), clock)
    told = told_by(venue)
    restore(venue, kept)
    assert told == []
    life = Life(seed, venue, at_ms, rate=rate, run=number)
    life.act(at_ms)
    return Run(venue, life, told)


def kept_of(venue: Venue, **rows: object) -> Kept:
    """Return what a store would have of a venue: copies, for the next run changes them."""
    events, markets = list(venue.catalogue.events.values()), list(venue.catalogue.markets.values())
    kept = msgspec.structs.replace(nothing_kept(), events=events, markets=markets, **rows)
    return msgspec.json.decode(msgspec.json.encode(kept), type=Kept)


def live_on(one: Run, until_ms: int) -> None:
    for now in (*range(one.venue.clock.now_ms(), until_ms, MINUTE_MS), until_ms):
        one.venue.clock.step(max(0, now - one.venue.clock.now_ms()))
        one.life.act(now)


@pytest.fixture(scope="module")
def first() -> Run:
    """Ten minutes of life: two windows of five minutes have ended."""
    one = run(nothing_kept(), START_MS)
    live_on(one, START_MS + 10 * MINUTE_MS)
    return one


def open_of(venue: Venue) -> dict[str, VenueMarket]:
    return {market.slug: market for market in venue.catalogue.markets.values() if not market.closed}


def ended_of(one: Run) -> list[VenueMarket]:
    ended = [happening.condition for happening in one.happenings() if isinstance(happening, MarketEnded)]
    return [one.venue.catalogue.markets[condition] for condition in ended]


def first_won(market: VenueMarket) -> bool:
    return market.winner == market.tokens[0]


# ------------------------------------------------------------ what is there again


def test_what_was_listed_is_listed_again_as_it_stood(first: Run) -> None:
    again = run(kept_of(first.venue), START_MS + 10 * MINUTE_MS, number=2)
    before, after = first.venue.catalogue, again.venue.catalogue
    assert list(after.events)[: len(before.events)] == list(before.events)
    assert list(after.markets)[: len(before.markets)] == list(before.markets)
    closed = [market for market in before.markets.values() if market.closed]
    assert len(closed) >= 2
    for market in closed:
        assert after.markets[market.condition] == market
        assert again.venue.engine.levels(market.condition)[0].ranks.tolist() == []


def test_every_market_that_was_open_has_a_crowd_again_and_a_book_around_its_last_price(first: Run) -> None:
    at_ms = START_MS + 10 * MINUTE_MS
    left = {slug: last_price(market) for slug, market in open_of(first.venue).items()}
    again = run(kept_of(first.venue), at_ms, number=2)
    still = open_of(again.venue)
    assert len(left) == 4 + 3 + 4 + 4
    assert left.keys() <= still.keys()
    for slug, price in left.items():
        bid, ask = again.venue.engine.best(still[slug].condition)
        fair = again.life.fair(still[slug].condition)
        assert fair is not None
        assert abs(fair * 10_000 - price) < 150, slug
        assert bid < ask
        assert bid - 300 <= price <= ask + 300, slug


def test_no_name_and_no_id_is_given_out_twice(first: Run) -> None:
    """The seed is the same in both runs, and would make the same ids again."""
    again = run(kept_of(first.venue), START_MS + 10 * MINUTE_MS, number=2)
    live_on(again, START_MS + 30 * MINUTE_MS)
    markets, events = again.venue.catalogue.markets.values(), again.venue.catalogue.events.values()
    assert len(markets) > len(first.venue.catalogue.markets) + 4
    for given in (
        [market.slug for market in markets],
        [market.id for market in markets],
        [token for market in markets for token in market.tokens],
        [market.question_id for market in markets],
        [event.slug for event in events],
        [event.id for event in events],
    ):
        assert max(Counter(given).values()) == 1


def test_a_window_that_runs_is_the_series_own_again_and_ends_by_its_price(first: Run) -> None:
    at_ms = START_MS + 10 * MINUTE_MS
    kept = kept_of(first.venue)
    again = run(kept, at_ms, number=2)
    running = [m for m in open_of(again.venue).values() if m.window_start_ms and m.window_start_ms <= at_ms]
    assert {market.slug.partition("-")[0] for market in running} == {"btc", "eth"}
    live_on(again, max(market.end_ms for market in running) + 4_000)
    assert all(market.closed for market in running)
    assert all(market.closed_ms == market.end_ms + 3_000 for market in running)
    slugs = Counter(market.slug for market in again.venue.catalogue.markets.values() if market.window_start_ms)
    assert max(slugs.values()) == 1


def test_however_often_it_starts_again_there_are_no_more_markets_than_one_life_has(first: Run) -> None:
    one, at_ms = first, START_MS + 10 * MINUTE_MS
    for number in range(2, 12):
        at_ms += 7_000
        one = run(kept_of(one.venue), at_ms, number=number)
        live_on(one, at_ms + 3_000)
    assert len(open_of(one.venue)) <= 2 + 2 + 3 + 4 + 4


# ------------------------------------------------------------ how it ends


def test_markets_whose_end_has_passed_meanwhile_are_resolved_at_once_for_what_was_dearer(first: Run) -> None:
    at_ms = START_MS + 24 * 60 * MINUTE_MS
    left = open_of(first.venue)
    again = run(kept_of(first.venue), at_ms, number=2)
    ended = ended_of(again)
    assert {market.slug for market in ended} == left.keys()
    assert {market.closed_ms for market in ended} == {at_ms}
    for market in ended:
        if not market.neg_risk:
            assert first_won(market) is (last_price(left[market.slug]) >= 5_000), market.slug
    contest = [market for market in ended if market.neg_risk]
    dearest = max(contest, key=lambda market: last_price(left[market.slug]))
    assert [market.slug for market in contest if first_won(market)] == [dearest.slug]
    assert len(open_of(again.venue)) == 2 + 2 + 3 + 4 + 4  # everything begins anew


def test_a_contest_that_was_half_resolved_has_one_winner_in_the_end(first: Run) -> None:
    kept = kept_of(first.venue)
    contest = [market for market in kept.markets if market.neg_risk]
    lost = contest[0]
    lost.closed, lost.closed_ms, lost.accepting_orders = True, START_MS, False
    lost.winner, lost.resolution = lost.tokens[1], "resolved"
    again = run(kept, START_MS + 24 * 60 * MINUTE_MS, number=2)
    assert sum(first_won(again.venue.catalogue.markets[market.condition]) for market in contest) == 1


@pytest.mark.parametrize("seed", [7, 8])
def test_what_goes_on_ends_when_it_was_meant_to_and_the_next_of_its_kind_comes(seed: int) -> None:
    one = run(nothing_kept(), START_MS, seed=seed, rate=0.05)
    left = open_of(one.venue)
    again = run(kept_of(one.venue), START_MS + MINUTE_MS, number=2, seed=seed, rate=0.05)
    last_ms = max(market.end_ms for market in left.values())
    live_on(again, START_MS + 130 * MINUTE_MS)
    after = {market.slug: market for market in again.venue.catalogue.markets.values()}
    games = [after[slug] for slug in left if slug.startswith("lhl")]
    assert {market.closed_ms - market.end_ms for market in games} == {0}
    contest = [after[slug] for slug in left if after[slug].neg_risk]
    assert {market.closed_ms - market.end_ms for market in contest} == {0}
    assert sum(map(first_won, contest)) == 1
    made = [happening.condition for happening in again.happenings() if isinstance(happening, MarketMade)]
    tags = Counter(
        again.venue.catalogue.events[again.venue.catalogue.markets[condition].event_id].tags[0] for condition in made
    )
    assert tags["Sports"] >= 3
    assert tags["Culture"] >= 4
    assert tags["Politics"] == 0  # that one's end is still far away
    assert last_ms > START_MS + 300 * MINUTE_MS


def test_a_market_that_is_resolved_by_hand_is_left_alone_from_then_on() -> None:
    one = run(nothing_kept(), START_MS, rate=0.1)
    by_hand = list(open_of(one.venue).values())
    for market in by_hand:
        one.venue.resolve(market.condition, market.tokens[1])
    assert one.life.crowds() == ()
    live_on(one, START_MS + 40 * MINUTE_MS)
    assert {market.closed_ms for market in by_hand} == {START_MS}
    assert len(one.life.crowds()) >= 7


# ------------------------------------------------------------ what users have in it


def user_order(market: VenueMarket, price: int) -> UserOrder:
    return UserOrder(
        id="0xmine",
        number=1,
        key="key",
        address="0xa",
        account="0xa",
        maker="0xA",
        condition=market.condition,
        token=market.tokens[0],
        outcome=market.outcomes[0],
        side="BUY",
        price=price,
        size=10 * SIZE_ONE,
        kind=OrderKind.GTC,
        placed_ms=START_MS,
        rested=10 * SIZE_ONE,
    )


def holding(market: VenueMarket, shares: int, *, of: int = 0) -> Holding:
    return Holding("0xa", market.condition, market.tokens[of], Position(size=shares * SIZE_ONE))


def test_a_users_order_is_not_run_over_because_the_last_price_that_was_kept_is_old(first: Run) -> None:
    """A market is kept now and then while it trades, its users' orders at once."""
    market = next(market for market in open_of(first.venue).values() if market.neg_risk)
    above = last_price(market) + 500
    mine = user_order(market, above // 100 * 100)
    kept = kept_of(first.venue, wallets=[Wallet("0xa", 1_000 * USDC, 1_000 * USDC)], open_orders=[mine])
    again = run(kept, START_MS + 10 * MINUTE_MS, number=2)
    resting = again.venue.engine.order("0xmine")
    assert resting is not None
    assert resting.left == 10 * SIZE_ONE
    assert again.venue.engine.best(market.condition)[0] == mine.price


def test_a_users_shares_have_somebody_on_their_other_side_and_every_unit_is_accounted_for(first: Run) -> None:
    """The engine's own rule: as many shares of one outcome as of the other, all collateral paid in by somebody."""
    markets = list(open_of(first.venue).values())
    held = [holding(markets[0], 30), holding(markets[1], 7, of=1), holding(markets[1], 2)]
    kept = kept_of(first.venue, wallets=[Wallet("0xa", 5 * USDC, 40 * USDC)], holdings=held)
    again = run(kept, START_MS + 10 * MINUTE_MS, number=2)
    live_on(again, START_MS + 13 * MINUTE_MS)
    engine = again.venue.engine
    assert engine.shares("0xa", markets[0].tokens[0]) == engine.shares(HOUSE, markets[0].tokens[1]) == 30 * SIZE_ONE
    assert engine.shares(HOUSE, markets[1].tokens[0]) == 5 * SIZE_ONE
    for market in again.venue.catalogue.markets.values():
        if not market.closed:
            supply = [sum(engine.shares(name, token) for name in engine.accounts()) for token in market.tokens]
            assert supply == [engine.pairs(market.condition)] * 2
    there = sum(engine.collateral(name) for name in engine.accounts())
    there += sum(engine.pairs(condition) for condition in again.venue.catalogue.markets)
    assert there == again.life.deposited + 5 * USDC + (30 + 7) * SIZE_ONE


def test_shares_of_a_market_that_was_resolved_are_worth_what_they_were(first: Run) -> None:
    closed = [market for market in first.venue.catalogue.markets.values() if market.closed][:2]
    won = closed[0].tokens.index(_winner(closed[0]))
    held = [holding(closed[0], 12, of=won), holding(closed[1], 9, of=1 - closed[1].tokens.index(_winner(closed[1])))]
    kept = kept_of(first.venue, wallets=[Wallet("0xa", 0, 40 * USDC)], holdings=held)
    engine = run(kept, START_MS + 10 * MINUTE_MS, number=2).venue.engine
    assert [engine.redeem("0xa", ConditionId(market.condition)) for market in closed] == [12 * USDC, 0]
    assert engine.collateral("0xa") == 12 * USDC


def _winner(market: VenueMarket) -> str:
    assert market.winner is not None
    return market.winner
