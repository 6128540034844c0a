"""Spreads, depths and sets of outcomes, judged on real books."""

import pytest

from polywire.core.conditions.of_books import DepthObserver, SetObserver, SpreadObserver
from polywire.model.health import Freshness
from polywire.model.watch import Depth, Opportunity, Spread
from watched_books import A, B, C, around, book, changed


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
    after.doubt(A)
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


def test_all_outcomes_under_one_are_told_with_what_each_costs() -> None:
    observer = SetObserver(Opportunity(by=100), [(A, B)])
    assert observer.look(changed(A), book(A, [(4_000, 5)], [(4_700, 5)]), 0) is None
    found = observer.look(changed(B), book(B, [(4_000, 5)], [(5_100, 3)]), 0)
    assert found is not None
    assert found.data["edge"] == "0.02"
    assert found.data["size"] == "3"
    assert [leg["price"] for leg in found.data["legs"]] == ["0.47", "0.51"]
    assert observer.look(changed(B), book(B, [(4_000, 5)], [(5_100, 3)]), 0) is None
    assert observer.look(changed(C), around(5_000, C), 0) is None


def test_outcomes_that_bring_more_than_one_are_told_too() -> None:
    observer = SetObserver(Opportunity(by=100), [(A, B)])
    observer.look(changed(A), book(A, [(5_500, 5)], [(6_000, 5)]), 0)
    found = observer.look(changed(B), book(B, [(4_700, 5)], [(6_000, 3)]), 0)
    assert found is not None
    assert (found.data["way"], found.data["edge"]) == ("sell", "0.02")


def test_while_one_book_does_not_answer_a_set_is_not_judged_and_a_lost_edge_arms_it_anew() -> None:
    observer = SetObserver(Opportunity(by=100, hysteresis=0), [(A, B)])
    observer.look(changed(A), book(A, [], [(4_700, 5)]), 0)
    observer.doubt(A)
    assert observer.look(changed(B), book(B, [], [(5_100, 3)]), 0) is None
    assert observer.look(changed(A), book(A, [], [(4_700, 5)]), 0) is not None
    assert observer.look(changed(A), book(A), 0) is None  # nobody sells any more
    assert observer.look(changed(A), book(A, [], [(4_700, 5)]), 0) is not None
