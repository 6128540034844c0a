"""What an account reads of itself over REST: pages of orders and trades. Source: docs/protocol.md, "Account reads".

A row that cannot be read costs no other: it is counted.
"""

from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from polywire.errors import Undecodable
from polywire.model.own import OwnOrderChanged, OwnTradeChanged
from polywire.wire.tally import Tally
from polywire.wire.user_frames import read_order, read_trade

LAST: Final = "LTE="
"""The cursor behind the last page."""

_LONGEST_CURSOR: Final = 1_000
_decode = msgspec.json.Decoder(float_hook=str).decode


Row = TypeVar("Row", OwnOrderChanged, OwnTradeChanged)


class Page(NamedTuple, Generic[Row]):
    """One page of orders that rest, or of trades."""

    rows: list[Row]
    after: str  # the next page's cursor; "": there is none


def read_orders_page(body: bytes, seen_ns: int, tally: Tally) -> Page[OwnOrderChanged]:
    """Return a page of `GET /data/orders`.

    Args:
        body: The answer's bytes.
        seen_ns: Unix nanoseconds, our clock, when it arrived.
        tally: Where rows are counted, those that cannot be read too.

    Raises:
        Undecodable: It is no page.
    """
    return _read_page("rest_order", body, tally, lambda row: read_order(row, seen_ns, tally, recovered=True))


def read_trades_page(body: bytes, seen_ns: int, tally: Tally) -> Page[OwnTradeChanged]:
    """Return a page of `GET /data/trades`; as `read_orders_page`."""
    return _read_page("rest_trade", body, tally, lambda row: read_trade(row, seen_ns, tally, recovered=True))


def _read_page(kind: str, body: bytes, tally: Tally, read: Callable[[dict[str, Any]], Row]) -> Page[Row]:
    found, after = _page(f"{kind}s", body)
    rows: list[Row] = []
    for row in found:
        try:
            rows.append(read(_object(f"{kind}s", row)))
        except Undecodable as refusal:
            tally.lost(f"rest_{refusal.kind.removeprefix('rest_')}", msgspec.json.encode(row))
        else:
            tally.message(kind)
    return Page(rows, after)


def read_one_order(body: bytes, seen_ns: int, tally: Tally) -> OwnOrderChanged | None:
    """Return the order of `GET /data/order/{id}`; None for the `null` or `{}` that stand for none.

    Raises:
        Undecodable: It is no order.
    """
    row = _decoded("rest_order", body)
    if not row:
        return None
    order = read_order(_object("rest_order", row), seen_ns, tally, recovered=True)
    tally.message("rest_order")
    return order


def read_time(body: bytes) -> int:
    """Return the Unix seconds that `GET /time` answered; a text of them will do.

    Raises:
        Undecodable: It is none.
    """
    text = body.strip().strip(b'"')
    if not (text.isdigit() and len(text) <= 12):  # noqa: PLR2004 - seconds have ten digits for 260 years
        raise Undecodable("rest_time", f"{text[:40]!r} where Unix seconds belong")
    return int(text)


def _page(kind: str, body: bytes) -> tuple[list[Any], str]:
    page = _decoded(kind, body)
    if isinstance(page, list):  # as older versions answered
        return page, ""
    rows = _object(kind, page).get("data")
    if rows is None:
        rows = []
    if not isinstance(rows, list):
        raise Undecodable(kind, f"a JSON {type(rows).__name__} where the rows of a page belong")
    after = page.get("next_cursor") or ""
    if not isinstance(after, str) or len(after) > _LONGEST_CURSOR:
        raise Undecodable(kind, "its cursor is no text of at most 1,000 letters")
    return rows, "" if after == LAST else after


def _decoded(kind: str, body: bytes) -> Any:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise Undecodable(kind, str(refusal)) from refusal


def _object(kind: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise Undecodable(kind, f"a JSON {type(row).__name__} where an object belongs")
    return row
