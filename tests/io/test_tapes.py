"""Tapes as files."""

import json
import os
from itertools import islice
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from polywire.errors import TapeError, TapeFormatUnknown
from polywire.io.tapes import TapeReader, TapeWriter
from polywire.wire import tape
from polywire.wire.tape import Record, RecordKind


def record(number: int, size: int = 100) -> Record:
    data = str(number).encode() + os.urandom(size)  # incompressible, so that blocks have a size
    return Record(number, "clob-market", 1, RecordKind.FRAME, data)


def write(path: Path, blocks: list[list[Record]]) -> None:
    with TapeWriter(path) as writer:
        for block in blocks:
            for one in block:
                writer.append(one)
            writer.flush()


@pytest.fixture
def blocks() -> list[list[Record]]:
    return [[record(block * 10 + number) for number in range(4)] for block in range(5)]


def test_what_was_written_is_read(tmp_path: Path, blocks: list[list[Record]]) -> None:
    path = tmp_path / "a.pwtape"
    write(path, blocks)
    reader = TapeReader(path)
    assert list(reader) == [one for block in blocks for one in block]
    assert reader.faults == []
    assert reader.bytes_read == reader.bytes_in_all == path.stat().st_size


def test_a_tape_is_its_owners_alone(tmp_path: Path) -> None:
    """It can hold the user's own orders."""
    write(tmp_path / "a.pwtape", [[record(1)]])
    assert (tmp_path / "a.pwtape").stat().st_mode & 0o777 == 0o600


def test_a_block_is_written_when_a_mebibyte_is_held(tmp_path: Path) -> None:
    path = tmp_path / "a.pwtape"
    with TapeWriter(path) as writer:
        for number in range(11):
            writer.append(record(number, size=100_000))
        assert path.stat().st_size > tape.BLOCK_BYTES
        assert len(list(TapeReader(path))) == 11
        writer.append(record(11))
        assert len(list(TapeReader(path))) == 11
    assert len(list(TapeReader(path))) == 12


def test_a_tape_cut_off_anywhere_keeps_every_whole_block(tmp_path: Path, blocks: list[list[Record]]) -> None:
    path = tmp_path / "a.pwtape"
    ends = [len(tape.MAGIC)]
    for block in blocks:
        write(path, [block])
        ends.append(path.stat().st_size)
    whole = path.read_bytes()
    for cut in range(len(tape.MAGIC), len(whole), 37):
        path.write_bytes(whole[:cut])
        kept = max(count for count, end in enumerate(ends) if end <= cut)
        reader = TapeReader(path)
        assert list(reader) == [one for block in blocks[:kept] for one in block]
        assert bool(reader.faults) == (cut not in ends)


def test_a_writer_continues_behind_the_last_whole_block(tmp_path: Path, blocks: list[list[Record]]) -> None:
    path = tmp_path / "a.pwtape"
    write(path, blocks[:2])
    os.truncate(path, path.stat().st_size - 3)
    write(path, [blocks[4]])
    reader = TapeReader(path)
    assert list(reader) == blocks[0] + blocks[4]
    assert reader.faults == []


def test_an_empty_file_becomes_a_tape(tmp_path: Path) -> None:
    path = tmp_path / "a.pwtape"
    path.write_bytes(tape.MAGIC[:3])  # as after a crash in the first write
    write(path, [[record(1)]])
    assert len(list(TapeReader(path))) == 1


def test_a_file_that_is_no_tape_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(TapeError, match="exists and is no tape"):
        TapeWriter(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("at", [0.3, 0.5, 0.7])
def test_a_damaged_block_costs_itself_and_is_told(tmp_path: Path, blocks: list[list[Record]], at: float) -> None:
    path = tmp_path / "a.pwtape"
    write(path, blocks)
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 0xFF
    path.write_bytes(data)
    reader = TapeReader(path)
    read = list(reader)
    lost = [block for block in blocks if block[0] not in read]
    assert len(lost) == 1
    assert read == [one for block in blocks if block not in lost for one in block]
    assert len(reader.faults) == 1


def test_a_damaged_head_costs_its_block_alone(tmp_path: Path, blocks: list[list[Record]]) -> None:
    path = tmp_path / "a.pwtape"
    write(path, blocks[:1])
    second = path.stat().st_size
    write(path, blocks[1:])
    data = bytearray(path.read_bytes())
    data[second + 5] ^= 0xFF
    path.write_bytes(data)
    reader = TapeReader(path)
    assert list(reader) == blocks[0] + [one for block in blocks[2:] for one in block]
    assert "passed over" in reader.faults[0]


@given(st.binary(max_size=400))
def test_no_bytes_behind_the_magic_make_a_reader_raise(garbage: bytes) -> None:
    path = Path(os.environ.get("PYTEST_TMP", "/tmp")) / f"polywire-garbage-{os.getpid()}.pwtape"  # noqa: S108
    path.write_bytes(tape.MAGIC + garbage)
    try:
        assert list(TapeReader(path)) == []
    finally:
        path.unlink()


def test_json_lines_are_read_plain_and_under_zstd(tmp_path: Path) -> None:
    lines = b"".join(json.dumps({"raw": f"frame {number}"}).encode() + b"\n" for number in range(10_000))
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.zst"
    plain.write_bytes(lines.rstrip())  # no newline at the end
    packed.write_bytes(zstandard.compress(lines[:60_000]) + zstandard.compress(lines[60_000:]))  # two streams
    read = [record.data for record in TapeReader(plain)]
    assert read == [b"frame %d" % number for number in range(10_000)]
    assert [record.data for record in TapeReader(packed)] == read


def test_a_zstd_stream_that_ends_early_is_read_as_far_as_it_goes_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    lines = b"".join(b'{"raw":"%s"}\n' % os.urandom(20).hex().encode() for _ in range(20_000))
    path.write_bytes(zstandard.compress(lines)[:-5_000])
    reader = TapeReader(path)
    assert 1_000 < len(list(reader)) < 20_000
    assert "cut off" in reader.faults[0]


def test_a_damaged_zstd_stream_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstandard.compress(b'{"raw":"x"}\n') + b"\x28\xb5\x2f\xfdrubbish that is no stream")
    reader = TapeReader(path)
    assert [record.data for record in reader] == [b"x"]
    assert "damaged zstd stream" in reader.faults[0]


def test_an_endless_line_is_passed_over_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polywire.io.tapes._LONGEST_LINE", 1 << 18)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * (1 << 20) + b"\nPONG\n")
    reader = TapeReader(path)
    assert [record.data for record in islice(reader, 5)][-1] == b"PONG"
    assert "a line of over" in reader.faults[0]


def test_a_file_of_another_kind_says_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\x00\x00\x00\x0d")
    with pytest.raises(TapeFormatUnknown, match="expected a Polywire tape or JSON lines"):
        TapeReader(path)
    with pytest.raises(TapeError, match="cannot be read: No such file"):
        TapeReader(tmp_path / "missing")
