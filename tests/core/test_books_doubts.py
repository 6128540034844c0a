"""`core.books`: what is told of a doubt and a gap, and what the venue states against what a book holds."""

from typing import Any

import pytest

from core.events import OTHER, TOKEN, change, snapshot
from core.setting import ASKS, BIDS, THIRD, counts, failing, kinds, with_book
from polywire.core.books import Books
from polywire.errors import BookNotCurrent
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged, Gap
from polywire.model.units import TokenId

# ------------------------------------------------------------ what is told, in which order


def test_a_first_snapshot_tells_the_freshness_and_then_itself_and_is_no_gap() -> None:
    heard: list[Event] = []
    books = Books()
    books.read(TOKEN, heard.append)
    event = snapshot(BIDS, ASKS, venue_ms=3, seen_ns=4)
    books.book(event)
    assert heard == [FreshnessChanged(TOKEN, Freshness.COLD, Freshness.CURRENT, "snapshot", 4, 3, 4), event]


@pytest.mark.parametrize(
    "bids",
    [
        BIDS,
        BIDS[:-1],  # the best was taken whole
        (*BIDS[:-1], (3_300, 1)),  # or in part
        (*BIDS, (3_350, 4)),  # or something rests there now
        (),
    ],
)
def test_a_snapshot_that_differs_by_no_more_than_trades_do_tells_itself_alone(bids: Any) -> None:
    heard: list[Event] = []
    event = snapshot(bids, ASKS)
    with_book(heard.append).book(event)
    assert heard == [event]


@pytest.mark.parametrize(
    ("bids", "levels"),
    [
        (((100, 9), (2_000, 1), (3_000, 5), (3_300, 2)), 1),
        (((100, 8), (3_000, 5), (3_300, 2)), 2),
        (((3_000, 5), (3_300, 2)), 1),
        (((100, 9), (3_300, 2)), 1),
    ],
)
def test_a_snapshot_that_shows_a_lost_change_tells_the_gap_that_it_heals(bids: Any, levels: int) -> None:
    heard: list[Event] = []
    event = snapshot(bids, ASKS, venue_ms=9, seen_ns=9_000)
    with_book(heard.append).book(event)
    reason = f"the next snapshot shows that changes of {levels} levels were lost"
    assert heard == [Gap((TOKEN,), 1_000, 9_000, reason, 9, 9_000), event]


def test_a_message_older_than_the_one_before_makes_its_books_suspect() -> None:
    """Sizes are absolute: an old one in place of a newer one is wrong until the level changes again."""
    heard: list[Event] = []
    books = with_book(heard.append)
    books.levels([change("bid", 3_000, 7, venue_ms=8)])
    books.levels([change("bid", 3_000, 6, venue_ms=8)])
    assert books[TOKEN].freshness is Freshness.CURRENT
    books.levels([change("bid", 3_000, 5, venue_ms=7)])
    assert books[TOKEN].freshness is Freshness.SUSPECT
    assert books[TOKEN].reason == "a message of 7 ms came after a later one: frames are out of order"
    books.follow(OTHER)
    books.book(snapshot(BIDS, ASKS, token=OTHER, venue_ms=9))
    books.book(snapshot(BIDS, ASKS, venue_ms=9))
    books.levels([change("bid", 1, 1, venue_ms=8), change("bid", 1, 1, venue_ms=8, token=OTHER)])
    assert books.suspects == {TOKEN, OTHER}


@pytest.mark.parametrize("freshness", [Freshness.SUSPECT, Freshness.RESYNCING])
def test_a_doubt_is_told_at_once_and_its_gap_reaches_back_to_the_last_proof(freshness: Freshness) -> None:
    """design.md §2: a `Gap` is published back to `verified_at`, not to the instant of the doubt."""
    heard: list[Event] = []
    books = with_book(heard.append)
    applied = change("bid", 3_300, 7, (3_300, 3_400), seen_ns=2_000)
    books.levels([applied])
    books.doubt((TOKEN,), freshness, "two frames were cut", 5_000, venue_ms=4)
    whole = snapshot(BIDS, ASKS, venue_ms=9, seen_ns=10_000)
    books.book(whole)
    assert heard == [
        applied,
        FreshnessChanged(TOKEN, Freshness.CURRENT, freshness, "two frames were cut", 1_000, 4, 5_000),
        Gap((TOKEN,), 1_000, 10_000, "two frames were cut", 9, 10_000),
        FreshnessChanged(TOKEN, freshness, Freshness.CURRENT, "snapshot", 10_000, 9, 10_000),
        whole,
    ]


def test_a_book_found_quiet_missed_nothing_so_its_next_snapshot_ends_no_gap() -> None:
    """Quiet is silent, and checked to be so: it answers all the while."""
    heard: list[Event] = []
    books = with_book(heard.append)
    books.doubt((TOKEN,), Freshness.QUIET, "compared with REST", 5_000)
    books.book(snapshot(BIDS, ASKS))
    assert kinds(heard) == ["FreshnessChanged", "FreshnessChanged", "BookReplaced"]


def test_a_gap_s_reason_is_the_last_doubt_s() -> None:
    heard: list[Event] = []
    books = with_book(heard.append)
    books.doubt((TOKEN,), Freshness.SUSPECT, "cut", 5_000)
    books.doubt((TOKEN,), Freshness.RESYNCING, "asked for anew", 6_000)
    books.book(snapshot(BIDS, ASKS))
    steps = [(event.was, event.now) for event in heard if isinstance(event, FreshnessChanged)]
    assert steps == [
        (Freshness.CURRENT, Freshness.SUSPECT),
        (Freshness.SUSPECT, Freshness.RESYNCING),
        (Freshness.RESYNCING, Freshness.CURRENT),
    ]
    assert [event.reason for event in heard if isinstance(event, Gap)] == ["asked for anew"]


def test_the_same_doubt_twice_is_told_once() -> None:
    heard: list[Event] = []
    books = with_book(heard.append)
    for reason in ("cut", "cut", "cut again"):
        books.doubt((TOKEN,), Freshness.SUSPECT, reason, 5_000)
    assert [event.reason for event in heard if isinstance(event, FreshnessChanged)] == ["cut", "cut again"]


def test_only_books_that_had_a_snapshot_can_be_doubted() -> None:
    """A cold book does not answer anyhow, and the token of an unfollowed one may be anybody's."""
    heard: list[Event] = []
    books = with_book(heard.append)
    books.read(OTHER, heard.append)
    books.doubt((OTHER, THIRD), Freshness.SUSPECT, "cut", 5_000)
    assert (heard, books[OTHER].freshness, THIRD in books) == ([], Freshness.COLD, False)


def test_a_doubt_without_readers_silences_the_book_all_the_same() -> None:
    books = with_book()
    books.doubt(None, Freshness.SUSPECT, "cut", 5_000)
    assert books[TOKEN].freshness is Freshness.SUSPECT
    books.book(snapshot(BIDS, ASKS))
    assert books[TOKEN].freshness is Freshness.CURRENT


@pytest.mark.parametrize(
    ("tokens", "doubted"), [((), ""), ((TOKEN,), "7"), ((OTHER, THIRD), "8"), ((OTHER, TOKEN), "78"), (None, "78")]
)
def test_a_loss_silences_the_books_it_names_or_all_of_them(tokens: tuple[TokenId, ...] | None, doubted: str) -> None:
    """See `MarketSink.lost`: None is a change of any token."""
    books = with_book()
    books.follow(OTHER)
    books.book(snapshot(BIDS, ASKS, token=OTHER))
    books.lost(tokens, "undecodable price_change", 5_000)
    suspect = [book for book in books.values() if book.freshness is Freshness.SUSPECT]
    assert "".join(book.token for book in suspect) == doubted
    assert {book.reason for book in suspect} <= {"undecodable price_change"}


def test_a_loss_is_told_with_our_clock_alone_because_no_message_showed_it() -> None:
    heard: list[Event] = []
    with_book(heard.append).lost(None, "the queue was full", 5_000)
    reason = "the queue was full"
    assert heard == [FreshnessChanged(TOKEN, Freshness.CURRENT, Freshness.SUSPECT, reason, 1_000, 0, 5_000)]


# ------------------------------------------------------------ what the venue states and the book holds


def test_a_missing_best_silences_the_book_until_the_next_snapshot() -> None:
    heard: list[Event] = []
    books = with_book(heard.append)
    lacking = change("bid", 3_000, 7, (3_350, 3_400), venue_ms=3, seen_ns=4)
    books.levels([lacking])
    reason = "the venue states best prices 3350 and 3400 (1e-4) that the book does not hold"
    assert heard == [FreshnessChanged(TOKEN, Freshness.CURRENT, Freshness.SUSPECT, reason, 1_000, 3, 4), lacking]
    assert (counts(books)["best_mismatches"], books.pruned_levels) == (1, 0)
    books.levels([change("bid", 3_350, 1, (3_350, 3_400), venue_ms=3)])  # even though the bests agree again
    with pytest.raises(BookNotCurrent, match="3350"):
        books[TOKEN].answer()
    books.book(snapshot(BIDS, ASKS))
    assert books[TOKEN].best_bid == 3_300


def test_a_book_in_doubt_stays_where_the_feed_put_it_whatever_else_is_missing() -> None:
    """A best still missing while a new snapshot is on its way is no news, and would be told with every message."""
    heard: list[Event] = []
    books = with_book(heard.append)
    books.doubt((TOKEN,), Freshness.RESYNCING, "asked for anew", 5_000)
    books.levels([change("bid", 3_000, 7, (bid, 3_400)) for bid in (3_350, 3_351, 3_352)])
    assert (books[TOKEN].freshness, books[TOKEN].reason) == (Freshness.RESYNCING, "asked for anew")
    assert kinds(heard) == ["FreshnessChanged", *["LevelChanged"] * 3]
    assert books.best_mismatches == 3


def test_a_worse_best_prunes_the_book_which_goes_on_answering() -> None:
    heard: list[Event] = []
    books = with_book(heard.append)
    taken = change("ask", 9_900, 1, (100, 4_000))
    books.levels([taken])
    assert (books[TOKEN].best_bid, books[TOKEN].best_ask) == (100, 4_000)
    assert heard == [taken]
    assert counts(books) == {"changes": 1, "best_checks": 1, "best_mismatches": 1, "pruned_levels": 3}


def test_what_the_venue_leaves_unsaid_is_not_checked() -> None:
    books = with_book()
    books.levels([change("bid", 1, 1), change("bid", 1, 2, (None, 3_400)), change("bid", 1, 3, (3_300, 3_400))])
    assert counts(books) == {"changes": 3, "best_checks": 2}


def test_one_wrong_best_of_two_is_one_mismatch() -> None:
    books = with_book()
    books.levels([change("bid", 1, 1, (None, 3_350)), change("bid", 1, 1, (3_000, 3_350))])
    assert counts(books) == {"changes": 2, "best_checks": 2, "best_mismatches": 2, "pruned_levels": 1}


def test_every_snapshot_but_the_first_is_compared_with_the_book_kept_until_then() -> None:
    books = Books()
    books.follow(TOKEN)
    books.book(snapshot(BIDS, ASKS))
    assert counts(books) == {}
    books.book(snapshot(BIDS, ASKS))
    assert counts(books) == {"book_checks": 1}
    books.levels([change("bid", 3_300, 0)])
    books.book(snapshot(BIDS, ASKS))
    assert counts(books) == {"changes": 1, "book_checks": 2, "book_mismatches": 1}


def test_starting_the_checks_zeroes_their_counts_and_no_others() -> None:
    """design.md §6, `--from-empty S`: a book is checked after the first S seconds."""
    books = with_book(failing)
    books.levels([change("bid", 1, 1, token=THIRD), change("bid", 1, 1, (100, 3_350)), change("bid", 1, 1)])
    books.book(snapshot(ASKS, BIDS))
    books.start_checks()
    assert (books.best_checks, books.best_mismatches, books.pruned_levels) == (0, 0, 0)
    assert (books.book_checks, books.book_mismatches) == (0, 0)
    assert (books.changes, books.unfollowed, books.reader_errors) == (2, 1, 6)
    books.levels([change("bid", 3_300, 1), change("bid", 1, 1, (3_300, 3_400))])
    assert (books.best_checks, books.changes) == (1, 4)


# ------------------------------------------------------------ snapshots that are asked for


def test_a_snapshot_asked_for_makes_a_new_book_syncing_and_one_that_had_any_resyncing() -> None:
    heard: list[Event] = []
    books = with_book(heard.append)
    books.read(OTHER, heard.append)
    books.await_snapshots((OTHER, TOKEN), "subscribed", 5_000)
    assert heard == [
        FreshnessChanged(OTHER, Freshness.COLD, Freshness.SYNCING, "subscribed", None, 0, 5_000),
        FreshnessChanged(TOKEN, Freshness.CURRENT, Freshness.RESYNCING, "subscribed", 1_000, 0, 5_000),
    ]
    with pytest.raises(BookNotCurrent, match="syncing \\(subscribed;"):
        books[OTHER].answer()


def test_asking_again_is_told_once_and_keeps_the_first_reason() -> None:
    heard: list[Event] = []
    books = with_book(heard.append)
    books.await_snapshots((TOKEN, TOKEN), "subscribed", 5_000)
    books.await_snapshots((TOKEN,), "subscribed again", 6_000)
    assert (kinds(heard), books[TOKEN].reason) == (["FreshnessChanged"], "subscribed")


def test_nothing_is_awaited_for_a_token_that_is_not_followed() -> None:
    books = with_book()
    books.await_snapshots((THIRD,), "subscribed", 5_000)
    assert (THIRD in books, len(books), books[TOKEN].freshness) == (False, 1, Freshness.CURRENT)


def test_a_first_snapshot_that_was_awaited_ends_no_gap_and_another_ends_one() -> None:
    heard: list[Event] = []
    books = Books()
    books.read(TOKEN, heard.append)
    books.await_snapshots((TOKEN,), "subscribed", 500)
    books.book(snapshot(BIDS, ASKS))
    books.await_snapshots((TOKEN,), "reconnected", 5_000)
    books.book(snapshot(BIDS, ASKS, seen_ns=9_000))
    assert kinds(heard) == [*["FreshnessChanged"] * 2, "BookReplaced", "FreshnessChanged", "Gap", *kinds(heard)[1:3]]
    assert [event for event in heard if isinstance(event, Gap)] == [
        Gap((TOKEN,), 1_000, 9_000, "reconnected", 1, 9_000)
    ]


def test_tokens_that_became_suspect_are_gathered_for_whoever_can_mend_them() -> None:
    books = with_book()
    books.follow(OTHER)
    books.book(snapshot(BIDS, ASKS, token=OTHER))
    assert books.suspects == set()
    books.levels([change("bid", 3_000, 7, (3_350, 3_400))])
    assert books.suspects == {TOKEN}
    books.lost((OTHER,), "cut", 5_000)
    assert books.suspects == {TOKEN, OTHER}
    books.forget(OTHER)
    assert books.suspects == {TOKEN}


def test_a_book_that_is_only_awaited_is_nobody_s_to_mend() -> None:
    books = with_book()
    books.follow(OTHER)
    books.doubt((TOKEN,), Freshness.RESYNCING, "reconnected", 5_000)
    books.await_snapshots((TOKEN, OTHER), "subscribed", 5_000)
    books.lost((THIRD,), "cut", 5_000)
    assert books.suspects == set()


def test_a_suspect_stays_gathered_until_it_is_cleared_and_is_gathered_again_when_it_is_suspect_again() -> None:
    """Whoever mends looks at each book's freshness: a snapshot may have come by itself."""
    books = with_book()
    gathered = books.suspects
    books.lost((TOKEN,), "cut", 5_000)
    books.book(snapshot(BIDS, ASKS))
    assert gathered == {TOKEN}
    gathered.clear()
    books.lost((TOKEN,), "cut again", 6_000)
    assert books.suspects is gathered
    assert gathered == {TOKEN}
