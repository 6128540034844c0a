"""The venue's catalogue (Gamma): its market objects to `MarketListed`. Source: docs/protocol.md, "Catalogue (Gamma)".

Lists of texts come as JSON inside a text, ids as text or number, numbers as text or number; all are read. A market
without a condition, two outcomes and two tokens has no books and is left out.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from polywire.errors import Undecodable
from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId, TokenId
from polywire.wire.numbers import read_price, read_size

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_texts = msgspec.json.Decoder(list[str]).decode
_PAIR: Final = 2
_DIGITS: Final = 32
_LISTS: Final = ("markets", "events", "data")


class _Page(msgspec.Struct):
    """What a keyset list says of itself: null and absent are the same."""

    next_cursor: str | None = None


_decode_page: Final = msgspec.json.Decoder(_Page | list[msgspec.Raw]).decode


def read_listing(body: bytes) -> list[MarketListed]:
    """Return every market that an answer of the catalogue holds, in its order, each once.

    Args:
        body: What `/markets`, `/events`, their keyset forms, `/markets/{id}`, `/events/slug/{slug}` or
            `/public-search` answered: a market, an event with its markets, or lists of them.

    Raises:
        Undecodable: It is no JSON object or list.

    >>> body = b'[{"conditionId":"0x1","outcomes":["Yes","No"],"clobTokenIds":["7","8"]}]'
    >>> read_listing(body)[0].tokens
    ('7', '8')
    """
    return [market for market, _ in read_markets(body)]


def read_next(body: bytes) -> str:
    """Return the cursor at which a page of a keyset list goes on; "" at the end, and of a bare list.

    Raises:
        Undecodable: It is no JSON object or list, or its cursor is no text.

    >>> read_next(b'{"markets":[],"next_cursor":"abc"}'), read_next(b'{"markets":[]}')
    ('abc', '')
    """
    try:
        page = _decode_page(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise Undecodable("gamma", str(refusal), ()) from refusal
    return "" if isinstance(page, list) else page.next_cursor or ""


def read_markets(body: bytes) -> list[tuple[MarketListed, dict[str, Any]]]:
    """Return what `read_listing` does, each market with the JSON object it was read from, its fractions as `Decimal`.

    Raises:
        Undecodable: As there.
    """
    try:
        answer: Any = _decode(body)
        if not isinstance(answer, dict | list):
            raise Undecodable("gamma", f"a JSON {type(answer).__name__} where markets belong", ())
        found = {market.condition: (market, part) for market, part in _markets(answer, {})}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidOperation) as refusal:
        raise Undecodable("gamma", str(refusal), ()) from refusal
    return list(found.values())


def texts_of(value: Any) -> list[str]:
    """Return a list of texts that came as a list, or as JSON inside a text; [] for anything else.

    >>> texts_of('["Yes", "No"]'), texts_of(["7", 8]), texts_of(None)
    (['Yes', 'No'], ['7', '8'], [])
    """
    if isinstance(value, str):
        try:
            return _texts(value)
        except msgspec.DecodeError:
            return []
    return [_text(one) for one in value] if isinstance(value, list) else []


def _markets(part: Any, event: dict[str, Any]) -> Iterator[tuple[MarketListed, dict[str, Any]]]:
    """Yield the markets of an object, or of each in a list; `event` is the one they stand in."""
    if isinstance(part, list):
        for one in part:
            yield from _markets(one, event)
    elif isinstance(part, dict):
        if "conditionId" in part:
            market = _market(part, event)
            if market is not None:
                yield market, part
            return
        for name in _LISTS:
            yield from _markets(part.get(name), part if "slug" in part else event)


def _market(part: dict[str, Any], event: dict[str, Any]) -> MarketListed | None:
    tokens = texts_of(part.get("positionIds") if part.get("version") == "v2" else part.get("clobTokenIds"))
    outcomes = texts_of(part.get("outcomes"))
    if len(tokens) != _PAIR or len(outcomes) != _PAIR or not all(map(_is_token, tokens)):
        return None
    condition = _text(part.get("conditionId"))
    if not condition:
        return None
    parents = part.get("events")
    if isinstance(parents, list) and parents and isinstance(parents[0], dict):
        event = parents[0]
    return MarketListed(
        condition=ConditionId(condition),
        market=_text(part.get("id")),
        slug=_text(part.get("slug")),
        question=_text(part.get("question")),
        outcomes=(outcomes[0], outcomes[1]),
        tokens=(TokenId(tokens[0]), TokenId(tokens[1])),
        event_slug=_text(event.get("slug")),
        event_title=_text(event.get("title")),
        group_item=_text(part.get("groupItemTitle")),
        tick=_number(part.get("orderPriceMinTickSize"), read_price),
        min_size=_number(part.get("orderMinSize"), read_size),
        neg_risk=part.get("negRisk") is True,
        closed=part.get("closed") is True,
        ends_at=_text(part.get("endDate")),
    )


def _is_token(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _text(value: Any) -> str:
    """Return a text that came as one or as an integer; "" for anything else, true and false included."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _number(value: Any, read: Any) -> int | None:
    """Return an exact number that came as text or number; None where it is none."""
    if isinstance(value, Decimal):  # one with a huge exponent would be spelled out in as many digits
        text = format(value, "f") if abs(value.adjusted()) < _DIGITS else ""
    else:
        text = _text(value)
    try:
        return int(read(text)) or None
    except ValueError:
        return None
