"""Proof of busy books by the venue's own hash, without a request: where all ten fields that enter it are known.

The stream leaves some of them out: REST says them, `wire.hash_terms` keeps them. An equal hash proves every level. One
that no last trade price makes equal shows that changes were lost, where the hash of a change of that token was equal
before: that `price_changes[].hash` is the book's is not certain (docs/protocol.md, "Book hash"). Elsewhere it shows
nothing; twice in a row, REST is asked.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Final

import msgspec

from polywire.core.book import Book
from polywire.model.health import ANSWERING
from polywire.model.market import BookReplaced, BookStated
from polywire.model.units import TokenId
from polywire.wire.hash_terms import Claim, HashTerms, terms_of

CHECKS_A_SECOND: Final = 100
"""Of books of 150 levels each costs 0.06 ms."""

_IN_A_ROW: Final = 2  # unequal ones that show nothing, before REST is asked
_SEARCH: Final = 3  # what looking for the last trade price costs, in comparisons


class Told(Enum):
    """What a hash tells of a book."""

    EQUAL = "every level is the venue's"
    LOST = "changes of it were lost"
    DOUBTFUL = "it is wrong, or its hash is not what it is taken for"
    UNKNOWN = "what enters its hash is not known"


class _Known(msgspec.Struct):
    """What is known of a token's hash."""

    terms: HashTerms
    sound: bool = False  # the hash of a change was equal: it is the book's
    unequal: int = 0  # in a row
    compared_ns: int = 0  # when the change came whose hash was compared last


class Hashes:
    """Checks books of one socket against the hash that the last change of each stated.

    Attributes:
        checked: Books compared.
        unequal: Those whose hash was another.
        unknown: REST books whose hash could not be made up: a field of it is not known.
    """

    def __init__(self) -> None:
        self._known: dict[TokenId, _Known] = {}
        self._odd: set[TokenId] = set()  # REST's hash of them was not made up: it is not asked for the fields again
        self._next = 0
        self.checked = self.unequal = self.unknown = 0

    def learn(self, stated: BookStated) -> None:
        """Take the fields that the stream leaves out, if they make up the stated hash.

        Of a token that is known they are looked at again where its hash was unequal: they may be why.
        """
        token = stated.book.token
        known = self._known.get(token)
        if known is None:
            terms = terms_of(stated)
            if terms is not None:
                self._known[token] = _Known(terms)
        elif not known.unequal:
            return
        elif not known.terms.update(stated):
            del self._known[token]
        if token in self._known:
            self._odd.discard(token)
        elif stated.book.digest:
            self.unknown += 1
            self._odd.add(token)

    def check(self, books: list[Book], most: int) -> Iterator[tuple[TokenId, Told]]:
        """Yield tokens whose hash tells something.

        Args:
            books: Those of the socket. Up to `most` of them are compared, others the next time.
            most: How many to compare; one whose last trade price is looked for counts as three.
        """
        start = self._next % max(1, len(books))
        self._next += most
        left = most
        for book in (*books[start:], *books[:start]):
            if left <= 0:
                return
            if book.freshness not in ANSWERING or book.heard_ns <= book.verified_ns or not book.heard_digest:
                continue  # a snapshot is proof already
            known = self._known.get(book.token)
            if known is None:
                if book.token not in self._odd:
                    yield book.token, Told.UNKNOWN
            elif known.compared_ns != book.heard_ns:
                told, cost = self._compared(known, book)
                left -= cost
                if told is not None:
                    yield book.token, told

    def makes_up(self, book: Book, stated: BookReplaced) -> bool:
        """Return whether the last change of a book stated the hash of these levels, that REST and the stream say."""
        known = self._known.get(book.token)
        if known is None or not book.heard_digest:
            return False
        return known.terms.make_up(_claim(book), stated.bids, stated.asks)

    def misled(self, token: TokenId) -> None:
        """Learn that a hash showed a loss where REST shows the very same levels: it shows none until one is equal."""
        known = self._known.get(token)
        if known is not None:
            known.sound, known.unequal = False, 0

    def forget(self, token: TokenId) -> None:
        """Forget what was learnt of a token."""
        self._known.pop(token, None)
        self._odd.discard(token)

    def _compared(self, known: _Known, book: Book) -> tuple[Told | None, int]:
        """Compare a book; return what that tells, if anything, and what it cost, in comparisons."""
        self.checked += 1
        known.compared_ns = book.heard_ns
        claim, before = _claim(book), known.terms.terms
        if known.terms.make_up(claim, *book.bare_levels()):
            known.unequal, known.sound = 0, True
            return Told.EQUAL, 1 if known.terms.terms == before else _SEARCH
        self.unequal += 1
        known.unequal += 1
        if known.sound and known.terms.tries_all(claim):
            return Told.LOST, _SEARCH
        if known.unequal < _IN_A_ROW:
            return None, _SEARCH
        del self._known[book.token]
        return Told.DOUBTFUL, _SEARCH


def _claim(book: Book) -> Claim:
    return Claim(book.condition, book.token, book.heard_ms, book.tick, book.heard_digest)
