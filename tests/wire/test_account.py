"""`wire.account`: pages of orders and trades."""

import json
from typing import Any

import msgspec
import pytest

from frames import frame
from polywire.errors import Undecodable
from polywire.wire.account import LAST, read_one_order, read_orders_page, read_time, read_trades_page
from polywire.wire.tally import Tally
from wire.user_rows import SEEN, TAKEN, placed


def order(**fields: object) -> dict[str, Any]:
    """Return an order as REST has it: without the words of the stream, and with a number of seconds."""
    row: dict[str, Any] = json.loads(frame("user.order.placement"))
    left = {key: value for key, value in row.items() if key not in {"type", "event_type", "timestamp", "order_owner"}}
    return left | {"created_at": 1_795_000_000} | fields


def trade(**fields: object) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(frame("user.trade.taker"))
    return {key: value for key, value in row.items() if key not in {"type", "event_type"}} | fields


def page(*rows: object, after: object = LAST) -> bytes:
    return json.dumps({"data": rows, "next_cursor": after, "limit": 100, "count": len(rows)}).encode()


PLACED = msgspec.structs.replace(placed(venue_ms=1_795_000_000_000), recovered=True)


def test_a_page_of_orders_is_read_and_its_rows_are_recovered() -> None:
    tally = Tally()
    assert read_orders_page(page(order(), after="MTAw"), SEEN, tally) == ([PLACED], "MTAw")
    assert (tally.messages, tally.undecoded, tally.unknown_fields) == ({"rest_order": 1}, {}, {})


def test_a_page_of_trades_is_read() -> None:
    tally = Tally()
    assert read_trades_page(page(trade()), SEEN, tally) == ([msgspec.structs.replace(TAKEN, recovered=True)], "")
    assert tally.messages == {"rest_trade": 1}


@pytest.mark.parametrize("after", [LAST, "", None])
def test_the_last_page_names_no_other(after: object) -> None:
    assert read_orders_page(page(after=after), SEEN, Tally()).after == ""


def test_a_page_may_be_a_plain_array_or_without_rows() -> None:
    assert read_orders_page(json.dumps([order()]).encode(), SEEN, Tally()) == ([PLACED], "")
    assert read_trades_page(b'{"data":null}', SEEN, Tally()) == ([], "")


def test_a_row_that_cannot_be_read_costs_no_other_and_is_counted() -> None:
    tally = Tally()
    assert read_orders_page(page(order(price="7"), 7, order()), SEEN, tally).rows == [PLACED]
    assert len(read_trades_page(page(trade(status="PENDING"), "x", trade()), SEEN, tally).rows) == 1
    assert tally.undecoded == {
        "rest_order": 1,
        "rest_orders": 1,
        "rest_unknown:trade.PENDING": 1,
        "rest_trades": 1,
    }
    assert json.loads(tally.samples["rest_order"][0])["price"] == "7"


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"7", b'{"data":7}', b'{"data":[],"next_cursor":7}', page(after="x" * 1_001)]
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(Undecodable, match="rest_orders"):
        read_orders_page(body, SEEN, Tally())
    with pytest.raises(Undecodable, match="rest_trades"):
        read_trades_page(body, SEEN, Tally())


def test_a_single_order_is_read_and_null_or_nothing_is_none() -> None:
    assert read_one_order(json.dumps(order()).encode(), SEEN, Tally()) == PLACED
    assert read_one_order(b"null", SEEN, Tally()) is None
    assert read_one_order(b"{}", SEEN, Tally()) is None
    with pytest.raises(Undecodable, match="rest_order"):
        read_one_order(b"7", SEEN, Tally())


def test_the_time_is_a_number_of_seconds_or_a_text_of_one() -> None:
    assert (read_time(b"1795000000"), read_time(b' "1795000000"\n')) == (1_795_000_000, 1_795_000_000)
    for body in (b"", b"soon", b"-1", b"1" * 13):
        with pytest.raises(Undecodable, match="rest_time"):
            read_time(body)
