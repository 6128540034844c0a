"""The arithmetic that judges the feed is judged first."""

from collections import Counter

from e2e.reckoning import SECOND_NS, Fact, Sample, Seen, Span, joined, losses, wrongs

A, B = Fact("7", "price_change", ("bid", 4_000, 1)), Fact("7", "last_trade_price", (2,))
GAP = {"7": [Span(2 * SECOND_NS, 4 * SECOND_NS, 5 * SECOND_NS)]}


def at(second: float) -> int:
    return int(second * SECOND_NS)


def test_what_was_told_is_not_lost_and_told_twice_makes_up_for_nothing_else() -> None:
    found = losses([Seen(A, at(1)), Seen(B, at(1))], Counter({A: 2}), {}, {})
    assert found.untold == found.silent == {"last_trade_price": 1}
    assert (found.happened, found.told) == ({"price_change": 1, "last_trade_price": 1}, {"price_change": 1})


def test_the_same_fact_twice_and_told_once_is_lost_once() -> None:
    assert losses([Seen(A, at(1)), Seen(A, at(2))], Counter({A: 1}), {}, {}).untold == {"price_change": 1}


def test_a_gap_covers_what_happened_within_it_and_nothing_else() -> None:
    assert losses([Seen(A, at(3))], Counter(), GAP, {}).silent == {}
    assert losses([Seen(A, at(1.8))], Counter(), GAP, {}).silent == {"price_change": 1}
    assert losses([Seen(A, at(4.2))], Counter(), GAP, {}).silent == {"price_change": 1}
    assert losses([Seen(A, at(3))], Counter(), {"8": GAP["7"]}, {}).silent == {"price_change": 1}


def test_a_loss_is_found_by_the_first_doubt_behind_it() -> None:
    doubts = {"7": [at(1), at(9)]}
    assert losses([Seen(A, at(3)), Seen(B, at(4))], Counter(), {}, doubts).longest_s == 6.0
    assert losses([Seen(A, at(10))], Counter(), {}, doubts).longest_s is None
    assert losses([Seen(A, at(10))], Counter({A: 1}), {}, doubts).longest_s == 0.0


def change(price: int, size: int, second: float, side: str = "bid") -> Seen:
    return Seen(Fact("7", "price_change", (side, price, size, second)), at(second))


def book(second: float) -> Seen:
    return Seen(Fact("7", "book", ("hash", second)), at(second))


def hidden(*happened: Seen, lost: int) -> tuple[int, dict[str, int]]:
    """Return what nothing is left of and what was silent; the first `lost` were not told."""
    told = Counter(seen.fact for seen in happened[lost:])
    found = losses(happened, told, {}, {}, {"7": {("bid", 4_000): 3, ("ask", 6_000): 3, ("bid", 3_000): 9}})
    return found.restated, found.silent


def test_of_a_lost_change_nothing_is_left_where_its_level_is_soon_stated_anew() -> None:
    assert hidden(change(4_000, 5, 1), change(4_000, 9, 2), lost=1) == (1, {})
    assert hidden(change(4_000, 5, 1), change(4_000, 4, 2), change(4_000, 9, 3), lost=2) == (2, {})
    assert hidden(change(4_000, 5, 1), change(4_000, 3, 2), lost=2) == (2, {})  # there and back
    assert hidden(change(4_100, 5, 1), change(4_100, 0, 2), lost=2) == (2, {})


def test_a_lost_change_whose_level_is_stated_anew_only_later_is_a_silent_loss() -> None:
    assert hidden(change(4_000, 5, 1), change(4_000, 9, 3.6), lost=1) == (0, {"price_change": 1})
    assert hidden(change(4_000, 5, 1), change(4_000, 6, 3), change(4_000, 9, 4), lost=2) == (1, {"price_change": 1})
    assert hidden(change(4_000, 5, 1), change(4_000, 3, 3.6), lost=2) == (1, {"price_change": 1})
    assert hidden(change(4_000, 5, 1), lost=1) == (0, {"price_change": 1})
    assert hidden(change(4_000, 5, 1), change(4_100, 9, 2), lost=1) == (0, {"price_change": 1})


def test_what_a_trade_takes_from_a_best_price_is_told_by_the_book_behind_it_too() -> None:
    assert hidden(change(4_000, 2, 1), book(1), lost=1) == (1, {})
    assert hidden(change(4_000, 0, 1), book(1), lost=1) == (1, {})
    assert hidden(change(6_000, 2, 1, "ask"), book(1), lost=1) == (1, {})
    assert hidden(change(6_000, 0, 1, "ask"), book(1), lost=1) == (1, {})


def test_what_a_taker_leaves_at_the_best_price_is_told_by_the_book_of_its_instant_too() -> None:
    assert hidden(change(4_100, 5, 1), book(1), lost=1) == (1, {})
    assert hidden(change(4_100, 5, 1), change(4_100, 6, 1.5), book(1.5), lost=2) == (1, {"price_change": 1})


def test_a_book_is_no_excuse_for_what_no_trade_takes() -> None:
    assert hidden(change(4_000, 5, 1), book(1), lost=1) == (0, {"price_change": 1})  # more than there was
    assert hidden(change(3_000, 2, 1), book(1), lost=1) == (0, {"price_change": 1})  # worse than the best
    assert hidden(change(6_500, 2, 1, "ask"), book(1), lost=1) == (0, {"price_change": 1})
    assert hidden(change(4_000, 2, 1), book(3.6), lost=1) == (0, {"price_change": 1})  # long after it
    assert hidden(change(4_000, 2, 1), book(1), change(4_000, 9, 4), lost=2) == (0, {"price_change": 1, "book": 1})


TRUE = {"7": [(at(0), 100), (at(10), 200)]}


def handed(*states: int | None, from_s: float) -> dict[str, list[Sample]]:
    return {"7": [Sample(at(from_s + 0.2 * n), state) for n, state in enumerate(states)]}


def test_the_longest_time_without_a_gap_is_that_of_one_spell() -> None:
    found = wrongs(handed(999, 999, 999, None, 999, 999, from_s=5), TRUE, GAP)
    assert (found.silent_s, found.longest_silent_s) == (1.0, 0.6)


def test_a_state_of_a_second_ago_is_on_its_way_and_an_older_one_is_wrong() -> None:
    assert wrongs(handed(100, 100, from_s=10.7), TRUE, {}).total_s == 0
    found = wrongs(handed(100, 100, 100, from_s=11.1), TRUE, {})
    assert (found.longest_s, found.total_s, found.silent_s) == (0.6, 0.6, 0.6)


def test_a_state_that_never_was_is_wrong_unless_it_is_gone_by_the_next_look() -> None:
    assert wrongs(handed(100, 999, 100, from_s=5), TRUE, {}).total_s == 0
    assert wrongs(handed(100, 999, 999, from_s=5), TRUE, {}).total_s == 0.4


def test_a_book_that_does_not_answer_is_not_wrong_and_ends_a_spell() -> None:
    assert wrongs(handed(None, None, from_s=5), TRUE, {}).total_s == 0
    found = wrongs(handed(999, 999, None, 999, 999, 999, from_s=5), TRUE, {})
    assert (found.longest_s, found.total_s) == (0.6, 1.0)


def test_a_wrong_book_is_covered_by_a_gap_that_holds_all_of_it() -> None:
    assert wrongs(handed(999, 999, 999, from_s=3), TRUE, GAP).silent_s == 0
    assert wrongs(handed(999, 999, 999, from_s=3.9), TRUE, GAP).silent_s == 0.6


def test_gaps_that_touch_cover_together_what_none_of_them_does() -> None:
    one, two, far = (Span(at(a), at(b), at(b)) for a, b in ((0, 2), (2.05, 4), (5, 6)))
    assert joined([far, two, one]) == [Span(at(0), at(4), at(4)), far]
    assert wrongs(handed(*[999] * 6, from_s=1.5), TRUE, {"7": [one, two]}).silent_s == 0
    assert wrongs(handed(*[999] * 6, from_s=4.5), TRUE, {"7": [one, two, far]}).silent_s == 1.2
