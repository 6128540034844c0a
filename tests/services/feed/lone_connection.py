"""A connection on a scripted dial, as tests begin with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from polywire.core.books import Books
from polywire.core.link import Phase, Policy
from polywire.model.events import Event
from polywire.model.health import Freshness
from polywire.services.feed.connection import Connection
from polywire.wire.tally import Tally
from services.feed.feeds import until
from services.feed.scripted import ScriptedDial, token
from services.feed.virtual import LoopClock

A, B, C = token(1), token(2), token(3)


class Setting:
    """A connection that runs, its dial, and what its readers were told."""

    def __init__(self, policy: Policy | None = None, roll: float = 0.5) -> None:
        self.dial, self.tally, self.told = ScriptedDial(), Tally(), list[Event]()
        self.policy = policy or Policy()
        self.connection = Connection(
            1, "ws://none.invalid", self.dial, LoopClock(), self.policy, lambda: roll, _as_they_are, self.tally
        )
        self.task: asyncio.Task[None] | None = None

    @property
    def phase(self) -> Phase:
        return self.connection.link.phase

    def freshness(self, one: str = A) -> Freshness:
        return self.connection.books[one].freshness  # type: ignore[index]

    def want(self, *tokens: str) -> None:
        self.connection.want(tokens)  # type: ignore[arg-type]
        for one in tokens:
            self.connection.books.read(one, self.told.append)  # type: ignore[arg-type]

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kinds)]

    async def until(self, true: Callable[[], object], within_s: float = 300.0) -> None:
        """Return once something holds; time passes meanwhile."""
        await until(true, within_s)

    async def pass_s(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def end(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert self.task.cancelled()


def _as_they_are(books: Books) -> Books:
    return books


@asynccontextmanager
async def running(
    *tokens: str, policy: Policy | None = None, roll: float = 0.5, dial: Callable[[ScriptedDial], object] | None = None
) -> AsyncIterator[Setting]:
    """Run a connection that wants these tokens; afterwards nothing of it is left in the loop."""
    before = asyncio.all_tasks()
    setting = Setting(policy, roll)
    if dial is not None:
        dial(setting.dial)
    setting.want(*tokens)
    setting.task = asyncio.create_task(setting.connection.run())
    yield setting
    assert not setting.task.done() or setting.task.cancelled(), setting.task.exception()
    await setting.end()
    await asyncio.sleep(0)  # for a socket to say its last word
    assert asyncio.all_tasks() == before
    assert setting.dial.alive == []


@asynccontextmanager
async def open_on(*tokens: str, **options: Any) -> AsyncIterator[Setting]:
    """Run a connection that has its first data."""
    async with running(*tokens, **options) as setting:
        await setting.until(lambda: setting.phase is Phase.OPEN and setting.freshness(tokens[-1]) == "current")
        yield setting
