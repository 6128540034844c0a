"""`polywire.core.hearing`: what REST proves of a book, whichever of REST and stream is ahead."""

from dataclasses import dataclass, replace
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core import hearing as subject
from polywire.core.book import Book
from polywire.core.hearing import Hearing, Verdict
from polywire.model.health import Freshness
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, BookStated, LevelChanged, Traded
from polywire.model.units import ConditionId, TokenId

TOKEN: Final = TokenId("7")
CONDITION: Final = ConditionId("0x1")
S: Final = 1_000_000_000
NOW: Final = 1_000 * S


def stating(bids: dict[int, int], at_ms: int, asks: dict[int, int] | None = None) -> BookReplaced:
    sides = Levels.of("bid", sorted(bids.items())), Levels.of("ask", sorted((asks or {6_000: 5}).items()))
    return BookReplaced(TOKEN, CONDITION, *sides, 100, None, "", at_ms, NOW)


def change(price: int, size: int, at_ms: int, best_bid: int | None = None) -> LevelChanged:
    return LevelChanged(TOKEN, CONDITION, "bid", price, size, best_bid, None, "", at_ms, NOW)


def replace_best(event: LevelChanged) -> LevelChanged:
    """Return an event that states the best prices its book has."""
    return msgspec.structs.replace(event, best_bid=4_000, best_ask=6_000)


def book_of(bids: dict[int, int], at_ms: int) -> Book:
    book = Book(TOKEN)
    book.replace(stating(bids, at_ms))
    return book


def hear(hearing: Hearing, *events: LevelChanged | BookReplaced) -> None:
    """Let the stream bring events: to the book, and to the hearing."""
    for event in events:
        if isinstance(event, BookReplaced):
            hearing.book.replace(event)
        elif not hearing.book.change(event):
            hearing.book.settle(event.best_bid, event.best_ask)
        hearing.take(event)


def stated(bids: dict[int, int], at_ms: int) -> BookStated:
    return BookStated(stating(bids, at_ms), 5_000_000, neg_risk=False)


def test_without_an_answer_there_is_no_verdict() -> None:
    assert Hearing(book_of({4_000: 5}, 100), NOW).finding(NOW + 60 * S).verdict is Verdict.WAIT


def test_equal_levels_prove_a_silent_book() -> None:
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hearing.answered(stated({4_000: 5}, 100), NOW)
    assert hearing.finding(NOW).verdict is Verdict.EQUAL
    assert not hearing.spoken


def test_a_book_that_missed_a_change_differs_once_the_stream_had_its_time() -> None:
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hearing.answered(stated({4_000: 5, 3_000: 9}, 150), NOW)
    assert hearing.finding(NOW + S).verdict is Verdict.WAIT
    found = hearing.finding(NOW + 2 * S)
    assert found.verdict is Verdict.DIFFERS
    assert found.reason == "REST shows a book of 150 ms that differs in 1 entries"
    assert found.book is not None
    assert list(found.book.bids) == [(3_000, 9), (4_000, 5)]
    assert found.book.seen_ns == NOW + 2 * S


def test_a_change_that_the_stream_brings_later_than_rest_makes_them_equal() -> None:
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hearing.answered(stated({4_000: 5, 3_000: 9}, 150), NOW)
    hear(hearing, change(3_000, 9, 150))
    assert hearing.finding(NOW + S).verdict is Verdict.EQUAL
    assert hearing.spoken


def test_a_stream_that_is_ahead_of_rest_is_replayed_over_it() -> None:
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hear(hearing, change(3_000, 9, 120), change(2_000, 1, 160), replace_best(change(3_000, 4, 170)))
    hearing.answered(stated({4_000: 5, 3_000: 9}, 150), NOW)
    assert hearing.finding(NOW).verdict is Verdict.EQUAL


def test_a_stream_that_has_passed_rest_and_differs_missed_something_and_nothing_is_waited_for() -> None:
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hear(hearing, change(2_000, 1, 160))
    hearing.answered(stated({4_000: 5, 3_000: 9}, 150), NOW)
    assert hearing.finding(NOW).verdict is Verdict.DIFFERS


def test_rest_that_is_behind_the_stream_proves_nothing() -> None:
    """A REST cache has been seen serving a book of another time (py-clob-client#180)."""
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hearing.answered(stated({100: 5}, 90), NOW)
    found = hearing.finding(NOW + 60 * S)
    assert (found.verdict, found.reason, found.book) == (Verdict.STALE, "REST is 10 ms behind the stream", None)


def test_a_snapshot_of_the_stream_is_replayed_too_and_prunes_like_a_book() -> None:
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hear(hearing, stating({4_000: 5, 4_500: 2}, 160), change(3_000, 1, 170, best_bid=4_000))
    hearing.answered(stated({4_000: 8}, 150), NOW)
    assert hearing.finding(NOW).verdict is Verdict.EQUAL
    assert list(hearing.book.bids) == [(3_000, 1), (4_000, 5)]


def test_a_book_that_is_not_believed_is_taken_from_rest_at_once() -> None:
    book = book_of({4_000: 5}, 100)
    book.doubt(Freshness.RESYNCING, "lost")
    hearing = Hearing(book, NOW)
    hear(hearing, change(2_000, 1, 160))
    hearing.answered(stated({4_500: 5}, 150), NOW)
    found = hearing.finding(NOW, trusted=False)
    assert found.verdict is Verdict.DIFFERS
    assert found.book is not None
    assert list(found.book.bids) == [(2_000, 1), (4_500, 5)]


def test_a_cold_book_has_no_instant_to_be_behind_of() -> None:
    hearing = Hearing(Book(TOKEN), NOW)
    hearing.answered(stated({4_500: 5}, 150), NOW)
    assert hearing.finding(NOW, trusted=False).book is not None


def test_events_that_move_no_book_are_not_kept() -> None:
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hearing.take(Traded(TOKEN, CONDITION, 4_000, 1, "BUY", None, "", 100, NOW))
    assert not hearing.spoken


def test_more_changes_than_can_be_kept_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_MOST_KEPT", 3)
    hearing = Hearing(book_of({4_000: 5}, 100), NOW)
    hear(hearing, *(change(3_000, size, 150 + size) for size in range(1, 5)))
    hearing.answered(stated({4_000: 5}, 150), NOW)
    assert hearing.finding(NOW).verdict is Verdict.STALE


@dataclass(frozen=True)
class Move:
    price: int
    size: int
    at_ms: int


MOVES: Final = st.lists(
    st.builds(Move, st.sampled_from([1_000, 2_000, 3_000]), st.integers(0, 3), st.just(0)), max_size=12
).map(lambda moves: [replace(move, at_ms=100 + 10 * (index // 2)) for index, move in enumerate(moves)])


def bids_after(moves: list[Move]) -> dict[int, int]:
    bids = {4_000: 5}
    for move in moves:
        bids[move.price] = move.size
        if not move.size:
            del bids[move.price]
    return bids


@given(moves=MOVES, data=st.data())
def test_a_book_that_heard_everything_never_differs_wherever_rest_and_stream_stand(
    moves: list[Move], data: st.DataObject
) -> None:
    """REST answers between the question and the answer; the stream may be behind it or ahead, by up to all moves."""
    asked_at = data.draw(st.integers(0, len(moves)), "the stream stands here when REST is asked")
    rest_at = data.draw(st.integers(asked_at, len(moves)), "REST's book")
    first = [change(move.price, move.size, move.at_ms) for move in moves]
    hearing = Hearing(book_of({4_000: 5}, 90), NOW)
    for event in first[:asked_at]:
        hearing.book.change(event)
    hearing = Hearing(hearing.book, NOW)
    rest_ms = moves[rest_at - 1].at_ms if rest_at else 90
    heard_by_then = data.draw(st.integers(asked_at, len(moves)), "the stream stands here when REST answers")
    hear(hearing, *first[asked_at:heard_by_then])
    hearing.answered(stated(bids_after(moves[:rest_at]), rest_ms), NOW)
    in_time = hearing.finding(NOW)
    passed = any(event.venue_ms > rest_ms for event in first[asked_at:heard_by_then])
    assert in_time.verdict is not Verdict.DIFFERS or not passed
    hear(hearing, *first[heard_by_then:])
    assert hearing.finding(NOW + 2 * S).verdict is Verdict.EQUAL


@given(moves=MOVES.filter(bool), data=st.data())
def test_a_book_that_missed_a_change_that_still_shows_is_found_out(moves: list[Move], data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, len(moves) - 1))
    heard = [move for index, move in enumerate(moves) if index != lost]
    book = book_of({4_000: 5}, 90)
    for move in heard:
        book.change(change(move.price, move.size, move.at_ms))
    hearing = Hearing(book, NOW)
    hearing.answered(stated(bids_after(moves), moves[-1].at_ms), NOW)
    verdict = hearing.finding(NOW + 2 * S).verdict
    assert (verdict is Verdict.DIFFERS) == (bids_after(moves) != bids_after(heard))
