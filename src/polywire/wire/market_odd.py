"""The market channel's odd frames: older forms still met in recordings, and fields we do not know.

`restate` turns any object into the current form (`market_frames`), counting on the way every field that is
not ours. Source: docs/protocol.md, "Historic forms".
"""

from typing import Any

import msgspec

from polywire.errors import Undecodable
from polywire.wire.market_frames import FRAMES, NESTED, Frame
from polywire.wire.tally import Tally

LEVEL_KINDS = frozenset({"book", "price_change"})
"""Kinds whose loss makes a book wrong."""

_ALIASES = {"token_id": "asset_id", "token_ids": "assets_ids", "asset_ids": "assets_ids"}
_NAME_CUT = 40


def restate(message: dict[str, Any], tally: Tally) -> Frame:
    """Return one message in the current form.

    Args:
        message: A JSON object, as decoded.
        tally: Where its unknown fields are counted.

    Raises:
        Undecodable: It is of no kind we know, or a field of it is missing or of the wrong type.
    """
    kind = kind_of(message)
    frame = FRAMES.get(kind)
    if frame is None:
        raise Undecodable(kind, f"event_type {message.get('event_type')!r} is not known", ())
    current = _modern(kind, {_ALIASES.get(key, key): value for key, value in message.items() if value is not None})
    known = _known(kind, frame, current, tally)
    try:
        return msgspec.convert(known | {"event_type": kind}, frame, strict=False)  # type: ignore[return-value]  # FRAMES' values are Frame's members
    except msgspec.ValidationError as refusal:
        raise Undecodable(kind, str(refusal), tokens_of(message)) from refusal


def kind_of(message: dict[str, Any]) -> str:
    """Return the kind of a message by its `event_type`, or by its shape where a recorder left that out.

    >>> kind_of({"bids": [], "asks": []}), kind_of({"event_type": "merger"}), kind_of({})
    ('book', 'unknown:merger', 'untyped')
    """
    stated = message.get("event_type")
    if isinstance(stated, str):
        return stated if stated in FRAMES else f"unknown:{stated[:_NAME_CUT]}"
    if stated is not None:
        return "untyped"
    shapes = (
        ("rest_book", ("bids", "asks", "min_order_size")),
        ("rest_book", ("bids", "asks", "neg_risk")),
        ("book", ("bids", "asks")),
        ("price_change", ("price_changes",)),
        ("price_change", ("changes",)),
        ("tick_size_change", ("old_tick_size", "new_tick_size")),
        ("last_trade_price", ("asset_id", "price", "side", "fee_rate_bps")),
        ("price_change", ("asset_id", "price", "side", "size")),
        ("best_bid_ask", ("asset_id", "best_bid", "best_ask")),
        ("market_resolved", ("winning_asset_id",)),
        ("new_market", ("question", "clob_token_ids")),
    )
    return next((kind for kind, keys in shapes if all(key in message for key in keys)), "untyped")


def tokens_of(message: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the tokens whose levels a message speaks of; None where an entry names none (then it may be any).

    >>> tokens_of({"price_changes": [{"asset_id": "7"}, {"asset_id": "9"}, {"asset_id": "7"}]})
    ('7', '9')
    """
    entries = message.get("price_changes")
    found = dict.fromkeys(map(_token_of, entries if isinstance(entries, list) else [message]))
    return None if None in found else tuple(token for token in found if token is not None)


def _token_of(part: Any) -> str | None:
    token = part.get("asset_id") or part.get("token_id") if isinstance(part, dict) else None
    return token if isinstance(token, str) else None


def _modern(kind: str, message: dict[str, Any]) -> dict[str, Any]:
    """Rename and regroup what older forms spelled otherwise."""
    if kind == "book" and "bids" not in message and "buys" in message:
        sides = {"bids": message["buys"], "asks": message.get("sells", [])}
        return {key: value for key, value in message.items() if key not in {"buys", "sells"}} | sides
    if kind == "price_change" and "price_changes" not in message:
        shared = {key: message[key] for key in ("asset_id", "hash") if key in message}
        flat = {key: message[key] for key in ("price", "size", "side") if key in message}
        entries = message.get("changes", [flat])
        if isinstance(entries, list):
            entries = [shared | entry if isinstance(entry, dict) else entry for entry in entries]
        rest = {key: value for key, value in message.items() if key not in {"changes", *shared, *flat}}
        return rest | {"price_changes": entries}
    return message


def _known(kind: str, frame: type[msgspec.Struct], message: dict[str, Any], tally: Tally) -> dict[str, Any]:
    """Return the message without the fields we do not know, each of them counted."""
    nested = NESTED.get(kind, {})
    known = {}
    for key, value in message.items():
        if key not in frame.__struct_fields__:
            if key != "event_type":
                tally.unknown(kind, key[:_NAME_CUT])
            continue
        inner = nested.get(key)
        if inner is None:
            known[key] = value
        elif isinstance(value, list):
            known[key] = [_inner(kind, key, inner, entry, tally) for entry in value]
        else:
            known[key] = _inner(kind, key, inner, value, tally)
    return known


def _inner(kind: str, field: str, frame: type[msgspec.Struct], value: Any, tally: Tally) -> Any:
    if not isinstance(value, dict):
        return value
    for key in value.keys() - frame.__struct_fields__:
        if _ALIASES.get(key) not in frame.__struct_fields__:
            tally.unknown(kind, f"{field}[].{key[:_NAME_CUT]}")
    return {
        name: entry
        for key, entry in value.items()
        if (name := _ALIASES.get(key, key)) in frame.__struct_fields__ and entry is not None
    }
