"""One token's book, as evidence about it is weighed: its bare levels, and what a snapshot shows of lost changes."""

import pytest

from core.events import TOKEN, change, snapshot
from polywire.core.book import Book
from polywire.model.health import Freshness


def test_the_bare_levels_are_told_whatever_the_freshness_and_are_a_copy() -> None:
    book = Book(TOKEN)
    assert [len(side) for side in book.bare_levels()] == [0, 0]
    book.replace(snapshot([(4_000, 5)], [(6_000, 7)]))
    before = book.bare_levels()
    book.doubt(Freshness.SUSPECT, "something")
    book.change(change("bid", 4_000, 0))
    assert [list(side) for side in before] == [[(4_000, 5)], [(6_000, 7)]]
    assert [list(side) for side in book.bare_levels()] == [[], [(6_000, 7)]]


@pytest.mark.parametrize(
    ("bids", "lacking"),
    [
        ([(100, 9), (4_000, 5)], 0),
        ([(100, 9)], 0),  # the best was taken
        ([(100, 9), (4_000, 2)], 0),  # in part
        ([], 0),
        ([(4_000, 5)], 1),  # what rests below the best is no trade's doing
        ([(100, 8), (4_000, 5)], 2),
        ([(100, 9), (200, 1), (4_000, 5)], 1),
        ([(100, 9), (4_000, 6)], 1),  # nor does one add to the best
        ([(100, 10)], 1),
        ([(100, 9), (4_000, 5), (4_100, 7)], 0),  # what a taker leaves does
    ],
)
def test_a_snapshot_shows_lost_changes_in_levels_worse_than_its_best(bids: list[tuple[int, int]], lacking: int) -> None:
    book = Book(TOKEN)
    book.replace(snapshot([(100, 9), (4_000, 5)], [(6_000, 7)]))
    assert book.lacks(snapshot(bids, [(6_000, 7)])) == lacking
