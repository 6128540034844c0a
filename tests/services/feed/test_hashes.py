"""Busy books proven by the venue's own hash: learnt from REST, equal is proof, unequal is a loss or a question."""

from typing import Final

import msgspec
import pytest

from polywire.core.book import Book
from polywire.model.health import Freshness
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, BookStated, LevelChanged
from polywire.model.units import ConditionId, TokenId, price_text
from polywire.services.feed.hashes import Hashes, Told
from polywire.wire.book_hash import BookTerms, book_hash

TOKEN: Final = TokenId("7")
CONDITION: Final = ConditionId("0x1")
TERMS: Final = BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.140")
TRADED: Final = BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.600")


def stated(terms: BookTerms = TERMS, last_trade: int | None = 1_400, token: TokenId = TOKEN) -> BookStated:
    """Return a REST book whose hash the venue made of `terms`."""
    sides = Levels.of("bid", [(4_000, 5_000_000)]), Levels.of("ask", [(6_000, 5_000_000)])
    digest = book_hash(CONDITION, token, 100, *sides, terms)
    said = BookReplaced(token, CONDITION, *sides, None, last_trade, digest, 100, 1_000)
    tick = round(float(terms.tick_size) * 10_000)
    return BookStated(msgspec.structs.replace(said, tick=tick), 5_000_000, neg_risk=False)


def changed(book: Book, size: int, at_ms: int, terms: BookTerms = TERMS) -> LevelChanged:
    """Apply a change, with the hash that the venue would state of the book after it."""
    plain = LevelChanged(book.token, CONDITION, "bid", 3_000, size, 4_000, 6_000, "", at_ms, at_ms * 10)
    book.change(plain)
    event = msgspec.structs.replace(plain, digest=book_hash(CONDITION, book.token, at_ms, *book.bare_levels(), terms))
    book.change(event)
    return event


def known_book(terms: BookTerms = TERMS, last_trade: int | None = 1_400) -> tuple[Hashes, Book]:
    hashes, book = Hashes(), Book(TOKEN)
    book.replace(stated(terms, last_trade).book)
    hashes.learn(stated(terms, last_trade))
    return hashes, book


def lossy(book: Book, truth: Book, at_ms: int, terms: BookTerms = TERMS) -> None:
    """Let a change reach a book that missed what rests at 0.30."""
    event = changed(truth, at_ms * 10_000, at_ms, terms)
    book.change(msgspec.structs.replace(event, price=2_000))


def copy_of(book: Book) -> Book:
    made = Book(book.token)
    made.replace(BookReplaced(book.token, CONDITION, *book.bare_levels(), book.tick, None, "", 1, 1))
    return made


def told(hashes: Hashes, *books: Book, most: int = 9) -> list[tuple[TokenId, Told]]:
    return list(hashes.check(list(books), most))


def test_an_equal_hash_is_proof() -> None:
    hashes, book = known_book()
    changed(book, 7_000_000, 300)
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]
    assert (hashes.checked, hashes.unequal, hashes.unknown) == (1, 0, 0)


def test_after_a_trade_of_which_nobody_told_an_equal_hash_is_proof_all_the_same() -> None:
    """The hash can include a trade whose message comes later (py-clob-client-v2#117)."""
    hashes, book = known_book()
    changed(book, 7_000_000, 300, TRADED)
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]
    changed(book, 8_000_000, 400, TERMS)
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]
    assert hashes.unequal == 0


@pytest.mark.parametrize("terms", [TERMS, TRADED], ids=["no trade", "a trade meanwhile"])
def test_a_lost_change_shows_in_the_first_hash_after_it_where_one_was_equal_before(terms: BookTerms) -> None:
    hashes, book = known_book()
    changed(book, 7_000_000, 300)
    told(hashes, book)
    truth = copy_of(book)
    changed(truth, 9_000_000, 400)
    for at_ms in (500, 600):
        lossy(book, truth, at_ms, terms)
        assert told(hashes, book) == [(TOKEN, Told.LOST)]
    assert (hashes.checked, hashes.unequal) == (3, 2)


def test_where_no_hash_of_a_change_was_ever_equal_an_unequal_one_is_a_question_and_only_twice_in_a_row() -> None:
    """What the venue states with a change may be another thing (docs/protocol.md, "Book hash")."""
    hashes, book = known_book()
    truth = copy_of(book)
    for at_ms, found in ((300, []), (400, [(TOKEN, Told.DOUBTFUL)]), (500, [(TOKEN, Told.UNKNOWN)])):
        lossy(book, truth, at_ms)
        assert told(hashes, book) == found
    hashes.learn(stated())
    lossy(book, truth, 600)
    assert told(hashes, book) == []


def test_a_hash_that_misled_shows_no_loss_until_one_is_equal_again() -> None:
    hashes, book = known_book()
    changed(book, 7_000_000, 300)
    told(hashes, book)
    hashes.misled(TOKEN)
    hashes.misled(TokenId("8"))
    truth = copy_of(book)
    lossy(book, truth, 400)
    assert told(hashes, book) == []
    changed(book, 8_000_000, 500)
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]
    lossy(book, truth, 600)
    assert told(hashes, book) == [(TOKEN, Told.LOST)]


def test_on_a_grid_too_fine_to_try_every_price_an_unequal_hash_is_a_question() -> None:
    fine = BookTerms("5", "0.0001", neg_risk=False, last_trade_price="0.140")
    hashes, book = known_book(fine)
    changed(book, 7_000_000, 300, fine)
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]
    truth = copy_of(book)
    for at_ms, found in ((400, []), (500, [(TOKEN, Told.DOUBTFUL)])):
        lossy(book, truth, at_ms, fine)
        assert told(hashes, book) == found


def test_a_field_that_changed_is_learnt_anew_from_rest_where_hashes_are_unequal() -> None:
    hashes, book = known_book()
    changed(book, 7_000_000, 300)
    told(hashes, book)
    larger = BookTerms("15", "0.01", neg_risk=False, last_trade_price="0.140")
    said = msgspec.structs.replace(stated(larger), min_size=15_000_000)
    hashes.learn(said)  # nothing is amiss yet: it is not looked at
    changed(book, 8_000_000, 400, larger)
    assert told(hashes, book) == [(TOKEN, Told.LOST)]
    hashes.learn(said)
    changed(book, 9_000_000, 500, larger)
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]


def test_a_last_trade_price_off_the_grid_is_learnt_from_rest_and_nothing_shows_a_loss_from_then_on() -> None:
    hashes, book = known_book()
    changed(book, 7_000_000, 300)
    told(hashes, book)
    odd = BookTerms("5", "0.01", neg_risk=False, last_trade_price=price_text(1_234))
    changed(book, 8_000_000, 400, odd)
    assert told(hashes, book) == [(TOKEN, Told.LOST)]
    hashes.learn(stated(odd, 1_234))
    changed(book, 9_000_000, 500, odd)
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]
    lossy(book, copy_of(book), 600)
    assert told(hashes, book) == []


def test_what_does_not_make_up_rest_s_own_hash_is_not_believed_and_not_asked_for_again() -> None:
    hashes, book = Hashes(), Book(TOKEN)
    strange = stated(BookTerms("15", "0.01", neg_risk=False, last_trade_price=""), None)
    book.replace(strange.book)
    changed(book, 7_000_000, 300)
    assert told(hashes, book) == [(TOKEN, Told.UNKNOWN)]
    hashes.learn(strange)
    assert told(hashes, book) == []
    assert (hashes.checked, hashes.unknown) == (0, 1)
    hashes.learn(stated())
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]


def test_a_rest_book_without_a_hash_says_nothing_of_it() -> None:
    hashes, book = Hashes(), Book(TOKEN)
    bare = msgspec.structs.replace(stated(), book=msgspec.structs.replace(stated().book, digest=""))
    hashes.learn(bare)
    book.replace(bare.book)
    changed(book, 7_000_000, 300)
    assert told(hashes, book) == [(TOKEN, Told.UNKNOWN)]
    assert hashes.unknown == 0


def test_what_rest_says_no_more_is_forgotten_where_hashes_are_unequal() -> None:
    hashes, book = known_book()
    lossy(book, copy_of(book), 300)
    told(hashes, book)
    hashes.learn(msgspec.structs.replace(stated(), min_size=15_000_000))
    lossy(book, copy_of(book), 400)
    assert (told(hashes, book), hashes.unknown) == ([], 1)


def test_only_books_that_answer_and_moved_since_their_last_proof_and_look_are_compared() -> None:
    hashes, book = known_book()
    assert told(hashes, book) == told(hashes) == []
    changed(book, 7_000_000, 300)
    book.doubt(Freshness.RESYNCING, "lost")
    assert told(hashes, book) == []
    book.freshness = Freshness.CURRENT
    book.verified_ns = 3_000
    assert told(hashes, book) == []
    changed(book, 8_000_000, 400)
    assert told(hashes, book) == [(TOKEN, Told.EQUAL)]
    assert told(hashes, book) == []
    hashes.forget(TOKEN)
    hashes.forget(TOKEN)
    assert hashes.checked == 1


def test_levels_are_those_of_the_last_change_where_they_make_up_its_hash() -> None:
    hashes, book = known_book()
    assert hashes.makes_up(book, stated().book)  # the snapshot's own
    truth = copy_of(book)
    lossy(book, truth, 300, TRADED)
    right = msgspec.structs.replace(stated().book, bids=truth.bare_levels()[0])
    wrong = msgspec.structs.replace(stated().book, bids=book.bare_levels()[0])
    assert (hashes.makes_up(book, right), hashes.makes_up(book, wrong)) == (True, False)
    assert not Hashes().makes_up(book, right)
    book.heard_digest = ""
    assert not hashes.makes_up(book, right)


def test_no_more_than_allowed_are_compared_and_others_the_next_time() -> None:
    hashes, books = Hashes(), list[Book]()
    for number in range(5):
        token = TokenId(str(number))
        hashes.learn(stated(token=token))
        book = Book(token)
        book.replace(stated(token=token).book)
        changed(book, 1, 300)
        books.append(book)
    first = [token for token, _ in told(hashes, *books, most=2)]
    then = [token for token, _ in told(hashes, *books, most=2)]
    assert (first, then) == (["0", "1"], ["2", "3"])


def test_looking_for_a_last_trade_price_counts_as_three() -> None:
    hashes, books = Hashes(), list[Book]()
    for number in range(5):
        token = TokenId(str(number))
        hashes.learn(stated(token=token))
        book = Book(token)
        book.replace(stated(token=token).book)
        changed(book, 1, 300, TRADED)
        books.append(book)
    assert len(told(hashes, *books, most=4)) == 2
