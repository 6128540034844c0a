"""All books of a feed as one: each socket keeps its own, and this finds the right one."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from polywire.core.book import Book, Reader
from polywire.core.books import Books
from polywire.model.units import TokenId
from polywire.services.feed.connection import Connection
from polywire.services.feed.handover import Waiting

_COUNTS: Final = (
    "best_checks",
    "best_mismatches",
    "pruned_levels",
    "book_checks",
    "book_mismatches",
    "reader_errors",
)


class FeedBooks:
    """The books of every socket, to be read. Of two sockets that carry a token, the authoritative one's book counts.

    Args:
        connections: The sockets, by number; looked at anew each time.
        carriers: At which of them the readers of a token stand.
        waits: Readers of tokens that are being moved from one to another.
    """

    def __init__(
        self,
        connections: Mapping[int, Connection],
        carriers: Mapping[TokenId, Connection],
        waits: Mapping[TokenId, Waiting],
    ) -> None:
        self._connections, self._carriers, self._waits = connections, carriers, waits
        self._former = Counter[str]()

    def of(self, token: TokenId) -> Books | None:
        """Return the books that hold a token's; None where it is not followed."""
        carrier = self._carriers.get(token)
        return None if carrier is None else carrier.books

    def every(self, token: TokenId) -> list[Books]:
        """Return the books of all sockets that hold a token's, standbys too."""
        return [one.books for one in self._connections.values() if token in one.books]

    def get(self, token: TokenId) -> Book | None:
        """Return a token's book; None where it is not followed. Ask anew each time: it may move to another socket."""
        carrier = self._carriers.get(token)
        return None if carrier is None else carrier.books[token]

    def read(self, token: TokenId, reader: Reader) -> None:
        """Hand each event of a followed token to `reader` from now on, whichever socket brings it."""
        books = self.of(token)
        if books is not None:
            books.read(token, reader)

    def leave(self, token: TokenId, reader: Reader) -> None:
        """Hand nothing of a token to `reader` any more."""
        books = self.of(token)
        if books is not None:
            books.leave(token, reader)
        if token in self._waits:
            self._waits[token].leave(reader)

    def __getitem__(self, token: TokenId) -> Book:
        """Return a followed token's book.

        Raises:
            KeyError: The token is not followed.
        """
        return self._carriers[token].books[token]

    def __contains__(self, token: object) -> bool:
        return token in self._carriers

    def __len__(self) -> int:
        return len(self._carriers)

    def values(self) -> list[Book]:
        """Return all books."""
        return [carrier.books[token] for token, carrier in self._carriers.items()]

    def total(self, count: str) -> int:
        """Return the sum of one of `core.books.Books`' counts over all sockets, former ones and standbys too."""
        now = sum(int(getattr(connection.books, count)) for connection in self._connections.values())
        return self._former[count] + now

    def add_former(self, connection: Connection) -> None:
        """Keep the counts of a connection that is no more."""
        self._former.update({name: getattr(connection.books, name) for name in _COUNTS})
