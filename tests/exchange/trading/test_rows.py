"""Orders and trades over REST: what the official client reads in them is what they are."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polymarket.models.clob.account import ClobTrade, OpenOrder

from exchange.private_records import (
    ANN,
    BOB,
    CROWD,
    dollars,
    leg,
    shares,
    user_order,
    user_orders,
    user_trade,
    user_trades,
)
from exchange.venues import NO, START_MS, YES
from polywire.core.matching.orders import OrderKind
from polywire.errors import Misuse
from polywire.exchange.trading.records import UserOrder, UserTrade
from polywire.exchange.trading.rows import order_row, trade_row
from polywire.model.units import SIZE_ONE


def second(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms // 1_000, UTC)


@given(user_orders())
def test_the_sdk_reads_in_an_order_exactly_what_it_is(order: UserOrder) -> None:
    read = OpenOrder.model_validate(json.loads(json.dumps(order_row(order))))
    assert (read.id, read.owner, read.maker_address) == (order.id, order.key, order.maker)
    assert (read.price, read.original_size, read.size_matched) == (
        dollars(order.price),
        shares(order.size),
        shares(order.matched),
    )
    assert (read.side, read.order_type, read.status) == (order.side, order.kind, order.state)
    assert read.created_at == second(order.placed_ms)
    assert read.expires_at == (datetime.fromtimestamp(order.expires_s, UTC) if order.expires_s else None)
    assert read.associate_trades == order.trades


@given(user_trades(), st.data())
def test_the_sdk_reads_in_a_trade_exactly_what_it_is(trade: UserTrade, data: st.DataObject) -> None:
    viewer = data.draw(st.sampled_from(sorted({trade.key, *(one.key for one in trade.legs)})))
    read = ClobTrade.model_validate(json.loads(json.dumps(trade_row(trade, {viewer}))))
    assert read.trader_side == ("TAKER" if viewer == trade.key else "MAKER")
    assert (read.id, read.owner, read.taker_order_id) == (trade.id, viewer, trade.order)
    assert (read.side, read.price, read.size) == (trade.side, dollars(trade.price), shares(trade.size))
    assert (read.status, read.transaction_hash, read.outcome) == (trade.state, trade.hash, trade.outcome)
    assert (read.matched_at, read.updated_at) == (second(trade.matched_ms), second(trade.changed_ms))
    assert [(one.order_id, str(one.asset_id), one.owner, one.side) for one in read.maker_orders] == [
        (one.order, str(one.token), one.key, one.side) for one in trade.legs
    ]
    assert [(one.price, one.matched_amount) for one in read.maker_orders] == [
        (dollars(one.price), shares(one.size)) for one in trade.legs
    ]


def test_an_order_is_spelled_as_the_venue_spells_it() -> None:
    order = user_order(price=5_130, size=12_500_000, matched=2 * SIZE_ONE, kind=OrderKind.GTD, expires_s=1_790_000_090)
    row = order_row(order)
    assert (row["price"], row["original_size"], row["size_matched"]) == ("0.513", "12.5", "2")
    assert (row["status"], row["order_type"], row["expiration"]) == ("LIVE", "GTD", "1790000090")
    assert row["created_at"] == START_MS // 1_000 + 1
    assert order_row(user_order())["expiration"] == "0"


def test_a_maker_is_shown_the_takers_top_level_and_every_leg() -> None:
    trade = user_trade(leg(7, BOB), leg(8, CROWD, other=True))
    row = trade_row(trade, {BOB})
    assert (row["owner"], row["trader_side"], row["maker_address"]) == (BOB, "MAKER", trade.maker)
    assert (row["asset_id"], row["side"], row["size"], row["price"]) == (YES, "BUY", "10", "0.52")
    assert [
        (one["owner"], one["asset_id"], one["outcome_index"], one["side"], one["price"]) for one in row["maker_orders"]
    ] == [(BOB, YES, 0, "SELL", "0.52"), (CROWD, NO, 1, "BUY", "0.48")]


def test_who_is_on_both_sides_with_different_keys_is_shown_the_takers() -> None:
    row = trade_row(user_trade(leg(7, BOB)), [BOB, ANN])
    assert (row["owner"], row["trader_side"]) == (ANN, "TAKER")


def test_only_a_taker_that_paid_a_fee_has_the_legacy_flag() -> None:
    """The text is a flag of old and no rate: the venue still sends it."""
    paid = trade_row(user_trade(leg(7, BOB), fee=1), {ANN})
    assert paid["fee_rate_bps"] == "1000"
    assert [one["fee_rate_bps"] for one in paid["maker_orders"]] == ["0"]
    assert trade_row(user_trade(leg(7, BOB), fee=0), {ANN})["fee_rate_bps"] == "0"


def test_a_trade_is_not_shown_to_a_stranger() -> None:
    with pytest.raises(Misuse, match=f"is not of the API keys {CROWD}"):
        trade_row(user_trade(leg(7, BOB)), {CROWD})
