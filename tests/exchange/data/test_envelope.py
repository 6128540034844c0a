"""Claims on pages and cursors, and on numbers in JSON."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core.ledger import Position
from polywire.exchange.data.envelope import Cursor, Page, Place, number, page_of, ratio_number, written
from polywire.exchange.data.query import BadQuery, Query

places = st.lists(st.tuples(st.integers(-5, 5), st.text("ab", max_size=3)), unique=True)


@given(places, st.integers(1, 7), st.integers(0, 9))
def test_pages_together_are_the_whole_in_order_and_no_row_comes_twice(
    rows: list[Place], limit: int, offset: int
) -> None:
    found: list[Place] = []
    page = page_of(Query({"limit": f"{limit}", "offset": f"{offset}"}), "rows")
    while True:
        shown, following = page.cut(rows, lambda row: row)
        found += shown
        cursor = page.envelope(shown, following)["pagination"]["next_cursor"]
        if cursor is None:
            break
        page = page_of(Query({"cursor": cursor}), "rows")
        assert page.limit == limit
    assert found == sorted(rows)[offset:]


@given(places, st.integers(1, 5), st.integers(0, 20))
def test_a_row_that_goes_between_two_pages_takes_no_other_with_it(rows: list[Place], limit: int, gone: int) -> None:
    shown, following = Page("rows", limit).cut(rows, lambda row: row)
    left = [row for at, row in enumerate(sorted(rows)) if at != gone]
    if following is not None:
        rest, _ = Page("rows", 1_000, after=following).cut(left, lambda row: row)
        assert rest == [row for row in left if row not in shown]


@pytest.mark.parametrize(
    "cursor",
    [
        "MA==",
        "ä",
        "e30",
        "!" * 9,
        written(Cursor("others", (1, ""), 5)),
        written(Cursor("rows", (1, ""), 0)),
        written(Cursor("rows", (1, ""), 1_001)),
        written(Cursor("rows", (1 << 63, ""), 5)),
    ],
)
def test_a_cursor_that_is_not_of_this_list_is_refused(cursor: str) -> None:
    with pytest.raises(BadQuery, match="first page") as bad:
        page_of(Query({"cursor": cursor}), "rows")
    assert bad.value.parameter == "cursor"


@given(st.integers(-(10**18), 10**18))
def test_an_amount_is_the_same_decimal_in_json(amount: int) -> None:
    told = json.loads(bytes(number(amount)), parse_float=Decimal, parse_int=Decimal)
    assert told == Decimal(amount).scaleb(-6)


@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_an_average_price_is_written_without_an_exponent_and_is_right_to_ten_digits(size: int, cost: int) -> None:
    text = bytes(ratio_number(Position(size=size, cost=cost).average_price)).decode()
    assert set(text) <= set("0123456789.")
    assert abs(Decimal(text) * size - cost) <= Decimal("0.5e-10") * size


@given(st.decimals(0, 10**8, allow_nan=False, places=9))
def test_an_amount_of_a_query_is_rounded_up_to_a_unit(given_amount: Decimal) -> None:
    read = Query({"filter_amount": str(given_amount)}).amount("filter_amount")
    assert 0 <= Decimal(read).scaleb(-6) - given_amount < Decimal("1e-6")
