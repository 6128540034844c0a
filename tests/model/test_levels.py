"""One side of a book as packed numbers."""

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.model.levels import Level, Levels
from polywire.model.units import BookSide

PAIRS = st.dictionaries(st.integers(1, 9_999), st.integers(1, 10**15 - 1), max_size=8)
SIDES = st.sampled_from(["bid", "ask"])
BIDS = Levels.of("bid", [(3_300, 2), (100, 9), (3_000, 5)])
ASKS = Levels.of("ask", [(3_400, 3), (9_900, 8), (4_000, 6)])


@given(pairs=PAIRS, side=SIDES)
def test_levels_are_the_given_pairs_worst_first_and_best_last(pairs: dict[int, int], side: BookSide) -> None:
    levels = Levels.of(side, pairs.items())
    expected = sorted(pairs.items(), reverse=side == "ask")
    assert list(levels) == expected
    assert [levels[at] for at in range(len(levels))] == expected
    assert len(levels) == len(pairs)
    assert list(levels.ranks) == sorted(set(levels.ranks))


@given(pairs=PAIRS, side=SIDES)
def test_the_best_is_the_last_or_the_venue_s_word_for_an_empty_side(pairs: dict[int, int], side: BookSide) -> None:
    best = max(pairs, default=0) if side == "bid" else min(pairs, default=10_000)
    assert Levels.of(side, pairs.items()).best == best


def test_a_level_is_read_by_name() -> None:
    assert (ASKS[-1].price, ASKS[-1].size, BIDS[0].price, BIDS[0].size) == (3_400, 3, 100, 9)
    assert all(isinstance(level, Level) for levels in (BIDS, ASKS) for level in (*levels, levels[0]))


def test_of_a_price_given_twice_the_last_counts_and_size_zero_is_no_level() -> None:
    assert list(Levels.of("bid", [(1, 5), (2, 6), (1, 7), (2, 0)])) == [(1, 7)]
    assert list(Levels.of("ask", [(1, 0), (2, 6)])) == [(2, 6)]


def test_packed_numbers_take_ten_bytes_a_level() -> None:
    """design.md §2: 100,000 books of 150 levels in under 0.5 GiB."""
    assert (BIDS.ranks.typecode, BIDS.sizes.typecode) == ("H", "q")
    assert BIDS.ranks.itemsize + BIDS.sizes.itemsize == 10
    assert not hasattr(BIDS, "__dict__")


def test_levels_are_taken_as_they_are_and_not_copied() -> None:
    """A book hands out its own copy; a second one would cost as much again."""
    ranks, sizes = array("H", [1]), array("q", [2])
    levels = Levels("bid", ranks, sizes)
    assert levels.ranks is ranks
    assert levels.sizes is sizes


@given(pairs=PAIRS, side=SIDES, start=st.none() | st.integers(-9, 9), stop=st.none() | st.integers(-9, 9))
def test_a_slice_holds_the_same_levels_as_a_list_s_slice(
    pairs: dict[int, int], side: BookSide, start: int | None, stop: int | None
) -> None:
    levels = Levels.of(side, pairs.items())
    for step in (None, 1, 2):
        part = levels[start:stop:step]
        assert (list(part), part.side, len(part)) == (list(levels)[start:stop:step], side, len(part.sizes))


def test_a_backward_slice_is_refused_because_the_best_would_no_longer_be_last() -> None:
    with pytest.raises(ValueError, match="use reversed"):
        BIDS[::-1]


def test_a_slice_is_a_copy() -> None:
    part = BIDS[:]
    part.ranks.pop()
    part.sizes.pop()
    assert (len(part), len(BIDS)) == (2, 3)


def test_the_best_levels_are_the_last_ones_of_a_slice() -> None:
    assert (ASKS[-2:].best, list(ASKS[-2:])) == (3_400, [(4_000, 6), (3_400, 3)])


def test_levels_are_a_sequence_with_all_that_comes_with_it() -> None:
    assert isinstance(BIDS, Sequence)
    assert list(reversed(BIDS)) == [(3_300, 2), (3_000, 5), (100, 9)]
    assert (Level(3_000, 5) in BIDS, (3_000, 6) in BIDS, BIDS.index(Level(3_000, 5))) == (True, False, 1)


@pytest.mark.parametrize("at", [3, -4])
def test_a_level_beyond_the_end_is_no_level(at: int) -> None:
    for levels in (BIDS, ASKS):
        with pytest.raises(IndexError):
            levels[at]


@given(one=PAIRS, other=PAIRS, side=SIDES, other_side=SIDES)
def test_levels_are_equal_where_side_and_levels_are_and_then_hash_alike(
    one: dict[int, int], other: dict[int, int], side: BookSide, other_side: BookSide
) -> None:
    left, right = Levels.of(side, one.items()), Levels.of(other_side, other.items())
    assert (left == right) is ((side, one) == (other_side, other))
    again = Levels.of(side, reversed(one.items()))
    assert (left == again, hash(left) == hash(again)) == (True, True)


@pytest.mark.parametrize(
    "other",
    [
        Levels.of("bid", [(3_300, 2), (100, 9)]),
        Levels.of("bid", [(3_300, 2), (100, 9), (3_001, 5)]),
        Levels.of("bid", [(3_300, 2), (100, 9), (3_000, 6)]),
        Levels("ask", BIDS.ranks, BIDS.sizes),
        [(100, 9), (3_000, 5), (3_300, 2)],
        None,
    ],
)
def test_one_difference_makes_levels_unequal(other: object) -> None:
    assert other != BIDS
    if isinstance(other, Levels):
        assert hash(other) != hash(BIDS)


def test_empty_sides_are_levels_too() -> None:
    assert (list(Levels.of("bid", ())), len(Levels.of("ask", ())), bool(Levels.of("ask", ()))) == ([], 0, False)
    assert Levels.of("bid", ()) != Levels.of("ask", ())


def test_levels_show_what_they_are_and_not_every_number() -> None:
    """A failed assertion about a snapshot stays readable."""
    assert repr(ASKS) == "Levels('ask', 3 levels, best 3400)"
