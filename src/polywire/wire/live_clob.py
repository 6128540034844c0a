"""The live-data service's topic `clob_market`: the market channel's facts in other clothes."""

from typing import Any, Final

import msgspec

from polywire.errors import Undecodable
from polywire.wire import market_odd
from polywire.wire.market_read import READERS
from polywire.wire.tally import Tally

_CHANGE: Final = {
    "a": "asset_id",
    "p": "price",
    "s": "side",
    "si": "size",
    "h": "hash",
    "bb": "best_bid",
    "ba": "best_ask",
}
_NAMES: Final = {
    "agg_orderbook": "book",
    "price_change": "price_change",
    "last_trade_price": "last_trade_price",
    "tick_size_change": "tick_size_change",
    "market_created": "new_market",
    "market_resolved": "market_resolved",
}


def read(type_: str, payload: bytes, seen_ns: int, tally: Tally) -> list[Any]:
    """Return the market events of one payload.

    Args:
        type_: The message's `type`.
        payload: Its `payload`, JSON bytes.
        seen_ns: Unix nanoseconds, our clock, when it arrived.
        tally: Where fields we do not know are counted.

    Raises:
        Undecodable: The type is not known, or the payload is not of it.
        ValueError: A number of it is none.
    """
    kind = _NAMES.get(type_)
    if kind is None:
        raise Undecodable(f"unknown:clob_market.{type_[:40]}", "no such type is known")
    message = msgspec.json.decode(payload)
    if not isinstance(message, dict):
        raise Undecodable(f"clob_market.{type_}", f"a JSON {type(message).__name__} where a payload belongs")
    if kind == "price_change":
        message = _unabridged(message)
    elif kind == "new_market":
        least = {"min_order_size", "neg_risk"}  # known, and of no use without the rest of the market
        message = {
            ("order_price_min_tick_size" if key == "tick_size" else key): value
            for key, value in message.items()
            if key not in least
        }
    elif kind == "market_resolved":
        terms = {"min_order_size", "neg_risk", "tick_size"}
        unsaid = {"winning_asset_id": "", "winning_outcome": ""}  # this topic names no winner
        message = unsaid | {key: value for key, value in message.items() if key not in terms}
    if "timestamp" not in message:
        message = message | {"timestamp": 0}
    try:
        frame = market_odd.restate(message | {"event_type": kind}, tally)
    except Undecodable as refusal:
        raise Undecodable(f"clob_market.{type_}", refusal.reason) from refusal
    read_ = READERS[type(frame)]
    events = read_(frame, seen_ns)
    return events if isinstance(events, list) else [events]


def _unabridged(message: dict[str, Any]) -> dict[str, Any]:
    changes = message.get("pc", [])
    if not isinstance(changes, list):
        raise Undecodable("clob_market.price_change", "`pc` is no array")
    rest = {{"m": "market", "t": "timestamp"}.get(key, key): value for key, value in message.items() if key != "pc"}
    entries = [
        {_CHANGE.get(key, key): value for key, value in change.items()} if isinstance(change, dict) else change
        for change in changes
    ]
    return rest | {"price_changes": entries}
