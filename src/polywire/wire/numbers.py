"""Decimal texts to exact ints.

A price has at most 22,000 sensible spellings, so tables that fill themselves replace a number parse by one hash
probe. They are bounded: a venue that sends ever new spellings costs time, never memory. Sizes are ever new; a
table of them is larger than the processor's cache and was measured slower than reading them, a side at a time.
"""

import re
from decimal import Decimal
from typing import Final

import msgspec

from polywire.model.units import PRICE_ONE, SIZE_LIMIT

_DECIMAL: Final = re.compile(r"-?(?=[\d.]{1,40}(?:[eE]|$))\d+(?:\.\d*)?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_PRICE: Final = re.compile(r"(?:0?\.(\d{1,4})0*|([01])(?:\.0*)?)", re.ASCII)
PRICES_KEPT: Final = 1 << 15
# Possessive, so that nothing is kept to go back to: half the time.
_PLAIN_SIZES: Final = re.compile(r"\d{1,9}+(?:\.\d{1,6}+)?+(?:,\d{1,9}+(?:\.\d{1,6}+)?+)*+", re.ASCII)
_doubles = msgspec.json.Decoder(list[float]).decode
_SCALE: Final[tuple[int, ...]] = tuple(10 ** (6 - places) for places in range(7))
_SCALES: Final = len(_SCALE)
_DIGITS: Final = 32  # a few zeros too many are harmless, endless ones would fill the tables


def read_price(text: str) -> int:
    """Return a price in 1e-4 USDC, 0 to 10,000 inclusive, from a decimal text.

    Raises:
        ValueError: It is no decimal, finer than 1e-4, or outside 0 to 1.

    >>> read_price("0.34"), read_price(".48"), read_price("0.140"), read_price("1"), read_price("0")
    (3400, 4800, 1400, 10000, 0)
    """
    found = _PRICE.fullmatch(text) if len(text) <= _DIGITS else None
    if found is None:
        raise ValueError(f"price {text[:40]!r} is no decimal from 0 to 1 with at most 4 places")
    part, whole = found.groups()
    return int(part.ljust(4, "0")) if whole is None else int(whole) * PRICE_ONE


def read_size(text: str) -> int:
    """Return a size in 1e-6 shares, 0 <= size < 1e15, from a decimal text.

    Raises:
        ValueError: It is no plain decimal, finer than 1e-6, or 1e9 shares and more.

    >>> read_size("41666.32"), read_size("500.0"), read_size("0.000001"), read_size("0")
    (41666320000, 500000000, 1, 0)
    """
    whole, _, part = text.partition(".")
    digits, places = whole + part, len(part)
    if places < _SCALES and len(digits) < _DIGITS and digits.isdigit() and digits.isascii():
        size = int(digits) * _SCALE[places]
        if size < SIZE_LIMIT:
            return size
    raise ValueError(f"size {text[:40]!r} is no decimal from 0 to 1e9 shares with at most 6 places")


def read_sizes(texts: list[str]) -> list[int]:
    """Return the sizes of a whole side at once: what `read_size` returns for each, at half its cost.

    Doubles carry them, exactly: the pattern admits at most 9 digits before the point and 6 behind it, so a text is
    the only such decimal with its double, and a million times that is off its integer by less than a quarter.

    Raises:
        ValueError: As `read_size`.

    >>> read_sizes(["41666.32", "500"])
    [41666320000, 500000000]
    """
    joined = ",".join(texts)
    if _PLAIN_SIZES.fullmatch(joined) is not None:
        try:
            shares = _doubles(f"[{joined}]")
        except msgspec.DecodeError:  # leading zeros: no JSON, but a decimal
            shares = []
        if len(shares) == len(texts):  # a text with a comma in it would be two
            return [round(share * 1e6) for share in shares]
    return [read_size(text) for text in texts]


def read_decimal(text: str) -> Decimal:
    """Return a decimal as it is written, for numbers finer than the CLOB's.

    Raises:
        ValueError: It is no number, or has over 40 digits, or an exponent of three digits.

    >>> read_decimal("0.5499999566245954"), read_decimal("61035860000000000000000e-18")
    (Decimal('0.5499999566245954'), Decimal('61035.860000000000000000'))
    """
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(f"{text[:50]!r} is no decimal number of up to 40 digits")
    return Decimal(text)


class Numbers:
    """Texts read before, with their numbers: plain dicts, so that a known text costs one probe.

    The hot path looks up and, where nothing is found, has the text `learn`ed.

    Attributes:
        prices: Prices a level may rest at, 0 < price < 10,000.
        ask_ranks: The same texts as ranks of the ask side, 10,000 - price.
        bids: Best bids as stated: "" and "0" are 0, an empty side; None, unsaid, is None.
        asks: Best asks as stated: "" and "1" are 10,000, an empty side; None, unsaid, is None.
    """

    __slots__ = ("ask_ranks", "asks", "bids", "prices")

    def __init__(self) -> None:
        self.prices: dict[str, int] = {}
        self.ask_ranks: dict[str, int] = {}
        self.bids: dict[str | None, int | None] = {}
        self.asks: dict[str | None, int | None] = {}

    def learn_price(self, text: str) -> None:
        """Read the price of a level.

        Raises:
            ValueError: It is no price, or 0 or 1, at which nothing can rest.
        """
        if text in self.prices:
            return
        price = read_price(text)
        if not 0 < price < PRICE_ONE:
            raise ValueError(f"price {text[:40]!r}: no level can rest at 0 or 1")
        if len(self.prices) >= PRICES_KEPT:
            self.prices.clear()
            self.ask_ranks.clear()
        self.prices[text], self.ask_ranks[text] = price, PRICE_ONE - price

    def learn_bests(self, bid: str | None, ask: str | None) -> None:
        """Read best prices; a best bid of "1" or a best ask of "0" is an empty side too.

        Raises:
            ValueError: One is no price.
        """
        for text, table, empty in ((bid, self.bids, 0), (ask, self.asks, PRICE_ONE)):
            if text not in table:
                price = None if text is None else read_price(text) if text else empty
                if len(table) >= PRICES_KEPT:
                    table.clear()
                table[text] = empty if price in {0, PRICE_ONE} else price


NUMBERS: Final = Numbers()
"""The process's readings: texts mean the same on every connection."""
