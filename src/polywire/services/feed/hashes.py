"""Proof of busy books by the venue's own hash, without a request: where all ten fields that enter it are known.

The stream leaves four of them out. They are learnt from REST, and believed only if they make up REST's own hash; a
trade or a snapshot may change one (the last trade price), and then they are learnt anew. An equal hash proves every
level. An unequal one is no proof of anything (docs/protocol.md, "Book hash"): twice in a row, REST is asked.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from polywire.core.book import Book
from polywire.model.health import ANSWERING
from polywire.model.market import BookStated
from polywire.model.units import PRICE_ONE, TokenId, price_text, size_text
from polywire.wire.book_hash import BookTerms, book_hash

CHECKS_A_SECOND: Final = 50

_IN_A_ROW: Final = 2  # unequal ones, before REST is asked
_MOST_PLACES: Final = 4


class _Known(msgspec.Struct):
    """What enters a token's hash beside its levels, as of an instant."""

    terms: BookTerms
    learnt_ns: int
    unequal: int = 0


class Hashes:
    """Checks books of one socket against the hash that the last change of each stated.

    Attributes:
        checked: Books compared.
        unequal: Those whose hash was another.
        unknown: REST books whose hash could not be made up: a field of it is not known.
    """

    def __init__(self) -> None:
        self._known: dict[TokenId, _Known] = {}
        self._next = 0
        self.checked = self.unequal = self.unknown = 0

    def learn(self, stated: BookStated, now_ns: int) -> None:
        """Take the fields that the stream leaves out, if they make up the stated hash."""
        said = stated.book
        if said.token in self._known or not said.digest or said.tick is None or stated.min_size is None:
            return
        for last_trade in _spellings(said.last_trade):
            terms = BookTerms(size_text(stated.min_size), price_text(said.tick), stated.neg_risk, last_trade)
            if book_hash(said.condition, said.token, said.venue_ms, said.bids, said.asks, terms) == said.digest:
                self._known[said.token] = _Known(terms, now_ns)
                return
        self.unknown += 1

    def check(self, books: list[Book], most: int) -> Iterator[tuple[TokenId, bool]]:
        """Yield tokens whose hash tells something: True: every level is the venue's; False: REST is to be asked.

        Args:
            books: Those of the socket. Up to `most` of them are compared, others the next time.
            most: How many to compare.
        """
        known = self._known
        if not known or not books:
            return
        start, self._next = self._next % len(books), self._next + most
        left = most
        for book in (*books[start:], *books[:start]):
            if not left:
                return
            one = known.get(book.token)
            if one is None or book.freshness not in ANSWERING:
                continue
            if book.heard_ns <= book.verified_ns or not book.heard_digest:  # a snapshot is proof already
                continue
            left -= 1
            self.checked += 1
            bids, asks = book.bare_levels()
            if book_hash(book.condition, book.token, book.heard_ms, bids, asks, one.terms) == book.heard_digest:
                one.unequal = 0
                yield book.token, True
            elif book.moved_by_trade_ns > one.learnt_ns:
                del known[book.token]  # its last trade price may be another by now
            else:
                self.unequal += 1
                one.unequal += 1
                if one.unequal >= _IN_A_ROW:
                    del known[book.token]
                    yield book.token, False

    def forget(self, token: TokenId) -> None:
        """Forget what was learnt of a token."""
        self._known.pop(token, None)


def _spellings(price: int | None) -> Iterator[str | None]:
    """Yield how a last trade price may stand in the hash: trailing zeros count, and nobody says how many there are."""
    if price is None:
        yield ""
    else:
        plain = price_text(price)
        yield plain
        for places in range(2, _MOST_PLACES + 1):
            spelled = f"{price // PRICE_ONE}.{price % PRICE_ONE:04d}"[: 2 + places]
            if spelled != plain and int(spelled.replace(".", "").ljust(5, "0")) == price:
                yield spelled
    yield None  # the nine-field form
