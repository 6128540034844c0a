"""`polywire watch` and `polywire status`, put together: the way to the owner, and what is made of its answers."""

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
from rich.console import Console

from polywire.errors import OwnerGone, PolywireError
from polywire.interfaces.terminal.screen import Screen, on_screen
from polywire.interfaces.terminal.watching import plain_line, status_lines
from polywire.io import children
from polywire.io.owner import Lines, answers, attached, endpoint, is_owned
from polywire.services.owner_protocol import (
    PROTOCOL,
    Answer,
    EventTold,
    Follow,
    Hello,
    Refused,
    Status,
    StatusTold,
    ViewsTold,
    Watch,
    answer_of,
    encoded,
)

Say = Callable[[str], None]

_DRAWN_EVERY_S: Final = 0.2
_TOLD_EVERY_S: Final = 2.0
_LADDER_LEVELS: Final = 20
_START_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.05


@dataclass(frozen=True)
class Watched:
    """What `polywire watch` was asked for."""

    data: Path
    targets: tuple[str, ...]
    venue: str | None = None  # None: whatever the owner is connected to
    jsonl: bool = False
    for_s: float | None = None


def run_watch(asked: Watched, console: Console, say: Say) -> None:
    """Show the targets until the time is over or it is interrupted.

    Raises:
        UnknownTarget and its like: What the owner refused, in its words.
        OwnerGone: It could not be reached, or has ended.
    """
    anyio.run(_watch, asked, console, say, backend_options={"use_uvloop": True})


async def _watch(asked: Watched, console: Console, say: Say) -> None:
    async with attached_to_owner(asked.data, asked.venue, say) as visit:
        with anyio.move_on_after(asked.for_s):
            if asked.jsonl:
                await _print_events(visit, asked)
            elif console.is_terminal:
                await _draw(visit, asked, console)
            else:
                await _tell(visit, asked, console)


async def _print_events(visit: "Visit", asked: Watched) -> None:
    out = sys.stdout.buffer
    async for answer in visit.ask(Follow(list(asked.targets), id=1)):
        if isinstance(answer, EventTold):
            out.write(bytes(answer.event) + b"\n")
            out.flush()


async def _draw(visit: "Visit", asked: Watched, console: Console) -> None:
    screen = Screen(f"Polywire · {visit.hello.venue}")
    screen.foot, screen.hint = f"venue: {visit.hello.venue}", "Ctrl-C leaves"
    request = Watch(list(asked.targets), id=1, every_s=_DRAWN_EVERY_S, levels=_LADDER_LEVELS)
    answers = visit.ask(request)
    await anext(answers)  # refused targets are told before the terminal is taken over
    with on_screen(screen, console, stays=True) as live:
        async for answer in answers:
            if isinstance(answer, ViewsTold):
                screen.views = answer.views
                live.refresh()


async def _tell(visit: "Visit", asked: Watched, console: Console) -> None:
    """Print a line a token now and then, for a log or a pipe."""
    async for answer in visit.ask(Watch(list(asked.targets), id=1, every_s=_TOLD_EVERY_S, levels=1)):
        if isinstance(answer, ViewsTold):
            for view in answer.views:
                console.print(plain_line(view), markup=False, soft_wrap=True)


# ---------------------------------------------------------------- status


@dataclass(frozen=True)
class Told:
    """The answer to `polywire status`. `status`: the feed's, as it is."""

    hello: Hello
    status: dict[str, Any]

    def lines(self) -> list[str]:
        """Return it for people."""
        return status_lines(self.hello, self.status)

    def prometheus(self) -> str:
        """Return it for Prometheus."""
        from polywire.services.metrics import prometheus_text  # noqa: PLC0415 - 0.1 s that nobody else pays for

        return prometheus_text(self.hello, self.status)


def status_of(data: Path) -> Told:
    """Return what the owner of a data directory says of its feed.

    Raises:
        OwnerGone: There is none.
    """
    return anyio.run(_status, data)


async def _status(data: Path) -> Told:
    async with attached(data) as lines:
        visit = await Visit.begun(lines, data)
        async for answer in visit.ask(Status(id=1)):
            if isinstance(answer, StatusTold):
                return Told(visit.hello, answer.status)
    raise OwnerGone(str(data), "ended without an answer")


# ---------------------------------------------------------------- the way to the owner


class Visit:
    """An open conversation with an owner.

    Attributes:
        hello: What it said first.
    """

    def __init__(self, lines: Lines, data: Path, hello: Hello) -> None:
        self._lines, self._data, self.hello = lines, data, hello

    @classmethod
    async def begun(cls, lines: Lines, data: Path) -> "Visit":
        """Return the conversation after the owner's hello.

        Raises:
            OwnerGone: It said none, or speaks another version.
        """
        line = await lines.receive()
        hello = None if line is None else answer_of(line)
        if not isinstance(hello, Hello):
            raise OwnerGone(str(data), "said no hello")
        if hello.protocol != PROTOCOL:
            raise OwnerGone(
                str(data),
                f"(process {hello.pid}, polywire {hello.polywire}) speaks version {hello.protocol} and this polywire "
                f"{PROTOCOL}; end it first",
            )
        return cls(lines, data, hello)

    async def ask(self, request: Status | Watch | Follow) -> AsyncIterator[Answer]:
        """Yield the answers to one request, as long as they come.

        Raises:
            PolywireError: It was refused.
            OwnerGone: The owner has ended.
        """
        await self._lines.send(encoded(request))
        while (line := await self._lines.receive()) is not None:
            answer = answer_of(line)
            if isinstance(answer, Refused):
                raise PolywireError(answer.error)
            yield answer
        raise OwnerGone(str(self._data), f"(process {self.hello.pid}) has ended")


@asynccontextmanager
async def attached_to_owner(data: Path, venue: str | None, say: Say) -> AsyncIterator[Visit]:
    """Be attached to the owner of `data` until the block ends; where none runs, start one in the background.

    Args:
        data: The data directory.
        venue: What it has to be connected to; None: to whatever it is.
        say: Told what takes a while.

    Raises:
        OwnerGone: It could not be started, or does not answer.
        PolywireError: It is connected to another venue.
    """
    async with await _reached(data, venue, say) as lines:
        visit = await Visit.begun(lines, data)
        if venue is not None and venue != visit.hello.venue:
            raise PolywireError(
                f"{data} belongs to process {visit.hello.pid}, which is connected to {visit.hello.venue} and not to "
                f"{venue}; leave --venue out, or name another directory with --data"
            )
        yield visit


async def _reached(data: Path, venue: str | None, say: Say) -> Any:
    """Return a connection's context; what is entered once."""
    if not is_owned(data):
        await _start(data, venue, say)
    elif endpoint(data) is None:
        await _until_it_answers(data, None)
    return attached(data)


async def _start(data: Path, venue: str | None, say: Say) -> None:
    log = data / "up.log"
    say(f"polywire: nothing runs on {data} yet; starting `polywire up` in the background (its log: {log})")
    options = [] if venue is None else ["--venue", venue]
    child = children.background(["up", "--background", "--data", str(data), *options], log)
    await _until_it_answers(data, child)


async def _until_it_answers(data: Path, child: Any) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        told = endpoint(data)
        if told is not None and is_owned(data) and answers(told):
            return
        if child is not None and child.poll() not in {None, 0} and not is_owned(data):
            words = children.last_words(data / "up.log")
            raise PolywireError(f"`polywire up` did not start (code {child.returncode}){words}")
        await anyio.sleep(_LOOK_EVERY_S)
    raise OwnerGone(str(data), f"did not answer within {_START_S:.0f} s{children.last_words(data / 'up.log')}")
