"""Books, events of every kind and readers that the tests of `core` begin with."""

from typing import Final

from core.events import CONDITION, OTHER, TOKEN, snapshot
from polywire.core.book import Book, Reader
from polywire.core.books import Books
from polywire.model.events import Event
from polywire.model.market import BestChanged, MarketCreated, MarketResolved, TickSizeChanged, Traded
from polywire.model.units import TokenId

BIDS: Final = ((100, 9), (3_000, 5), (3_300, 2))
ASKS: Final = ((9_900, 8), (4_000, 6), (3_400, 3))
THIRD: Final = TokenId("9")
CREATED: Final = MarketCreated(
    CONDITION,
    "1",
    "s",
    "q",
    "d",
    ("Yes", "No"),
    (TOKEN, OTHER),
    "",
    "",
    "",
    (),
    True,
    100,
    None,
    1,
    2,
)
RESOLVED: Final = MarketResolved(CONDITION, "1", (TOKEN, OTHER), TOKEN, "Yes", (), 1, 2)
TICKED: Final = TickSizeChanged(TOKEN, CONDITION, 100, 10, 1, 2)
TRADED: Final = Traded(TOKEN, CONDITION, 3_300, 1, "BUY", None, "", 1, 2)
BEST: Final = BestChanged(TOKEN, CONDITION, 3_300, 3_400, 1, 2)


def with_book(reader: Reader | None = None) -> Books:
    """Return books that follow `TOKEN`, current, with a reader if one is given."""
    books = Books()
    books.follow(TOKEN)
    books.book(snapshot(BIDS, ASKS))
    if reader is not None:
        books.read(TOKEN, reader)
    return books


def counts(books: Books) -> dict[str, int]:
    """Return all counts that are not zero."""
    names = ("changes", "unfollowed", "early", "best_checks", "best_mismatches", "pruned_levels", "book_checks")
    every = {name: getattr(books, name) for name in (*names, "book_mismatches", "reader_errors")}
    return {name: count for name, count in every.items() if count}


def kinds(events: list[Event]) -> list[str]:
    """Return the events' names."""
    return [type(event).__name__ for event in events]


def failing(event: Event) -> None:
    """Be a reader that always fails."""
    raise ZeroDivisionError(type(event).__name__)


def filled(bids: tuple[tuple[int, int], ...] = BIDS, asks: tuple[tuple[int, int], ...] = ASKS) -> Book:
    """Return a current book."""
    book = Book(TOKEN)
    book.replace(snapshot(bids, asks))
    return book


def pairs(book: Book) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return both sides as plain pairs."""
    return [(level.price, level.size) for level in book.bids], [(level.price, level.size) for level in book.asks]
