"""What the owner of a data directory answers those who attach to it, in the language of `owner_protocol`.

Streams (`watch`, `events`) go on until `leave` names them or the client goes. A client that reads slowly gets fewer
views, the newest each time; its events wait in a feed subscription, whose bounded queue turns what it must drop into a
`Gap`.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

import anyio
from anyio.abc import TaskGroup

from polywire import __version__
from polywire.errors import Misuse, OwnerGone, PolywireError, TooMany
from polywire.model.events import Event
from polywire.model.listing import MarketListed
from polywire.model.units import TokenId
from polywire.services.owner_protocol import (
    PROTOCOL,
    Answer,
    Follow,
    Hello,
    Leave,
    Left,
    Refused,
    Request,
    Resolve,
    Resolved,
    Status,
    StatusTold,
    ViewsTold,
    Watch,
    Watching,
    encoded_answer,
    request_of,
)
from polywire.services.targets import tokens_meant
from polywire.services.views import Views
from polywire.wire.event_json import as_json

_FASTEST_S: Final = 0.1
_SLOWEST_S: Final = 60.0
_MOST_LEVELS: Final = 200
_MOST_STREAMS: Final = 64  # of one client at a time
_MOST_TARGETS: Final = 10_000  # of one stream


class Wire(Protocol):
    """A connection to one client; `polywire.io.owner.Lines` is one."""

    async def receive(self) -> bytes | None:
        """Return the next line; None once the client has left."""

    async def send(self, line: bytes) -> None:
        """Send a line; wait while the client does not read. Raises OwnerGone once it has left."""


class Source(Protocol):
    """The feed, as far as an owner needs it."""

    async def resolve(self, *targets: str) -> list[MarketListed]:
        """Return the markets that are meant. Raises UnknownTarget."""

    def subscribe(
        self, *, tokens: Iterable[str] = (), callback: Callable[[Event], None] | None = None
    ) -> AbstractAsyncContextManager[Any]:
        """Return a subscription: a context that yields an async iterator of events."""

    def status(self) -> dict[str, Any]:
        """Return the feed's statistics."""


class Owner:
    """Answers clients.

    Args:
        source: The feed.
        views: Makes views of its tokens.
        venue: The venue's name, for the hello.
        address: Where it is, for the hello.
        address: Where it is, for the same.
        pid: This process, for the hello.
        background: Whether it ends once its clients have left, for the hello.

    Attributes:
        clients: How many are attached.
    """

    def __init__(self, source: Source, views: Views, *, venue: str, address: str, pid: int, background: bool) -> None:
        self._source, self._views = source, views
        self._hello = Hello(PROTOCOL, __version__, pid, venue, address, background)
        self.clients = 0
        self._moved = anyio.Event()

    async def attend(self, wire: Wire) -> None:
        """Answer one client until it leaves."""
        async with self._counted():
            try:
                await wire.send(encoded_answer(self._hello))
                async with anyio.create_task_group() as streams:
                    await _Visit(self._source, self._views, wire, streams).run()
                    streams.cancel_scope.cancel()
            except* OwnerGone:
                pass  # the client has left: nobody is there to be told

    async def left_alone(self, seconds: float) -> None:
        """Return once nobody has been attached for so long."""
        while True:
            moved = self._moved
            if self.clients:
                await moved.wait()
                continue
            with anyio.move_on_after(seconds):
                await moved.wait()
                continue
            return

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, by: int) -> None:
        self.clients += by
        moved, self._moved = self._moved, anyio.Event()
        moved.set()


class _Visit:
    """One client's requests and the streams they began."""

    def __init__(self, source: Source, views: Views, wire: Wire, streams: TaskGroup) -> None:
        self._source, self._views, self._wire, self._streams = source, views, wire, streams
        self._open: dict[int, anyio.CancelScope] = {}

    async def run(self) -> None:
        while (line := await self._wire.receive()) is not None:
            request = None
            try:
                request = request_of(line)
                await self._answer(request)
            except OwnerGone:
                raise
            except PolywireError as refused:
                await self._refuse(0 if request is None else request.id, refused)

    async def _answer(self, request: Request) -> None:
        match request:
            case Status():
                await self._say(StatusTold(request.id, self._source.status()))
            case Resolve():
                await self._say(Resolved(request.id, await self._source.resolve(*request.targets)))
            case Leave():
                scope = self._open.pop(request.of, None)
                if scope is None:
                    raise Misuse(f"no stream with the id {request.of} is open; there are: {sorted(self._open)}")
                scope.cancel()
                await self._say(Left(request.id, request.of))
            case Watch() | Follow():
                if request.id in self._open:
                    raise Misuse(f"a stream with the id {request.id} is open already; choose another id")
                if len(self._open) >= _MOST_STREAMS:
                    raise Misuse(f"{len(self._open)} streams are open, which is the most; leave one first")
                scope = self._open[request.id] = anyio.CancelScope()
                self._streams.start_soon(self._stream, request, scope)

    async def _stream(self, request: Watch | Follow, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                tokens = await self._meant(request.targets)
                if isinstance(request, Watch):
                    await self._watch(request, tokens)
                else:
                    await self._follow(request, tokens)
        except OwnerGone:
            raise
        except PolywireError as refused:
            await self._refuse(request.id, refused)
        finally:
            if self._open.get(request.id) is scope:
                del self._open[request.id]

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

    async def _refuse(self, request: int, refused: PolywireError) -> None:
        nearest: Sequence[str] = getattr(refused, "nearest", ())
        await self._say(Refused(request, str(refused), list(nearest)))

    async def _say(self, answer: Answer) -> None:
        await self._wire.send(encoded_answer(answer))
