"""Every sample of the user channel and of the account's reads is decoded whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from polywire.model.own import OrderStep, OwnOrderChanged, OwnTradeChanged
from polywire.wire import user
from polywire.wire.account import read_one_order, read_orders_page, read_trades_page
from polywire.wire.tally import Tally

pytestmark = pytest.mark.real


def test_every_sample_of_the_stream_decodes_with_nothing_undecoded_and_no_field_unknown(real_data: Path) -> None:
    paths = sorted((real_data / "protocol" / "samples").glob("ws_user_[ot]*.json"))
    assert len(paths) == 14
    for path in paths:
        tally = Tally()
        (event,) = user.decode(path.read_bytes(), 1, tally)
        assert (tally.undecoded, tally.unknown_fields) == ({}, {}), path.name
        assert isinstance(event, OwnOrderChanged if "_order_" in path.name else OwnTradeChanged)
        assert 1_600_000_000_000 < event.venue_ms < 2_000_000_000_000
        assert event.price > 0


def test_the_cancellation_that_the_official_client_drops_is_read(real_data: Path) -> None:
    path = real_data / "protocol" / "samples" / "ws_user_order_cancellation_fok_killed.json"
    (event,) = user.decode(path.read_bytes(), 1)
    assert isinstance(event, OwnOrderChanged)
    assert (event.step, event.matched_size, event.original_size) == (OrderStep.CANCELLED, 0, 12_000_000)
    assert event.status.startswith("CANCELED_order couldn't be fully filled")


def test_a_makers_legs_on_both_tokens_are_read(real_data: Path) -> None:
    path = real_data / "protocol" / "samples" / "ws_user_trade_maker_mixed_complementary.json"
    (event,) = user.decode(path.read_bytes(), 1)
    assert isinstance(event, OwnTradeChanged)
    assert {(leg.token == event.token, leg.side) for leg in event.makers} == {(True, "ask"), (False, "bid")}
    assert sum(leg.size for leg in event.makers) == event.size


def test_every_row_of_the_accounts_reads_is_read(real_data: Path) -> None:
    folder, tally = real_data / "protocol" / "samples", Tally()
    orders: dict[str, Any] = json.loads((folder / "rest_open_orders.json").read_text())
    page = read_orders_page(json.dumps(orders["page"]).encode(), 1, tally)
    assert ([order.matched_size for order in page.rows], page.after) == ([0, 50_000_000], "")
    for name in ("single", "legacy_row_null_associate_trades"):
        assert read_one_order(json.dumps(orders[name]).encode(), 1, tally) is not None
    trades: dict[str, Any] = json.loads((folder / "rest_trades_clob.json").read_text())
    rows = [*trades["page"]["data"], *(value for key, value in trades.items() if key not in {"page", "_provenance"})]
    found = read_trades_page(json.dumps({"data": rows}).encode(), 1, tally).rows
    assert [one.matched_s > 1_600_000_000 for one in found] == [True] * len(rows)
    assert (tally.undecoded, tally.unknown_fields) == ({}, {})
    assert len(rows) == 4
