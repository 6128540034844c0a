"""Where the blocks run: an exchange in a process of its own, and somebody who trades there all the time."""

import json
import os
import select
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from subprocess import PIPE, Popen, run
from typing import Any, Final
from urllib.request import urlopen

import pytest

from cli.processes import gone, until

_START_S: Final = 30.0
_END_S: Final = 10.0
_NOWHERE: Final = "http://127.0.0.1:9"

EXCHANGE: Final = ("exchange", "--child", "--port", "0", "--seed", "7", "--rate", "2", "--grant", "1000000")
"""Twice as busy as usual, so that an example soon sees what it waits for."""

PROXIES: Final = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""Variables that keep what reads them on this machine: they name a proxy that is not there."""

LEFT_OUT: Final = ("POLYWIRE_", "POLYMARKET_", "POLYGON_")
"""Variables of the developer's own environment that no block is shown."""


class Place:
    """What a block may need; each thing is opened when the first block asks for it.

    Args:
        things: What is opened, and is closed with it.
    """

    def __init__(self, things: ExitStack) -> None:
        self._things = things

    @cached_property
    def url(self) -> str:
        """Where the exchange answers."""
        return self._child([sys.executable, "-P", "-m", "polywire", *EXCHANGE])

    @cached_property
    def urls(self) -> dict[str, str]:
        """Its services' addresses."""
        urls: dict[str, str] = self._about()["urls"]
        return urls

    @cached_property
    def trader(self) -> dict[str, str]:
        """The environment of whoever trades there."""
        program = Path(__file__).with_name("trader.py")
        environment: dict[str, str] = json.loads(self._child([sys.executable, "-P", str(program), self.url]))
        return environment

    def market(self) -> Any:
        """Return a market that is open, and will be for a while: `slug`, `condition`, `tokens`."""
        markets = self._about()["markets"]
        return next(one for one in markets if not one["closed"] and "updown" not in one["slug"])

    def environment(self, folder: Path) -> dict[str, str]:
        """Return the environment of a block that runs in a folder of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
        kept |= dict.fromkeys(PROXIES, _NOWHERE) | dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
        return kept | {
            "HOME": str(folder),
            "POLYWIRE_VENUE": self.url,
            "POLYWIRE_DATA": str(folder / "data"),
        }

    def _about(self) -> dict[str, Any]:
        with urlopen(f"{self.url}/venue?ledger=0", timeout=10) as answer:  # noqa: S310 - our own process
            about: dict[str, Any] = json.load(answer)
            return about

    def _child(self, command: Sequence[str]) -> str:
        """Start a process that ends with its standard input; return the first line that it prints."""
        child = self._things.enter_context(Popen(command, stdin=PIPE, stdout=PIPE, text=True))
        self._things.callback(_end, child)
        assert child.stdout is not None
        ready, _, _ = select.select([child.stdout], [], [], _START_S)
        line = child.stdout.readline().strip() if ready else ""
        assert line, f"{command} did not start"
        return line


def _end(child: "Popen[str]") -> None:
    assert child.stdin is not None
    child.stdin.close()
    try:
        code = child.wait(_END_S)
    finally:
        child.kill()
    assert code == 0, f"{child.args!r} ended with code {code}"


@contextmanager
def scratch() -> Iterator[Path]:
    """Have an empty folder. Its path is short, as that of a socket has to be.

    What was started in the background meanwhile ends with it: whatever names the folder on its command line.
    """
    with tempfile.TemporaryDirectory(prefix="block-") as folder:
        try:
            yield Path(folder)
        finally:
            for pid in processes_that_name(folder):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
                until(partial(gone, pid), _START_S)


def processes_that_name(text: str) -> list[int]:
    """Return the processes on whose command line a text stands."""
    if Path("/proc/self").exists():
        lines = {path.parent.name: _read(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
    else:
        listed = run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
        lines = dict(line.strip().split(" ", 1) for line in listed.splitlines())
    return [int(pid) for pid, line in lines.items() if text in line]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has ended
        return ""


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """Return what the blocks of this process share."""
    with ExitStack() as things:
        yield Place(things)
