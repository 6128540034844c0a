"""The history of a token's price, as the CLOB tells it. Source: docs/protocol.md, "Data API"."""

from typing import Final

import msgspec

from polywire.errors import Undecodable
from polywire.wire.numbers import read_decimal

KIND: Final = "price_history"
"""What an `Undecodable` of it is called."""


class _Point(msgspec.Struct):
    t: int  # Unix seconds
    p: msgspec.Raw  # as it is written: a double would round


class _History(msgspec.Struct):
    history: list[_Point]


def read_price_history(body: bytes) -> list[tuple[int, str]]:
    """Return Unix seconds and prices, decimal texts as the venue wrote them, in the venue's order.

    Raises:
        Undecodable: It is no history, or a price of it is no number.

    >>> read_price_history(b'{"history":[{"t":1700000000,"p":0.52},{"t":1700000060,"p":5e-4}]}')
    [(1700000000, '0.52'), (1700000060, '0.0005')]
    """
    try:
        points = _read(body).history
        return [(point.t, _price(bytes(point.p).decode())) for point in points]
    except (msgspec.DecodeError, ValueError, RecursionError) as refusal:
        raise Undecodable(KIND, str(refusal)) from refusal


def _price(text: str) -> str:
    number = read_decimal(text.strip('"'))
    return f"{number:f}"


_read = msgspec.json.Decoder(_History).decode
