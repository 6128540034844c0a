"""Orders and trades as the private reads show them. Source: docs/protocol.md, "Account reads"."""

from collections.abc import Collection
from typing import Any

from polywire.errors import Misuse
from polywire.exchange.messages import LEGACY_FEE
from polywire.exchange.trading.records import TradeLeg, UserOrder, UserTrade
from polywire.model.units import price_text, size_text


def order_row(order: UserOrder) -> dict[str, Any]:
    """Return an order as `GET /data/orders` and `/data/order/{id}` show it.

    Prices and sizes are decimal texts, `created_at` is a number of seconds, `expiration` a text of them, "0" for never.
    """
    return {
        "associate_trades": list(order.trades),  # never null: polymarket-client refuses the order then
        "id": order.id,
        "status": order.state.value,
        "market": order.condition,
        "original_size": size_text(order.size),
        "outcome": order.outcome,
        "maker_address": order.maker,
        "owner": order.key,
        "price": price_text(order.price),
        "side": order.side,
        "size_matched": size_text(order.matched),
        "asset_id": order.token,
        "expiration": str(order.expires_s),
        "order_type": order.kind.value,
        "created_at": order.placed_ms // 1_000,
    }


def trade_row(trade: UserTrade, viewer_keys: Collection[str]) -> dict[str, Any]:
    """Return a trade as `GET /data/trades` shows it to whoever has these API keys.

    The top level is the taker's, whoever looks; a maker's fill is its own legs. Times are texts of seconds.

    Args:
        trade: The trade.
        viewer_keys: Ids of API keys; where they are on both sides, the taker's counts.

    Raises:
        Misuse: None of them is on either side.
    """
    if trade.key in viewer_keys:
        return seen_by(trade, trade.key, "TAKER")
    for leg in trade.legs:
        if leg.key in viewer_keys:
            return seen_by(trade, leg.key, "MAKER")
    raise Misuse(f"trade {trade.id} is not of the API keys {', '.join(sorted(viewer_keys))}; show it to its own")


def seen_by(trade: UserTrade, key: str, role: str) -> dict[str, Any]:
    """Return a trade as `trade_row` does, for an API key that is known to be on this side of it."""
    return {
        "id": trade.id,
        "taker_order_id": trade.order,
        "market": trade.condition,
        "asset_id": trade.token,
        "side": trade.side,
        "size": size_text(trade.size),
        "fee_rate_bps": str(LEGACY_FEE if trade.fee else 0),
        "price": price_text(trade.price),
        "status": trade.state.value,
        "match_time": str(trade.matched_ms // 1_000),
        "last_update": str(trade.changed_ms // 1_000),
        "outcome": trade.outcome,
        "bucket_index": 0,  # what it counts is not documented, and no capture has another
        "owner": key,
        "maker_address": trade.maker,
        "transaction_hash": trade.hash,
        "maker_orders": [_leg_row(leg) for leg in trade.legs],
        "trader_side": role,
    }


def _leg_row(leg: TradeLeg) -> dict[str, Any]:
    return {
        "asset_id": leg.token,
        "fee_rate_bps": "0",  # only takers pay
        "maker_address": leg.maker,
        "matched_amount": size_text(leg.size),
        "order_id": leg.order,
        "outcome": leg.outcome,
        "outcome_index": leg.outcome_index,
        "owner": leg.key,
        "price": price_text(leg.price),
        "side": leg.side,  # polymarket-client refuses the trade without it
    }
