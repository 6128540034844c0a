"""`polywire watch` and `polywire status`, put together: what is made of an owner's answers."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
from rich.console import Console

from polywire.app.attach import Say, Visit, attached_to_owner
from polywire.errors import OwnerGone
from polywire.interfaces.terminal.screen import Screen, on_screen
from polywire.interfaces.terminal.watching import plain_line, status_lines
from polywire.io.owner import attached
from polywire.services.owner_protocol import EventTold, Follow, Hello, Status, StatusTold, ViewsTold, Watch

_DRAWN_EVERY_S: Final = 0.2
_TOLD_EVERY_S: Final = 2.0
_LADDER_LEVELS: Final = 20


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


async def _print_events(visit: Visit, asked: Watched) -> None:
    out = sys.stdout.buffer
    async for answer in visit.ask(Follow(list(asked.targets), id=1)):
        if isinstance(answer, EventTold):
            out.write(bytes(answer.event) + b"\n")
            out.flush()


async def _draw(visit: Visit, asked: Watched, console: Console) -> None:
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


async def _tell(visit: Visit, asked: Watched, console: Console) -> None:
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
