"""Ids and exact numbers: a price is an int of 1e-4 USDC, a size an int of 1e-6 shares."""

from typing import Final, Literal, NewType

TokenId = NewType("TokenId", str)
"""An outcome token: the decimal digits of a uint256."""

ConditionId = NewType("ConditionId", str)
"""A market's condition: `0x` and 64 hex digits (62 for protocol-v2 ids)."""

BookSide = Literal["bid", "ask"]
"""The side of a book that a level rests on."""

TradeSide = Literal["BUY", "SELL"]
"""What the taker did."""

PRICE_ONE: Final = 10_000
"""One USDC in units of a price. A level rests at 0 < price < PRICE_ONE."""

SIZE_ONE: Final = 1_000_000
"""One share in units of a size."""

SIZE_LIMIT: Final = 10**15
"""Sizes are below this (1e9 shares): up to there a decimal text and its double are proven to agree."""

NO_BID: Final = 0
"""The best bid of an empty side, as the venue states it: nobody pays anything."""

NO_ASK: Final = PRICE_ONE
"""The best ask of an empty side, as the venue states it: nobody sells below one."""


def price_text(price: int) -> str:
    """Return the venue's spelling of a price: no trailing zeros, no exponent.

    >>> price_text(3400), price_text(5), price_text(10_000), price_text(0)
    ('0.34', '0.0005', '1', '0')
    """
    return _decimal_text(price, PRICE_ONE, 4)


def size_text(size: int) -> str:
    """Return the venue's spelling of a size: no trailing zeros, no exponent.

    >>> size_text(41_666_320_000), size_text(5_000_000), size_text(1), size_text(0)
    ('41666.32', '5', '0.000001', '0')
    """
    return _decimal_text(size, SIZE_ONE, 6)


def _decimal_text(value: int, one: int, digits: int) -> str:
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), one)
    return f"{sign}{whole}.{part:0{digits}d}".rstrip("0") if part else f"{sign}{whole}"
