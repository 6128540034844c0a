"""`polywire vault` as its user runs it: real terminals, real files, real processes."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from exchange.trading.signers import Signer

POLYWIRE: Final = (sys.executable, "-P", "-m", "polywire")
PASSPHRASE: Final = "correct horse battery"  # noqa: S105 - it opens nothing
PATIENCE_S: Final = 30.0
KEY: Final = Signer(0xA11).key
ON_A_TERMINAL: Final = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # what stands in for it is /dev/tty from here on
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text(f"{PASSPHRASE}\n")
    return str(path)


def run(*arguments: str | Path, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command without a terminal to ask on."""
    return subprocess.run(
        [*POLYWIRE, "vault", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, "COLUMNS": "300"},
        start_new_session=True,
        check=False,
    )


class Typed:
    """A command on a terminal of its own: what it shows, and what is typed."""

    def __init__(self, *arguments: str | Path) -> None:
        self.shown = ""
        self._terminal, theirs = pty.openpty()
        command = [sys.executable, "-c", ON_A_TERMINAL, *POLYWIRE, "vault", *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)

    def type_at(self, prompt: str, line: str) -> None:
        """Type a line when it is asked for."""
        self._read_until(prompt)
        os.write(self._terminal, line.encode() + b"\n")

    def end(self) -> int:
        """Return its exit code."""
        self._read_until(None)
        os.close(self._terminal)
        return self._process.wait(PATIENCE_S)

    def _read_until(self, sign: str | None) -> None:
        seen, until = len(self.shown), time.monotonic() + PATIENCE_S
        while sign is None or sign not in self.shown[seen:]:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{sign!r} was not shown: {self.shown}"
            try:
                part = os.read(self._terminal, 10_000)
            except OSError:  # how Linux tells the end of a terminal
                part = b""
            if not part:
                assert sign is None, f"{sign!r} was not shown: {self.shown}"
                return
            self.shown += part.decode()


# ---------------------------------------------------------------- on a terminal


def test_a_new_vault_asks_for_its_passphrase_twice_and_echoes_nothing(data: Path) -> None:
    command = Typed("set", "POLYGON_PRIVATE_KEY", "--data", data)
    command.type_at("New passphrase for", PASSPHRASE)
    command.type_at("The same again", PASSPHRASE)
    command.type_at("Value of POLYGON_PRIVATE_KEY", KEY)
    assert command.end() == 0, command.shown
    assert "POLYGON_PRIVATE_KEY is kept, version 1" in command.shown
    assert PASSPHRASE not in command.shown
    assert KEY[2:] not in command.shown
    again = Typed("list", "--data", data)
    again.type_at("Passphrase of", PASSPHRASE)
    assert again.end() == 0
    assert "POLYGON_PRIVATE_KEY  version 1  changed 2" in again.shown
    assert KEY[2:] not in again.shown


def test_a_passphrase_that_is_typed_in_two_ways_makes_no_vault(data: Path) -> None:
    command = Typed("set", "A", "--data", data)
    command.type_at("New passphrase for", PASSPHRASE)
    command.type_at("The same again", PASSPHRASE + "!")
    assert command.end() == 2
    assert "not typed the same way twice" in command.shown
    assert not (data / "vault").exists()


# ---------------------------------------------------------------- in scripts


def test_set_list_and_remove_work_without_a_terminal(data: Path, passphrase: str) -> None:
    how = ("--data", data, "--passphrase-file", passphrase)
    first = run("set", "A.b-C_1", *how, given="sesame\n")
    assert (first.returncode, first.stdout) == (0, "")
    assert "was made; nothing opens it without its passphrase" in first.stderr
    assert run("set", "A.b-C_1", *how, given="sesame-two").stderr == "polywire: A.b-C_1 is kept, version 2\n"
    [entry] = json.loads(run("list", "--json", *how).stdout)
    assert (entry["name"], entry["version"]) == ("A.b-C_1", 2)
    assert set(entry) == {"name", "version", "changed_ms"}
    gone = run("remove", "A.b-C_1", *how)
    assert (gone.returncode, gone.stdout, gone.stderr) == (0, "", "polywire: A.b-C_1 is removed\n")
    assert run("list", "--json", *how).stdout == "[]\n"
    assert (data / "vault").stat().st_mode & 0o777 == 0o600


def test_a_passphrase_comes_from_a_descriptor_and_no_more_than_its_line_is_read(data: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, f"{PASSPHRASE}\nleft".encode())
    os.close(writing)
    command = [*POLYWIRE, "vault", "set", "A", "--data", str(data), "--passphrase-fd", str(reading)]
    done = subprocess.run(
        command, input=b"sesame", capture_output=True, timeout=PATIENCE_S, pass_fds=[reading], check=False
    )
    assert done.returncode == 0, done.stderr
    assert os.read(reading, 100) == b"left"
    os.close(reading)
    assert run("list", "--json", "--data", data, "--passphrase-fd", "0", given=PASSPHRASE).stdout.startswith(
        '[{"name":"A"'
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o700])
def test_a_passphrase_file_that_others_could_read_is_refused(data: Path, passphrase: str, mode: int) -> None:
    Path(passphrase).chmod(mode)
    done = run("set", "A", "--data", data, "--passphrase-file", passphrase, given="sesame")
    assert done.returncode == 1
    assert f"has mode 0{mode:o} and may have 0600 at most" in done.stderr
    assert not (data / "vault").exists()


def test_a_read_only_passphrase_file_behind_a_link_is_taken_as_mounted_secrets_are(data: Path, passphrase: str) -> None:
    Path(passphrase).chmod(0o400)
    link = data.parent / "link"
    link.symlink_to(passphrase)
    assert run("set", "A", "--data", data, "--passphrase-file", link, given="sesame").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("set", "a b"), "its 3 signs are no name of an entry"),
        (("set", "A", "--passphrase-fd", "0"), "the value is read from standard input, so the passphrase cannot be"),
        (("list", "--passphrase-fd", "99"), "descriptor 99 cannot be read"),
        (("list",), "there is no terminal to ask on; give it with --passphrase-fd N or --passphrase-file FILE"),
        (("set", "B"), "there is no terminal to ask on"),
        (("remove",), "Missing argument"),
    ],
)
def test_wrong_use_is_told_and_leaves_with_two(
    data: Path, passphrase: str, arguments: tuple[str, ...], why: str
) -> None:
    assert run("set", "A", "--data", data, "--passphrase-file", passphrase, given="sesame").returncode == 0
    done = run(*arguments, "--data", data, given="sesame")
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_value_among_the_arguments_is_refused_without_repeating_it(data: Path, passphrase: str) -> None:
    done = run("set", "A", KEY, "--data", data, "--passphrase-file", passphrase)
    assert done.returncode == 2
    assert "a value is never an argument" in done.stderr
    assert KEY not in done.stderr
    assert not (data / "vault").exists()


def test_what_fails_is_one_sentence_and_leaves_with_one(data: Path, passphrase: str) -> None:
    how = ("--data", data, "--passphrase-file", passphrase)
    assert (
        run("list", *how).stderr
        == f"polywire: the vault {data}/vault is not there; `polywire vault set NAME` makes one\n"
    )
    assert run("set", "A", *how, given="sesame").returncode == 0
    good = (data / "vault").read_bytes()
    missing = run("remove", "B", *how)
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    wrong = run("list", "--data", data, "--passphrase-fd", "0", given="another passphrase")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "is not opened by this passphrase" in wrong.stderr
    (data / "vault").write_bytes(good[:-40])
    cut = run("set", "B", *how, given="sesame")
    assert (cut.returncode, cut.stderr.count("\n")) == (1, 1)
    assert f"is cut off: it has {len(good) - 40} bytes of {len(good)}" in cut.stderr
    (data / "vault").write_bytes(good)
    assert run("list", *how).returncode == 0


@pytest.mark.parametrize("command", ["set", "list", "remove"])
def test_help_has_an_example(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"Example: polywire vault {command}" in done.stdout
