"""`io.tape_thread`: what a tape holds of a process that was killed."""

import signal
import subprocess
import sys
from pathlib import Path

from polywire.io.tape_thread import FLUSH_S
from polywire.io.tapes import TapeReader

TRICKLE = """
import sys, threading, time
from pathlib import Path
from polywire.io.tape_thread import ThreadedTape
from polywire.wire.tape import Record, RecordKind
tape = ThreadedTape(Path(sys.argv[1]))
pace = threading.Event()
number = 0
while True:
    number += 1
    tape.put(Record(time.time_ns(), "clob-market", 1, RecordKind.FRAME, b"%d" % number))
    print(time.time_ns(), flush=True)
    pace.wait(0.02)
"""


def test_a_process_that_is_killed_loses_about_a_second_although_frames_never_cease(tmp_path: Path) -> None:
    path = tmp_path / "a.pwtape"
    with subprocess.Popen([sys.executable, "-c", TRICKLE, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        last_ns = first_ns = int(child.stdout.readline())
        while last_ns < first_ns + 3e9:
            last_ns = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
    last_ns = int(rest[-1]) if rest else last_ns
    reader = TapeReader(path)
    kept = list(reader)
    assert reader.faults == []
    assert [int(one.data) for one in kept] == list(range(1, len(kept) + 1))
    assert last_ns - kept[-1].seen_ns < (FLUSH_S + 0.5) * 1e9
