"""A token's price history, read exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.errors import Undecodable
from polywire.wire.price_history import read_price_history

PRICES = st.decimals(0, 1, places=10, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(0, 2**40), PRICES), max_size=20))
def test_prices_come_as_they_are_written_whatever_a_double_would_make_of_them(
    points: list[tuple[int, Decimal]],
) -> None:
    body = ",".join(f'{{"t":{at},"p":{price:f}}}' for at, price in points)
    read = read_price_history(f'{{"history":[{body}]}}'.encode())
    assert read == [(at, f"{price:f}") for at, price in points]


@pytest.mark.parametrize(
    ("written", "read"), [("0.5", "0.5"), ('"0.5"', "0.5"), ("5e-4", "0.0005"), ("1", "1"), ("0.50", "0.50")]
)
def test_every_spelling_of_a_price_is_read(written: str, read: str) -> None:
    assert read_price_history(f'{{"history":[{{"t":7,"p":{written}}}],"more":1}}'.encode()) == [(7, read)]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"history":7}', b'{"history":[{"t":7}]}', b'{"history":[{"t":"x","p":1}]}', b"\xff"]
    + [b'{"history":[{"t":7,"p":%b}]}' % price for price in (b'"much"', b"null", b"[1]", b'"\xff"', b"1e999")],
)
def test_what_is_no_history_is_refused_with_the_reason(body: bytes) -> None:
    with pytest.raises(Undecodable, match="price_history"):
        read_price_history(body)


def test_a_deep_answer_is_refused() -> None:
    with pytest.raises(Undecodable):
        read_price_history(b'{"history":' + b"[" * 100_000)


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda some: b'{"history":[{"t":7,"p":' + some + b"}]}"))
def test_bytes_of_any_kind_are_read_or_refused(body: bytes) -> None:
    try:
        points = read_price_history(body)
    except Undecodable:
        return
    assert all(Decimal(price).is_finite() for _, price in points)
