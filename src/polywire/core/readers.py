"""Who is handed a token's events: one tuple for all books that the same readers read."""

from polywire.core.book import Book, Reader


class SharedReaders:
    """Gives books their readers, and forgets a set of readers when no book has it any more.

    Sharing keeps 100,000 books with the same readers in the processor's cache; counting keeps the memory of readers
    that left from staying behind.
    """

    __slots__ = ("_sets",)

    def __init__(self) -> None:
        self._sets: dict[tuple[Reader, ...], tuple[tuple[Reader, ...], list[int]]] = {}

    def give(self, book: Book, readers: tuple[Reader, ...]) -> None:
        """Let `readers` be those of a book, in this order."""
        former = book.readers
        if readers:
            shared, count = self._sets.setdefault(readers, (readers, [0]))
            count[0] += 1
            book.readers = shared
        else:
            book.readers = ()
        if former:
            count = self._sets[former][1]
            count[0] -= 1
            if not count[0]:
                del self._sets[former]

    def __len__(self) -> int:
        """Return how many different sets of readers there are."""
        return len(self._sets)
