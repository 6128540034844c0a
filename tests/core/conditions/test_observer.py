"""Doubled prices as texts."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.conditions.observer import half_text


@given(st.integers(0, 20_000))
def test_a_doubled_price_reads_as_exactly_half_of_it(value: int) -> None:
    assert Decimal(half_text(value)) == Decimal(value) / 20_000
