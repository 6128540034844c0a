"""One reader's subscription: what it reads, how it is handed events, and what became of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Final, Protocol, Self

from polywire.core.backlog import Backlog
from polywire.core.book import Reader
from polywire.errors import Misuse
from polywire.model.events import Event
from polywire.model.units import TokenId
from polywire.services.feed.aggregate import Aggregator

EVENTS_WAITING: Final = 1_024
"""Events that may wait for a slow reader before they are conflated, if it does not say otherwise."""

ERRORS_IN_A_ROW: Final = 10
"""Exceptions in a row after which a callback is called no more."""


class Attaching(Protocol):
    """The feed, as far as a subscription needs it."""

    def attach(self, subscription: "Subscription") -> Awaitable[None]:
        """Begin to hand it events."""

    def detach(self, subscription: "Subscription") -> None:
        """Hand it nothing any more."""


class Subscription:
    """Events of some tokens, from the moment the block is entered until it is left.

    Iterate it in one task (`async for event in subscription`), or give a callback. An iterating reader that is slow
    costs nobody anything: up to `limit` events wait, then prices conflate and what is lost is told as a `Gap` (see
    `polywire.core.backlog.Backlog`). A reader that is cancelled while it waits loses nothing: iterate again. A
    callback runs inside the socket's own: it must be quick, and must not block. Its exceptions are counted and kept
    from the others; after `ERRORS_IN_A_ROW` it is called no more.

    No snapshot is handed out on entering: `feed.book(token)` has the book, and `feed.until_current` waits for it.

    Attributes:
        number: Counts up from 1 within a feed.
        targets: What was asked for, as it was asked.
        tokens: The tokens it reads, known once it is entered; empty: news of all markets only.
        kinds: The types of events it is limited to; None: all.
        created_ns: Unix nanoseconds, our clock.
        received: Events handed to it, conflated ones included.
        errors: Exceptions of its callback.
        ended: Why it is handed nothing any more; "" while it is.
        aggregator: Makes its `AGG_ORDERBOOK`, where it was asked for one.
    """

    __slots__ = (
        "_backlog",
        "_callback",
        "_entered",
        "_errors_in_a_row",
        "_feed",
        "_last",
        "_limit",
        "_waiter",
        "aggregator",
        "created_ns",
        "ended",
        "errors",
        "kinds",
        "number",
        "received",
        "targets",
        "tokens",
    )

    def __init__(
        self,
        feed: Attaching,
        number: int,
        targets: tuple[str, ...],
        kinds: frozenset[type] | None,
        callback: Callable[[Event], object] | None,
        limit: int,
        created_ns: int,
    ) -> None:
        self._feed, self.kinds, self._callback, self._limit = feed, kinds, callback, limit
        self.number, self.targets, self.created_ns = number, targets, created_ns
        self.tokens: tuple[TokenId, ...] = ()
        self.received = self.errors = self._errors_in_a_row = 0
        self._last: Event | None = None
        self._entered = False
        self.ended = ""
        self.aggregator: Aggregator | None = None
        self._backlog: Backlog | None = None
        self._waiter: asyncio.Future[Event | None] | None = None

    async def __aenter__(self) -> Self:
        if self._entered or self.ended:
            raise Misuse(f"{self.id} can be entered once, and not after its end; make another with feed.subscribe()")
        self._entered = True
        await self._feed.attach(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, why: str = "closed") -> None:
        """End it: nothing is handed to it any more, and an iteration ends with what already waits. Safe anywhere."""
        if not self.ended:
            self.ended = why
            self._feed.detach(self)
            if self.aggregator is not None:
                self.aggregator.stop()
                self.aggregator = None  # each knows the other: let both go at once
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    @property
    def id(self) -> str:
        """Its name in `feed.status()`."""
        return f"sub-{self.number}"

    @property
    def reader(self) -> Reader:
        """What is called with each event that is handed to it."""
        if self._callback is None:
            return self._hand if self.kinds is None else self._hand_some
        return self._call if self.kinds is None else self._call_some

    @property
    def readers(self) -> tuple[Reader, ...]:
        """What the books call with each event of its tokens."""
        return (self.reader,) if self.aggregator is None else (self.reader, self.aggregator.touch)

    @property
    def last_ns(self) -> int:
        """When the last event was seen, Unix nanoseconds; 0: none yet."""
        return 0 if self._last is None else self._last.seen_ns

    @property
    def waiting(self) -> int:
        """Events that wait to be read."""
        return 0 if self._backlog is None else len(self._backlog)

    @property
    def dropped(self) -> int:
        """Events never handed on, because a later one or a gap took their place."""
        return 0 if self._backlog is None else self._backlog.dropped

    # ------------------------------------------------------------ reading

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield events until it ends. As a generator, since that hands on what waits at a third less than `anext`."""
        while True:
            backlog = self._backlog
            if backlog is not None:
                ready = backlog.ready
                while ready:
                    yield ready.popleft()
                if backlog.catch_up():
                    continue
            if self.ended:
                return
            event = await self._next()
            if event is not None:
                yield event

    async def __anext__(self) -> Event:
        """Return the next event; wait for it. The iteration ends with the subscription, after what waited then.

        Raises:
            Misuse: It has a callback, was not entered, or another task waits already.
        """
        while True:
            backlog = self._backlog
            if backlog is not None:
                if backlog.ready:
                    return backlog.ready.popleft()
                if backlog.catch_up():
                    continue
            if self.ended:
                raise StopAsyncIteration
            event = await self._next()
            if event is not None:
                return event

    async def _next(self) -> Event | None:
        """Return the event that is handed over while nothing waits; None: it has ended."""
        if self._callback is not None or self._waiter is not None or not self._entered:
            raise Misuse(
                f"{self.id} is to be entered (`async with`) and read in one task, or hands its events to a callback; "
                "iterate it inside its block, without a callback, in one place"
            )
        waiter: asyncio.Future[Event | None] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (event := waiter.result()) is not None:
                if self._backlog is None:
                    self._backlog = Backlog(self._limit)
                self._backlog.ready.appendleft(event)  # it came in the very turn in which its reader was cancelled
            raise
        finally:
            if self._waiter is waiter:
                self._waiter = None

    # ------------------------------------------------------------ being handed events

    def _hand(self, event: Event) -> None:
        self.received += 1
        self._last = event
        backlog = self._backlog
        if backlog is not None:
            ready = backlog.ready  # where others wait already, the reader has been woken; `push` would do the same
            if ready and not backlog.behind and len(ready) < backlog.limit:
                ready.append(event)
                return
        self._hand_first(event, backlog)

    def _hand_first(self, event: Event, backlog: Backlog | None) -> None:
        """Hand on an event: to the reader itself where it waits, else to a backlog."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(event)
                return
        if backlog is None:
            backlog = self._backlog = Backlog(self._limit)
        backlog.push(event)

    def _hand_some(self, event: Event) -> None:
        if type(event) in self.kinds:  # type: ignore[operator]  # chosen by `reader` only where there are kinds
            self._hand(event)

    def _call(self, event: Event) -> None:
        if self.ended:
            return
        self.received += 1
        self._last = event
        try:
            self._callback(event)  # type: ignore[misc]  # chosen by `reader` only where there is one
        except Exception as error:  # noqa: BLE001 - foreign code; it is counted, and must not reach the others
            self._failed(error)
        else:
            self._errors_in_a_row = 0

    def _call_some(self, event: Event) -> None:
        if type(event) in self.kinds:  # type: ignore[operator]  # as above
            self._call(event)

    def _failed(self, error: Exception) -> None:
        self.errors += 1
        self._errors_in_a_row += 1
        if self._errors_in_a_row >= ERRORS_IN_A_ROW:
            self.close(f"its callback raised {ERRORS_IN_A_ROW} times in a row, last {type(error).__name__}: {error}")
