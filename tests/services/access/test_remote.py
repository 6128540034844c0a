"""Asking from another process: nothing is asked in vain because an owner ended, and nothing waits for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import anyio
import msgspec
import pytest

from polywire.errors import Misuse, OwnerGone, PolywireError, UnknownTarget
from polywire.model.journal import Draft, EntryKind
from polywire.services.access.language import Access, EntriesWanted, HistoryWanted
from polywire.services.owner_protocol import Leave, encoded
from services.access.asked import PRICE, House, Road, house, remote
from services.feed.feeds import RAIN, A
from services.watches.memory_journal import MemoryJournal
from services.watches.settings import wanted

pytestmark = pytest.mark.anyio

REACH_S, ANSWER_S = 30.0, 8.0


class Mute:
    """An owner's access that hangs, as that of a stopped process does."""

    async def newest(self) -> str:
        await asyncio.get_running_loop().create_future()
        raise AssertionError


@asynccontextmanager
async def asked(at: House) -> AsyncIterator[tuple[Access, Road]]:
    road = Road(at.owner)
    async with remote(road, reach_s=REACH_S, answer_s=ANSWER_S) as access:
        yield access, road


def entry(text: str) -> list[Draft]:
    return [Draft(EntryKind.ALERT, text)]


async def test_every_answer_is_what_the_owner_itself_would_say() -> None:
    async with house() as at, asked(at) as (access, road):
        made = await access.add_watch(wanted(condition=PRICE, id="mine"))
        assert made.watch == (await at.access.watches())[0].watch
        asks: list[Callable[[Access], Awaitable[object]]] = [
            lambda on: on.watches(),
            lambda on: on.newest(),
            lambda on: on.search("rain"),
            lambda on: on.market(A),
            lambda on: on.book("will-it-rain", 1),
            lambda on: on.history(HistoryWanted(A)),
        ]
        for ask in asks:
            assert msgspec.json.encode(await ask(access)) == msgspec.json.encode(await ask(at.access))
        assert (await access.status())["journal"]["id"] == at.journal.id
        page = await access.entries(EntriesWanted(made.cursor, limit=5))
        assert msgspec.json.encode(page) == msgspec.json.encode(
            await at.access.entries(EntriesWanted(made.cursor, limit=5))
        )
        assert (await access.drop_watch("mine")).id == "mine"
        assert await at.access.watches() == []
        assert len(road.pairs) == 1


async def test_an_owner_is_looked_for_with_the_first_question_and_not_before() -> None:
    async with house() as at, asked(at) as (access, road):
        await asyncio.sleep(100)
        assert road.tries == 0
        await access.newest()
        assert road.tries == 1


async def test_many_questions_are_under_way_at_once() -> None:
    async with house() as at, asked(at) as (access, road), anyio.create_task_group() as tasks:
        texts: list[str] = []

        async def wait() -> None:
            page = await access.entries(EntriesWanted(f"{at.journal.id}.0", wait_s=300))
            texts.append(page.entries[0].text)

        for _ in range(100):
            tasks.start_soon(wait)
        await asyncio.sleep(1)
        assert await access.search("rain") == [RAIN]
        assert texts == []
        at.journal.put(entry("it came"))
        await asyncio.sleep(1)
        assert texts == ["it came"] * 100
        assert len(road.pairs) == 1


async def test_errors_are_raised_as_the_owner_raised_them() -> None:
    async with house() as at, asked(at) as (access, _):
        with pytest.raises(UnknownTarget) as caught:
            await access.market("will-it-rian")
        assert "will-it-rain" in caught.value.nearest
        with pytest.raises(Misuse, match="no watch has the id 'none'"):
            await access.drop_watch("none")
        with pytest.raises(Misuse, match="wait_s is a number from 0 to 300, and -1"):
            await access.entries(EntriesWanted(wait_s=-1))


async def test_a_wait_goes_on_at_the_next_owner_where_it_was() -> None:
    """The journal is the same; each entry comes once, also those of the time between two owners."""
    journal = MemoryJournal()
    texts: list[str] = []

    async def read(access: Access) -> None:
        since = f"{journal.id}.0"
        while len(texts) < 3:
            page = await access.entries(EntriesWanted(since, kinds=(EntryKind.ALERT,), wait_s=60))
            texts.extend(one.text for one in page.entries)
            since = page.cursor

    async with (
        house(journal=journal) as first,
        house(journal=journal) as second,
        asked(first) as (access, road),
    ):
        reading = asyncio.create_task(read(access))
        await asyncio.sleep(1)
        journal.put(entry("before"))
        await asyncio.sleep(1)
        road.kill()
        await asyncio.sleep(5)
        journal.put(entry("between"))
        road.owner = second.owner
        await asyncio.sleep(5)
        journal.put(entry("after"))
        await reading
        assert texts == ["before", "between", "after"]
        assert len(road.pairs) == 2


async def test_from_now_on_means_from_the_call_on_also_at_the_next_owner() -> None:
    async with house() as at, asked(at) as (access, road):
        waiting = asyncio.create_task(access.entries(EntriesWanted(wait_s=60)))
        await asyncio.sleep(1)
        road.kill()
        at.journal.put(entry("while nobody was attached"))
        await asyncio.sleep(3)
        road.owner = at.owner
        assert [one.text for one in (await waiting).entries] == ["while nobody was attached"]


async def test_a_wait_is_not_made_longer_by_a_new_owner() -> None:
    async with house() as at, asked(at) as (access, road):
        began_s = asyncio.get_running_loop().time()
        waiting = asyncio.create_task(access.entries(EntriesWanted(wait_s=60)))
        await asyncio.sleep(50)
        road.kill()
        await asyncio.sleep(2)
        road.owner = at.owner
        assert (await waiting).entries == ()
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(60, abs=1)


async def test_a_watch_that_was_made_by_an_owner_that_then_ended_is_made_once() -> None:
    """Its answer was lost: it is asked for again by the id that was chosen here, and found to stand."""
    async with house() as at, asked(at) as (access, road):
        at.dial.withheld = {A}  # so that it takes a while
        making = asyncio.create_task(access.add_watch(wanted(condition=PRICE)))
        await asyncio.sleep(1)
        assert len(await at.access.watches()) == 1
        road.kill()
        road.owner = at.owner
        made = await making
        assert made.existed
        assert [one.watch.id for one in await at.access.watches()] == [made.watch.id]


async def test_where_no_owner_can_be_reached_the_question_fails_in_time_and_the_next_is_tried_anew() -> None:
    async with house() as at, asked(at) as (access, road):
        road.owner = None
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(OwnerGone, match="the owner of here does not run"):
            await access.newest()
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(REACH_S, abs=1)
        road.owner = at.owner
        assert await access.newest() == f"{at.journal.id}.0"


async def test_an_owner_that_cannot_start_is_told_at_once_with_its_own_words() -> None:
    road = Road(None)
    road.refusal = PolywireError("`polywire up` did not start (code 1): no such venue")
    async with remote(road) as access:
        with anyio.fail_after(1), pytest.raises(PolywireError, match="no such venue"):
            await access.newest()
        assert road.tries == 1


async def test_one_that_cannot_start_while_the_former_lets_go_is_tried_again() -> None:
    async with house() as at, asked(at) as (access, road):
        await access.newest()
        road.refusal = PolywireError("`polywire up` did not start (code 1): its port is taken")
        road.kill()
        asking = asyncio.create_task(access.newest())
        await asyncio.sleep(5)
        road.owner = at.owner
        assert await asking == f"{at.journal.id}.0"


async def test_an_owner_that_is_there_and_does_not_answer_is_given_up_in_time() -> None:
    async with house() as at, asked(at) as (access, road):
        road.owner = at.owner_with(cast(Access, Mute()))
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(OwnerGone, match="was asked and has not answered within 8 s"):
            await access.newest()
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(ANSWER_S)


async def test_a_question_that_every_owner_dies_of_is_not_asked_for_ever() -> None:
    async with house() as at, asked(at) as (access, road):
        road.owner = at.owner_with(cast(Access, Mute()))
        asking = asyncio.create_task(access.newest())
        while not asking.done():
            with anyio.move_on_after(0.5):
                await asyncio.wait([asking])
            if road.pairs:
                road.pairs[-1].cut()
        with pytest.raises(OwnerGone, match="ended 5 times while it was asked for `newest`"):
            await asking


async def test_a_question_that_is_given_up_is_given_up_at_the_owner_too() -> None:
    async with house() as at, asked(at) as (access, road):
        with anyio.move_on_after(1):
            await access.entries(EntriesWanted(f"{at.journal.id}.0", wait_s=300))
        assert road.pairs[0].asked[-1] == encoded(Leave(1))
        await asyncio.sleep(0.1)
        assert await access.newest() == f"{at.journal.id}.0"
