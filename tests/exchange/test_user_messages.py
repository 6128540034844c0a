"""User messages: the official client drops none of them, and reads in each what it says."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polymarket.models.clob.user_events import UserOrderPayload, UserTradePayload, parse_user_events

from exchange.private_records import ANN, BOB, dollars, leg, shares, user_order, user_orders, user_trade, user_trades
from exchange.venues import CONDITION, START_MS, YES
from polywire.core.matching.orders import OrderKind
from polywire.exchange.trading.records import OrderState, UserOrder, UserTrade
from polywire.exchange.user_messages import (
    OrderMessageKind,
    UserMessage,
    killed_message,
    order_message,
    trade_message,
)
from polywire.model.units import SIZE_ONE

FOK = "order couldn't be fully filled. FOK orders are fully filled or killed."


def read_order(message: UserMessage) -> UserOrderPayload:
    (event,), dropped = parse_user_events(json.loads(message.data))
    assert dropped == 0
    assert isinstance(event.payload, UserOrderPayload)
    return event.payload


def read_trade(message: UserMessage) -> UserTradePayload:
    (event,), dropped = parse_user_events(json.loads(message.data))
    assert dropped == 0
    assert isinstance(event.payload, UserTradePayload)
    return event.payload


@given(user_orders(), st.sampled_from(("PLACEMENT", "UPDATE", "CANCELLATION")), st.integers(START_MS, 2 * START_MS))
def test_the_sdk_reads_in_an_order_exactly_what_it_is(order: UserOrder, kind: OrderMessageKind, at_ms: int) -> None:
    message = order_message(order, kind, at_ms)
    read = read_order(message)
    assert (read.id, read.owner, read.order_owner, read.maker_address) == (order.id, order.key, order.key, order.maker)
    assert (read.order_event_type, read.status, read.order_type) == (kind, order.state, order.kind)
    assert (read.price, read.original_size, read.size_matched) == (
        dollars(order.price),
        shares(order.size),
        shares(order.matched),
    )
    assert read.associate_trades == order.trades
    assert read.created_at is not None
    assert read.created_at.timestamp() == order.placed_ms // 1_000
    assert read.timestamp is not None
    assert round(read.timestamp.timestamp() * 1_000) == at_ms
    assert (message.key, message.condition, message.counts) == (order.key, order.condition, ((order.token, 1),))


@given(user_trades(), st.integers(START_MS, 2 * START_MS), st.data())
def test_the_sdk_reads_in_a_trade_exactly_what_it_is(trade: UserTrade, at_ms: int, data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(trade.legs))
    taker, maker = trade_message(trade, trade.key, "TAKER", at_ms), trade_message(trade, one.key, "MAKER", at_ms)
    assert (taker.key, maker.key, taker.condition) == (trade.key, one.key, trade.condition)
    for message, role in ((taker, "TAKER"), (maker, "MAKER")):
        read = read_trade(message)
        assert (read.owner, read.trade_owner, read.trader_side) == (message.key, trade.key, role)
        assert (read.id, read.status, read.transaction_hash) == (trade.id, trade.state, trade.hash)
        assert (read.size, read.price) == (shares(trade.size), dollars(trade.price))
        assert read.matched_at is not None
        assert read.matched_at.timestamp() == trade.matched_ms // 1_000
        assert read.updated_at is not None
        assert read.updated_at.timestamp() == trade.changed_ms // 1_000
        assert read.maker_orders is not None
        assert [(part.owner, part.matched_amount, part.side) for part in read.maker_orders] == [
            (part.key, shares(part.size), part.side) for part in trade.legs
        ]


def test_seconds_and_milliseconds_stand_where_the_sdk_wants_them() -> None:
    """A `created_at` in milliseconds is out of its range: it would drop the event."""
    told = json.loads(order_message(user_order(placed_ms=1_725_842_520_990), "PLACEMENT", 1_725_842_521_001).data)
    assert (told["created_at"], told["timestamp"], told["expiration"]) == ("1725842520", "1725842521001", "0")
    traded = json.loads(trade_message(user_trade(), ANN, "TAKER", 1_725_958_682_125).data)
    assert (traded["match_time"], traded["last_update"]) == (f"{START_MS // 1_000 + 1}", f"{START_MS // 1_000 + 4}")
    assert traded["timestamp"] == "1725958682125"


def test_an_order_that_matched_nothing_says_0_and_not_nothing() -> None:
    assert json.loads(order_message(user_order(), "PLACEMENT", 1).data)["size_matched"] == "0"


def test_a_message_says_how_an_order_stood_whatever_becomes_of_it_later() -> None:
    order = user_order()
    message = order_message(order, "PLACEMENT", 1)
    order.state, order.matched = OrderState.MATCHED, order.size
    assert (read_order(message).status, read_order(message).size_matched) == ("LIVE", Decimal(0))


def test_a_status_can_be_given_in_place_of_the_orders() -> None:
    assert read_order(order_message(user_order(), "CANCELLATION", 1, "INVALID")).status == "INVALID"


def test_a_killed_order_is_cancelled_with_the_venues_sentence() -> None:
    read = read_order(killed_message(user_order(kind=OrderKind.FOK), FOK, 1_777_824_065_000))
    assert (read.order_event_type, read.status) == ("CANCELLATION", f"CANCELED_{FOK}")
    assert (read.size_matched, read.outcome, read.order_type) == (Decimal(0), "Yes", "FOK")


def test_a_blank_one_is_what_production_sends_and_the_sdk_drops() -> None:
    """Source: docs/protocol.md, "User channel" (issue nautilus_trader#3987)."""
    told = json.loads(killed_message(user_order(kind=OrderKind.FOK), FOK, 1, blank=True).data)
    assert (told["size_matched"], told["outcome"], told["created_at"]) == ("", "", "")
    assert parse_user_events(told) == ([], 1)


ORDER_KEYS = """asset_id associate_trades created_at event_type expiration id maker_address market order_owner
    order_type original_size outcome owner price side size_matched status timestamp type"""
TRADE_KEYS = """asset_id bucket_index event_type fee_rate_bps id last_update maker_address maker_orders market
    match_time outcome owner price side size status taker_order_id timestamp trade_owner trader_side transaction_hash
    type"""


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        (order_message(user_order(), "PLACEMENT", 1), ORDER_KEYS),
        (trade_message(user_trade(), ANN, "TAKER", 1), TRADE_KEYS),
    ],
    ids=["order", "trade"],
)
def test_keys_stand_in_the_captures_order_without_blanks(message: UserMessage, keys: str) -> None:
    assert list(json.loads(message.data)) == keys.split()
    assert b": " not in message.data


def test_a_maker_with_several_legs_finds_each_in_one_message() -> None:
    trade = user_trade(leg(7, BOB, price=5_200), leg(8, BOB, other=True, size=2 * SIZE_ONE), key=ANN)
    read = read_trade(trade_message(trade, BOB, "MAKER", 1))
    assert read.maker_orders is not None
    own = [part for part in read.maker_orders if part.owner == BOB]
    assert [(part.matched_amount, part.outcome, part.outcome_index) for part in own] == [
        (Decimal(5), "Yes", 0),
        (Decimal(2), "No", 1),
    ]
    assert (str(read.asset_id), str(read.market)) == (str(YES), str(CONDITION))
