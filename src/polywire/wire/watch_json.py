"""Conditions and watches as people, models and programs write them: JSON with prices and sizes as decimal texts.

`CONDITIONS` describes every condition; the documentation, the schema that assistants are shown, and the reading itself
are made of it.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final, get_args

import msgspec

from polywire.errors import Misuse
from polywire.model.units import PRICE_ONE, SIZE_LIMIT, SIZE_ONE, price_text, size_text
from polywire.model.watch import (
    Changes,
    Condition,
    Created,
    Crosses,
    Depth,
    Moves,
    Of,
    Opportunity,
    OrderChanges,
    OwnTrades,
    Resolves,
    Silent,
    Spread,
    TickChanges,
    TradeOver,
    Watch,
)


class Unit(StrEnum):
    """What a field is measured in."""

    PRICE = "USDC"  # a decimal text, in steps of 0.0001
    SIZE = "shares"  # a decimal text, in steps of 0.000001
    SECONDS = "seconds"
    COUNT = "count"
    BPS = "basis points"
    WORD = "word"  # one of a few
    FLAG = "true or false"
    TEXT = "text"


class FieldDoc(msgspec.Struct, frozen=True):
    """One field of a condition. Bounds are in the field's own unit as ints or seconds, both included."""

    name: str
    unit: Unit
    meaning: str
    least: float = 0
    most: float = math.inf
    words: tuple[str, ...] = ()


class ConditionDoc(msgspec.Struct, frozen=True):
    """One condition."""

    name: str
    kind: type[Condition]
    sentence: str
    fields: tuple[FieldDoc, ...] = ()
    example: dict[str, Any] = {}


_DAY_S: Final = 86_400.0
_OF: Final = FieldDoc("of", Unit.WORD, "which price", words=tuple(Of))
_DIRECTION: Final = FieldDoc("direction", Unit.WORD, "which way counts", words=("up", "down", "either"))
_BOUND: Final = FieldDoc("bound", Unit.WORD, "which side of the limit", words=("over", "under"))
_BACK: Final = FieldDoc(
    "hysteresis", Unit.PRICE, "how far it has to be back before it can come true again", 0, PRICE_ONE
)
_MOST_SIZE: Final = float(SIZE_LIMIT - 1)

CONDITIONS: Final[tuple[ConditionDoc, ...]] = (
    ConditionDoc(
        "changes",
        Changes,
        "every change of the price, or of the book, the newest each time",
        (
            FieldDoc("what", Unit.WORD, "prices, or the top of the book", words=("price", "book")),
            FieldDoc("depth", Unit.COUNT, "levels a side of a book", 1, 100),
            FieldDoc("every_s", Unit.SECONDS, "least time between two entries of a token", 0.1, 3_600),
        ),
        {"type": "changes", "what": "price", "every_s": 5},
    ),
    ConditionDoc(
        "crosses",
        Crosses,
        "a price crosses a level",
        (FieldDoc("level", Unit.PRICE, "the level", 1, PRICE_ONE - 1), _OF, _DIRECTION, _BACK),
        {"type": "crosses", "level": "0.55", "of": "mid", "direction": "up"},
    ),
    ConditionDoc(
        "moves",
        Moves,
        "a price moves by so much within so long",
        (
            FieldDoc("by", Unit.PRICE, "how far", 1, PRICE_ONE),
            FieldDoc("within_s", Unit.SECONDS, "within how long", 1, _DAY_S),
            _OF,
            _DIRECTION,
        ),
        {"type": "moves", "by": "0.05", "within_s": 600},
    ),
    ConditionDoc(
        "spread",
        Spread,
        "best ask less best bid is over, or under, a limit; an empty side counts as 1",
        (_BOUND, FieldDoc("limit", Unit.PRICE, "the limit", 0, PRICE_ONE), _BACK),
        {"type": "spread", "bound": "over", "limit": "0.05"},
    ),
    ConditionDoc(
        "depth",
        Depth,
        "the shares that rest near the best price are over, or under, a limit",
        (
            _BOUND,
            FieldDoc("limit", Unit.SIZE, "the limit", 0, _MOST_SIZE),
            FieldDoc("side", Unit.WORD, "which side", words=("bid", "ask")),
            FieldDoc("within", Unit.PRICE, "how far from the best price counts; 1 is the whole side", 0, PRICE_ONE),
            FieldDoc("hysteresis", Unit.SIZE, "how far it has to be back before it can come true again", 0, _MOST_SIZE),
        ),
        {"type": "depth", "bound": "under", "limit": "500", "side": "bid", "within": "0.02"},
    ),
    ConditionDoc(
        "silent",
        Silent,
        "nothing comes of a token for so long, once a silence",
        (FieldDoc("for_s", Unit.SECONDS, "for how long", 1, _DAY_S),),
        {"type": "silent", "for_s": 300},
    ),
    ConditionDoc(
        "trade-over",
        TradeOver,
        "a trade of at least so many shares",
        (FieldDoc("size", Unit.SIZE, "how many", 1, _MOST_SIZE),),
        {"type": "trade-over", "size": "1000"},
    ),
    ConditionDoc("tick-changes", TickChanges, "the tick changes", example={"type": "tick-changes"}),
    ConditionDoc(
        "resolves",
        Resolves,
        "the outcome of a market is known",
        (FieldDoc("proposed", Unit.FLAG, "a proposal too, where the venue tells it"),),
        {"type": "resolves"},
    ),
    ConditionDoc(
        "order-changes",
        OrderChanges,
        "an own order changes",
        (FieldDoc("on", Unit.WORD, "any change, or its end", words=("any", "filled", "cancelled")),),
        {"type": "order-changes", "on": "filled"},
    ),
    ConditionDoc("own-trades", OwnTrades, "an own trade reaches a status", example={"type": "own-trades"}),
    ConditionDoc(
        "opportunity",
        Opportunity,
        "all outcomes together cost less than 1, or bring more, by so much after fees",
        (
            FieldDoc("by", Unit.PRICE, "how much a set earns at least", 0, PRICE_ONE),
            FieldDoc("fee_rate_bps", Unit.BPS, "the taker's fee rate that is reckoned with", 0, 10_000),
            FieldDoc(
                "whole_event",
                Unit.FLAG,
                "the first outcomes of an event's markets, if the venue says that one comes true",
            ),
            FieldDoc("least_size", Unit.SIZE, "how many sets must be had", 1, _MOST_SIZE),
            _BACK,
        ),
        {"type": "opportunity", "by": "0.01", "fee_rate_bps": 0},
    ),
    ConditionDoc(
        "created",
        Created,
        "a market is made whose texts hold every one of these words",
        (FieldDoc("words", Unit.TEXT, "the words; none: any market"),),
        {"type": "created", "words": "bitcoin"},
    ),
)
"""Every condition, in the order of the model's union."""

_BY_NAME: Final = {doc.name: doc for doc in CONDITIONS}
_BY_KIND: Final = {doc.kind: doc for doc in CONDITIONS}
_LONGEST_TEXT: Final = 200
_MOST_DIGITS: Final = 40  # a number that has more before or after its point is not written out to be refused
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,10})?")
_ONES: Final = {Unit.PRICE: PRICE_ONE, Unit.SIZE: SIZE_ONE}


def condition_of(given: Mapping[str, Any]) -> Condition:
    """Return the condition that a JSON object says: `type`, and its fields.

    Prices and sizes are decimal texts or JSON numbers, read exactly; a number such as 0.55 means its shortest text.

    Raises:
        Misuse: A name is none (the nearest is told), a field is missing, or a value is out of its range.

    >>> condition_of({"type": "crosses", "level": "0.55", "direction": "up"})
    Crosses(level=5500, of=<Of.MID: 'mid'>, direction='up', hysteresis=10)
    """
    named = given.get("type")
    doc = _BY_NAME.get(named) if isinstance(named, str) else None
    if doc is None:
        raise Misuse(f"{_shown(named)} is no condition{_nearest(named, _BY_NAME)}; there are: {', '.join(_BY_NAME)}")
    fields = {field.name: field for field in doc.fields}
    for name in given:
        if name != "type" and name not in fields:
            there = ", ".join(fields) or "none"
            raise Misuse(f"`{doc.name}` has no field {_shown(name)}{_nearest(name, fields)}; there are: {there}")
    for field in msgspec.structs.fields(doc.kind):
        if field.required and field.name not in given:
            meant = fields[field.name]
            raise Misuse(f"`{doc.name}` needs `{field.name}` ({meant.meaning}, {_range(meant)}), as in {doc.example}")
    read = {name: _read(doc, fields[name], value) for name, value in given.items() if name != "type"}
    return doc.kind(**read)


def condition_as_json(condition: Condition) -> dict[str, Any]:
    """Return a condition as `condition_of` reads it, every field said.

    >>> condition_as_json(TradeOver(1_500_000))
    {'type': 'trade-over', 'size': '1.5'}
    """
    doc = _BY_KIND[type(condition)]
    told: dict[str, Any] = {"type": doc.name}
    for field in doc.fields:
        value = getattr(condition, field.name)
        match field.unit:
            case Unit.PRICE:
                told[field.name] = price_text(value)
            case Unit.SIZE:
                told[field.name] = size_text(value)
            case Unit.WORD:
                told[field.name] = str(value)
            case _:
                told[field.name] = value
    return told


def watch_as_json(watch: Watch) -> dict[str, Any]:
    """Return a watch as JSON, its condition as `condition_as_json` has it."""
    fields = {name: getattr(watch, name) for name in watch.__struct_fields__}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    return plain | {"condition": condition_as_json(watch.condition)}


def _read(doc: ConditionDoc, field: FieldDoc, value: Any) -> Any:
    match field.unit:
        case Unit.PRICE | Unit.SIZE:
            return _exact(doc, field, value)
        case Unit.WORD:
            if value in field.words:
                return Of(value) if field.words == _OF.words else value
        case Unit.FLAG:
            if isinstance(value, bool):
                return value
        case Unit.TEXT:
            if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
                return value
        case _:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and field.least <= value <= field.most:
                if field.unit is Unit.SECONDS:
                    return float(value)
                if value == int(value):
                    return int(value)
    raise _wrong(doc, field, value)


def _exact(doc: ConditionDoc, field: FieldDoc, value: Any) -> int:
    """Return a price or a size in whole units; every digit of it counts."""
    text = value.strip() if isinstance(value, str) else ""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        given = Decimal(str(value)) if isinstance(value, float) else Decimal(value)  # the shortest text that means it
        if given.is_finite() and abs(given.adjusted()) < _MOST_DIGITS:
            text = format(given, "f")
    if _DECIMAL.fullmatch(text):
        number = Decimal(text) * _ONES[field.unit]  # 22 digits at most, so that nothing is rounded
        if field.least <= number <= field.most and number == int(number):
            return int(number)
    raise _wrong(doc, field, value)


def _wrong(doc: ConditionDoc, field: FieldDoc, value: Any) -> Misuse:
    return Misuse(f"`{field.name}` of `{doc.name}` is {field.meaning}: {_range(field)}; {_shown(value)} was given")


def _range(field: FieldDoc) -> str:
    """Return what a field takes, for people.

    >>> _range(FieldDoc("level", Unit.PRICE, "", 1, 9_999))
    '0.0001 to 0.9999 USDC, in steps of 0.0001'
    """
    match field.unit:
        case Unit.PRICE:
            return f"{price_text(int(field.least))} to {price_text(int(field.most))} USDC, in steps of 0.0001"
        case Unit.SIZE:
            return f"{size_text(int(field.least))} to {size_text(int(field.most))} shares, in steps of 0.000001"
        case Unit.WORD:
            return f"one of {', '.join(field.words)}"
        case Unit.TEXT:
            return f"up to {_LONGEST_TEXT} letters"
        case Unit.FLAG:
            return str(field.unit)
        case _:
            return f"{field.least:g} to {field.most:g} {field.unit}"


def _shown(value: object) -> str:
    return repr(value)[:80]


def _nearest(name: object, known: Mapping[str, object]) -> str:
    near = get_close_matches(str(name), list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


assert {doc.kind for doc in CONDITIONS} == set(get_args(Condition))  # noqa: S101 - one left out is found at the start
