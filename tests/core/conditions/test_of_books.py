"""Spreads, depths and sets of outcomes, judged on real books."""

import pytest

from polywire.core.conditions.of_books import DepthObserver, SetObserver, SpreadObserver
from polywire.model.health import Freshness
from polywire.model.units import TokenId
from polywire.model.watch import Depth, Opportunity, Spread
from watched_books import A, B, C, book, changed, snapshot


def test_a_wide_spread_is_told_once_until_it_was_narrow() -> None:
    observer = SpreadObserver(Spread("over", 300, hysteresis=50))
    books = [book(A, [(5_000, 1)], [(ask, 1)]) for ask in (5_200, 5_400, 5_290, 5_400, 5_250, 5_400)]
    assert [observer.look(changed(), one, 0) is not None for one in books] == [False, True, False, False, False, True]
    empty = SpreadObserver(Spread("over", 300)).look(changed(), book(A, [(5_000, 1)]), 0)
    assert empty is not None
    assert "a side is empty" in empty.text


def test_it_is_remembered_over_a_restart_that_it_was_told() -> None:
    before = SpreadObserver(Spread("over", 300))
    assert before.look(changed(), book(A, [(5_000, 1)], [(5_400, 1)]), 0) is not None
    assert before.moved
    after = SpreadObserver(Spread("over", 300))
    after.restore(before.state)
    assert after.look(changed(), book(A, [(5_000, 1)], [(5_500, 1)]), 0) is None
    after.doubt(A, 0)
    assert list(after.tick(9)) == []


def test_a_book_that_may_be_wrong_is_not_judged() -> None:
    observer = SpreadObserver(Spread("over", 300))
    wide = book(A, [(5_000, 1)], [(5_400, 1)])
    wide.doubt(Freshness.SUSPECT, "lost")
    assert observer.look(changed(), wide, 0) is None
    assert observer.look(changed(), None, 0) is None


@pytest.mark.parametrize(("within", "shares"), [(10_000, "70"), (100, "20"), (0, "20")])
def test_depth_counts_the_shares_near_the_best_price(within: int, shares: str) -> None:
    observer = DepthObserver(Depth("under", 100_000_000, "bid", within))
    found = observer.look(changed(), book(A, [(5_000, 20), (4_500, 50)], [(5_100, 1)]), 0)
    assert found is not None
    assert found.data["value"] == shares
    assert ("within" in found.text) == (within < 10_000)
    assert observer.look(changed(), book(A, [(5_000, 21)]), 0) is None


def test_of_a_resolved_market_nothing_is_told() -> None:
    empty = book(A, [(5_000, 1)])
    empty.ended = True
    assert SpreadObserver(Spread("over", 300)).look(changed(), empty, 0) is None


def test_a_limit_of_one_tick_can_come_true_again() -> None:
    observer = SpreadObserver(Spread("over", 10))
    books = [book(A, [(5_000, 1)], [(ask, 1)]) for ask in (5_010, 5_020, 5_010, 5_020)]
    assert [observer.look(changed(), one, 0) is not None for one in books] == [False, True, False, True]
    under = SpreadObserver(Spread("under", 20))
    books = [book(A, [(5_000, 1)], [(ask, 1)]) for ask in (5_010, 5_020, 5_030, 5_010)]
    assert [under.look(changed(), one, 0) is not None for one in books] == [True, False, False, True]


# ---------------------------------------------------------------- sets


def shown(observer: SetObserver, token: TokenId, bid: int, ask: int, at_ms: int) -> None:
    bids = [(bid, 5)] if bid else []
    asks = [(ask, 3)] if ask else []
    assert observer.look(changed(token), book(token, bids, asks), at_ms) is None


def test_all_outcomes_under_one_are_told_with_what_each_costs_once_that_has_stood() -> None:
    observer = SetObserver(Opportunity(by=100), [(A, B)])
    shown(observer, A, 4_000, 4_700, 0)
    shown(observer, B, 4_000, 5_100, 1_000)
    assert observer.due_ms == 1_100
    assert list(observer.tick(1_099)) == []
    (found,) = observer.tick(1_100)
    assert (found.data["edge"], found.data["size"]) == ("0.02", "3")
    assert [leg["price"] for leg in found.data["legs"]] == ["0.47", "0.51"]
    shown(observer, B, 4_000, 5_000, 2_000)
    shown(observer, C, 4_000, 5_000, 2_000)  # of no set
    assert observer.due_ms is None


def test_between_the_two_outcomes_of_one_move_nothing_is_told() -> None:
    """The market goes from 0.50/0.51 to 0.39/0.40: the first outcome's book moves a message before the second's."""
    observer = SetObserver(Opportunity(by=100), [(A, B)])
    shown(observer, A, 5_000, 5_100, 0)
    shown(observer, B, 4_900, 5_000, 0)
    shown(observer, A, 3_900, 4_000, 1_000)
    shown(observer, B, 6_000, 6_100, 1_003)
    assert observer.due_ms is None
    assert list(observer.tick(2_000)) == []


def test_outcomes_that_bring_more_than_one_are_told_too() -> None:
    observer = SetObserver(Opportunity(by=100), [(A, B)])
    shown(observer, A, 5_500, 6_000, 0)
    shown(observer, B, 4_700, 6_000, 0)
    (found,) = observer.tick(100)
    shown(observer, B, 4_800, 6_000, 200)  # still: told once
    shown(observer, B, 4_800, 6_000, 300)
    assert observer.due_ms is None
    assert (found.data["way"], found.data["edge"]) == ("sell", "0.02")


def test_while_one_book_does_not_answer_a_set_is_not_judged_and_a_lost_edge_arms_it_anew() -> None:
    observer = SetObserver(Opportunity(by=100, hysteresis=0), [(A, B)])
    shown(observer, A, 0, 4_700, 0)
    observer.doubt(A, 0)
    shown(observer, B, 0, 5_100, 0)
    assert observer.due_ms is None
    shown(observer, A, 0, 4_700, 0)
    observer.doubt(A, 50)
    assert list(observer.tick(100)) == []
    shown(observer, A, 0, 4_700, 200)
    assert len(list(observer.tick(300))) == 1
    shown(observer, A, 0, 0, 400)  # nobody sells any more
    shown(observer, A, 0, 4_700, 500)
    assert len(list(observer.tick(600))) == 1


def test_an_edge_that_was_told_is_not_told_again_after_a_doubt_or_a_restart_until_it_was_gone() -> None:
    observer = SetObserver(Opportunity(by=100), [(A, B)])
    shown(observer, A, 0, 4_700, 0)
    shown(observer, B, 0, 5_100, 0)
    assert len(list(observer.tick(100))) == 1
    observer.doubt(B, 200)
    shown(observer, A, 0, 4_690, 300)
    shown(observer, B, 0, 5_100, 400)
    assert observer.due_ms is None
    after = SetObserver(Opportunity(by=100), [(A, B)])
    after.restore(observer.state)
    shown(after, A, 0, 4_700, 500)  # the first of the two that is known again
    shown(after, B, 0, 5_100, 600)
    assert after.due_ms is None
    shown(after, B, 0, 5_400, 700)
    shown(after, B, 0, 5_100, 800)
    assert len(list(after.tick(900))) == 1


def test_an_edge_has_to_stand_anew_after_a_doubt_and_is_told_as_it_is_then() -> None:
    observer = SetObserver(Opportunity(by=100), [(A, B)])
    shown(observer, A, 0, 4_700, 0)
    shown(observer, B, 0, 5_100, 0)
    observer.doubt(A, 50)
    shown(observer, A, 0, 4_700, 60)
    assert list(observer.tick(100)) == []
    shown(observer, A, 0, 4_600, 120)
    assert observer.due_ms == 160
    (found,) = observer.tick(160)
    assert found.data["edge"] == "0.03"


def test_of_a_set_with_a_resolved_outcome_nothing_is_told_any_more() -> None:
    observer = SetObserver(Opportunity(by=100), [(A, B)])
    shown(observer, A, 0, 4_700, 0)
    ended = book(A)
    ended.ended = True
    assert observer.look(snapshot(A), ended, 10) is None
    shown(observer, B, 0, 5_100, 20)
    assert observer.due_ms is None
    assert observer.look(changed(A), None, 30) is None
