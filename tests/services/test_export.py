"""A recording in other forms."""

import json

from polywire.services import export
from polywire.services.verify import verify
from polywire.wire.jsonl import read_line
from services.clocks import HandClock
from services.recordings import frame, rehearsal


def test_exported_frames_are_a_recording_with_the_same_verdict() -> None:
    records = rehearsal(800)
    again = [record for line in export.as_frames(records) if (record := read_line(line))]
    assert [(record.seen_ns, record.data) for record in again] == [(record.seen_ns, record.data) for record in records]
    assert verify(again, HandClock()) == verify(records, HandClock())


def test_every_event_is_a_line() -> None:
    lines = [json.loads(line) for line in export.as_events(rehearsal(300))]
    assert {line["type"] for line in lines} >= {"MarketCreated", "BookReplaced", "LevelChanged", "BestChanged"}
    assert all(isinstance(line["price"], str) for line in lines if "price" in line)


def test_rows_are_the_level_changes_and_trades_in_order() -> None:
    rows = list(export.as_rows(rehearsal(300)))
    events = [json.loads(line) for line in export.as_events(rehearsal(300))]
    kinds = {"LevelChanged": "level", "Traded": "trade"}
    expected = [(kinds[event["type"]], event["token"], event["price"]) for event in events if event["type"] in kinds]
    assert [(row[2], row[3], row[5]) for row in rows] == expected
    assert {len(row) for row in rows} == {len(export.COLUMNS)}


def test_an_unsaid_best_price_and_an_unsaid_size_are_empty() -> None:
    book = b'{"market":"0x1","asset_id":"7","bids":[],"asks":[],"timestamp":"1","event_type":"book"}'
    change = (
        b'{"market":"0x1","asset_id":"7","price":"0.5","side":"BUY","size":"1","timestamp":"1",'
        b'"event_type":"price_change"}'
    )
    trade = (
        b'{"market":"0x1","asset_id":"7","price":"0.5","side":"SELL","timestamp":"1","event_type":"last_trade_price"}'
    )
    rows = list(export.as_rows([frame(book), frame(change), frame(trade)]))
    assert [row[2:] for row in rows] == [
        ("level", "7", "bid", "0.5", "1", "", ""),
        ("trade", "7", "SELL", "0.5", "", "", ""),
    ]
