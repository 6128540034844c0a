"""The tape on a thread: nobody waits for it, and nothing it took is lost."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.errors import TapeError
from polywire.io.tape_thread import ThreadedTape
from polywire.io.tapes import TapeReader, TapeWriter
from polywire.wire.tape import Record, RecordKind

PATIENCE_S = 20.0


def record(number: int, data: bytes = b"[]") -> Record:
    return Record(number, "clob-market", 1, RecordKind.FRAME, data)


def on_tape(path: Path) -> list[Record]:
    reader = TapeReader(path)
    records = list(reader)
    assert reader.faults == []
    return records


@given(sizes=st.lists(st.integers(0, 400_000), max_size=12))
def test_all_that_was_put_is_on_the_tape_in_its_order_once_it_is_closed(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("tape") / "a.pwtape"
    records = [record(number, os.urandom(size)) for number, size in enumerate(sizes)]
    tape = ThreadedTape(path)
    for one in records:
        tape.put(one)
    tape.close()
    assert on_tape(path) == records
    assert (tape.records, tape.bytes, tape.fault) == (len(sizes), sum(sizes), None)


def test_what_a_kill_can_lose_is_a_second_of_recording(tmp_path: Path) -> None:
    """What is held goes out by itself, long before a block is full."""
    tape = ThreadedTape(tmp_path / "a.pwtape")
    tape.put(record(1))
    until_on(tmp_path / "a.pwtape", 1)
    tape.put(record(2))
    until_on(tmp_path / "a.pwtape", 2)
    tape.close()


def until_on(path: Path, count: int) -> None:
    """Return once so many records can be read by another, without anything more being put."""
    deadline = monotonic() + PATIENCE_S
    while len(list(TapeReader(path))) < count:
        assert monotonic() < deadline, f"{count} records were not written by themselves"
        threading.Event().wait(0.02)  # the disk says nothing: it can only be looked at


def test_a_closed_tape_is_closed_once_more_without_harm_and_takes_nothing(tmp_path: Path) -> None:
    tape = ThreadedTape(tmp_path / "a.pwtape")
    tape.put(record(1))
    tape.close()
    tape.put(record(2))
    tape.close()
    assert on_tape(tmp_path / "a.pwtape") == [record(1)]
    assert (tape.records, tape.bytes) == (1, 2)


def test_its_thread_has_ended_when_close_returns(tmp_path: Path) -> None:
    tape = ThreadedTape(tmp_path / "a.pwtape")
    assert writing() == 1
    tape.close()
    assert writing() == 0


def writing() -> int:
    return sum(thread.name == "polywire tape" for thread in threading.enumerate())


def test_a_tape_that_is_there_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.pwtape"
    with TapeWriter(path) as writer:
        writer.append(record(1))
    tape = ThreadedTape(path)
    tape.put(record(2))
    tape.close()
    assert on_tape(path) == [record(1), record(2)]


def test_a_file_that_is_no_tape_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(TapeError, match="exists and is no tape"):
        ThreadedTape(path)
    assert path.read_text() == "mine"
    assert writing() == 0


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"cannot be written: No such file.*choose another file"):
        ThreadedTape(tmp_path / "missing" / "a.pwtape")


def test_a_disk_that_cannot_follow_is_told_with_numbers_and_what_was_taken_is_whole(tmp_path: Path) -> None:
    """The queue is bounded: a recording ends rather than filling the memory."""
    path = tmp_path / "a.pwtape"
    tape = ThreadedTape(path, most_bytes=1_000_000)
    taken = [record(1, os.urandom(32 << 20))]  # takes far longer to compress than the next put takes to come
    tape.put(taken[0])
    tape.put(record(2))
    fault = tape.fault
    assert isinstance(fault, TapeError)
    assert "33,554,432 bytes wait (limit 1,000,000)" in str(fault)
    assert "record fewer markets" in str(fault)
    tape.put(record(3))
    with pytest.raises(TapeError) as told:
        tape.close()
    assert told.value is fault
    assert on_tape(path) == taken
    assert (tape.records, tape.bytes) == (1, 32 << 20)


FULL = """
import os, resource, sys, time
from pathlib import Path
from polywire.errors import TapeError
from polywire.io.tape_thread import ThreadedTape
from polywire.wire.tape import Record, RecordKind

path, most = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # a disk that is full at that size

def record(number):
    return Record(number, "clob-market", 1, RecordKind.FRAME, os.urandom(200_000))

tape = ThreadedTape(path)
deadline = time.monotonic() + 20
number = 0
while tape.fault is None and time.monotonic() < deadline:
    tape.put(record(number))
    number += 1
taken = tape.records
tape.put(record(number))
assert tape.records == taken, "it took a record after its fault"
try:
    tape.close()
except TapeError as fault:
    assert fault is tape.fault
    print(fault)
"""


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_a_full_disk_is_one_clear_error_and_what_was_written_before_is_whole(tmp_path: Path, blocks: int) -> None:
    path = tmp_path / "a.pwtape"
    most = 100 + blocks * 1_300_000  # a block of six such records is 1,200,000 bytes and a little
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(most)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert line == (
        f"{path} cannot be written any more: File too large; what was written before is whole; make room, or choose "
        "another file"
    )
    reader = TapeReader(path)
    assert [one.seen_ns for one in reader] == list(range(blocks * 6))
    tape = ThreadedTape(path)  # with room again, it goes on behind the last whole block
    tape.put(record(99))
    tape.close()
    assert [one.seen_ns for one in on_tape(path)] == [*range(blocks * 6), 99]
