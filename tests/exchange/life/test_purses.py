"""The crowds' money: it is there, and it comes back."""

import random

from exchange.venues import CONDITION, USDC, YES, event, market, still_venue
from polywire.exchange.life.ids import Ids
from polywire.exchange.life.purses import Purses
from polywire.exchange.venue import Venue
from polywire.model.units import SIZE_ONE


def opened() -> tuple[Venue, Purses]:
    venue = still_venue()
    venue.list_event(event())
    venue.list_market(market())
    return venue, Purses(venue.engine, Ids(7), makers=2, takers=2)


def test_every_account_has_collateral_and_makers_get_shares_of_both_outcomes_for_it() -> None:
    venue, purses = opened()
    its = venue.catalogue.markets[CONDITION]
    before = [venue.engine.collateral(account) for account in purses.makers + purses.takers]
    assert min(before) > 0
    assert sum(before) == purses.deposited
    purses.stock(its)
    for account in purses.makers:
        assert venue.engine.shares(account, its.tokens[0]) == venue.engine.shares(account, its.tokens[1]) > 0
    assert purses.deposited == sum(before)


def test_what_an_order_was_refused_for_is_paid_in_even_when_it_is_more_than_a_purse() -> None:
    venue, purses = opened()
    its = venue.catalogue.markets[CONDITION]
    account = purses.taker(random.Random(1))
    before = venue.engine.collateral(account)
    purses.refill(account, its, None, 0)
    assert venue.engine.collateral(account) > before
    maker = purses.maker(random.Random(1))
    purses.refill(maker, its, YES, 5_000_000 * SIZE_ONE)
    assert venue.engine.shares(maker, YES) >= 5_000_000 * SIZE_ONE


def test_what_was_won_is_redeemed() -> None:
    venue, purses = opened()
    its = venue.catalogue.markets[CONDITION]
    purses.stock(its)
    venue.resolve(CONDITION, YES)
    purses.redeem(its)
    assert sum(venue.engine.collateral(account) for account in purses.makers + purses.takers) == purses.deposited
    assert venue.engine.pairs(CONDITION) == 0
    assert purses.deposited % USDC == 0
