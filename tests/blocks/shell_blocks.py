"""Shell blocks: each line is typed in a checkout, one after another; what would run on is interrupted, as by Ctrl-C.

A line that ends in `&` runs beside the lines behind it, until the block is over. `SLUG`, `TOKEN`, `CONDITION` and
`CURSOR` stand for real ones, and the ports 8420 and 8421 for free ones.
"""

import json
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from subprocess import run as run_process
from typing import Final
from urllib.parse import urlsplit

from blocks.venue import Place, scratch
from polywire.io.owner import endpoint
from polywire.io.tcp_ports import free_near

PATIENCE_S: Final = 30.0
"""How long anything may take to begin, or to end."""

SETTLED_S: Final = 2.0
"""How long a command runs on, once it has said something, before it is interrupted."""

SILENT_S: Final = 5.0
"""How long it may run on and say nothing, before it is interrupted: it may have nothing to say."""

_LOOK_EVERY_S: Final = 0.05
_SHOWN: Final = 3_000
_CHECKOUT: Final = Path(__file__).parents[2]
_LINKED: Final = ("bench", "docs", "examples", "skills")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*$")
_OUTSIDE: Final = re.compile(
    r"--venue[ =]live|VENUE=live|polymarket\.com/(?!event/|market/)|\b(?:pip|npm|npx|uv|git|claude|apt-get|brew) "
)
_EXCHANGE: Final = re.compile(r"polywire exchange\b|--exchange-port 8421")
_BEGINNING: Final = re.compile(r".*starting `polywire up` in the background.*\n")
_TRACEBACK: Final = "Traceback (most recent call last)"


def run(source: str, place: Place) -> str | None:
    """Run a block's lines; return what is wrong with the first that fails, or None."""
    with checkout(place) as shell:
        ports = {"8420": str(free_near("127.0.0.1", 20_000 + os.getpid() % 10_000)), "8421": str(shell.port)}
        if _EXCHANGE.search(source):
            ports["8421"] = str(free_near("127.0.0.1", 30_000 + os.getpid() % 10_000))
        for command in commands(source):
            told = re.sub(r"\b842[01]\b", lambda port: ports[port[0]], command)
            if fault := shell.type(told):
                return f"$ {command}\n{fault}"
        return shell.end()


def commands(source: str) -> list[str]:
    r"""Return the commands of a block, without their comments.

    >>> commands("a --one \\\n  --two  # why\n\n# nothing\nb '#1' &\n")
    ['a --one    --two', "b '#1' &"]
    """
    lines = source.replace("\\\n", " ").splitlines()
    return [command for line in lines if (command := _COMMENT.sub("", line).strip())]


class Shell:
    """Somebody who types commands.

    Args:
        folder: Where.
        place: What is around.

    Attributes:
        folder: The same.
        port: Of the exchange.
    """

    def __init__(self, folder: Path, place: Place) -> None:
        self.folder, self._place = folder, place
        self.port = urlsplit(place.url).port
        self._environment = place.environment(folder) | {
            "PATH": os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
        }
        self._beside: list[tuple[Popen[bytes], Path]] = []
        self._count = 0

    def type(self, command: str) -> str | None:
        """Run one command; return what is wrong with it, or None."""
        if _OUTSIDE.search(command):
            return "it goes to Polymarket itself, or installs something, and is not run; skip it with its reason"
        beside = command.endswith("&") and not command.endswith("&&")
        process, output = self._started(self._filled(command.removesuffix("&") if beside else command))
        if beside:
            self._beside.append((process, output))
            return None if self._speaks(process, output, PATIENCE_S) else f"it said nothing in {PATIENCE_S:g} s"
        if self._runs_on(process, output, command):
            return _interrupted(process, output)
        return None if process.returncode == 0 and not _fell(output) else _ending(process, output)

    def end(self) -> str | None:
        """Interrupt what runs beside; return what is wrong with how it ends, or None."""
        beside, self._beside = self._beside, []
        faults = [_interrupted(process, output) for process, output in reversed(beside)]
        return next(filter(None, faults), None)

    def kill(self) -> None:
        """End whatever still runs."""
        for process, _ in self._beside:
            _signalled(process, signal.SIGKILL)
            process.wait(PATIENCE_S)

    def _started(self, command: str) -> tuple["Popen[bytes]", Path]:
        self._count += 1
        output = self.folder / f".output-{self._count}"
        with output.open("wb") as file:
            # A terminal's Ctrl-C reaches the whole group; the trap makes the shell wait for what it runs, as one would.
            process = Popen(
                ["sh", "-c", f"trap : INT\n{command}"],
                cwd=self.folder,
                env=self._environment,
                stdin=DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        return process, output

    def _filled(self, command: str) -> str:
        """Return a command with real names in place of those in capitals."""
        market = self._place.market()
        names = {"SLUG": market["slug"], "TOKEN": market["tokens"][0], "CONDITION": market["condition"]}
        if re.search(r"\bCURSOR\b", command):
            names["CURSOR"] = self._cursor()
        return re.sub(r"\b(?:SLUG|TOKEN|CONDITION|CURSOR)\b", lambda name: shlex.quote(names[name[0]]), command)

    def _cursor(self) -> str:
        """Return the newest cursor of this checkout's own journal."""
        done = run_process(
            ["./polywire", "events", "--jsonl"],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        cursor: str = json.loads(done.stdout.splitlines()[-1])["cursor"]
        return cursor

    def _speaks(self, process: "Popen[bytes]", output: Path, within_s: float) -> bool:
        """Wait until it has said something, or has ended; return whether it has said something."""
        deadline = time.monotonic() + within_s
        while not (said := _BEGINNING.sub("", _said(output))) and time.monotonic() < deadline:
            if _ended(process, _LOOK_EVERY_S):
                break
        return bool(said)

    def _runs_on(self, process: "Popen[bytes]", output: Path, command: str) -> bool:
        """Wait for the end of a command that ends; return whether it does not."""
        if "polywire" not in command or "--for" in command:
            return not _ended(process, PATIENCE_S)
        until_s = time.monotonic() + PATIENCE_S
        while self._is_beginning(output) and time.monotonic() < until_s and not _ended(process, _LOOK_EVERY_S):
            pass
        self._speaks(process, output, SILENT_S)
        return not _ended(process, SETTLED_S)

    def _is_beginning(self, output: Path) -> bool:
        """Return whether it is starting an owner, which is not there yet."""
        return _BEGINNING.fullmatch(_said(output)) is not None and endpoint(self.folder / "data") is None


@contextmanager
def checkout(place: Place) -> Iterator[Shell]:
    """Have a folder that looks like a checkout to whoever types there, and nothing left running behind it."""
    with scratch() as folder:
        launcher = folder / "polywire"
        launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m polywire "$@"\n')
        launcher.chmod(0o755)
        (folder / ".venv").symlink_to(sys.prefix)
        for name in _LINKED:
            (folder / name).symlink_to(_CHECKOUT / name)
        shell = Shell(folder, place)
        try:
            yield shell
        finally:
            shell.kill()


def _ended(process: "Popen[bytes]", within_s: float) -> bool:
    try:
        process.wait(within_s)
    except TimeoutExpired:
        return False
    return True


def _signalled(process: "Popen[bytes]", number: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)


def _interrupted(process: "Popen[bytes]", output: Path) -> str | None:
    """Interrupt a command; return what is wrong with how it ends, or None."""
    _signalled(process, signal.SIGINT)
    if not _ended(process, PATIENCE_S):
        _signalled(process, signal.SIGKILL)
        process.wait(PATIENCE_S)
        return f"Ctrl-C did not end it within {PATIENCE_S:g} s\n{_said(output)}"
    fine = process.returncode in {0, 130} and not _fell(output)
    return None if fine else f"interrupted: {_ending(process, output)}"


def _ending(process: "Popen[bytes]", output: Path) -> str:
    return f"it ended with code {process.returncode}, and had said:\n{_said(output)}"


def _said(output: Path) -> str:
    return output.read_text(errors="replace")[-_SHOWN:]


def _fell(output: Path) -> bool:
    return _TRACEBACK in output.read_text(errors="replace")
