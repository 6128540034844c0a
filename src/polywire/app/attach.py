"""The way to the owner of a data directory: to the one that runs, or to one that is started in the background."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio

from polywire.app.running import running
from polywire.errors import OwnerGone, PolywireError
from polywire.io import children
from polywire.io.owner import Lines, answers, attached, endpoint, is_owned
from polywire.services.access.faults import error_of
from polywire.services.access.remote import RemoteAccess
from polywire.services.owner_protocol import PROTOCOL, Answer, Hello, Refused, Request, answer_of, encoded

Say = Callable[[str], None]

_START_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.05


class Visit:
    """An open conversation with an owner.

    Attributes:
        hello: What it said first.
        lines: The connection itself, for whoever speaks the language.
    """

    def __init__(self, lines: Lines, data: Path, hello: Hello) -> None:
        self.lines, self._data, self.hello = lines, data, hello

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

    async def ask(self, request: Request) -> AsyncIterator[Answer]:
        """Yield the answers to one request, as long as they come.

        Raises:
            PolywireError: It was refused.
            OwnerGone: The owner has ended.
        """
        await self.lines.send(encoded(request))
        while (line := await self.lines.receive()) is not None:
            answer = answer_of(line)
            if isinstance(answer, Refused):
                raise error_of(answer)
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


@asynccontextmanager
async def access_of_owner(data: Path, venue: str | None, say: Say) -> AsyncIterator[RemoteAccess]:
    """Ask the owner of `data` until the block ends; where none runs, or one ends, another is started in the background.

    It is attached to with the first question. Arguments as for `attached_to_owner`.

    Raises:
        PolywireError: With the first question: see `attached_to_owner`.
    """

    @asynccontextmanager
    async def attach() -> AsyncIterator[Lines]:
        async with attached_to_owner(data, venue, say) as visit:
            yield visit.lines

    access = RemoteAccess(attach, str(data))
    async with running(access, "connection"):
        yield access


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
