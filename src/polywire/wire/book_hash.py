"""The venue's hash of a book: SHA-1 over its REST form. Source: docs/protocol.md, "Book hash".

Ten fields since late 2025, nine before (without the last trade price). Equal hashes prove a book level by level,
so this is what moves `Book.verified_ns` beside snapshots.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from polywire.model.levels import Levels
from polywire.model.units import PRICE_ONE, price_text, size_text

_quoted = msgspec.json.Encoder().encode
_price_text = lru_cache(PRICE_ONE + 1)(price_text)  # spelling numbers is most of what a hash costs
_size_text = lru_cache(8_192)(size_text)


class BookTerms(msgspec.Struct, frozen=True):
    """What enters the hash beside the levels, in the very spelling of REST `/book`."""

    min_order_size: str
    tick_size: str
    neg_risk: bool
    last_trade_price: str | None  # "" where never traded; trailing zeros count; None: the nine-field form


def hash_of_texts(
    condition: str,
    token: str,
    timestamp: str,
    bids: Iterable[tuple[str, str]],
    asks: Iterable[tuple[str, str]],
    terms: BookTerms,
) -> str:
    """Return the hash of a book whose numbers are texts, in the order and spelling given: 40 hex digits.

    Args:
        condition: The market's condition id.
        token: The outcome token.
        timestamp: The book's venue time, milliseconds.
        bids: (price, size), as the venue orders them: lowest price first.
        asks: (price, size), highest price first.
        terms: The rest.

    >>> terms = BookTerms("100", "0.01", False, "0.5")
    >>> levels = [("0.3", "100"), ("0.4", "100")], [("0.6", "100"), ("0.7", "100")]
    >>> hash_of_texts("0xaabbcc", "100", "123456789", *levels, terms)
    '0458ea5755c9f73d64a14636fa5c36ed460ec394'
    """
    return OpenHash(condition, token, timestamp, bids, asks, terms).closed(terms.last_trade_price)


def book_hash(condition: str, token: str, venue_ms: int, bids: Levels, asks: Levels, terms: BookTerms) -> str:
    """Return the hash of a book of exact numbers: what the venue states for the same levels, time and terms.

    >>> bids, asks = Levels.of("bid", [(3_000, 10**8)]), Levels.of("ask", [(7_000, 10**8)])
    >>> book_hash("0xaabbcc", "100", 123456789, bids, asks, BookTerms("100", "0.01", False, None))
    'b02a07607c4050c00f515c22b44247d4a31d2870'
    """
    return open_hash(condition, token, venue_ms, bids, asks, terms).closed(terms.last_trade_price)


class OpenHash:
    """A hash that waits for its last field, the last trade price: each that is tried costs a third of a microsecond.

    So one that nobody stated is found by trying all there can be. Args are those of `hash_of_texts`.
    """

    __slots__ = ("_opened",)

    def __init__(
        self,
        condition: str,
        token: str,
        timestamp: str,
        bids: Iterable[tuple[str, str]],
        asks: Iterable[tuple[str, str]],
        terms: BookTerms,
    ) -> None:
        sides = [",".join([f'{{"price":"{price}","size":"{size}"}}' for price, size in side]) for side in (bids, asks)]
        market, asset, time, least, tick = (
            _quoted(text).decode() for text in (condition, token, timestamp, terms.min_order_size, terms.tick_size)
        )
        text = (
            f'{{"market":{market},"asset_id":{asset},"timestamp":{time},"hash":"","bids":[{sides[0]}],'
            f'"asks":[{sides[1]}],"min_order_size":{least},"tick_size":{tick},'
            f'"neg_risk":{"true" if terms.neg_risk else "false"}'
        )
        self._opened = hashlib.sha1(text.encode(), usedforsecurity=False)

    def closed(self, last_trade_price: str | None) -> str:
        """Return the hash with this last trade price; None: in the nine-field form."""
        whole = self._opened.copy()
        last = b"}" if last_trade_price is None else b',"last_trade_price":%b}' % _quoted(last_trade_price)
        whole.update(last)
        return whole.hexdigest()


def open_hash(condition: str, token: str, venue_ms: int, bids: Levels, asks: Levels, terms: BookTerms) -> OpenHash:
    """Return the hash of a book of exact numbers but for the last trade price, which `terms` need not say.

    >>> bids, asks = Levels.of("bid", [(3_000, 10**8)]), Levels.of("ask", [(7_000, 10**8)])
    >>> open_ = open_hash("0xaabbcc", "100", 123456789, bids, asks, BookTerms("100", "0.01", False, None))
    >>> open_.closed(None)
    'b02a07607c4050c00f515c22b44247d4a31d2870'
    """
    sides = (
        [(_price_text(rank), _size_text(size)) for rank, size in zip(bids.ranks, bids.sizes, strict=True)],
        [(_price_text(PRICE_ONE - rank), _size_text(size)) for rank, size in zip(asks.ranks, asks.sizes, strict=True)],
    )
    return OpenHash(condition, token, str(venue_ms), *sides, terms)
