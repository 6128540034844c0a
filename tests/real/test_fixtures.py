"""Every fixture of the two channels, recorded or a library's, decodes to what its kind says, and nothing is left."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from polywire.wire import live, market
from polywire.wire.rest import read_rest_book
from polywire.wire.tally import Tally

pytestmark = pytest.mark.real

EVENTS = {
    "book": "BookReplaced",
    "last_trade_price": "Traded",
    "best_bid_ask": "BestChanged",
    "price_change": "LevelChanged",
    "price_change_v2": "LevelChanged",
    "tick_size_change": "TickSizeChanged",
    "ws_book_snapshot": "BookReplaced",
    "ws_last_trade": "Traded",
    "ws_market_best_bid_ask_msg": "BestChanged",
    "ws_market_book_msg": "BookReplaced",
    "ws_market_last_trade_msg": "Traded",
    "ws_market_new_market_msg": "MarketCreated",
    "ws_market_price_change_msg": "LevelChanged",
    "ws_market_resolved_msg": "MarketResolved",
    "ws_market_tick_size_msg": "TickSizeChanged",
    "ws_quotes": "LevelChanged",
    "ws_tick_size_change": "TickSizeChanged",
    "rtds_crypto_prices_subscribe": "PricesBackfilled",
    "rtds_crypto_prices_update": "CryptoPriced",
    "rtds_equity_prices_subscribe": "PricesBackfilled",
    "rtds_equity_prices_update": "EquityPriced",
}


@pytest.fixture(scope="module")
def rows(real_data: Path) -> list[dict[str, Any]]:
    lines = (real_data / "data" / "fixtures" / "messages.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def wanted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["channel"] in {"market", "rtds"}]


def test_the_fixtures_of_both_channels_are_all_there(rows: list[dict[str, Any]]) -> None:
    assert Counter(row["channel"] for row in wanted(rows)) == {"market": 39, "rtds": 4}
    assert {row["kind"] for row in wanted(rows)} == EVENTS.keys()


def test_every_fixture_decodes_to_what_its_kind_says(rows: list[dict[str, Any]]) -> None:
    for row in wanted(rows):
        decode = market.decode if row["channel"] == "market" else live.decode
        events = decode(json.dumps(row["message"]).encode(), 0, Tally())
        assert {type(event).__name__ for event in events} == {EVENTS[row["kind"]]}, row["kind"]


@pytest.mark.parametrize("channel", ["market", "rtds"])
def test_nothing_in_the_fixtures_is_left_undecoded_or_unknown(rows: list[dict[str, Any]], channel: str) -> None:
    tally = Tally()
    messages = [row["message"] for row in rows if row["channel"] == channel]
    for message in messages:
        (market.decode if channel == "market" else live.decode)(json.dumps(message).encode(), 0, tally)
    assert (tally.undecoded, tally.unknown_fields) == ({}, {})
    assert tally.frames == tally.decoded == len(messages) > 0


def test_every_entry_of_a_level_change_and_every_level_of_a_snapshot_is_told(rows: list[dict[str, Any]]) -> None:
    for row in wanted(rows):
        message = row["message"]
        events: list[Any] = list(market.decode(json.dumps(message).encode(), 0))
        if "price_changes" in message:
            assert len(events) == len(message["price_changes"])
        elif "bids" in message:
            filled = [sum(float(level["size"]) > 0 for level in message[side]) for side in ("bids", "asks")]
            assert [len(events[0].bids), len(events[0].asks)] == filled


def test_the_rest_book_of_the_fixtures_is_read(rows: list[dict[str, Any]]) -> None:
    (answer,) = [row["message"] for row in rows if row["kind"] == "clob_book_response"]
    tally = Tally()
    stated = read_rest_book(json.dumps(answer).encode(), 0, tally)
    assert (len(stated.book.bids), len(stated.book.asks)) == (len(answer["bids"]), len(answer["asks"]))
    assert (stated.book.digest, tally.unknown_fields) == (answer["hash"], {})
