"""One client of an owner: its requests, and the streams and questions that are under way for it."""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

import anyio
from anyio.abc import TaskGroup

from polywire.errors import Misuse, OwnerGone, PolywireError, TooMany
from polywire.model.events import Event
from polywire.model.listing import MarketListed
from polywire.model.units import TokenId
from polywire.services.access.calls import answered
from polywire.services.access.faults import refusal_of
from polywire.services.access.language import Access
from polywire.services.owner_protocol import (
    Answer,
    Ask,
    Follow,
    Leave,
    Left,
    Request,
    Resolve,
    Resolved,
    Status,
    StatusTold,
    Told,
    ViewsTold,
    Watch,
    Watching,
    Wire,
    encoded_answer,
    request_of,
)
from polywire.services.targets import tokens_meant
from polywire.services.views import Views
from polywire.wire.event_json import as_json

MOST_QUESTIONS: Final = 512
"""Of one client at a time."""

_LOG: Final = logging.getLogger("polywire.owner")
_FASTEST_S: Final = 0.1
_SLOWEST_S: Final = 60.0
_MOST_LEVELS: Final = 200
_MOST_STREAMS: Final = 64  # of one client at a time
_MOST_TARGETS: Final = 10_000  # of one stream


class Source(Protocol):
    """The feed, as far as an owner needs it."""

    async def resolve(self, *targets: str) -> list[MarketListed]:
        """Return the markets that are meant. Raises UnknownTarget."""

    def subscribe(
        self, *, tokens: Iterable[str] = (), callback: Callable[[Event], None] | None = None
    ) -> AbstractAsyncContextManager[Any]:
        """Return a subscription: a context that yields an async iterator of events."""


class Visit:
    """Answers one client until it leaves.

    Args:
        source: The feed.
        views: Makes views of its tokens.
        access: Answers questions.
        wire: The connection.
        tasks: Where streams and questions run.
    """

    def __init__(self, source: Source, views: Views, access: Access, wire: Wire, tasks: TaskGroup) -> None:
        self._source, self._views, self._access, self._wire, self._tasks = source, views, access, wire, tasks
        self._streams: dict[int, anyio.CancelScope] = {}
        self._questions: dict[int, anyio.CancelScope] = {}

    async def run(self) -> None:
        """Take requests until the client has left. Raises OwnerGone where it left in the middle of an answer."""
        while (line := await self._wire.receive()) is not None:
            request = None
            try:
                request = request_of(line)
                await self._take(request)
            except OwnerGone:
                raise
            except PolywireError as refused:
                await self._say(refusal_of(0 if request is None else request.id, refused))

    async def _take(self, request: Request) -> None:
        match request:
            case Status():
                await self._say(StatusTold(request.id, await self._access.status()))
            case Resolve():
                await self._say(Resolved(request.id, await self._source.resolve(*request.targets)))
            case Leave():
                scope = self._streams.pop(request.of, None) or self._questions.pop(request.of, None)
                if scope is None:
                    raise Misuse(f"no stream with the id {request.of} is open; there are: {sorted(self._streams)}")
                scope.cancel()
                await self._say(Left(request.id, request.of))
            case Ask():
                self._check_free(request.id)
                if len(self._questions) >= MOST_QUESTIONS:
                    raise TooMany("questions of one client", len(self._questions) + 1, MOST_QUESTIONS)
                self._tasks.start_soon(self._answer, request, self._opened(self._questions, request.id))
            case Watch() | Follow():
                self._check_free(request.id)
                if len(self._streams) >= _MOST_STREAMS:
                    raise Misuse(f"{len(self._streams)} streams are open, which is the most; leave one first")
                self._tasks.start_soon(self._stream, request, self._opened(self._streams, request.id))

    def _check_free(self, number: int) -> None:
        if number in self._streams or number in self._questions:
            raise Misuse(f"a stream with the id {number} is open already; choose another id")

    @staticmethod
    def _opened(among: dict[int, anyio.CancelScope], number: int) -> anyio.CancelScope:
        scope = among[number] = anyio.CancelScope()
        return scope

    @asynccontextmanager
    async def _under_way(
        self, among: dict[int, anyio.CancelScope], number: int, scope: anyio.CancelScope
    ) -> AsyncIterator[None]:
        """Do something for a request until it is left; what it may not is answered."""
        try:
            with scope:
                yield
        except OwnerGone:
            raise
        except PolywireError as refused:
            await self._say(refusal_of(number, refused))
        finally:
            if among.get(number) is scope:
                del among[number]

    # ------------------------------------------------------------ questions

    async def _answer(self, ask: Ask, scope: anyio.CancelScope) -> None:
        async with self._under_way(self._questions, ask.id, scope):
            try:
                told = await answered(self._access, ask)
            except PolywireError:
                raise
            except Exception as fault:
                # A fault of ours in one answer: whoever asked is told, and the house stands for all the others.
                _LOG.exception("the question %r could not be answered", ask.method)
                raise PolywireError(
                    f"`{ask.method}` failed for a fault of Polywire's own ({type(fault).__name__}); what its owner "
                    "logged has the rest: please report it"
                ) from fault
            await self._say(Told(ask.id, told))

    # ------------------------------------------------------------ streams

    async def _stream(self, request: Watch | Follow, scope: anyio.CancelScope) -> None:
        async with self._under_way(self._streams, request.id, scope):
            tokens = await self._meant(request.targets)
            if isinstance(request, Watch):
                await self._watch(request, tokens)
            else:
                await self._follow(request, tokens)

    async def _meant(self, targets: Collection[str]) -> list[TokenId]:
        if len(targets) > _MOST_TARGETS:  # each is looked up at the venue, one after the other
            raise TooMany("targets", len(targets), _MOST_TARGETS)
        found: dict[TokenId, None] = {}
        for target in targets:
            found.update(dict.fromkeys(tokens_meant(target, await self._source.resolve(target))))
        return list(found)

    async def _watch(self, request: Watch, tokens: list[TokenId]) -> None:
        every_s = min(_SLOWEST_S, max(_FASTEST_S, request.every_s))
        levels = min(_MOST_LEVELS, max(0, request.levels))
        async with self._views.following(self._source, tokens):
            await self._say(Watching(request.id, tokens))
            due_s = anyio.current_time()
            while True:
                await self._say(ViewsTold(request.id, [self._views.of(token, levels) for token in tokens]))
                due_s = max(due_s + every_s, anyio.current_time())  # what a slow client missed is not made up for
                await anyio.sleep(due_s - anyio.current_time())

    async def _follow(self, request: Follow, tokens: list[TokenId]) -> None:
        async with self._source.subscribe(tokens=tokens) as events:
            await self._say(Watching(request.id, tokens))
            head = b'{"type":"event","id":%d,"event":' % request.id
            async for event in events:
                await self._wire.send(head + as_json(event) + b"}")

    async def _say(self, answer: Answer) -> None:
        await self._wire.send(encoded_answer(answer))
