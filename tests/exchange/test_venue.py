"""The one way in: every command is carried out, noted on what is listed, and announced in order."""

import pytest

from exchange.venues import CONDITION, NO, START_MS, YES, event, listed, market, order, still_venue, told_by
from polywire.core.matching.orders import LevelMoved, OrderKind
from polywire.errors import Misuse
from polywire.exchange.happenings import BookMoved, Happening, MarketEnded, MarketMade, TickMoved
from polywire.model.units import SIZE_ONE, ConditionId, TokenId


def moves(told: list[tuple[Happening, ...]]) -> list[BookMoved]:
    return [each for happenings in told for each in happenings if isinstance(each, BookMoved)]


# ------------------------------------------------------------ listing


def test_a_listed_market_is_open_in_the_engine_and_announced_once_it_can_be_found() -> None:
    venue = still_venue()
    venue.list_event(event())
    found: list[object] = []
    venue.observe(lambda _: found.append(venue.catalogue.of_slug("market-1")))
    told = told_by(venue)
    venue.list_market(market())
    assert told == [(MarketMade(CONDITION, START_MS),)]
    assert found == [venue.catalogue.markets[CONDITION]]
    assert venue.engine.terms(CONDITION).tokens == (YES, NO)


def test_a_market_without_its_event_is_refused_and_not_opened() -> None:
    venue = still_venue()
    with pytest.raises(Misuse, match="names event 1, which is not listed"):
        venue.list_market(market())
    assert venue.catalogue.markets == {}


# ------------------------------------------------------------ orders


def test_an_order_that_rests_is_announced_as_the_level_it_made() -> None:
    venue = listed()
    told = told_by(venue)
    venue.clock.step(5)
    assert venue.place(order("a", "ann", "BUY", 4_000, 10)).status == "live"
    assert told == [(BookMoved(CONDITION, (), (LevelMoved("bid", 4_000, 10 * SIZE_ONE),), START_MS + 5),)]


def test_a_refused_order_announces_nothing() -> None:
    venue = listed()
    told = told_by(venue)
    outcome = venue.place(order("a", "ann", "BUY", 4_050, 10))
    assert outcome.refusal is not None
    assert outcome.refusal.code == "tick"
    assert told == []


def test_an_order_for_a_token_nobody_listed_is_refused() -> None:
    outcome = listed().place(order("a", "ann", "BUY", 4_000, 10, token=TokenId("9")))
    assert outcome.refusal is not None
    assert outcome.refusal.code == "token"


def test_every_observer_is_told_of_the_same_in_the_same_order() -> None:
    venue = listed()
    first, second = told_by(venue), told_by(venue)
    venue.place(order("a", "ann", "BUY", 4_000, 10))
    venue.cancel("a")
    assert first == second
    assert [moved.levels[0].size for moved in moves(first)] == [10 * SIZE_ONE, 0]


def test_a_trade_is_on_the_market_before_anyone_is_told() -> None:
    venue = listed()
    venue.place(order("a", "ann", "SELL", 4_200, 10))
    seen: list[tuple[str, str, int]] = []
    its = venue.catalogue.markets[CONDITION]
    venue.observe(lambda _: seen.append((its.last_trade, its.last_side, its.volume)))
    venue.place(order("b", "bob", "BUY", 4_500, 10))
    assert seen == [("0.420", "BUY", 4_200_000)]


def test_a_trade_of_the_second_token_counts_as_one_of_the_first() -> None:
    """One price and side a market: docs/exchange.md."""
    venue = listed(tick=10)
    venue.place(order("a", "ann", "BUY", 4_900, 10))
    venue.place(order("b", "bob", "BUY", 5_100, 10, token=NO))
    its = venue.catalogue.markets[CONDITION]
    assert (its.last_trade, its.last_side) == ("0.490", "SELL")


def test_of_a_trade_through_several_levels_the_last_price_stays() -> None:
    venue = listed()
    venue.place(order("a", "ann", "SELL", 4_200, 10))
    venue.place(order("b", "ann", "SELL", 4_300, 10))
    venue.place(order("c", "bob", "BUY", 4_500, 15))
    assert venue.catalogue.markets[CONDITION].last_trade == "0.430"


def test_cancelling_all_announces_what_moved() -> None:
    venue = listed()
    venue.place(order("a", "ann", "BUY", 4_000, 10))
    venue.place(order("b", "ann", "BUY", 3_000, 10))
    told = told_by(venue)
    assert list(venue.cancel_all("ann")) == [CONDITION]
    assert [gone.order for gone in moves(told)[0].cancelled] == ["a", "b"]
    venue.cancel_all("ann")
    assert len(told) == 1


def test_cancelling_what_is_not_there_is_refused_and_announces_nothing() -> None:
    venue = listed()
    told = told_by(venue)
    assert venue.cancel("a").refusal is not None
    assert told == []


def test_an_order_whose_time_has_come_is_gone_before_the_next_one_can_meet_it() -> None:
    venue = listed()
    expires_s = START_MS // 1_000 + 90
    venue.place(order("a", "ann", "SELL", 4_200, 10, kind=OrderKind.GTD, expires_s=expires_s))
    told = told_by(venue)
    venue.clock.step(30_000)
    assert venue.place(order("b", "bob", "BUY", 4_500, 10)).trades == ()
    assert [[gone.reason for gone in moved.cancelled] for moved in moves(told)] == [["expired"], []]


def test_expire_due_ends_what_is_due_and_otherwise_says_nothing() -> None:
    venue = listed()
    told = told_by(venue)
    venue.expire_due()
    assert told == []
    venue.place(order("a", "ann", "BUY", 4_200, 10, kind=OrderKind.GTD, expires_s=START_MS // 1_000 + 90))
    venue.expire_due(at_ms=START_MS + 30_000)
    assert moves(told)[-1].levels == (LevelMoved("bid", 4_200, 0),)


def test_orders_elsewhere_that_lost_their_cover_are_announced_with_the_trade_that_took_it() -> None:
    """1,000 USDC cover 900 in another market until 200 of them are spent here."""
    venue = listed()
    venue.list_market(market(2, tokens=("81", "82")))
    venue.place(order("far", "ann", "BUY", 9_000, 1_000, token=TokenId("81")))
    venue.place(order("a", "bob", "BUY", 5_000, 400, token=NO))
    told = told_by(venue)
    venue.place(order("b", "ann", "BUY", 5_000, 400))
    assert len(told) == 1
    here, elsewhere = moves(told)
    assert (here.condition, len(here.trades)) == (CONDITION, 1)
    assert (elsewhere.condition, elsewhere.levels) == (ConditionId("0xc2"), (LevelMoved("bid", 9_000, 0),))
    assert [(gone.order, gone.reason) for gone in elsewhere.cancelled] == [("far", "balance")]


# ------------------------------------------------------------ time


def test_a_command_that_comes_late_happens_at_the_time_of_the_one_before_it() -> None:
    venue = listed()
    told = told_by(venue)
    venue.place(order("a", "ann", "BUY", 4_000, 10), at_ms=START_MS + 500)
    venue.place(order("b", "ann", "BUY", 4_100, 10), at_ms=START_MS + 300)
    venue.clock.step(400)
    venue.cancel("a")
    venue.clock.step(200)
    venue.cancel("b")
    assert [moved.venue_ms - START_MS for moved in moves(told)] == [500, 500, 500, 600]


# ------------------------------------------------------------ tick and end


def test_a_finer_grid_is_announced_once_and_orders_may_use_it() -> None:
    venue = listed()
    told = told_by(venue)
    venue.set_tick(CONDITION, 10)
    venue.set_tick(CONDITION, 10)
    assert told == [(TickMoved(CONDITION, 100, 10, START_MS),)]
    assert venue.catalogue.markets[CONDITION].tick == 10
    assert venue.place(order("a", "ann", "BUY", 4_010, 10)).status == "live"


def test_a_market_that_ends_loses_its_orders_first_and_takes_no_more() -> None:
    venue = listed()
    venue.place(order("a", "ann", "BUY", 4_000, 10))
    told = told_by(venue)
    venue.resolve(CONDITION, YES)
    assert [type(each) for each in told[0]] == [BookMoved, MarketEnded]
    its = venue.catalogue.markets[CONDITION]
    assert (its.closed, its.closed_ms, its.winner, its.resolution) == (True, START_MS, YES, "resolved")
    refusal = venue.place(order("b", "ann", "BUY", 4_000, 10)).refusal
    assert refusal is not None
    assert refusal.code == "closed"


def test_an_event_ends_with_its_last_open_market() -> None:
    venue = listed()
    venue.list_market(market(2, tokens=("81", "82")))
    venue.resolve(CONDITION, YES)
    assert not venue.catalogue.events["1"].closed
    venue.resolve(ConditionId("0xc2"), TokenId("82"))
    assert (venue.catalogue.events["1"].closed, venue.catalogue.events["1"].closed_ms) == (True, START_MS)


def test_a_market_ends_once_and_only_for_a_token_of_its_own() -> None:
    venue = listed()
    with pytest.raises(Misuse, match="cannot be resolved: 9 is no outcome"):
        venue.resolve(CONDITION, TokenId("9"))
    assert not venue.catalogue.markets[CONDITION].closed
    venue.resolve(CONDITION, YES)
    with pytest.raises(Misuse, match="a market resolves once"):
        venue.resolve(CONDITION, YES)
    with pytest.raises(Misuse, match="no market with condition 0x9"):
        venue.resolve(ConditionId("0x9"), YES)
