"""Prices that are watched: which price it is, when there is none, and what is remembered."""

import pytest

from polywire.core.conditions.of_prices import PriceObserver
from polywire.model.health import Freshness
from polywire.model.watch import Crosses, Moves, Of
from watched_books import A, B, around, book, changed, freshness, snapshot, traded


def values(observer: PriceObserver, *mids: int) -> list[str]:
    found = [observer.look(changed(), around(mid), 0) for mid in mids]
    return [one.data["value"] for one in found if one is not None]


def test_a_cross_is_told_with_what_it_is_now() -> None:
    observer = PriceObserver(Crosses(5_000))
    assert values(observer, 4_900, 4_990, 5_000, 5_020, 4_900) == ["0.5", "0.49"]


@pytest.mark.parametrize(("of", "level"), [(Of.BID, 4_990), (Of.ASK, 5_010), (Of.MID, 5_000)])
def test_each_price_of_a_book_can_be_the_one_that_crosses(of: Of, level: int) -> None:
    observer = PriceObserver(Crosses(level, of=of))
    assert observer.look(changed(), around(4_900), 0) is None
    assert observer.look(changed(), around(5_000), 0) is not None


@pytest.mark.parametrize("of", [Of.BID, Of.ASK, Of.MID])
def test_of_an_empty_side_there_is_no_price_and_nothing_is_judged(of: Of) -> None:
    observer = PriceObserver(Crosses(5_000, of=of))
    observer.look(changed(), around(4_900), 0)
    assert observer.look(changed(), book(), 0) is None
    assert observer.look(changed(), around(5_100), 0) is not None


def test_a_book_that_does_not_answer_is_passed_over() -> None:
    observer = PriceObserver(Crosses(5_000))
    observer.look(changed(), around(4_900), 0)
    doubtful = around(5_100)
    doubtful.doubt(Freshness.SUSPECT, "lost")
    assert observer.look(changed(), doubtful, 0) is None
    assert observer.look(changed(), None, 0) is None


def test_the_last_trade_crosses_by_trades_alone() -> None:
    observer = PriceObserver(Crosses(5_000, of=Of.LAST))
    assert [observer.look(traded(price=price), None, 0) is not None for price in (4_900, 5_100)] == [False, True]
    assert observer.look(freshness(Freshness.CURRENT), around(4_000), 0) is None


def test_a_cross_that_nobody_saw_is_told_when_it_is_known_and_says_so() -> None:
    observer = PriceObserver(Crosses(5_000))
    observer.look(changed(), around(4_900), 0)
    observer.doubt(A, 0)
    observer.doubt(B, 0)  # never seen: nothing of it is remembered
    found = observer.look(changed(), around(5_100), 0)
    assert found is not None
    assert found.data["away"] is True
    assert "while nobody looked" in found.text


def test_after_a_restart_the_remembered_side_counts() -> None:
    before = PriceObserver(Crosses(5_000))
    before.look(changed(), around(4_900), 0)
    assert before.moved
    after = PriceObserver(Crosses(5_000))
    after.restore(before.state)
    assert after.state == before.state == {A: [True, False]}
    found = after.look(changed(), around(5_100), 0)
    assert found is not None
    assert found.data["away"] is True
    assert after.look(changed(), around(5_200), 0) is None
    assert list(after.tick(5)) == []


def test_a_move_is_told_with_where_from_and_forgotten_over_a_restart() -> None:
    observer = PriceObserver(Moves(by=100, within_s=10.0))
    observer.restore({A: [True, True]})
    assert observer.look(snapshot(), around(5_000), 0) is None
    found = observer.look(changed(), around(5_150), 9_000)
    assert found is not None
    assert (found.data["was"], found.data["value"], found.data["way"]) == ("0.5", "0.515", "up")
    assert observer.state == {}


def test_a_price_that_stood_for_long_is_what_the_next_one_moved_from() -> None:
    observer = PriceObserver(Moves(by=500, within_s=60.0))
    observer.look(changed(), around(5_000), 0)
    found = observer.look(changed(), around(5_700), 600_000)
    assert found is not None
    assert found.data["was"] == "0.5"


def test_a_price_that_was_not_known_for_long_moved_from_nowhere() -> None:
    observer = PriceObserver(Moves(by=500, within_s=60.0))
    observer.look(changed(), around(5_000), 0)
    observer.doubt(A, 1_000)
    assert observer.look(changed(), around(5_700), 600_000) is None


def test_near_the_ends_a_level_is_armed_again_all_the_same() -> None:
    observer = PriceObserver(Crosses(10, of=Of.ASK, direction="up"))
    books = [book(A, [], [(ask, 1)]) for ask in (5, 10, 4, 10, 4, 10)]
    assert [observer.look(changed(), one, 0) is not None for one in books] == [False, True, False, True, False, True]


def test_of_a_resolved_market_there_is_no_price() -> None:
    observer = PriceObserver(Crosses(5_000))
    observer.look(changed(), around(4_900), 0)
    ended = around(5_100)
    ended.ended = True
    assert observer.look(changed(), ended, 0) is None
