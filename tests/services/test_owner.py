"""What the owner of a data directory answers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import msgspec
import pytest

from polywire.errors import OwnerGone
from polywire.model.health import Freshness
from polywire.services.access.language import Access
from polywire.services.owner import Owner
from polywire.services.owner_protocol import (
    PROTOCOL,
    Answer,
    EventTold,
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
    answer_of,
    encoded,
)
from polywire.services.views import Views
from services.hand_feed import NO, RAIN, SECOND_NS, YES, HandFeed, change, snapshot

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Client:
    """Both ends of a connection in memory; what the owner says waits in a queue of `room` lines."""

    def __init__(self, room: int = 1_000) -> None:
        self._to_owner, self._asked = anyio.create_memory_object_stream[bytes](100)
        self._to_client, self._told = anyio.create_memory_object_stream[bytes](room)

    async def receive(self) -> bytes | None:
        try:
            return await self._asked.receive()
        except anyio.EndOfStream:
            return None

    async def send(self, line: bytes) -> None:
        try:
            await self._to_client.send(line)
        except anyio.BrokenResourceError:
            raise OwnerGone("here", "has closed the connection") from None

    async def ask(self, request: Request) -> None:
        await self._to_owner.send(encoded(request))

    async def ask_line(self, line: bytes) -> None:
        await self._to_owner.send(line)

    async def told(self) -> Answer:
        with anyio.fail_after(5):
            return answer_of(await self._told.receive())

    async def told_a(self, kind: type[Answer]) -> Any:
        while not isinstance(answer := await self.told(), kind):
            pass
        return answer

    def waiting(self) -> int:
        return self._told.statistics().current_buffer_used

    def close(self) -> None:
        self._to_client.close()
        self._asked.close()

    def leave(self) -> None:
        self._to_owner.close()
        self._told.close()


class StatusAlone:
    """Answers with a status; nobody asks it anything else here (`services/access` does)."""

    async def status(self) -> dict[str, Any]:
        return {"statistics": {"total_events": 3}, "watches": {"count": 2}, "journal": {"newest": 9}}


class House:
    """An owner with a feed of one market."""

    def __init__(self) -> None:
        self.feed = HandFeed(RAIN)
        views = Views(self.feed.books, self.feed.listed, lambda: SECOND_NS)
        access = cast(Access, StatusAlone())
        self.owner = Owner(
            self.feed, views, access, venue="paper", address="http://127.0.0.1:1", pid=4, background=True
        )


@asynccontextmanager
async def visit(house: House, room: int = 1_000) -> AsyncIterator[Client]:
    client = Client(room)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.owner.attend, client)
        assert isinstance(hello := await client.told(), Hello)
        assert (hello.protocol, hello.venue, hello.address) == (PROTOCOL, "paper", "http://127.0.0.1:1")
        assert (hello.pid, hello.background) == (4, True)
        yield client
        client.leave()
    client.close()
    assert house.owner.clients == 0


async def test_a_status_is_the_feeds_with_the_watches_and_the_journal() -> None:
    async with visit(House()) as client:
        await client.ask(Status(id=7))
        assert await client.told() == StatusTold(7, await StatusAlone().status())


async def test_names_are_resolved_to_markets_and_an_unknown_one_gets_the_nearest() -> None:
    async with visit(House()) as client:
        await client.ask(Resolve(["rain"], id=1))
        assert await client.told() == Resolved(1, [RAIN])
        await client.ask(Resolve(["rian"], id=2))
        assert isinstance(refused := await client.told(), Refused)
        assert (refused.id, refused.nearest, refused.kind) == (2, ["rain"], "UnknownTarget")
        assert "'rian'" in refused.error


async def test_watching_a_market_gives_views_of_both_outcomes_again_and_again() -> None:
    house = House()
    async with visit(house) as client:
        await client.ask(Watch(["rain"], id=3, every_s=0.1, levels=1))
        assert await client.told() == Watching(3, [YES, NO])
        first = await client.told_a(ViewsTold)
        assert [view.freshness for view in first.views] == [Freshness.COLD] * 2
        house.feed.books.book(snapshot())
        await client.told_a(ViewsTold)
        later = await client.told_a(ViewsTold)
        assert (later.id, later.views[0].bids, later.views[0].question) == (3, ((3_400, 5_000_000),), "Rain?")


async def test_a_token_that_is_named_by_its_id_comes_alone() -> None:
    async with visit(House()) as client:
        await client.ask(Watch([NO], id=3))
        assert await client.told() == Watching(3, [NO])


async def test_events_come_as_json_in_the_order_they_happened() -> None:
    house = House()
    async with visit(house) as client:
        await client.ask(Follow(["rain"], id=9))
        assert await client.told() == Watching(9, [YES, NO])
        house.feed.books.book(snapshot())
        house.feed.books.levels([change(size=1_000_000)])
        events = [msgspec.json.decode((await client.told_a(EventTold)).event) for _ in range(3)]
        assert [event["type"] for event in events] == ["FreshnessChanged", "BookReplaced", "LevelChanged"]
        assert (events[-1]["price"], events[-1]["size"]) == ("0.34", "1")


async def test_a_client_that_does_not_read_gets_fewer_views_and_the_newest() -> None:
    """Its line blocks, and what happened meanwhile is in the next look: nothing queues up for it."""
    house = House()
    async with visit(house, room=1) as client:
        await client.ask(Watch([YES], id=1, every_s=0.1, levels=1))
        await client.told()
        house.feed.books.book(snapshot())
        with anyio.fail_after(5):
            while not client.waiting():
                await anyio.lowlevel.checkpoint()
        for size in range(1, 200):
            house.feed.books.levels([change(size=size * 1_000_000)])
        seen: list[int] = []
        while not seen or seen[-1] != 199_000_000:
            told = await client.told_a(ViewsTold)
            seen += [size for _, size in told.views[0].bids]
        assert len(seen) < 10


async def test_a_stream_ends_when_it_is_left_and_its_subscriptions_with_it() -> None:
    house = House()
    async with visit(house) as client:
        await client.ask(Watch(["rain"], id=3))
        await client.told_a(Watching)
        await client.ask(Leave(3, id=4))
        assert await client.told_a(Left) == Left(4, 3)
        await until(lambda: house.feed.reads == {YES: 0, NO: 0})
        await client.ask(Leave(3, id=5))
        assert "no stream with the id 3" in (await client.told_a(Refused)).error


async def test_a_client_that_goes_takes_its_streams_along() -> None:
    house = House()
    async with visit(house) as client:
        await client.ask(Watch(["rain"], id=1))
        await client.ask(Follow(["rain"], id=2))
        await client.told_a(Watching)
        await client.told_a(Watching)
        assert house.feed.reads == {YES: 2, NO: 2}
    assert house.feed.reads == {YES: 0, NO: 0}


async def test_an_unknown_target_of_a_stream_is_refused_and_its_id_is_free_again() -> None:
    async with visit(House()) as client:
        for target, kind in (("rian", Refused), ("rain", Watching)):
            await client.ask(Watch([target], id=1))
            assert (await client.told_a(kind)).id == 1


async def test_an_id_in_use_and_too_many_streams_are_refused() -> None:
    async with visit(House()) as client:
        for number in (1, 1, *range(2, 66)):
            await client.ask(Follow(["rain"], id=number))
        assert "a stream with the id 1 is open" in (await client.told_a(Refused)).error
        assert "64 streams are open" in (await client.told_a(Refused)).error


@pytest.mark.parametrize("kind", [Watch, Follow])
async def test_more_targets_than_one_stream_may_have_are_refused_with_the_limit(kind: type[Watch | Follow]) -> None:
    """Each would be looked up at the venue; a client that names a million must not keep the feed busy for hours."""
    house = House()
    async with visit(house) as client:
        await client.ask(kind([f"market-{number}" for number in range(10_001)], id=5))
        assert isinstance(refused := await client.told(), Refused)
        assert refused.id == 5
        assert "10,001 targets or more, and 10,000 is the most" in refused.error
        await client.ask(kind(["rain"], id=5))
        assert isinstance(await client.told(), Watching)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"type":"buy"}', b'{"type":"watch","targets":7}', b"\xff"])
async def test_a_line_that_is_no_request_is_refused_and_the_next_is_answered(line: bytes) -> None:
    async with visit(House()) as client:
        await client.ask_line(line)
        assert "this is no request" in (await client.told_a(Refused)).error
        await client.ask(Status(id=1))
        assert (await client.told_a(StatusTold)).id == 1


async def test_an_owner_is_left_alone_only_once_nobody_has_been_there_for_so_long() -> None:
    house = House()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            async with visit(house):
                alone = anyio.Event()
                tasks.start_soon(_wait, house.owner.left_alone, alone)
                with anyio.move_on_after(0.1):
                    await alone.wait()
                assert not alone.is_set()
            await alone.wait()


async def _wait(left_alone: Callable[[float], Awaitable[None]], alone: anyio.Event) -> None:
    await left_alone(0.05)
    alone.set()


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not true():
            await anyio.lowlevel.checkpoint()


def test_an_answer_of_another_version_is_told_from_one_that_is_garbage() -> None:
    with pytest.raises(OwnerGone, match="speaks another language"):
        answer_of(b'{"type":"sing"}')
