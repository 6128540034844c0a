"""`polywire` as a process: with pipes, or on a terminal of its own."""

import errno
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

POLYWIRE = [sys.executable, "-P", "-m", "polywire"]
PATIENCE_S = 45.0


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run to the end, with pipes."""
    return subprocess.run(
        [*POLYWIRE, *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@contextmanager
def started(*arguments: str, **environment: str) -> "Iterator[subprocess.Popen[str]]":
    """Run while the block does, with pipes; end it at the latest then."""
    process = subprocess.Popen(
        [*POLYWIRE, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def line_with(process: "subprocess.Popen[str]", text: str) -> str:
    """Return the first line of standard error that holds a text."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"it ended without saying {text!r}")


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Wait for the end; return the exit code and both outputs."""
    out, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, errors


def venue(url: str) -> dict[str, Any]:
    """Return what an exchange says of itself."""
    with urlopen(f"{url}/venue?ledger=0", timeout=10) as answer:  # noqa: S310 - our own process
        described: dict[str, Any] = json.load(answer)
        return described


def exchange_url(line: str) -> str:
    """Return the address in a line that says where the exchange is."""
    found = re.search(r"http://[\d.]+:\d+", line)
    assert found is not None, line
    return found[0]


def gone(pid: int) -> bool:
    """Return whether a process has ended (or is only waited for)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path("/proc/self").exists()


def until(true: Any, within_s: float = PATIENCE_S) -> None:
    """Return once something is true."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true"
        select.select([], [], [], 0.02)


_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""  # so that Ctrl-C reaches it as a signal


class Terminal:
    """A process on a terminal of its own.

    Attributes:
        text: All that it wrote.
    """

    def __init__(self, *arguments: str, width: int = 80, height: int = 24) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.text = ""
        size = {"COLUMNS": str(width), "LINES": str(height), "TERM": "xterm"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *POLYWIRE, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=os.environ | size,
        )
        os.close(slave)

    def read_until(self, text: str) -> str:
        """Read until a text was written; return what was written since the last time."""
        began = len(self.text)
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.text[began:]:
            assert time.monotonic() < deadline, f"it did not write {text!r} but:\n{self.text[began:]}"
            if not self._read(0.1):
                raise AssertionError(f"it ended without writing {text!r} but:\n{self.text[began:]}")
        return self.text[began:]

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._master, b"\x03")

    def end(self) -> int:
        """Read to the end; return the exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(0.1):
            assert time.monotonic() < deadline, f"it did not end:\n{self.text[-2_000:]}"
        return self.process.wait(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        os.close(self._master)

    def _read(self, wait_s: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], wait_s)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65_536)
        except OSError as ended:
            if ended.errno != errno.EIO:
                raise
            return False
        self.text += data.decode(errors="replace")
        return bool(data)
