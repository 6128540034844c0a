"""The REST answers that state books: `GET /book`. Source: docs/protocol.md, "REST book"."""

from typing import Any

import msgspec

from polywire.errors import Undecodable
from polywire.model.market import BookStated
from polywire.wire import market_odd
from polywire.wire.market_frames import Book
from polywire.wire.market_read import read_book
from polywire.wire.numbers import read_size
from polywire.wire.tally import Tally


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
        answer: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise Undecodable("rest_book", str(refusal)) from refusal
    if not isinstance(answer, dict):
        raise Undecodable("rest_book", f"a JSON {type(answer).__name__} where a book belongs")
    message = market_odd.restate(answer | {"event_type": "book"}, tally)
    assert isinstance(message, Book)  # noqa: S101 - restate returns the kind it was told
    try:
        book = read_book(message, seen_ns)
        least = read_size(message.min_order_size) if message.min_order_size else None
    except ValueError as refusal:
        raise Undecodable("rest_book", str(refusal), (message.asset_id,)) from refusal
    return BookStated(book, least, message.neg_risk)
