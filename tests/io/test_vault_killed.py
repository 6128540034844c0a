"""`kill -9` inside a write, at any instant: what was acknowledged is there; the file is the old one or the new one."""

import os
import random
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from io_vaults import PASSPHRASE, made, opened

KILLS = 50
SET_FOR_EVER = """
import pathlib, sys
from polywire.io.vault import Vault
vault = Vault.open(pathlib.Path(sys.argv[1]), sys.argv[2])
number = int(sys.argv[3])
while True:
    number += 1
    version = vault.set("counted", f"{number}:" + "x" * (number % 7 * 5_000))
    sys.stdout.write(f"{number} {version}\\n")
    sys.stdout.flush()
"""

KILL_AT_CALL = """
import os, pathlib, signal, sys
from polywire.io.vault import Vault
vault = Vault.open(pathlib.Path(sys.argv[1]), sys.argv[2])
left = int(sys.argv[3])

def watch(event, arguments):
    # Every opening, renaming and removing of a file, and what we add below: fsync is no audited event.
    global left
    if event in {"open", "os.rename", "os.remove", "fsync", "fsynced"}:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

real = os.fsync

def fsync(descriptor):
    sys.audit("fsync")
    real(descriptor)
    sys.audit("fsynced")

os.fsync = fsync
sys.addaudithook(watch)
vault.set("counted", "new")
left = 1_000
print("done")
"""


def test_fifty_kills_at_any_instant_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    made(path, kept="for ever")
    seed = random.randrange(1 << 32)
    dice, number, version = random.Random(seed), 0, 0
    for _ in range(KILLS):
        command = [sys.executable, "-c", SET_FOR_EVER, str(path), PASSPHRASE, str(number)]
        with subprocess.Popen(command, stdout=PIPE, text=True) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline() for _ in range(dice.randrange(1, 4))]
            for _ in range(dice.randrange(20_000)):  # some instant within the next writes
                pass
            writer.kill()
            told += writer.stdout.readlines()
        acknowledged = [line for line in told if line.endswith("\n")]
        number, version = (int(word) for word in acknowledged[-1].split())
        vault = opened(path)
        entries = {entry.name: entry for entry in vault.entries()}
        there = int((vault.get("counted") or "").split(":")[0])
        assert there - number in {0, 1}, f"seed {seed}"  # the last may have been written and not told
        assert entries["counted"].version - version == there - number, f"seed {seed}"
        assert vault.get("kept") == "for ever"
        number = there
    assert number > KILLS
    opened(path).set("after", "all")
    assert {file.name for file in tmp_path.iterdir()} == {"vault", ".vault.lock"}


@pytest.mark.parametrize("existing", [True, False], ids=["over-a-value", "a-first-value"])
def test_a_kill_at_each_step_of_a_write_leaves_the_old_or_the_new(tmp_path: Path, *, existing: bool) -> None:
    """Before and after every opening, fsync, rename and removal that a write makes."""
    seen = list[str | None]()
    for step in range(40):
        path = tmp_path / str(step) / "vault"
        made(path, kept="for ever", **({"counted": "old"} if existing else {}))
        done = subprocess.run(
            [sys.executable, "-c", KILL_AT_CALL, str(path), PASSPHRASE, str(step)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        vault = opened(path)
        assert vault.get("kept") == "for ever"
        seen.append(vault.get("counted"))
        vault.set("after", "all")
        assert {file.name for file in path.parent.iterdir()} == {"vault", ".vault.lock"}
        if done.stdout == "done\n":
            break
    old = "old" if existing else None
    assert seen == sorted(seen, key=lambda value: value == "new")  # never back
    assert set(seen) == {old, "new"}
    assert seen.count(old) >= 5  # lock, read, open, fsync, rename
    assert seen.count("new") >= 3  # rename done, folder's fsync, and the end
