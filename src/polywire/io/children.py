"""Processes that we start: the embedded exchange, which ends with us, and a background owner, which does not."""

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Final

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from polywire.errors import PolywireError

_START_S: Final = 20.0
_END_S: Final = 5.0
_LAST_LINES: Final = 3


class Exchange:
    """An exchange that runs as our child.

    Attributes:
        url: Where it answers.
    """

    def __init__(self, url: str, process: Process, log: Path) -> None:
        self.url, self._process, self._log = url, process, log

    async def ended(self) -> PolywireError:
        """Return why it ended, once it has."""
        code = await self._process.wait()
        return PolywireError(f"the exchange ended with code {code}{last_words(self._log)}; start again")


@asynccontextmanager
async def exchange(options: Sequence[str], log: Path) -> AsyncIterator[Exchange]:
    """Run `polywire exchange` with these options until the block ends. What it says goes to `log`.

    It ends when its standard input does, so it outlives us by no more than a moment, however we end.

    Raises:
        PolywireError: It did not come up; the last lines of its log are in the message.
    """
    command = [*polywire(), "exchange", "--child", *options]
    with _fresh(log) as file:
        # A session of its own: Ctrl-C is for us alone, and we have a balance to draw before the exchange may go.
        process = await anyio.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, start_new_session=True
        )
    try:
        yield Exchange(await _url(process, log), process, log)
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _url(process: Process, log: Path) -> str:
    """Return the first line the exchange prints: where it answers."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        with anyio.fail_after(_START_S):
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 1_000)
    except TimeoutError:
        raise PolywireError(f"the exchange did not open within {_START_S:.0f} s{last_words(log)}") from None
    except (anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound):
        code = await process.wait()
        raise PolywireError(f"the exchange did not open (code {code}){last_words(log)}") from None
    return line.decode().strip()


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        assert process.stdin is not None  # noqa: S101 - it was asked for
        await process.stdin.aclose()
        for last_resort in (process.terminate, process.kill):
            with anyio.move_on_after(_END_S):
                await process.wait()
                break
            last_resort()
    await process.aclose()


def background(arguments: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a `polywire` that outlives us and our terminal; what it says goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _fresh(log) as file:
        return subprocess.Popen(  # noqa: S603 - ourselves
            [*polywire(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            cwd="/",
        )


def polywire() -> list[str]:
    """Return the command that runs this very polywire."""
    return [sys.executable, "-P", "-m", "polywire"]


def last_words(log: Path) -> str:
    """Return the last lines of a log as the end of a sentence; "" where there is no log."""
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    words = " / ".join(line.removeprefix("polywire: ") for line in lines[-_LAST_LINES:])
    return f": {words} (all of it: {log})" if words else f" (its log: {log})"


def _fresh(log: Path) -> BinaryIO:
    return open(log, "wb", opener=lambda path, flags: os.open(path, flags, 0o600))
