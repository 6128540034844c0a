"""Events as JSON for people and programs: the same names, with prices and sizes as the decimal texts of the venue.

A reader of JSON lines should not need to know that 3400 means 0.34, and a text survives every parser unrounded.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from polywire.model.events import Event
from polywire.model.levels import Levels
from polywire.model.units import price_text, size_text

PRICES: Final = frozenset({"price", "best_bid", "best_ask", "tick", "old_tick", "new_tick", "last_trade"})
"""Fields that are ints of 1e-4 USDC."""

SIZES: Final = frozenset({"size", "original_size", "matched_size"})
"""Fields that are ints of 1e-6 shares."""

PLAIN: Final = frozenset({
    "venue_ms", "seen_ns", "sent_ms", "from_ns", "to_ns", "verified_ns", "received_ms", "expires_s",
    "matched_s", "fee_rate_bps", "window_s", "parent", "comment",
})  # fmt: skip
"""Fields that are ints and stay ints: times by their suffix, counts, ids."""

_TEXTS: Final[dict[str, Callable[[int], str]]] = dict.fromkeys(PRICES, price_text) | dict.fromkeys(SIZES, size_text)


def as_json(event: Event) -> bytes:
    """Return an event as one line of JSON, its kind under `type`.

    >>> from polywire.model.market import BestChanged
    >>> from polywire.model.units import ConditionId, TokenId
    >>> as_json(BestChanged(TokenId("7"), ConditionId("0x1"), 3_400, 3_550, 5, 6))  # doctest: +NORMALIZE_WHITESPACE
    b'{"type":"BestChanged","token":"7","condition":"0x1","best_bid":"0.34","best_ask":"0.355","venue_ms":5,"seen_ns":6}'
    """
    return msgspec.json.encode(_plain(event))


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    tag = struct.__struct_config__.tag
    fields = {} if tag is None else {"type": tag}
    return fields | {name: _value(name, getattr(struct, name)) for name in struct.__struct_fields__}


def _value(name: str, value: Any) -> Any:
    match value:
        case Levels():
            return [[price_text(price), size_text(size)] for price, size in value]
        case Decimal():
            return format(value, "f")
        case msgspec.Struct():
            return _plain(value)
        case tuple():
            return [_value(name, part) for part in value]
        case int() if name in _TEXTS and not isinstance(value, bool):
            return _TEXTS[name](value)
        case _:
            return value
