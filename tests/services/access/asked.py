"""An owner of a scripted venue that is asked, here or through wires that a test can cut."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio

from polywire.errors import OwnerGone, VenueUnreachable
from polywire.model.listing import MarketListed
from polywire.model.market import BookStated, MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.model.watch import Changes
from polywire.services.access.language import Access
from polywire.services.access.local import LocalAccess
from polywire.services.access.remote import RemoteAccess
from polywire.services.owner import Owner
from polywire.services.owner_protocol import Hello, answer_of
from polywire.services.views import Views
from polywire.wire.rest import read_rest_book
from polywire.wire.tally import Tally
from services.feed.feeds import RAIN, SNOW
from services.feed.scripted import book, encode
from services.feed.virtual import LoopClock
from services.watches.memory_journal import MemoryJournal
from services.watches.settings import Scene, watching

REFUSED: Final = VenueUnreachable("http://rest.invalid", "connection refused")
PRICE: Final = Changes(every_s=0.1)


class ScriptedRest:
    """The venue over REST. See `polywire.ports.Evidence` and `polywire.ports.Prices`.

    Attributes:
        known: Tokens it has a book of.
        points: What it tells of any token's prices.
        fault: What it raises instead of an answer; None: it answers.
        gate: Answers wait until this is set.
        asked: What was asked for, in order.
    """

    def __init__(self) -> None:
        self.known: set[TokenId] = set()
        self.points: list[tuple[int, str]] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[tuple[str, ...]] = []

    async def books(self, tokens: Sequence[TokenId]) -> dict[TokenId, BookStated]:
        await self._answer("books", *tokens)
        found = [one for one in tokens if one in self.known]
        return {one: read_rest_book(encode(book(one, "3"), "book"), 1, Tally()) for one in found}

    async def resolutions(self, conditions: Sequence[ConditionId], *, fresh: bool = False) -> list[MarketResolved]:
        await self._answer("resolutions", *conditions, str(fresh))
        return []

    async def history(self, token: TokenId, interval: str) -> list[tuple[int, str]]:
        await self._answer("history", token, interval)
        return self.points

    async def _answer(self, *asked: str) -> None:
        self.asked.append(asked)
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault


class House:
    """An owner, and what is behind it."""

    def __init__(self, scene: Scene, journal: MemoryJournal) -> None:
        self.scene, self.journal, self.rest = scene, journal, ScriptedRest()
        self.feed, self.dial, self.catalogue = scene.feed, scene.setting.dial, scene.setting.catalogue
        views = Views(self.feed.books, self.feed.listed, LoopClock().now_ns)
        self.access = LocalAccess(
            self.feed,
            views,
            scene.watches,
            journal,
            LoopClock(),
            catalogue=self.catalogue,
            evidence=self.rest,
            prices=self.rest,
            about_journal=lambda: {"bytes": 4_096},
        )
        self._views = views
        self.owner = self.owner_with(self.access)

    def owner_with(self, access: Access) -> Owner:
        """Return an owner that hands questions to `access`."""
        return Owner(self.feed, self._views, access, venue="paper", address="", pid=4, background=True)


@asynccontextmanager
async def house(*markets: MarketListed, journal: MemoryJournal | None = None) -> AsyncIterator[House]:
    """Run an owner of a venue that lists RAIN and SNOW, or these markets."""
    kept = MemoryJournal() if journal is None else journal
    async with watching(kept, markets=markets or (RAIN, SNOW)) as scene:
        yield House(scene, kept)


class Pair:
    """Both ends of a connection in memory.

    Attributes:
        asked: Every line that the owner was sent.
    """

    def __init__(self) -> None:
        self._up, self._owners = anyio.create_memory_object_stream[bytes](1_000)
        self._down, self._clients = anyio.create_memory_object_stream[bytes](1_000)
        self.asked: list[bytes] = []
        self.near = _End(self._up, self._clients, self.asked)
        self.far = _End(self._down, self._owners, [])

    def cut(self) -> None:
        """End it, as a killed process does."""
        for stream in (self._up, self._owners, self._down, self._clients):
            stream.close()


class _End:
    """See `polywire.services.owner_protocol.Wire`."""

    def __init__(self, out: Any, into: Any, sent: list[bytes]) -> None:
        self._out, self._into, self._sent = out, into, sent

    async def receive(self) -> bytes | None:
        try:
            line: bytes = await self._into.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            return None
        return line

    async def send(self, line: bytes) -> None:
        try:
            await self._out.send(line)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise OwnerGone("here", "has closed the connection") from None
        self._sent.append(line)


class Road:
    """The way to an owner that comes and goes.

    Attributes:
        owner: Who is there; None: nobody.
        pairs: Every connection that was made.
        refusal: What attaching raises instead of `OwnerGone`, where nobody is there.
    """

    def __init__(self, owner: Owner | None) -> None:
        self.owner = owner
        self.pairs: list[Pair] = []
        self.refusal: Exception | None = None
        self.tries = 0

    @asynccontextmanager
    async def attach(self) -> AsyncIterator[_End]:
        self.tries += 1
        if self.owner is None:
            raise self.refusal or OwnerGone("here", "does not run")
        pair = Pair()
        self.pairs.append(pair)
        visit = asyncio.create_task(self.owner.attend(pair.far))
        try:
            line = await pair.near.receive()
            assert line is not None
            assert isinstance(answer_of(line), Hello)
            yield pair.near
        finally:
            pair.cut()
            await visit

    def kill(self) -> None:
        """End whoever is there, in the middle of whatever it does."""
        self.owner = None
        self.pairs[-1].cut()


@asynccontextmanager
async def remote(road: Road, **patience: float) -> AsyncIterator[RemoteAccess]:
    """Run an access to whoever is at the end of the road."""
    access = RemoteAccess(road.attach, "here", **patience)
    run = asyncio.create_task(access.run())
    try:
        yield access
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert run.cancelled(), run.exception()
