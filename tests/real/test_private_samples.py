"""Orders and trades have the keys and JSON types of the venue's own, but for what is meant to differ."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from exchange.private_records import ANN, BOB, leg, user_order, user_trade
from polywire.exchange.trading.rows import order_row, trade_row
from polywire.exchange.user_messages import killed_message, order_message, trade_message
from real.shapes import differences

pytestmark = pytest.mark.real

MEANT: Final = {
    ("expiration", "null", "str"): "REST: one text for never, as the user channel has it",
    (
        "associate_trades",
        "null",
        "list",
    ): "user channel: never null, as in captures since 2026; the SDK refuses it over REST",
    ("maker_orders[].side", "", "str"): "captures before 2025 lack it, and the SDK drops trades without it",
    ("maker_orders[].outcome_index", "", "int"): "documented since, and in no capture yet",
}
"""What differs, as (where, theirs, ours), and why; "" where it is missing."""

WS_ONLY: Final = {"event_type", "timestamp", "trade_owner", "type"}
"""The REST sample `real_cross_token_match` was heard on the user channel: it has these besides."""

ORDER: Final = user_order(trades=("f50e8ab2-652d-4dc8-9c82-8e46197fe98d",))
TRADE: Final = user_trade(leg(7, BOB))


def samples(folder: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield name, the venue's own object, and ours of the same kind."""
    orders = json.loads((folder / "rest_open_orders.json").read_text())
    order = order_row(ORDER)
    for number, row in enumerate(orders["page"]["data"]):
        yield f"open order {number}", row, order
    yield "single order", orders["single"], order
    yield "legacy order", orders["legacy_row_null_associate_trades"], order

    trades = json.loads((folder / "rest_trades_clob.json").read_text())
    trade = trade_row(TRADE, {ANN})
    yield "trade 0", trades["page"]["data"][0], trade
    yield "single trade", trades["single"], trade
    yield "real trade", trades["real_confirmed"], trade
    cross = {key: value for key, value in trades["real_cross_token_match"].items() if key not in WS_ONLY}
    yield "cross trade", cross, trade

    told = order_message(ORDER, "UPDATE", 1), trade_message(TRADE, BOB, "MAKER", 1)
    for name, message in zip(("order", "trade"), told, strict=True):
        for path in sorted(folder.glob(f"ws_user_{name}_*.json")):
            yield path.stem, json.loads(path.read_text()), json.loads(message.data)


def test_every_sample_is_matched_key_for_key_but_for_what_is_meant(real_data: Path) -> None:
    found: dict[tuple[str, str, str], str] = {}
    count = 0
    for name, theirs, ours in samples(real_data / "protocol" / "samples"):
        count += 1
        for difference in differences(theirs, ours):
            assert difference in MEANT, f"{name}: {difference}"
            found[difference] = name
    assert count == 22
    assert found.keys() == MEANT.keys(), "a difference that is meant is met by no sample any more"


def test_a_killed_order_is_told_as_production_tells_it(real_data: Path) -> None:
    theirs = json.loads((real_data / "protocol/samples/ws_user_order_cancellation_fok_killed.json").read_text())
    why = theirs["status"].removeprefix("CANCELED_")
    ours = json.loads(killed_message(user_order(), why, int(theirs["timestamp"]), blank=True).data)
    assert ours.keys() == theirs.keys()
    for key in ("type", "event_type", "status", "size_matched", "outcome", "created_at", "expiration", "timestamp"):
        assert ours[key] == theirs[key]
    assert ours["associate_trades"] == theirs["associate_trades"] == []
