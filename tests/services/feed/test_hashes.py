"""Busy books proven by the venue's own hash: learnt from REST, equal is proof, unequal is a question."""

from typing import Final

import msgspec
import pytest

from polywire.core.book import Book
from polywire.model.health import Freshness
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, BookStated, LevelChanged
from polywire.model.units import ConditionId, TokenId
from polywire.services.feed.hashes import Hashes
from polywire.wire.book_hash import BookTerms, book_hash

TOKEN: Final = TokenId("7")
CONDITION: Final = ConditionId("0x1")
TERMS: Final = BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.140")


def stated(terms: BookTerms = TERMS, last_trade: int | None = 1_400) -> BookStated:
    """Return a REST book whose hash the venue made of `terms`."""
    sides = Levels.of("bid", [(4_000, 5_000_000)]), Levels.of("ask", [(6_000, 5_000_000)])
    digest = book_hash(CONDITION, TOKEN, 100, *sides, terms)
    said = BookReplaced(TOKEN, CONDITION, *sides, 100, last_trade, digest, 100, 1_000)
    return BookStated(said, 5_000_000, neg_risk=False)


def changed(book: Book, size: int, at_ms: int, terms: BookTerms = TERMS) -> LevelChanged:
    """Apply a change, with the hash that the venue would state of the book after it."""
    plain = LevelChanged(TOKEN, CONDITION, "bid", 3_000, size, 4_000, 6_000, "", at_ms, at_ms * 10)
    book.change(plain)
    event = msgspec.structs.replace(plain, digest=book_hash(CONDITION, TOKEN, at_ms, *book.bare_levels(), terms))
    book.change(event)
    return event


def known_book() -> tuple[Hashes, Book]:
    hashes, book = Hashes(), Book(TOKEN)
    book.replace(stated().book)
    hashes.learn(stated(), 2_000)
    return hashes, book


@pytest.mark.parametrize(
    ("terms", "last_trade"),
    [
        (TERMS, 1_400),
        (BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.14"), 1_400),
        (BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.1400"), 1_400),
        (BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.5"), 5_000),
        (BookTerms("5", "0.01", neg_risk=False, last_trade_price=""), None),
        (BookTerms("5", "0.01", neg_risk=False, last_trade_price=None), 1_400),
    ],
)
def test_however_the_last_trade_is_spelled_the_fields_are_learnt_and_an_equal_hash_is_proof(
    terms: BookTerms, last_trade: int | None
) -> None:
    hashes, book = Hashes(), Book(TOKEN)
    book.replace(stated(terms, last_trade).book)
    hashes.learn(stated(terms, last_trade), 2_000)
    changed(book, 7_000_000, 300, terms)
    assert list(hashes.check([book], 9)) == [(TOKEN, True)]
    assert (hashes.checked, hashes.unequal, hashes.unknown) == (1, 0, 0)


def test_a_lost_change_shows_in_the_second_hash_after_it_and_the_fields_are_learnt_anew() -> None:
    hashes, book = known_book()
    truth = Book(TOKEN)
    truth.replace(stated().book)
    changed(truth, 9_000_000, 200)
    for at_ms in (300, 400):
        size = at_ms * 10_000
        event = changed(truth, size, at_ms)
        book.change(msgspec.structs.replace(event, price=2_000))  # the book of one who missed what stands at 0.30
        found = list(hashes.check([book], 9))
        assert found == ([] if at_ms == 300 else [(TOKEN, False)])
    assert hashes.unequal == 2
    changed(book, 1, 500)
    assert list(hashes.check([book], 9)) == []


def test_after_a_trade_an_unequal_hash_says_nothing() -> None:
    """The hash can include a trade whose message comes later (py-clob-client-v2#117)."""
    hashes, book = known_book()
    traded = BookTerms("5", "0.01", neg_risk=False, last_trade_price="0.6")
    changed(book, 7_000_000, 300, traded)
    book.moved_by_trade_ns = 3_500
    assert list(hashes.check([book], 9)) == []
    assert hashes.unequal == 0
    hashes.learn(stated(traded, 6_000), 4_000)
    changed(book, 8_000_000, 500, traded)
    assert list(hashes.check([book], 9)) == [(TOKEN, True)]


def test_what_does_not_make_up_rest_s_own_hash_is_not_believed() -> None:
    hashes, book = Hashes(), Book(TOKEN)
    strange = stated(BookTerms("15", "0.01", neg_risk=False, last_trade_price=""), None)
    hashes.learn(strange, 2_000)
    hashes.learn(msgspec.structs.replace(strange, min_size=None), 2_000)
    book.replace(strange.book)
    changed(book, 7_000_000, 300)
    assert list(hashes.check([book], 9)) == []
    assert (hashes.checked, hashes.unknown) == (0, 1)


def test_only_books_that_answer_and_moved_since_their_last_proof_are_compared() -> None:
    hashes, book = known_book()
    assert list(hashes.check([book], 9)) == []
    changed(book, 7_000_000, 300)
    book.doubt(Freshness.RESYNCING, "lost")
    assert list(hashes.check([book], 9)) == []
    book.freshness = Freshness.CURRENT
    book.verified_ns = 3_000
    assert list(hashes.check([book], 9)) == []
    hashes.forget(TOKEN)
    hashes.forget(TOKEN)
    assert hashes.checked == 0


def test_no_more_than_allowed_are_compared_and_others_the_next_time() -> None:
    hashes = Hashes()
    books = []
    for number in range(5):
        token = TokenId(str(number))
        said = stated().book
        digest = book_hash(CONDITION, token, 100, said.bids, said.asks, TERMS)
        own = msgspec.structs.replace(said, token=token, digest=digest)
        hashes.learn(BookStated(own, 5_000_000, neg_risk=False), 2_000)
        book = Book(token)
        book.replace(own)
        plain = LevelChanged(token, CONDITION, "bid", 3_000, 1, 4_000, 6_000, "", 300, 3_000)
        book.change(plain)
        told = book_hash(CONDITION, token, 300, *book.bare_levels(), TERMS)
        book.change(msgspec.structs.replace(plain, digest=told))
        books.append(book)
    first = [token for token, _ in hashes.check(books, 2)]
    then = [token for token, _ in hashes.check(books, 2)]
    assert (first, then) == (["0", "1"], ["2", "3"])
