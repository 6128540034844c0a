"""The tape's bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.wire import tape
from polywire.wire.tape import Head, Record, RecordKind

records = st.lists(
    st.builds(
        Record,
        seen_ns=st.integers(0, 2**63 - 1),
        source=st.sampled_from(["clob-market", "live-data", "", "börse"]),
        connection=st.integers(0, 2**32 - 1),
        kind=st.sampled_from(RecordKind),
        data=st.binary(max_size=60),
    ),
    min_size=1,
    max_size=12,
)


@given(records)
def test_records_come_back_from_a_body_as_they_went_in(written: list[Record]) -> None:
    assert list(tape.unpack_body(tape.pack_body(written))) == written


@given(records, st.data())
def test_a_body_that_ends_early_is_an_error_or_fewer_records_never_other_ones(
    written: list[Record], data: st.DataObject
) -> None:
    body = tape.pack_body(written)
    cut = data.draw(st.integers(1, len(body) - 1))
    read = []
    try:
        for record in tape.unpack_body(body[:cut]):
            read.append(record)  # noqa: PERF402 - what came before the error counts
    except ValueError:
        pass
    assert read == written[: len(read)]
    assert len(read) < len(written)


def test_an_empty_body_is_an_error() -> None:
    with pytest.raises(ValueError, match="end in the middle"):
        list(tape.unpack_body(b""))


def test_a_block_names_at_most_255_sources() -> None:
    many = [Record(1, f"source {number}", 0, RecordKind.FRAME, b"") for number in range(256)]
    assert len(list(tape.unpack_body(tape.pack_body(many[:255])))) == 255
    with pytest.raises(ValueError, match="256 sources"):
        tape.pack_body(many)
    with pytest.raises(ValueError, match="of up to 256 bytes"):
        tape.pack_body([Record(1, "s" * 256, 0, RecordKind.FRAME, b"")])


@given(st.builds(Head, *[st.integers(0, 2**26)] * 3, *[st.integers(0, 2**62)] * 2, st.integers(0, 2**32 - 1)))
def test_a_head_comes_back_and_one_flipped_bit_makes_it_none(head: Head) -> None:
    packed = tape.pack_head(head)
    assert len(packed) == tape.HEAD_BYTES
    assert tape.unpack_head(packed + b"what follows") == head
    for at in range(len(packed)):
        assert tape.unpack_head(packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]) is None
    assert tape.unpack_head(packed[:-1]) is None


def test_a_head_that_claims_more_than_a_block_can_hold_is_none() -> None:
    huge = Head(tape.LARGEST_BLOCK + 1, 1, 1, 0, 0, 0)
    assert tape.unpack_head(tape.pack_head(huge)) is None


def test_a_head_describes_its_records() -> None:
    some = [Record(5, "a", 0, RecordKind.FRAME, b"x"), Record(3, "a", 0, RecordKind.FRAME, b"y")]
    head = tape.describe(some, b"plain body", b"stored")
    assert (head.stored, head.plain, head.records, head.first_ns, head.last_ns) == (6, 10, 2, 3, 5)


def test_a_record_of_a_kind_unknown_is_an_error() -> None:
    body = tape.pack_body([Record(1, "a", 0, RecordKind.FRAME, b"")])
    unknown = body[:-1] + struct.pack("B", 9)
    with pytest.raises(ValueError, match="9 is not a valid RecordKind"):
        list(tape.unpack_body(unknown))
