"""News of markets, created and resolved: every socket carries them, and a reader wants each once."""

from collections.abc import Callable, Iterable
from typing import Final

from polywire.core.book import Reader
from polywire.core.books import Books
from polywire.core.once import Once
from polywire.model.market import MarketCreated, MarketResolved
from polywire.model.units import ConditionId
from polywire.services.feed.books import FeedBooks
from polywire.wire.sink import OtherEvent

NEWS: Final = frozenset({MarketCreated, MarketResolved})
"""What is told of a market rather than of a token."""


class News:
    """Tells of markets that were created or resolved, once, however many sockets say so.

    Whoever reads a token of a resolved market is told of it anyway; the readers here are told of every market.

    Args:
        books: Those that end with their market.

    Attributes:
        resolved: Told of each market that was said to be resolved.
    """

    def __init__(self, books: FeedBooks) -> None:
        self._books = books
        self.resolved: Callable[[ConditionId], object] = _untold
        self._once = Once()
        self._readers: dict[type, tuple[Reader, ...]] = dict.fromkeys(NEWS, ())

    def read(self, reader: Reader, kinds: Iterable[type]) -> None:
        """Tell `reader` of these kinds of news, of all markets."""
        for kind in kinds:
            self._readers[kind] = (*self._readers[kind], reader)

    def leave(self, reader: Reader) -> None:
        """Tell `reader` nothing any more."""
        for kind, readers in self._readers.items():
            self._readers[kind] = tuple(other for other in readers if other != reader)

    @property
    def wanted(self) -> bool:
        """Whether anybody reads of all markets."""
        return any(self._readers.values())

    def tell(self, event: MarketCreated | MarketResolved) -> None:
        """Tell of one message, if it is the first of its kind."""
        # A market is resolved once, and REST may say so too, with another time or none.
        when = event.venue_ms if isinstance(event, MarketCreated) else None
        tokens = event.tokens if isinstance(event, MarketResolved) else ()
        if self._once.first((type(event), event.condition, when)):
            followed = [book for token in tokens if (book := self._books.get(token)) is not None]
            concerned = [reader for book in followed for reader in book.readers]
            for reader in dict.fromkeys((*concerned, *self._readers[type(event)])):
                reader(event)
        if isinstance(event, MarketResolved):  # a repeated one too: a token may have been followed anew since
            self.resolved(event.condition)
            for token in tokens:
                for books in self._books.every(token):  # a standby's too: nothing will come that could prove it
                    books.end(event)

    def sink(self, books: Books) -> "SocketSink":
        """Return the decoder's sink of one socket's books."""
        return SocketSink(books, self)


def _untold(_condition: ConditionId) -> None:
    """Take the news that nobody wants."""


class SocketSink:
    """A decoder's sink that is a socket's books, but for the news of markets, which every socket carries."""

    def __init__(self, books: Books, news: News) -> None:
        self.book, self.levels, self.lost = books.book, books.levels, books.lost
        self._event, self._news = books.event, news

    def event(self, event: OtherEvent) -> None:
        """Hand on an event that changes no level."""
        if isinstance(event, MarketCreated | MarketResolved):
            self._news.tell(event)
        else:
            self._event(event)
