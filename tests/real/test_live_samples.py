"""Live data has the keys and JSON types of the venue's own, but for what is meant to differ."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import zstandard

from exchange.venues import NO, START_MS, event, listed, market, order
from polywire.exchange.live.live_messages import (
    BINANCE,
    CHAINLINK,
    backfill,
    invalid_request,
    orders_matched,
    price_update,
)
from polywire.exchange.live.live_requests import read
from polywire.exchange.live.prices import Quote
from polywire.exchange.live.traders import trader_of
from real.shapes import differences

pytestmark = pytest.mark.real

MEANT: Final = {
    ("connection_id", "", "str"): "samples were written without it; all captures have it in prices",
    ("payload.full_accuracy_value", "", "str"): "the oldest form; all captures have it",
}
"""What differs, as (where, theirs, ours), and why; "" where it is missing."""

QUOTE: Final = Quote("btc", 11_840_012, 11_840_034, START_MS)
QUOTES: Final = (QUOTE,)


def ours() -> dict[str, bytes]:
    """Return a message of ours for each sample of the same kind."""
    venue = listed()
    venue.place(order("1", "ann", "SELL", 4_900, 10, token=NO))
    (trade,) = venue.place(order("2", "bob", "BUY", 4_900, 10, token=NO)).trades
    (matched,) = orders_matched(trade, market(), event(), trader_of("bob"), START_MS, START_MS)
    return {
        "ws_rtds_activity_orders_matched": matched.to("UOqz2cMTrPECIdg=").data,
        "ws_rtds_crypto_prices_update": price_update(BINANCE, QUOTE, START_MS).to("UOqz2cMTrPECIdg=").data,
        "ws_rtds_crypto_prices_chainlink_update": price_update(CHAINLINK, QUOTE, START_MS).to("UOqz2cMTrPECIdg=").data,
        "ws_rtds_crypto_prices_subscribe": backfill(BINANCE, "btc", QUOTES, START_MS).data,
        "ws_rtds_error": invalid_request("UOqz2cMTrPECIdg=", "UOrN7FVTrPEEO5g="),
    }


def recorded(path: Path, source: str = "") -> Iterator[dict[str, Any]]:
    """Yield the messages of a recording, which are bare or under `raw`."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        for line in stream.read().splitlines():
            row = json.loads(line)
            if row.get("source", "") == source:
                yield json.loads(row["raw"]) if source else row


def test_every_sample_is_matched_key_for_key_but_for_what_is_meant(real_data: Path) -> None:
    found = set()
    for name, message in ours().items():
        theirs = json.loads((real_data / "protocol/samples" / f"{name}.json").read_text())
        for difference in differences(theirs, json.loads(message)):
            assert difference in MEANT, f"{name}: {difference}"
            found.add(difference)
    assert found == MEANT.keys()


def test_the_requests_of_the_samples_are_understood(real_data: Path) -> None:
    counts = []
    for name in ("subscribe", "subscribe_filters", "unsubscribe"):
        request = read((real_data / f"protocol/samples/ws_rtds_{name}.json").read_bytes())
        assert request is not None
        counts.append(len(request.subscriptions))
    assert counts == [2, 5, 1]


@pytest.mark.parametrize(
    ("feed", "name"),
    [("binance", "ws_rtds_crypto_prices_update"), ("chainlink", "ws_rtds_crypto_prices_chainlink_update")],
)
def test_a_price_has_the_keys_of_the_recordings_in_their_order(real_data: Path, feed: str, name: str) -> None:
    message = json.loads(ours()[name])
    count = 0
    for theirs in recorded(real_data / f"data/rtds/rtds_crypto_prices_{feed}_2025-10-29.jsonl.zst"):
        count += 1
        assert (list(message), list(message["payload"])) == (list(theirs), list(theirs["payload"]))
        assert differences(theirs, message) <= {("payload.value", "int", "float")}  # a whole number of dollars
        assert theirs["payload"]["timestamp"] % 1_000 == 0
        places = len(theirs["payload"]["full_accuracy_value"].partition(".")[2])
        assert places == len(message["payload"]["full_accuracy_value"].partition(".")[2])
    assert count > 5_000


def test_a_back_fill_has_the_keys_of_the_recordings_in_their_order(real_data: Path) -> None:
    message = json.loads(backfill(CHAINLINK, "btc", QUOTES, START_MS).data)
    path = real_data / "data/market_ws/raw_frames_15m_updown_2026-04.jsonl.zst"
    told = [one for one in recorded(path, "polymarket_rtds_chainlink") if one["type"] == "subscribe"]
    assert len(told) == 99
    for theirs in told:
        assert (list(message), list(message["payload"])) == (list(theirs), list(theirs["payload"]))
        assert theirs["topic"] == message["topic"] == "crypto_prices"
        assert theirs["payload"]["symbol"].endswith("/usd")
        assert not differences(theirs, message)
