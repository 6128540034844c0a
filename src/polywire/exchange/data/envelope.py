"""The Data API's envelope around rows, its errors, and the cursors that lead from page to page."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import msgspec

from polywire.exchange.data.query import BadQuery, Query
from polywire.model.units import size_text

LIMIT: Final = 100
"""Rows in a page where nobody says."""

LIMIT_MOST: Final = 1_000
OFFSET_MOST: Final = 10_000

_RANK_MOST: Final = 1 << 62

Place = tuple[Annotated[int, msgspec.Meta(ge=-_RANK_MOST, le=_RANK_MOST)], str]
"""Where a row stands in an order: its rank, and what tells it from rows of the same rank. Ascending."""

_Row = TypeVar("_Row")


class Cursor(msgspec.Struct, frozen=True):
    """Where a page begins: what a client is handed, in Base64, and hands back."""

    of: str  # the order it belongs to
    after: Place  # of the last row that was shown
    limit: int  # of the pages it goes through


class Page(msgspec.Struct, frozen=True):
    """Which rows of an order are asked for."""

    of: str
    limit: int
    offset: int = 0
    after: Place | None = None  # None: from the first row on

    def envelope(self, rows: Sequence[Any], following: Place | None) -> dict[str, Any]:
        """Return the answer.

        Args:
            rows: Of this page.
            following: The place of its last row where more rows follow.
        """
        cursor = None if following is None else written(Cursor(self.of, following, self.limit))
        return {
            "data": rows,
            "pagination": {
                "limit": self.limit,
                "offset": self.offset,
                "has_more": cursor is not None,
                "next_cursor": cursor,
            },
        }

    def cut(self, rows: Iterable[_Row], place: Callable[[_Row], Place]) -> tuple[list[_Row], Place | None]:
        """Return this page's part of all rows, in order, and the place of its last where more follow."""
        ranked = sorted(rows, key=place)
        if self.after is not None:
            after = self.after
            ranked = [row for row in ranked if place(row) > after]
        shown = ranked[self.offset : self.offset + self.limit]
        more = len(ranked) > self.offset + self.limit
        return shown, place(shown[-1]) if more else None


def page_of(query: Query, of: str, *, default: int = LIMIT, most: int = LIMIT_MOST) -> Page:
    """Return which page a query asks for. A cursor keeps the limit of the page it came with.

    Args:
        query: The query.
        of: The order of the rows. A cursor of another one is refused.
        default: Rows, where nobody says.
        most: Rows, at most.

    Raises:
        BadQuery: The limit, the offset or the cursor is none.
    """
    limit = query.whole("limit", default, least=1, most=most)
    offset = query.whole("offset", 0, most=OFFSET_MOST)
    text = query.text("cursor")
    if not text:
        return Page(of, limit, offset)
    cursor = _read(text)
    if cursor is None or cursor.of != of or not 1 <= cursor.limit <= most:
        raise BadQuery("this cursor is of no list in this order; ask for the first page again without it", "cursor")
    return Page(of, cursor.limit, 0, cursor.after)


def written(cursor: Cursor) -> str:
    """Return a cursor as clients see it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def _read(text: str) -> Cursor | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def error_body(
    error: str, trace: str, *, code: str = "invalid_request", parameter: str | None = None
) -> dict[str, Any]:
    """Return the body of an error.

    Args:
        error: What happened.
        trace: Names this answer.
        code: What kind it is.
        parameter: Which of the query's parameters is at fault.
    """
    return {"error": error, "code": code, "parameter": parameter, "retryable": False, "trace_id": trace}


def number(amount: int) -> msgspec.Raw:
    """Return an amount of 1e-6, possibly below nothing, as an exact JSON number."""
    return msgspec.Raw((size_text(amount) if amount >= 0 else f"-{size_text(-amount)}").encode())


def ratio_number(ratio: Decimal) -> msgspec.Raw:
    """Return a decimal as an exact JSON number without an exponent."""
    return msgspec.Raw(format(ratio, "f").encode())
