"""All books of a feed as one: each socket keeps its own, and this finds the right one."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from polywire.core.book import Book
from polywire.core.books import Books
from polywire.model.units import TokenId
from polywire.services.feed.connection import Connection

_COUNTS: Final = (
    "best_checks",
    "best_mismatches",
    "pruned_levels",
    "book_checks",
    "book_mismatches",
    "reader_errors",
)


class FeedBooks:
    """The books of every socket, to be read.

    Args:
        connections: The sockets, by number; looked at anew each time.
    """

    def __init__(self, connections: Mapping[int, Connection]) -> None:
        self._connections = connections
        self._former = Counter[str]()

    def of(self, token: TokenId) -> Books | None:
        """Return the books that hold a token's; None where it is not followed."""
        for connection in self._connections.values():
            if token in connection.books:
                return connection.books
        return None

    def get(self, token: TokenId) -> Book | None:
        """Return a token's book; None where it is not followed."""
        books = self.of(token)
        return None if books is None else books[token]

    def __getitem__(self, token: TokenId) -> Book:
        """Return a followed token's book.

        Raises:
            KeyError: The token is not followed.
        """
        book = self.get(token)
        if book is None:
            raise KeyError(token)
        return book

    def __contains__(self, token: object) -> bool:
        return any(token in connection.books for connection in self._connections.values())

    def __len__(self) -> int:
        return sum(len(connection.books) for connection in self._connections.values())

    def values(self) -> list[Book]:
        """Return all books."""
        return [book for connection in self._connections.values() for book in connection.books.values()]

    def total(self, count: str) -> int:
        """Return the sum of one of `core.books.Books`' counts over all sockets, former ones too."""
        now = sum(int(getattr(connection.books, count)) for connection in self._connections.values())
        return self._former[count] + now

    def add_former(self, connection: Connection) -> None:
        """Keep the counts of a connection that is no more."""
        self._former.update({name: getattr(connection.books, name) for name in _COUNTS})
