"""`core.book`: what a book answers: prices, spreads, depth, costs."""

from typing import Any

import pytest

from core.events import change
from core.setting import ASKS, BIDS, filled, pairs
from polywire.errors import NotEnoughShares
from polywire.model.health import Freshness
from polywire.model.units import BookSide

# ------------------------------------------------------------ reading


def test_copies_handed_out_stay_as_they_are() -> None:
    book = filled()
    bids, asks = book.bids, book.asks
    book.change(change("bid", 3_300, 0))
    book.change(change("bid", 3_000, 99))
    book.change(change("ask", 3_400, 0))
    book.settle(0, 10_000)
    assert (bids, asks) == (filled().bids, filled().asks)


def test_what_is_done_to_a_copy_does_not_reach_the_book() -> None:
    book = filled()
    for levels in (book.bids, book.asks):
        levels.ranks.pop()
        levels.sizes.pop()
    assert pairs(book) == pairs(filled())


def test_spread_mid_and_microprice_are_exact() -> None:
    book = filled(bids=((3_300, 2_000_000),), asks=((3_401, 6_000_000),))
    assert (book.spread, book.doubled_mid) == (101, 6_701)
    assert book.microprice == (3_300 * 6 + 3_401 * 2) / 8 == 3_325.25  # most shares are offered: the price sinks


@pytest.mark.parametrize(("bids", "asks"), [((), ASKS), (BIDS, ()), ((), ())])
def test_a_book_without_a_side_has_no_spread_no_mid_and_no_microprice(bids: Any, asks: Any) -> None:
    book = filled(bids, asks)
    assert (book.spread, book.doubled_mid, book.microprice) == (None, None, None)
    assert not book.crossed


@pytest.mark.parametrize(("bid", "crossed", "spread"), [(3_399, False, 1), (3_400, True, 0), (3_401, True, -1)])
def test_a_bid_at_or_above_the_best_ask_crosses_the_book(bid: int, crossed: bool, spread: int) -> None:  # noqa: FBT001 - parametrized
    book = filled(bids=((bid, 1),))
    assert (book.crossed, book.spread) == (crossed, spread)


def test_whether_a_book_is_crossed_is_told_even_in_doubt() -> None:
    """It is a finding about the book, not an answer from it."""
    book = filled(bids=((3_401, 1),))
    book.doubt(Freshness.SUSPECT, "crossed for 2 s")
    assert book.crossed


@pytest.mark.parametrize(
    ("side", "within", "shares"),
    [
        ("bid", None, 16),
        ("bid", 0, 2),
        ("bid", 299, 2),
        ("bid", 300, 7),
        ("bid", 10_000, 16),
        ("ask", None, 17),
        ("ask", 0, 3),
        ("ask", 599, 3),
        ("ask", 600, 9),
        ("ask", 10_000, 17),
    ],
)
def test_depth_counts_what_rests_no_further_than_asked_from_the_best(
    side: BookSide, within: int | None, shares: int
) -> None:
    assert filled().depth(side, within) == shares


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_an_empty_side_has_no_depth_and_rests_nothing_anywhere(side: BookSide) -> None:
    book = filled((), ())
    assert (book.depth(side), book.depth(side, 100), book.size_at(side, 5_000)) == (0, 0, 0)


def test_the_size_at_a_price_is_zero_where_nothing_rests() -> None:
    book = filled()
    assert [book.size_at("bid", price) for price in (99, 100, 101, 3_300, 3_400, 9_999)] == [0, 9, 0, 2, 0, 0]
    assert [book.size_at("ask", price) for price in (1, 3_300, 3_400, 4_000, 9_900, 9_999)] == [0, 0, 3, 6, 8, 0]


def test_filling_walks_from_the_best_price_to_worse_ones() -> None:
    book = filled()
    assert book.cost_to_fill("ask", 3) == 3 * 3_400
    assert book.cost_to_fill("ask", 4) == 3 * 3_400 + 4_000
    assert book.cost_to_fill("ask", 17) == 3 * 3_400 + 6 * 4_000 + 8 * 9_900
    assert book.cost_to_fill("bid", 3) == 2 * 3_300 + 3_000


@pytest.mark.parametrize(("side", "held"), [("bid", 16), ("ask", 17)])
def test_asking_for_more_than_rests_says_how_much_does(side: BookSide, held: int) -> None:
    with pytest.raises(NotEnoughShares) as refusal:
        filled().cost_to_fill(side, held + 1)
    assert (refusal.value.wanted, refusal.value.available) == (held + 1, held)
