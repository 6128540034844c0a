"""The user channel's messages in the venue's own key order and spelling. Source: docs/protocol.md, "User channel".

Each is serialised when it is made, for orders and trades change afterwards, and once, however many sockets its key has.
"""

from typing import Final, Literal

import msgspec

from polywire.exchange.messages import Message
from polywire.exchange.trading.records import UserOrder, UserTrade
from polywire.exchange.trading.rows import order_row, seen_by
from polywire.model.units import ConditionId

OrderMessageKind = Literal["PLACEMENT", "UPDATE", "CANCELLATION"]
"""What happened to an order: it was taken, matched in part or whole, or ended otherwise."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class UserMessage(Message, kw_only=True):
    """One text message for one API key."""

    key: str
    condition: ConditionId


def order_message(order: UserOrder, kind: OrderMessageKind, at_ms: int, status: str = "") -> UserMessage:
    """Return what happened to an order, for the key it came with.

    Args:
        order: As it stands now.
        kind: What happened.
        at_ms: When, Unix milliseconds of venue time.
        status: In place of the order's own.
    """
    return _order(order, kind, at_ms, {"status": status} if status else {})


def killed_message(order: UserOrder, why: str, at_ms: int, *, blank: bool = False) -> UserMessage:
    """Return the cancellation of an order that never rested and matched nothing.

    Args:
        order: As it would have been.
        why: The venue's own sentence, which becomes part of the status.
        at_ms: When, Unix milliseconds of venue time.
        blank: Whether `size_matched`, `outcome` and `created_at` are empty texts, as the venue itself sends them for a
            killed FOK order. polymarket-client drops such a message.
    """
    odd = {"size_matched": "", "outcome": "", "created_at": ""} if blank else {"size_matched": "0"}
    return _order(order, "CANCELLATION", at_ms, {"status": f"CANCELED_{why}"} | odd)


def trade_message(trade: UserTrade, viewer_key: str, role: Literal["TAKER", "MAKER"], at_ms: int) -> UserMessage:
    """Return how a trade stands, for one key on one of its sides.

    The taker's key is told once, and each maker's key once, however many of its orders are in it.

    Args:
        trade: As it stands now.
        viewer_key: The key that is told.
        role: Its side.
        at_ms: When it came to stand so, Unix milliseconds of venue time.
    """
    told = seen_by(trade, viewer_key, role) | {
        "event_type": "trade",
        "timestamp": str(at_ms),
        "trade_owner": trade.key,
        "type": "TRADE",
    }
    return UserMessage(_encode(told), "trade", ((trade.token, 1),), key=viewer_key, condition=trade.condition)


def _order(order: UserOrder, kind: OrderMessageKind, at_ms: int, instead: dict[str, str]) -> UserMessage:
    row = order_row(order)
    told = row | {
        "created_at": str(row["created_at"]),  # a number over REST, a text here
        "event_type": "order",
        "order_owner": order.key,
        "timestamp": str(at_ms),
        "type": kind,
    }
    return UserMessage(_encode(told | instead), "order", ((order.token, 1),), key=order.key, condition=order.condition)
