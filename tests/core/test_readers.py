"""Readers shared by books: one tuple for all books that the same readers read, and none left behind."""

from collections.abc import Callable
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.book import Book, Reader
from polywire.core.readers import SharedReaders
from polywire.model.events import Event
from polywire.model.units import TokenId


def reader() -> Reader:
    heard: list[Event] = []
    return heard.append


def books(count: int) -> list[Book]:
    return [Book(TokenId(str(number))) for number in range(count)]


def test_books_with_the_same_readers_in_the_same_order_share_one_tuple() -> None:
    shared = SharedReaders()
    first, second, third = books(3)
    one, two = reader(), reader()
    shared.give(first, (one, two))
    shared.give(second, (one, *[two]))
    shared.give(third, (two, one))
    assert first.readers is second.readers
    assert (first.readers, third.readers, len(shared)) == ((one, two), (two, one), 2)


def test_a_bound_method_made_anew_is_the_same_reader() -> None:
    """Every access to a method makes another object, equal to the last."""
    heard: list[Event] = []
    shared = SharedReaders()
    first, second = books(2)
    shared.give(first, (heard.append,))
    shared.give(second, (heard.append,))
    assert (first.readers is second.readers, len(shared)) == (True, 1)


def test_a_set_of_readers_is_forgotten_with_the_last_book_that_had_it() -> None:
    shared = SharedReaders()
    first, second = books(2)
    one = reader()
    shared.give(first, (one,))
    shared.give(second, (one,))
    shared.give(first, ())
    assert (first.readers, second.readers, len(shared)) == ((), (one,), 1)
    shared.give(second, ())
    assert (second.readers, len(shared)) == ((), 0)


def test_no_readers_are_no_set() -> None:
    shared = SharedReaders()
    (book,) = books(1)
    shared.give(book, ())
    assert (book.readers, len(shared)) == ((), 0)


def test_giving_a_book_the_readers_it_has_changes_nothing_and_counts_it_once() -> None:
    shared = SharedReaders()
    (book,) = books(1)
    one = reader()
    shared.give(book, (one,))
    kept = book.readers
    shared.give(book, (one,))
    assert (book.readers is kept, len(shared)) == (True, 1)
    shared.give(book, ())
    assert len(shared) == 0


def test_a_set_that_was_forgotten_can_be_given_again() -> None:
    shared = SharedReaders()
    (book,) = books(1)
    one = reader()
    for _ in range(3):
        shared.give(book, (one,))
        assert (book.readers, len(shared)) == ((one,), 1)
        shared.give(book, ())
        assert len(shared) == 0


READERS: Final[list[Callable[[Any], None]]] = [reader() for _ in range(3)]
CHANGES: Final = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.sampled_from(READERS), max_size=3).map(tuple)), max_size=40
)


@given(changes=CHANGES)
def test_after_any_changes_there_are_as_many_sets_as_books_differ_and_each_is_shared(changes: list[Any]) -> None:
    shared, some = SharedReaders(), books(4)
    for number, readers in changes:
        shared.give(some[number], tuple(readers))
        assert some[number].readers == readers
        assert len(shared) == len({book.readers for book in some if book.readers})
        assert len({id(book.readers) for book in some if book.readers}) == len(shared)
    for book in some:
        shared.give(book, ())
    assert len(shared) == 0
