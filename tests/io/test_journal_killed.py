"""`kill -9` of a process that writes 1,000 entries a second: what was acknowledged is there, whole and once."""

import random
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from io_journals import opened
from polywire.core.chain import Checkpoint

pytestmark = pytest.mark.anyio

WRITES_FOR_EVER = """
import pathlib, sys, time
import anyio
from polywire.core.coalescing import Keep
from polywire.io.clock import SystemClock
from polywire.io.journal import SqliteJournal
from polywire.model.journal import Draft, EntryKind

async def wrote(journal, number):
    entries = await journal.append([Draft(EntryKind.ALERT, f"{number}", {"n": number})])
    sys.stdout.write(f"{entries[0].seq} {number}\\n")
    sys.stdout.flush()

async def main():
    async with SqliteJournal.open(pathlib.Path(sys.argv[1]), SystemClock()) as journal:
        number = journal.newest
        async with anyio.create_task_group() as tasks:
            due = time.monotonic()
            while True:
                for _ in range(10):
                    number += 1
                    tasks.start_soon(wrote, journal, number)
                journal.put([Draft(EntryKind.NOTICE, f"{number}", {}, "w")], Keep("w", b"W", b"%d" % number))
                due += 0.01
                await anyio.sleep(max(0.0, due - time.monotonic()))

anyio.run(main)
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
async def test_no_kill_loses_an_acknowledged_entry_or_breaks_the_chain(tmp_path: Path, kills: int) -> None:
    path = tmp_path / "journal.sqlite3"
    seed = random.randrange(1 << 32)
    dice, acknowledged, newest = random.Random(seed), dict[int, str](), 0
    for _ in range(kills):
        told = until_killed(path, dice.randrange(1, 500))
        assert min(told) > newest, f"seed {seed}: numbers went back"
        assert not told.keys() & acknowledged.keys(), f"seed {seed}: a number was given twice"
        acknowledged |= told
        with anyio.fail_after(60):
            async with opened(path) as journal:
                checkpoint = await journal.verify()
                assert isinstance(checkpoint, Checkpoint), f"seed {seed}"
                assert checkpoint.seq == journal.newest
                newest = journal.newest
                entries = await journal.read(0, limit=1_000_000)
                states = await journal.kept()
        assert [entry.seq for entry in entries] == list(range(1, newest + 1)), f"seed {seed}"
        written = {entry.seq: entry.text for entry in entries}
        assert acknowledged.items() <= written.items(), f"seed {seed}"
        noticed = [entry.text for entry in entries if entry.watch == "w"]
        assert states == [("w", b"W", noticed[-1].encode())], (
            f"seed {seed}: a state without its entry, or an entry without"
        )
    assert len(acknowledged) > kills


def until_killed(path: Path, count: int) -> dict[int, str]:
    """Return what a child has acknowledged, by number, that was killed after so many of them."""
    command = [sys.executable, "-c", WRITES_FOR_EVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(count)]
        child.kill()
        lines += child.stdout.readlines()
    return {int(line.split()[0]): line.split()[1] for line in lines if line.endswith("\n")}
