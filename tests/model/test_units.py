"""Exact numbers and their texts."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from polywire.model.units import NO_ASK, NO_BID, PRICE_ONE, SIZE_LIMIT, SIZE_ONE, price_text, size_text
from polywire.wire.numbers import read_price, read_size


def test_every_price_is_read_back_from_its_text() -> None:
    assert all(read_price(price_text(price)) == price for price in range(PRICE_ONE + 1))


def test_every_price_s_text_is_its_shortest_plain_decimal() -> None:
    for price in range(PRICE_ONE + 1):
        text = price_text(price)
        assert Decimal(text) == Decimal(price) / 10_000
        assert text == (format(Decimal(text).normalize(), "f"))


@given(st.integers(0, SIZE_LIMIT - 1))
def test_every_size_is_read_back_from_its_text(size: int) -> None:
    assert read_size(size_text(size)) == size


@given(st.integers(0, SIZE_LIMIT - 1) | st.integers(0, 10**9).map(lambda shares: shares * SIZE_ONE))
def test_every_size_s_text_is_its_shortest_plain_decimal(size: int) -> None:
    text = size_text(size)
    assert Decimal(text) == Decimal(size) / 10**6
    assert text == format(Decimal(size).scaleb(-6).normalize(), "f")


@given(st.integers(-(10**18), 10**18))
def test_a_difference_may_be_negative_and_keeps_its_value(value: int) -> None:
    assert Decimal(price_text(value)) == Decimal(value) / 10_000
    assert Decimal(size_text(value)) == Decimal(value) / 10**6
    assert price_text(-abs(value)) == ("-" if value else "") + price_text(abs(value))


@given(st.integers(0, SIZE_LIMIT - 1) | st.integers(SIZE_LIMIT - 10**6, SIZE_LIMIT - 1))
def test_below_the_limit_a_size_survives_a_float(size: int) -> None:
    """Where the venue sends a JSON number, a float is on the way in: design.md §4, "Numbers"."""
    assert size_text(SIZE_LIMIT) == "1000000000"
    assert round(float(size_text(size)) * SIZE_ONE) == size


def test_an_empty_side_s_bests_are_the_ends_of_the_scale() -> None:
    """The venue states 0 where there is no bid and 1 where there is no ask."""
    assert (price_text(NO_BID), price_text(NO_ASK), price_text(PRICE_ONE), size_text(SIZE_ONE)) == ("0", "1", "1", "1")
