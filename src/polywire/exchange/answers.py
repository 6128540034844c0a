"""REST answers: exact numbers in JSON, the venue's error bodies, and how a request's lists are read."""

import base64
import binascii
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from polywire.errors import PolywireError
from polywire.model.units import price_text, size_text

_encode = msgspec.json.encode
PLURAL_LIMIT: Final = 500
"""Items in the body of a plural read."""

BODY_LIMIT: Final = 1 << 20
"""Bytes in the body of a request."""


class Refused(Exception):
    """A request that is answered with an error body.

    Args:
        status: HTTP status.
        error: The venue's own words where they are known.
    """

    def __init__(self, status: int, error: str) -> None:
        self.status, self.error = status, error
        super().__init__(error)


def answer(body: Any, status: int = 200) -> Response:
    """Return a JSON answer; bytes are JSON already."""
    content = body if isinstance(body, bytes) else _encode(body)
    return Response(content, status, media_type="application/json")


async def refused(_: Request, error: Exception) -> Response:
    """Return the answer to a `Refused` request."""
    assert isinstance(error, Refused)  # noqa: S101 - it is registered for no other
    return answer({"error": error.error}, error.status)


async def not_served(request: Request, error: Exception) -> Response:
    """Return the answer to a request for which there is no route: by its path (404) or its method (405)."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    path, allowed = request.url.path[:200], (error.headers or {}).get("Allow")
    told = f"nothing is at {path}; GET /venue names what there is"
    if allowed is not None:
        told = f"{request.method} is not taken at {path}; it takes {allowed}"
    response = answer({"error": told}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def failed(_: Request, error: Exception) -> Response:
    """Return the answer to a request that we failed at."""
    why = str(error) if isinstance(error, PolywireError) else "the exchange failed at this request; its log says how"
    return answer({"error": why}, 500)


def price_number(price: int) -> msgspec.Raw:
    """Return a price of 1e-4 USDC as an exact JSON number."""
    return msgspec.Raw(price_text(price).encode())


def amount_number(amount: int) -> msgspec.Raw:
    """Return an amount of 1e-6 shares or USDC as an exact JSON number."""
    return msgspec.Raw(size_text(amount).encode())


async def items_of(request: Request) -> list[dict[str, Any]]:
    """Return the body of a plural read: an array of objects with a `token_id` each.

    Raises:
        Refused: It is none, or too long.
    """
    body = await body_of(request)
    if not isinstance(body, list) or not all(
        isinstance(item, dict) and isinstance(item.get("token_id"), str) for item in body
    ):
        raise Refused(400, "Invalid payload")
    if len(body) > PLURAL_LIMIT:
        raise Refused(400, "Payload exceeds the limit")
    return body


async def body_of(request: Request) -> Any:
    """Return the JSON of a request's body.

    Raises:
        Refused: It is no JSON, or over 1 MiB.
    """
    body = await raw_body_of(request)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused(400, "Invalid payload") from fault


async def raw_body_of(request: Request) -> bytes:
    """Return a request's body as it was sent.

    Raises:
        Refused: It is over 1 MiB, or its sender left before its end.
    """
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > BODY_LIMIT:
                raise Refused(413, f"the body is longer than {BODY_LIMIT} bytes")
    except ClientDisconnect as gone:
        raise Refused(400, "the connection ended before the body did") from gone
    return body


def offset_of(cursor: str) -> int:
    """Return what a CLOB cursor stands for: the base64 of an offset.

    Raises:
        Refused: It is none.

    >>> offset_of("MA=="), offset_of("LTE=")
    (0, -1)
    """
    try:
        offset = int(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError) as fault:
        raise Refused(400, "Invalid next_cursor") from fault
    if offset < -1:
        raise Refused(400, "Invalid next_cursor")
    return offset


def cursor_of(offset: int) -> str:
    """Return the CLOB cursor of an offset; -1 is the end."""
    return base64.b64encode(str(offset).encode()).decode()


def count_of(request: Request, name: str, default: int, most: int) -> int:
    """Return a whole number of the query, at most `most`.

    Raises:
        Refused: It is none, or below 0.
    """
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - what 64 bits hold
        raise Refused(422, f"{name} is a whole number from 0 on, and {text[:40]!r} was given")
    return min(int(text), most)


def flag_of(request: Request, name: str) -> bool | None:
    """Return a yes or no of the query; None where it is not asked.

    Raises:
        Refused: It is neither `true` nor `false`.
    """
    text = request.query_params.get(name, "").lower()
    if text not in {"", "true", "false", "1", "0"}:
        raise Refused(422, f"{name} is true or false, and {text[:40]!r} was given")
    return None if not text else text in {"true", "1"}
