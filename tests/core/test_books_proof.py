"""The books of a feed, as evidence beside the stream moves them: proof, quiet, reads over REST, the end of a market."""

from typing import Final

import pytest

from core.events import CONDITION, OTHER, TOKEN, change, snapshot
from core.setting import ASKS, BIDS
from polywire.core.books import Books
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged, Gap
from polywire.model.market import BookReplaced, LevelChanged, MarketResolved, TickSizeChanged
from polywire.model.units import TokenId

ENDED: Final = MarketResolved(CONDITION, "1", (TOKEN, OTHER, TokenId("99")), TOKEN, "Yes", (), 9_000, 900)


def read_books(*, known: bool = True) -> tuple[Books, list[Event]]:
    books, told = Books(), list[Event]()
    books.read(TOKEN, told.append)
    if known:
        books.book(snapshot(BIDS, ASKS))
    told.clear()
    return books, told


def test_proof_moves_the_instant_of_a_book_that_answers_and_never_back() -> None:
    books, _ = read_books()
    was = books[TOKEN].verified_ns
    books.prove(TOKEN, was + 5)
    books.prove(TOKEN, was + 3)
    assert books[TOKEN].verified_ns == was + 5


def test_proof_of_a_book_that_does_not_answer_or_is_not_followed_proves_nothing() -> None:
    books, _ = read_books()
    was = books[TOKEN].verified_ns
    books.doubt((TOKEN,), Freshness.SUSPECT, "something", 10)
    books.prove(TOKEN, was + 5)
    books.prove(OTHER, was + 5)
    assert (books[TOKEN].verified_ns, OTHER in books) == (was, False)


def test_a_book_that_answers_turns_quiet_and_back_and_is_told_each_time_once() -> None:
    books, told = read_books()
    for freshness in (Freshness.QUIET, Freshness.QUIET, Freshness.CURRENT):
        books.turn(TOKEN, freshness, "looked at", 20, 2)
        assert books[TOKEN].best_bid
    assert [(one.was, one.now, one.reason) for one in told if isinstance(one, FreshnessChanged)] == [
        ("current", "quiet", "looked at"),
        ("quiet", "current", "looked at"),
    ]


def test_a_book_that_does_not_answer_is_turned_by_nobody() -> None:
    books, told = read_books()
    books.doubt((TOKEN,), Freshness.SUSPECT, "something", 10)
    told.clear()
    books.turn(TOKEN, Freshness.QUIET, "looked at", 20)
    books.turn(OTHER, Freshness.QUIET, "looked at", 20)
    assert (books[TOKEN].freshness, told) == (Freshness.SUSPECT, [])


def test_changes_without_a_snapshot_are_applied_and_told_where_they_are_expected() -> None:
    books, told = read_books(known=False)
    books.await_snapshots((TOKEN,), "subscribed", 5)
    books.levels([change("bid", 4_000, 7)])
    assert (books.early, [one for one in told if isinstance(one, LevelChanged)]) == (1, [])
    books.expect_changes(TOKEN)
    books.expect_changes(OTHER)
    books.levels([change("bid", 4_000, 7)])
    assert [type(one) for one in told if not isinstance(one, FreshnessChanged)] == [LevelChanged]
    assert (books[TOKEN].freshness, OTHER in books) == (Freshness.SYNCING, False)
    books.await_snapshots((TOKEN,), "subscribed again", 6)
    assert books[TOKEN].freshness is Freshness.SYNCING  # it never had a book to be lost


def test_the_first_book_of_a_token_ends_no_gap_however_it_came() -> None:
    books, told = read_books(known=False)
    books.await_snapshots((TOKEN,), "subscribed", 5)
    books.expect_changes(TOKEN)
    books.book(snapshot(BIDS, ASKS), "read over REST")
    assert not any(isinstance(one, Gap) for one in told)
    assert books[TOKEN].reason == "read over REST"
    assert [one.reason for one in told if isinstance(one, FreshnessChanged)][-1] == "read over REST"


def test_the_books_of_a_resolved_market_are_empty_and_quiet() -> None:
    books, told = read_books()
    books.end(ENDED)
    book = books[TOKEN]
    assert (book.freshness, book.reason, book.ended) == (Freshness.QUIET, "its market is resolved", True)
    assert (len(book.bids), len(book.asks)) == (0, 0)
    assert [type(one) for one in told] == [BookReplaced, FreshnessChanged]
    told.clear()
    books.end(ENDED)
    assert told == []


def test_an_empty_book_of_a_resolved_market_is_not_replaced() -> None:
    books, told = read_books()
    books.book(snapshot([], []))
    told.clear()
    books.end(ENDED)
    assert [type(one) for one in told] == [FreshnessChanged]


def test_a_resolution_ends_the_gap_of_a_book_that_did_not_answer() -> None:
    books, told = read_books()
    verified_ns = books[TOKEN].verified_ns
    books.doubt((TOKEN,), Freshness.SUSPECT, "something", 10)
    told.clear()
    books.end(ENDED)
    assert [type(one) for one in told] == [Gap, FreshnessChanged, BookReplaced, FreshnessChanged]
    assert isinstance(told[0], Gap)
    assert (told[0].from_ns, told[0].to_ns, told[0].reason) == (verified_ns, 900, "something")
    assert (books[TOKEN].freshness, books.suspects) == (Freshness.QUIET, set())


@pytest.mark.parametrize("what", ["a doubt", "a new socket"])
def test_nothing_makes_the_book_of_a_resolved_market_doubtful(what: str) -> None:
    """No snapshot of it will come any more: waiting for one would never end."""
    books, _ = read_books()
    books.event(ENDED)
    if what == "a doubt":
        books.doubt(None, Freshness.SUSPECT, "something", 1_000)
    else:
        books.await_snapshots((TOKEN,), "lost", 1_000)
    assert books[TOKEN].freshness is Freshness.QUIET


def test_a_book_read_over_rest_answers_as_far_as_it_is_said_and_tells_the_gap_back_to_its_last_proof() -> None:
    books, told = read_books()
    verified_ns = books[TOKEN].verified_ns
    books.await_snapshots((TOKEN,), "lost", 2_000)
    told.clear()
    books.read_over(snapshot(BIDS, ASKS, seen_ns=3_000), Freshness.RESYNCING, "read over REST")
    assert [type(one) for one in told] == [Gap, BookReplaced]
    assert isinstance(told[0], Gap)
    assert (told[0].from_ns, told[0].to_ns, told[0].reason) == (verified_ns, 3_000, "lost")
    told.clear()
    books.read_over(snapshot(BIDS, ASKS, seen_ns=4_000), Freshness.QUIET, "it stands still")
    assert [type(one) for one in told] == [Gap, FreshnessChanged, BookReplaced]
    assert books[TOKEN].best_bid == BIDS[-1][0]
    told.clear()
    books.read_over(snapshot(BIDS, ASKS, seen_ns=5_000), Freshness.QUIET, "it stands still")
    assert [type(one) for one in told] == [BookReplaced]
    told.clear()
    books.read_over(snapshot(BIDS[1:], ASKS, seen_ns=6_000), Freshness.RESYNCING, "it moves")
    assert [type(one) for one in told] == [Gap, FreshnessChanged, BookReplaced]
    assert isinstance(told[0], Gap)
    assert (told[0].from_ns, told[0].reason) == (5_000, "it moves")


def test_a_book_read_over_rest_keeps_the_instant_of_its_stream() -> None:
    """Messages under way may be older than what REST has shown, and are not out of order for that."""
    books, _ = read_books()
    heard_ms = books[TOKEN].heard_ms
    books.read_over(snapshot(BIDS, ASKS, venue_ms=heard_ms + 50, seen_ns=3_000), Freshness.CURRENT, "read")
    books.levels([change("bid", 4_000, 7, venue_ms=heard_ms + 20)])
    assert books[TOKEN].freshness is Freshness.CURRENT


def test_what_nobody_reads_or_follows_is_read_over_rest_without_a_word() -> None:
    books = Books()
    books.read_over(snapshot(BIDS, ASKS), Freshness.CURRENT, "read")
    assert TOKEN not in books
    books.follow(TOKEN)
    books.read_over(snapshot(BIDS, ASKS), Freshness.CURRENT, "read")
    assert books[TOKEN].best_bid == BIDS[-1][0]


def test_the_first_book_that_is_read_over_rest_ends_no_gap() -> None:
    books, told = read_books(known=False)
    books.await_snapshots((TOKEN,), "subscribed", 5)
    told.clear()
    books.read_over(snapshot(BIDS, ASKS), Freshness.CURRENT, "read")
    assert [type(one) for one in told] == [FreshnessChanged, BookReplaced]


def test_a_tick_that_rest_states_and_the_stream_left_out_is_told() -> None:
    books, told = read_books()
    books.learn_tick(snapshot(BIDS, ASKS, tick=100))
    assert (books[TOKEN].tick, told) == (100, [])  # nobody had said before
    books.learn_tick(snapshot(BIDS, ASKS, tick=100))
    books.learn_tick(snapshot(BIDS, ASKS))
    books.learn_tick(snapshot(BIDS, ASKS, tick=10, token=OTHER))
    assert told == []
    books.learn_tick(snapshot(BIDS, ASKS, tick=10, venue_ms=7, seen_ns=9_000))
    assert told == [TickSizeChanged(TOKEN, CONDITION, 100, 10, 7, 9_000)]
    assert books[TOKEN].tick == 10


# ------------------------------------------------------------ a hash that was another


def gaps(told: list[Event]) -> list[tuple[int, int, str]]:
    return [(one.from_ns, one.to_ns, one.reason) for one in told if isinstance(one, Gap)]


STATED_ANEW: Final = (
    "a hash before {} ms was not the venue's: changes were lost, and their levels have been stated anew"
)


def disproven_book(at_ns: int = 2_000) -> tuple[Books, list[Event]]:
    """Return a book whose hash was not the venue's after a change at 2,000 ns; proven last by its snapshot at 1,000."""
    books, told = read_books()
    books.levels([change("bid", 3_300, 7, (3_300, 3_400), venue_ms=2, seen_ns=at_ns)])
    books.disprove(TOKEN)
    told.clear()
    return books, told


def test_a_loss_that_a_hash_showed_is_told_with_the_next_proof_back_to_the_last_and_once() -> None:
    books, told = disproven_book()
    assert books[TOKEN].best_bid == 3_300  # it answers: REST says what is so
    books.levels([change("bid", 3_000, 4, (3_300, 3_400), venue_ms=3, seen_ns=3_000)])
    for _ in range(2):
        books.prove(TOKEN, 3_500)
    assert gaps(told) == [(1_000, 3_000, STATED_ANEW.format(3))]
    assert books[TOKEN].verified_ns == 3_500


def test_a_hash_misled_where_rest_has_the_very_levels_that_it_was_said_to_differ_from() -> None:
    books, told = disproven_book()
    books.prove(TOKEN, 2_500)
    assert (told, books[TOKEN].verified_ns, books[TOKEN].disproven_ns) == ([], 2_500, 0)


def test_proof_of_before_the_loss_ends_no_gap() -> None:
    books, told = disproven_book()
    books.levels([change("bid", 3_000, 4, (3_300, 3_400), venue_ms=3, seen_ns=3_000)])
    told.clear()
    books.prove(TOKEN, 1_500)
    assert told == []
    books.prove(TOKEN, 3_000)
    assert [gap[:2] for gap in gaps(told)] == [(1_500, 3_000)]


@pytest.mark.parametrize("bids", [[*BIDS[:2], (3_300, 7)], [*BIDS[:2], (3_300, 1)]], ids=["equal", "as after a trade"])
def test_a_snapshot_ends_the_gap_of_a_loss_that_a_hash_showed(bids: list[tuple[int, int]]) -> None:
    books, told = disproven_book()
    books.book(snapshot(bids, ASKS, venue_ms=4, seen_ns=4_000))
    assert gaps(told) == [(1_000, 4_000, STATED_ANEW.format(2))]
    assert isinstance(told[-1], BookReplaced)
    books.book(snapshot(bids, ASKS, venue_ms=5, seen_ns=5_000))
    assert len(gaps(told)) == 1


def test_a_snapshot_that_shows_the_loss_itself_says_so() -> None:
    books, told = disproven_book()
    books.book(snapshot([(100, 1), (3_000, 5), (3_300, 7)], ASKS, venue_ms=4, seen_ns=4_000))
    assert [reason for *_, reason in gaps(told)] == ["the next snapshot shows that changes of 2 levels were lost"]


def test_a_doubt_tells_the_loss_and_nothing_is_left_of_it() -> None:
    books, told = disproven_book()
    books.doubt((TOKEN,), Freshness.SUSPECT, "something", 2_500)
    books.disprove(TOKEN)
    books.book(snapshot(BIDS, ASKS, venue_ms=4, seen_ns=4_000))
    assert gaps(told) == [(1_000, 4_000, "something")]
    books.prove(TOKEN, 9_000)
    assert len(gaps(told)) == 1


def test_an_equal_book_of_rest_tells_the_gap_of_a_book_whose_hash_was_another() -> None:
    books, told = disproven_book()
    books.read_over(snapshot([*BIDS[:2], (3_300, 7)], ASKS, seen_ns=4_000), Freshness.CURRENT, "read over REST")
    assert gaps(told) == [(1_000, 4_000, "read over REST")]


def test_the_end_of_a_market_ends_the_gap_of_a_loss_that_a_hash_showed() -> None:
    books, told = disproven_book()
    books.end(ENDED)
    assert gaps(told) == [(1_000, ENDED.seen_ns, STATED_ANEW.format(2))]
    assert books[TOKEN].freshness is Freshness.QUIET


def test_a_token_that_is_not_followed_is_not_disproven() -> None:
    books, _ = read_books()
    books.disprove(OTHER)
    assert OTHER not in books
