"""`wire.user_frames`: rows of orders and trades to events, lenient where the venue is, and exact."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import NO, YES, frame
from polywire.errors import Undecodable
from polywire.model.own import OrderStep, OwnOrderChanged, OwnTradeChanged, TradeStatus
from polywire.model.units import price_text, size_text
from polywire.wire.tally import Tally
from polywire.wire.user_frames import read_order, read_trade
from wire.user_rows import MADE, SEEN, TAKEN, placed


def ordered(name: str = "placement", /, without: tuple[str, ...] = (), **fields: object) -> OwnOrderChanged:
    """Return what a hand-written order says with other fields."""
    row: dict[str, Any] = json.loads(frame(f"user.order.{name}")) | fields
    return read_order({key: value for key, value in row.items() if key not in without}, SEEN, Tally())


def traded(name: str = "taker", /, without: tuple[str, ...] = (), **fields: object) -> OwnTradeChanged:
    """Return what a hand-written trade says with other fields."""
    row: dict[str, Any] = json.loads(frame(f"user.trade.{name}")) | fields
    return read_trade({key: value for key, value in row.items() if key not in without}, SEEN, Tally())


def legs(**fields: object) -> list[dict[str, Any]]:
    """Return the taker's only maker with other fields."""
    row: dict[str, Any] = json.loads(frame("user.trade.taker"))
    return [leg | fields for leg in row["maker_orders"]]


def test_rows_are_read_as_they_stand_in_the_frames() -> None:
    assert (ordered(), traded(), traded("maker")) == (placed(), TAKEN, MADE)


def test_what_is_left_out_is_blank() -> None:
    blank = (
        "order_owner",
        "owner",
        "maker_address",
        "associate_trades",
        "expiration",
        "order_type",
        "outcome",
        "status",
    )
    order = ordered(without=blank)
    assert (order.owner, order.maker, order.trades, order.expires_s, order.order_type) == ("", "", (), 0, "")
    trade = traded(without=("maker_orders", "trader_side", "timestamp", "last_update", "match_time", "taker_order_id"))
    assert (trade.makers, trade.role, trade.venue_ms, trade.matched_s, trade.taker_order) == ((), "", 0, 0, "")


def test_an_order_that_names_no_owner_of_its_own_is_the_events() -> None:
    assert ordered(without=("order_owner",)).owner == placed().owner


@pytest.mark.parametrize(
    ("type_", "status", "matched", "step"),
    [
        ("PLACEMENT", "LIVE", "0", OrderStep.PLACED),
        ("update", "LIVE", "0", OrderStep.UPDATED),
        ("FILL", "LIVE", "1", OrderStep.UPDATED),
        ("", "LIVE", "0", OrderStep.PLACED),
        ("", "LIVE", "0.000001", OrderStep.UPDATED),
        ("", "CANCELED_EXPIRED_ORDER", "1", OrderStep.CANCELLED),
        ("", "INVALID", "", OrderStep.CANCELLED),
        ("", "ORDER_STATUS_CANCELED", "", OrderStep.CANCELLED),
    ],
)
def test_the_step_is_the_types_or_follows_from_status_and_size(
    type_: str, status: str, matched: str, step: OrderStep
) -> None:
    order = ordered(type=type_, status=status, size_matched=matched)
    assert (order.step, order.status) == (step, status.removeprefix("ORDER_STATUS_"))


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("MATCHED", TradeStatus.MATCHED),
        ("TRADE_STATUS_CONFIRMED", TradeStatus.CONFIRMED),
        ("mined", TradeStatus.MINED),
        ("TRADE_STATUS_MATCHED_NOT_BROADCASTED", TradeStatus.MATCHED),
    ],
)
def test_a_status_has_several_spellings(word: str, status: TradeStatus) -> None:
    assert traded(status=word).status is status


@pytest.mark.parametrize(
    ("timestamp", "venue_ms"),
    [
        ("1795000001", 1_795_000_001_000),
        ("1795000001456", 1_795_000_001_456),
        (1_795_000_001, 1_795_000_001_000),
        ("2026-11-18T11:06:41.5Z", 1_795_000_001_500),
        ("", 1_795_000_001_000),  # `last_update` then
    ],
)
def test_a_time_is_in_seconds_milliseconds_or_iso_8601(timestamp: object, venue_ms: int) -> None:
    assert traded(timestamp=timestamp).venue_ms == venue_ms


def test_over_rest_an_order_that_only_says_when_it_was_made_says_nothing_of_when_it_changed() -> None:
    made = ordered(without=("timestamp", "type"))
    grown = ordered(without=("timestamp", "type"), size_matched="1")
    assert (made.venue_ms, grown.venue_ms) == (1_795_000_000_000, 0)


def test_numbers_may_be_numbers() -> None:
    """Those with a point reach this as the texts they were written as."""
    assert ordered(original_size=25, size_matched=0) == placed()
    assert traded(fee_rate_bps=1_000, bucket_index="0", size=4) == TAKEN


@pytest.mark.parametrize(("token", "side"), [(YES, "ask"), (NO, "bid")])
def test_a_leg_without_its_side_has_the_one_that_its_token_leaves(token: str, side: str) -> None:
    """Captures before 2025 lack it. On the complement both sides mint, or both merge."""
    (leg,) = traded(maker_orders=legs(side="", asset_id=token)).makers
    assert leg.side == side
    (leg,) = traded(side="SELL", maker_orders=legs(side=None, asset_id=token)).makers
    assert leg.side == {"ask": "bid", "bid": "ask"}[side]


@pytest.mark.parametrize(
    "fields",
    [
        {"side": "HOLD"},
        {"price": "0.61001"},
        {"price": "1.5"},
        {"original_size": ""},
        {"original_size": "0.0000001"},
        {"size_matched": "-1"},
        {"expiration": "soon"},
        {"timestamp": "1" * 16},
        {"timestamp": "9" * 40},
    ],
)
def test_an_order_with_a_number_that_is_none_is_refused_with_its_token(fields: dict[str, Any]) -> None:
    with pytest.raises(Undecodable) as refusal:
        ordered(**fields)
    assert (refusal.value.kind, refusal.value.tokens) == ("order", (YES,))


@pytest.mark.parametrize(
    "fields",
    [
        {"side": ""},
        {"fee_rate_bps": "1.5"},
        {"fee_rate_bps": "9" * 21},
        {"maker_orders": "none"},
        {"maker_orders": ["0x1"]},
        {"maker_orders": [{}]},
        {"price": True},
    ],
)
def test_a_trade_with_a_field_that_is_none_is_refused_with_its_token(fields: dict[str, Any]) -> None:
    with pytest.raises(Undecodable) as refusal:
        traded(**fields)
    assert (refusal.value.kind, refusal.value.tokens) == ("trade", (YES,))


def test_what_is_of_a_step_or_status_that_is_not_known_is_named_after_it() -> None:
    with pytest.raises(Undecodable) as refusal:
        ordered(type="ELOPEMENT")
    assert refusal.value.kind == "unknown:order.ELOPEMENT"
    with pytest.raises(Undecodable) as refusal:
        traded(status="PENDING")
    assert refusal.value.kind == "unknown:trade.PENDING"


def test_a_row_that_names_no_token_may_concern_any() -> None:
    with pytest.raises(Undecodable) as refusal:
        read_order({"id": 7}, SEEN, Tally())
    assert refusal.value.tokens is None


def test_fields_that_are_not_known_are_counted_and_left_out() -> None:
    tally, row = Tally(), json.loads(frame("user.trade.taker"))
    row |= {"new": 1, "maker_orders": legs(odd=None)}
    assert read_trade(row, SEEN, tally) == TAKEN
    assert tally.unknown_fields == {("trade", "new"): 1, ("trade", "maker_orders.odd"): 1}


def test_what_is_read_back_says_so() -> None:
    row: dict[str, Any] = json.loads(frame("user.order.placement"))
    assert read_order(row, SEEN, Tally(), recovered=True).recovered
    row = json.loads(frame("user.trade.taker"))
    assert read_trade(row, SEEN, Tally(), recovered=True).recovered


@given(price=st.integers(0, 10_000), size=st.integers(0, 10**15 - 1), matched=st.integers(0, 10**15 - 1))
def test_every_price_and_size_is_read_exactly(price: int, size: int, matched: int) -> None:
    order = ordered(price=price_text(price), original_size=size_text(size), size_matched=size_text(matched))
    assert (order.price, order.original_size, order.matched_size) == (price, size, matched)
