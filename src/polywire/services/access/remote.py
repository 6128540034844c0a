"""`Access` from another process: many questions at once over one connection, made anew where an owner ends."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final, NoReturn
from uuid import uuid4

import anyio
import msgspec

from polywire.errors import OwnerGone, PolywireError
from polywire.model.journal import Page
from polywire.model.listing import MarketListed
from polywire.model.watch import Watch
from polywire.services.access.calls import CALLS, ask_of
from polywire.services.access.faults import error_of
from polywire.services.access.language import (
    BookSeen,
    EntriesWanted,
    History,
    HistoryWanted,
    MarketSeen,
    WatchMade,
    WatchStatus,
    WatchWanted,
)
from polywire.services.owner_protocol import Leave, Refused, Told, Wire, answer_of, encoded

Attach = Callable[[], AbstractAsyncContextManager[Wire]]
"""Connects to an owner, started if need be, whose hello was heard. Raises OwnerGone where that may pass."""

REACH_S: Final = 45.0
"""Seconds for which an owner that is gone is looked for, or started."""

ANSWER_S: Final = 10.0
"""Seconds for an answer of an owner that was asked: twice as long as it takes at most, for it may be busy."""

_AGAIN_S: Final = 0.2
_MOST_TIMES: Final = 5  # that a question is put: who dies of it every time is not to be started for ever
_LEAVE_S: Final = 0.5


class _Question:
    """One question that has no answer yet."""

    def __init__(self, number: int, method: str, arguments: Callable[[], tuple[Any, ...]]) -> None:
        self.number, self.method, self._arguments = number, method, arguments
        self.asked_s: float | None = None  # of the owner that is attached now
        self.times = 0
        self.told: Told | PolywireError | None = None
        self.moved = anyio.Event()

    def line(self) -> bytes:
        return encoded(ask_of(self.number, self.method, *self._arguments()))

    def settle(self, told: Told | PolywireError) -> None:
        self.told = told
        self.moved.set()


class RemoteAccess:
    """Asks the owner of a data directory. See `polywire.services.access.language.Access` for what each question means.

    `run` holds the connection. Where the owner ends in the middle of questions, another is attached and asked again:
    asking twice is as good as asking once.

    Args:
        attach: Connects; called anew whenever something is asked and there is no connection.
        data: The data directory, for errors.
        reach_s: Seconds for which an owner is looked for.
        answer_s: Seconds for an answer of one that was found, beside what a question waits of itself.
    """

    def __init__(self, attach: Attach, data: str, *, reach_s: float = REACH_S, answer_s: float = ANSWER_S) -> None:
        self._attach, self._data, self._reach_s, self._answer_s = attach, data, reach_s, answer_s
        self._open: dict[int, _Question] = {}
        self._number = 0
        self._wire: Wire | None = None
        self._stirred = anyio.Event()

    # ------------------------------------------------------------ questions

    async def add_watch(self, wanted: WatchWanted) -> WatchMade:
        """Make a watch, wait a little for its first data, and return it. Its id is chosen here if it has none."""
        named = wanted if wanted.id else msgspec.structs.replace(wanted, id=f"w-{uuid4().hex[:10]}")
        made: WatchMade = await self._ask("add_watch", named)
        return made

    async def drop_watch(self, watch: str) -> Watch:
        """End a watch and return it."""
        dropped: Watch = await self._ask("drop_watch", watch)
        return dropped

    async def watches(self) -> list[WatchStatus]:
        """Return every watch, the oldest first."""
        statuses: list[WatchStatus] = await self._ask("watches")
        return statuses

    async def entries(self, wanted: EntriesWanted) -> Page:
        """Return entries after a cursor; wait for a first one if there are none and it is asked to.

        What comes "from now on" begins with this call, also where another owner is asked in the middle of it.
        """
        if not wanted.since:
            wanted = msgspec.structs.replace(wanted, since=await self.newest())
        began_s = anyio.current_time()

        def what_is_left() -> tuple[EntriesWanted]:
            waited_s = anyio.current_time() - began_s
            return (msgspec.structs.replace(wanted, wait_s=max(0.0, wanted.wait_s - waited_s)),)

        waits = 0 < wanted.wait_s < float("inf")
        page: Page = await self._put(
            "entries", what_is_left if waits else lambda: (wanted,), wanted.wait_s if waits else 0.0
        )
        return page

    async def newest(self) -> str:
        """Return the cursor of the newest entry."""
        cursor: str = await self._ask("newest")
        return cursor

    async def status(self) -> dict[str, Any]:
        """Return the feed's status, with `watches` and `journal` added."""
        status: dict[str, Any] = await self._ask("status")
        return status

    async def search(self, text: str, limit: int = 10) -> list[MarketListed]:
        """Return markets that the venue's search finds, the best first; of an empty text those that are open."""
        found: list[MarketListed] = await self._ask("search", text, limit)
        return found

    async def market(self, target: str) -> list[MarketSeen]:
        """Return what a target means: one market, or all of an event's."""
        seen: list[MarketSeen] = await self._ask("market", target)
        return seen

    async def book(self, target: str, depth: int = 10) -> list[BookSeen]:
        """Return the books of what a target means, each with up to `depth` levels a side."""
        seen: list[BookSeen] = await self._ask("book", target, depth)
        return seen

    async def history(self, wanted: HistoryWanted) -> History:
        """Return a token's price history."""
        history: History = await self._ask("history", wanted)
        return history

    # ------------------------------------------------------------ one question

    async def _ask(self, method: str, *arguments: Any) -> Any:
        return await self._put(method, lambda: arguments, 0.0)

    async def _put(self, method: str, arguments: Callable[[], tuple[Any, ...]], wait_s: float) -> Any:
        self._number += 1
        question = self._open[self._number] = _Question(self._number, method, arguments)
        self._stirred.set()
        try:
            gives_up_s = anyio.current_time() + self._reach_s + wait_s + self._answer_s
            with anyio.move_on_at(gives_up_s):
                await self._send(question)
            told = await self._told(question, wait_s, gives_up_s)
        finally:
            del self._open[question.number]
            if question.told is None:
                await self._leave(question)
        if isinstance(told, PolywireError):
            raise told
        return CALLS[method].answer_of(told.answer)

    async def _told(self, question: _Question, wait_s: float, gives_up_s: float) -> Told | PolywireError:
        while question.told is None:
            until_s = gives_up_s
            if question.asked_s is not None:
                until_s = min(gives_up_s, question.asked_s + wait_s + self._answer_s)
            with anyio.move_on_at(until_s):
                await question.moved.wait()
            if not question.moved.is_set():
                what = "could not be reached" if question.asked_s is None else "was asked and has not answered"
                return OwnerGone(self._data, f"{what} within {self._answer_s + wait_s:.0f} s")
            if question.told is None:
                question.moved = anyio.Event()
        return question.told

    async def _send(self, question: _Question) -> None:
        """Put a question to the owner that is attached; where none is, it waits until one is."""
        wire = self._wire
        if wire is None:
            return
        if question.times >= _MOST_TIMES:
            question.settle(
                OwnerGone(self._data, f"ended {question.times} times while it was asked for `{question.method}`")
            )
            return
        question.times += 1
        question.asked_s = anyio.current_time()
        question.moved.set()
        with suppress(OwnerGone):  # `run` sees it too
            await wire.send(question.line())

    async def _leave(self, question: _Question) -> None:
        if question.asked_s is not None and self._wire is not None:
            with suppress(OwnerGone), anyio.move_on_after(_LEAVE_S, shield=True):
                await self._wire.send(encoded(Leave(question.number)))

    # ------------------------------------------------------------ the connection

    async def run(self) -> NoReturn:
        """Be attached as long as something is asked, and stay so. Ends only by cancellation."""
        met = False
        failing_since_s: float | None = None
        while True:
            await self._until_asked()
            if failing_since_s is None:
                failing_since_s = anyio.current_time()
            fault: PolywireError
            try:
                async with self._attach() as wire:
                    met, failing_since_s = True, None
                    await self._converse(wire)
                continue
            except OwnerGone as gone:
                fault, may_pass = gone, True
            except PolywireError as refused:  # it may be that the one before has not let go of everything yet
                fault, may_pass = refused, met
            finally:
                self._lose()
            if failing_since_s is None:
                continue
            if may_pass and anyio.current_time() - failing_since_s < self._reach_s:
                await anyio.sleep(_AGAIN_S)
                continue
            failing_since_s = None
            for question in self._open.values():
                question.settle(fault)

    async def _until_asked(self) -> None:
        while all(question.told is not None for question in self._open.values()):
            self._stirred = anyio.Event()
            await self._stirred.wait()

    async def _converse(self, wire: Wire) -> None:
        """Put what is open, then hand on answers until the owner has gone."""
        self._wire = wire
        for question in tuple(self._open.values()):
            if question.told is None and question.number in self._open:  # else it was given up meanwhile
                await self._send(question)
        while (line := await wire.receive()) is not None:
            answer = answer_of(line)
            question_of = self._open.get(getattr(answer, "id", 0))
            if question_of is None:  # it was given up
                continue
            match answer:
                case Told():
                    question_of.settle(answer)
                case Refused():
                    question_of.settle(error_of(answer))
                case _:
                    pass

    def _lose(self) -> None:
        """Know that nobody is attached: what is open is to be asked again."""
        self._wire = None
        for question in self._open.values():
            if question.told is None:
                question.asked_s = None
                question.moved.set()
