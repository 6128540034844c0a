"""Lines of other people's recordings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.wire.jsonl import read_line
from polywire.wire.tape import Record, RecordKind

FRAME = b'{"event_type":"book","bids":[],"asks":[]}'


def held(data: bytes, *, seen_ns: int = 0, source: str = "") -> Record:
    return Record(seen_ns, source, 0, RecordKind.FRAME, data)


@pytest.mark.parametrize("line", [FRAME, b"[]", b"PONG", b'[{"event_type":"book"}]', b"no json at all", b"{broken"])
def test_a_bare_frame_is_the_line(line: bytes) -> None:
    assert read_line(line + b"\n") == held(line)


def test_a_blank_line_holds_nothing() -> None:
    assert read_line(b" \r\n") is None


@pytest.mark.parametrize("name", ["raw", "message"])
def test_a_frame_is_found_as_a_text_or_as_an_object(name: str) -> None:
    text = json.dumps({name: FRAME.decode(), "source": "polymarket_clob", "recv_ms": 1_777_428_643_288}).encode()
    assert read_line(text) == held(FRAME, seen_ns=1_777_428_643_288_000_000, source="polymarket_clob")
    assert read_line(b'{"stream_index":null,"%s":%s}' % (name.encode(), FRAME)) == held(FRAME)


@pytest.mark.parametrize(
    ("stamp", "seen_ns"),
    [
        ('"recv_ns":1777428643288123457', 1_777_428_643_288_123_457),
        ('"recv_ns":"1777428643288123457"', 1_777_428_643_288_123_457),
        ('"recv_ms":1777428643288.5', 1_777_428_643_288_500_000),
        ('"recv_ns":7,"recv_ms":9', 7),
    ],
)
def test_receive_times_are_kept_to_the_nanosecond(stamp: str, seen_ns: int) -> None:
    assert read_line(f'{{"raw":"PONG",{stamp}}}'.encode()) == held(b"PONG", seen_ns=seen_ns)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"message":"Invalid request body","connectionId":"a=","requestId":"b="}',
        b'{"topic":"comments","message":"x"}',
        b'{"event_type":"new_kind","raw":"x"}',
    ],
)
def test_a_frame_of_the_venue_that_has_such_a_field_itself_is_no_envelope(frame: bytes) -> None:
    assert read_line(frame) == held(frame)


@pytest.mark.parametrize(
    "line", [b'{"raw":"x","source":5}', b'{"raw":"x","recv_ms":"soon"}', b'{"raw":"x","recv_ms":[]}']
)
def test_a_broken_envelope_is_a_frame_for_the_decoder_to_count(line: bytes) -> None:
    assert read_line(line) == held(line)


@given(st.binary(max_size=200))
def test_no_line_raises(line: bytes) -> None:
    record = read_line(line)
    assert (record is None) == (not line.strip())
