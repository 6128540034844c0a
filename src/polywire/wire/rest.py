"""The REST answers that state books: `GET /book` and `POST /books`. Source: docs/protocol.md, "REST book"."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from polywire.errors import Undecodable
from polywire.model.market import BookStated
from polywire.wire import market_odd
from polywire.wire.market_frames import Book
from polywire.wire.market_read import read_book
from polywire.wire.numbers import read_size
from polywire.wire.tally import Tally

KIND: Final = "rest_book"
"""What a `Tally` counts these under."""

_TAGGED: Final = b'{"event_type":"book",'  # as the stream's snapshots, which are read by the same decoder
_REFUSALS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_read_current = msgspec.json.Decoder(Book, strict=False).decode
_parts = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_rest_book(body: bytes, seen_ns: int, tally: Tally) -> BookStated:
    """Return the book that `GET /book` answered.

    Args:
        body: The answer's bytes.
        seen_ns: Unix nanoseconds, our clock, when it arrived.
        tally: Where fields we do not know are counted.

    Raises:
        Undecodable: It is no book, or a number of it is none.
    """
    try:
        message = _read_current(_TAGGED + body[1:]) if body[:1] == b"{" else _read_odd(body, tally)
    except _REFUSALS:
        message = _read_odd(body, tally)
    try:
        book = read_book(message, seen_ns)
        least = read_size(message.min_order_size) if message.min_order_size else None
    except ValueError as refusal:
        raise Undecodable(KIND, str(refusal), (message.asset_id,)) from refusal
    return BookStated(book, least, message.neg_risk)


def read_rest_books(body: bytes, seen_ns: int, tally: Tally) -> Iterator[BookStated]:
    """Yield the books that `POST /books` answered, each read when it is asked for: a hundred take 10 ms.

    One that cannot be read is counted in `tally`, with a sample, and left out.

    Args:
        body: The answer's bytes.
        seen_ns: Unix nanoseconds, our clock, when it arrived.
        tally: Where books and fields we do not know are counted.

    Raises:
        Undecodable: With the first, where it is no JSON array.
    """
    try:
        parts = _parts(body)
    except _REFUSALS as refusal:
        raise Undecodable(KIND, str(refusal)) from refusal
    for part in parts:
        raw = bytes(part)
        try:
            stated = read_rest_book(raw, seen_ns, tally)
        except Undecodable:
            tally.lost(KIND, raw)
        else:
            tally.message(KIND)
            yield stated


def _read_odd(body: bytes, tally: Tally) -> Book:
    """Read a book that is not wholly of the current form, or say what is wrong with it."""
    try:
        answer: Any = msgspec.json.decode(body)
    except _REFUSALS as refusal:
        raise Undecodable(KIND, str(refusal)) from refusal
    if not isinstance(answer, dict):
        raise Undecodable(KIND, f"a JSON {type(answer).__name__} where a book belongs")
    message = market_odd.restate(answer | {"event_type": "book"}, tally)
    assert isinstance(message, Book)  # noqa: S101 - restate returns the kind it was told
    return message
