"""Orders and trades of the user as the venue spells them, on the user channel and over REST alike: rows to events.

Lenient where the venue is: empty numbers, missing sides and roles, times in seconds, milliseconds or ISO 8601, other
spellings of a status. Source: docs/protocol.md, "User channel" and "Account reads".
"""

from typing import Any, Final, TypeVar

import msgspec

from polywire.errors import Undecodable
from polywire.model.own import MakerLeg, OrderStep, OwnOrderChanged, OwnTradeChanged, TradeStatus
from polywire.model.units import BookSide, ConditionId, TokenId, TradeSide
from polywire.wire.instants import read_instant
from polywire.wire.numbers import read_price, read_size
from polywire.wire.tally import Tally

Row = dict[str, Any]
"""A JSON object. Its numbers with a point are the texts they were written as, so that none was ever rounded."""

_Text = str | int  # the venue writes numbers either way
_NAME_CUT: Final = 40
_WORD_CUT: Final = 20
_LEAST_MS: Final = 10**11  # below it a time is in seconds: as milliseconds it would lie before 1974
_MOST_MS: Final = 10**15
_LONGEST_TIME: Final = 40
_LONGEST_NUMBER: Final = 20


class _Order(msgspec.Struct):
    id: str
    market: str
    asset_id: str
    side: str
    price: _Text
    original_size: _Text
    size_matched: _Text = ""
    status: str = ""
    outcome: str = ""
    order_type: str = ""
    expiration: _Text = ""
    created_at: _Text = ""
    timestamp: _Text = ""
    owner: str = ""
    order_owner: str = ""
    maker_address: str = ""
    associate_trades: tuple[str, ...] = ()
    type: str = ""


class _Leg(msgspec.Struct):
    order_id: str
    asset_id: str
    matched_amount: _Text
    price: _Text
    side: str = ""
    owner: str = ""
    maker_address: str = ""
    outcome: str = ""
    outcome_index: int = 0
    fee_rate_bps: _Text = ""


class _Trade(msgspec.Struct):
    id: str
    market: str
    asset_id: str
    side: str
    price: _Text
    size: _Text
    status: str
    taker_order_id: str = ""
    outcome: str = ""
    fee_rate_bps: _Text = ""
    owner: str = ""
    trade_owner: str = ""
    maker_address: str = ""
    transaction_hash: str = ""
    bucket_index: _Text = ""
    match_time: _Text = ""
    matchtime: _Text = ""  # so in the docs, once
    last_update: _Text = ""
    timestamp: _Text = ""
    trader_side: str = ""
    maker_orders: tuple[_Leg, ...] = ()
    type: str = ""


_Frame = TypeVar("_Frame", _Order, _Trade)
_WORDS: Final = frozenset({"event_type"})  # read before
_LEG_FIELDS: Final = frozenset(_Leg.__struct_fields__)


def read_order(row: Row, seen_ns: int, tally: Tally, *, recovered: bool = False) -> OwnOrderChanged:
    """Return what a row says of an order.

    Args:
        row: Of the user channel; or of REST, which names no step: an order that matched nothing was placed then, and
            any other updated, or cancelled where its status says so.
        seen_ns: When it was seen, Unix nanoseconds, our clock.
        tally: Where fields we do not know are counted.
        recovered: Whether it was read back. Over REST `created_at` says when it was placed, and nothing says when it
            changed.

    Raises:
        Undecodable: It is no order, or a number of it is none.
    """
    frame = _converted("order", row, _Order, tally)
    try:
        matched = _size(frame.size_matched)
        status = frame.status.removeprefix("ORDER_STATUS_")
        step = _step(frame.type, status, matched)
        told_ms = _ms(frame.timestamp)
        return OwnOrderChanged(
            order=frame.id,
            step=step,
            status=status,
            token=TokenId(frame.asset_id),
            condition=ConditionId(frame.market),
            outcome=frame.outcome,
            side=_side(frame.side),
            price=read_price(str(frame.price)),
            original_size=read_size(str(frame.original_size)),
            matched_size=matched,
            order_type=frame.order_type,
            expires_s=_ms(frame.expiration) // 1_000,
            trades=frame.associate_trades,
            owner=frame.order_owner or frame.owner,
            maker=frame.maker_address,
            recovered=recovered,
            venue_ms=told_ms or (_ms(frame.created_at) if step is OrderStep.PLACED else 0),
            seen_ns=seen_ns,
        )
    except Undecodable:
        raise  # a ValueError too, but it names its kind itself
    except ValueError as refusal:
        raise Undecodable("order", str(refusal), (frame.asset_id,)) from refusal


def read_trade(row: Row, seen_ns: int, tally: Tally, *, recovered: bool = False) -> OwnTradeChanged:
    """Return what a row says of a trade.

    Args:
        row: Of the user channel or of REST.
        seen_ns: When it was seen, Unix nanoseconds, our clock.
        tally: Where fields we do not know are counted.
        recovered: Whether it was read back.

    Raises:
        Undecodable: It is no trade, a number of it is none, or its status is not known.
    """
    frame = _converted("trade", row, _Trade, tally)
    try:
        side = _side(frame.side)
        matched_ms = _ms(frame.match_time or frame.matchtime)
        return OwnTradeChanged(
            trade=frame.id,
            status=_status(frame.status),
            role=frame.trader_side.upper(),
            taker_order=frame.taker_order_id,
            token=TokenId(frame.asset_id),
            condition=ConditionId(frame.market),
            outcome=frame.outcome,
            side=side,
            price=read_price(str(frame.price)),
            size=read_size(str(frame.size)),
            fee_rate_bps=_integer(frame.fee_rate_bps),
            makers=tuple(_leg(leg, side, frame.asset_id) for leg in frame.maker_orders),
            transaction=frame.transaction_hash,
            matched_s=matched_ms // 1_000,
            owner=frame.owner,
            recovered=recovered,
            venue_ms=_ms(frame.timestamp) or _ms(frame.last_update) or matched_ms,
            seen_ns=seen_ns,
        )
    except Undecodable:
        raise  # as above
    except ValueError as refusal:
        raise Undecodable("trade", str(refusal), (frame.asset_id,)) from refusal


def _converted(kind: str, row: Row, frame: type[_Frame], tally: Tally) -> _Frame:
    """Return a row as its struct, its nulls left out and its unknown fields counted."""
    known = {}
    for name, value in row.items():
        if name not in frame.__struct_fields__:
            if name not in _WORDS:
                tally.unknown(kind, name[:_NAME_CUT])
        elif value is not None:
            known[name] = _legs(kind, value, tally) if name == "maker_orders" else value
    try:
        return msgspec.convert(known, frame)
    except msgspec.ValidationError as refusal:
        token = row.get("asset_id")
        raise Undecodable(kind, str(refusal), (token,) if isinstance(token, str) else None) from refusal


def _legs(kind: str, legs: Any, tally: Tally) -> Any:
    """Return what stands for maker orders without nulls; what is none of them is refused behind this."""
    if not isinstance(legs, list):
        return legs
    for leg in legs:
        for name in leg.keys() - _LEG_FIELDS if isinstance(leg, dict) else ():
            tally.unknown(kind, f"maker_orders.{name}"[:_NAME_CUT])
    return [
        {name: value for name, value in leg.items() if value is not None} if isinstance(leg, dict) else leg
        for leg in legs
    ]


def _leg(leg: _Leg, taker: TradeSide, taker_token: str) -> MakerLeg:
    """Return a leg. A side that is left out is the other one on the taker's own token, the same on the complement."""
    if leg.side:
        side = _side(leg.side)
    else:
        side = taker if leg.asset_id != taker_token else "SELL" if taker == "BUY" else "BUY"
    rests: BookSide = "bid" if side == "BUY" else "ask"
    price, size = read_price(str(leg.price)), read_size(str(leg.matched_amount))
    return MakerLeg(leg.order_id, leg.owner, leg.maker_address, TokenId(leg.asset_id), leg.outcome, rests, price, size)


def _step(word: str, status: str, matched: int) -> OrderStep:
    if word == "FILL":  # so in the docs of the live-data service
        return OrderStep.UPDATED
    if word:
        try:
            return OrderStep(word.upper())
        except ValueError as refusal:
            raise Undecodable(f"unknown:order.{word[:_WORD_CUT]}", "no such step of an order is known") from refusal
    if status.upper().startswith("CANCEL") or status.upper() == "INVALID":
        return OrderStep.CANCELLED
    return OrderStep.UPDATED if matched else OrderStep.PLACED


def _status(word: str) -> TradeStatus:
    name = word.upper().removeprefix("TRADE_STATUS_")
    if name == "MATCHED_NOT_BROADCASTED":  # REST's word for the time before the transaction is sent
        return TradeStatus.MATCHED
    try:
        return TradeStatus(name)
    except ValueError as refusal:
        raise Undecodable(f"unknown:trade.{word[:_WORD_CUT]}", "no such status of a trade is known") from refusal


def _side(word: str) -> TradeSide:
    match word.upper():
        case "BUY":
            return "BUY"
        case "SELL":
            return "SELL"
        case _:
            raise ValueError(f"side {word[:_WORD_CUT]!r} is neither BUY nor SELL")


def _size(text: _Text) -> int:
    """Return a size; none said is none."""
    return read_size(str(text)) if text != "" else 0


def _integer(text: _Text) -> int | None:
    """Return a whole number; None where none is said."""
    if text == "":
        return None
    digits = str(text)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER):
        raise ValueError(f"{digits[:_WORD_CUT]!r} is no whole number")
    return int(digits)


def _ms(text: _Text) -> int:
    """Return a time in Unix milliseconds; 0 where none is said."""
    if text == "":
        return 0
    digits = str(text)
    if not (digits.isascii() and digits.isdigit()):
        return read_instant(digits[:_LONGEST_TIME])
    whole = int(digits) if len(digits) <= _LONGEST_NUMBER else _MOST_MS
    time_ms = whole if whole >= _LEAST_MS else whole * 1_000
    if time_ms >= _MOST_MS:
        raise ValueError(f"time {digits[:_LONGEST_TIME]!r} lies over 30,000 years ahead")
    return time_ms
