"""The numbers of a recording."""

from polywire.services.stats import stats
from services.recordings import frame, rehearsal

SECOND_NS = 1_000_000_000


def test_numbers_are_those_of_the_recording() -> None:
    records = rehearsal(1_000)
    numbers = stats(records)
    assert numbers.records == 1_000
    assert numbers.bytes == sum(len(record.data) for record in records)
    assert numbers.by_source == {"clob-market": 1_000}
    assert numbers.trades == numbers.by_type["last_trade_price"]
    assert numbers.seconds == round((records[-1].seen_ns - records[0].seen_ns) / SECOND_NS, 3)
    assert numbers.tokens == 6
    assert numbers.busiest_tokens[0][1] >= numbers.busiest_tokens[-1][1] > 0
    assert len(numbers.busiest_tokens) == 5


def test_the_longest_silence_and_the_busiest_second_are_found() -> None:
    times = [0, 0.1, 0.2, 5.0, 65.0, *[600 + second for second in range(400)]]
    numbers = stats([frame(b"PONG", seen_ns=round((1_000 + at) * SECOND_NS)) for at in times])
    assert numbers.longest_silence_s == 535.0
    assert numbers.busiest_second == 3


def test_unknown_fields_are_listed_by_kind_and_name() -> None:
    trade = (
        b'{"market":"0x1","asset_id":"7","price":"0.5","side":"BUY","size":"1","timestamp":"1",'
        b'"event_type":"last_trade_price","mood":"good"}'
    )
    assert stats([frame(trade)]).unknown_fields == {"last_trade_price.mood": 1}


def test_an_empty_recording_has_numbers_too() -> None:
    numbers = stats([])
    assert (numbers.records, numbers.seconds, numbers.busiest_second, numbers.busiest_tokens) == (0, 0.0, 0, [])
