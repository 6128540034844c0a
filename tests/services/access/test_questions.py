"""What an owner does with questions: many at once, each as soon as it can be."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest

from polywire.model.journal import Draft, EntryKind
from polywire.services.access.calls import ask_of
from polywire.services.access.language import EntriesWanted, HistoryWanted
from polywire.services.owner_protocol import (
    Answer,
    Hello,
    Leave,
    Left,
    Refused,
    Request,
    Status,
    StatusTold,
    Told,
    answer_of,
    encoded,
)
from polywire.services.owner_visit import MOST_QUESTIONS
from services.access.asked import House, Pair, house

pytestmark = pytest.mark.anyio

WAITS = EntriesWanted(wait_s=300)


class Client:
    """A client that says what it likes."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    async def ask(self, *requests: Request) -> None:
        for request in requests:
            await self._pair.near.send(encoded(request))

    async def told(self) -> Answer:
        with anyio.fail_after(1):
            line = await self._pair.near.receive()
        assert line is not None
        return answer_of(line)


@asynccontextmanager
async def visiting(at: House) -> AsyncIterator[Client]:
    pair = Pair()
    visit = asyncio.create_task(at.owner.attend(pair.far))
    client = Client(pair)
    assert isinstance(await client.told(), Hello)
    yield client
    pair.cut()
    await visit
    assert at.owner.clients == 0


def value(told: Answer) -> Any:
    assert isinstance(told, Told)
    return msgspec.json.decode(told.answer)


async def test_a_question_that_waits_keeps_no_other_waiting() -> None:
    async with house() as at, visiting(at) as client:
        await client.ask(ask_of(1, "entries", WAITS), ask_of(2, "newest"), Status(id=3))
        answers = [await client.told() for _ in range(2)]
        assert {type(one) for one in answers} == {Told, StatusTold}
        at.journal.put([Draft(EntryKind.ALERT, "it came")])
        told = await client.told()
        assert isinstance(told, Told)
        assert (told.id, value(told)["entries"][0]["text"]) == (1, "it came")


async def test_a_question_that_is_left_is_given_up_and_its_id_is_free_again() -> None:
    async with house() as at, visiting(at) as client:
        await client.ask(ask_of(1, "entries", WAITS), Leave(1, id=2))
        assert await client.told() == Left(2, 1)
        await asyncio.sleep(0)
        await client.ask(ask_of(1, "newest"))
        assert value(await client.told()) == f"{at.journal.id}.0"


async def test_an_id_that_is_in_use_is_refused_whatever_for() -> None:
    async with house() as at, visiting(at) as client:
        await client.ask(ask_of(1, "entries", WAITS), ask_of(1, "newest"))
        assert isinstance(refused := await client.told(), Refused)
        assert "id 1 is open already" in refused.error


async def test_more_questions_than_one_client_may_have_are_refused_with_the_limit() -> None:
    async with house() as at, visiting(at) as client:
        await client.ask(*(ask_of(number, "entries", WAITS) for number in range(1, MOST_QUESTIONS + 2)))
        assert isinstance(refused := await client.told(), Refused)
        assert (refused.id, refused.kind) == (MOST_QUESTIONS + 1, "TooMany")
        assert refused.fields == {"what": "questions of one client", "asked": 513, "limit": 512, "setting": ""}
        at.journal.put([Draft(EntryKind.ALERT, "it came")])
        ids = {(await client.told()).id for _ in range(MOST_QUESTIONS)}  # type: ignore[union-attr]  # no hello comes
        assert ids == set(range(1, MOST_QUESTIONS + 1))


async def test_a_fault_of_ours_in_one_answer_is_told_and_logged_and_the_next_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with house() as at, visiting(at) as client:
        at.rest.fault = ZeroDivisionError("a fault of ours")
        with caplog.at_level(logging.ERROR):
            await client.ask(ask_of(1, "history", HistoryWanted("will-it-rain")))
            assert isinstance(refused := await client.told(), Refused)
        assert "`history` failed for a fault of Polywire's own (ZeroDivisionError)" in refused.error
        assert "a fault of ours" in caplog.text
        await client.ask(ask_of(2, "newest"))
        assert isinstance(await client.told(), Told)


async def test_who_leaves_takes_his_questions_along() -> None:
    async with house() as at:
        async with visiting(at) as client:
            before = len(asyncio.all_tasks())
            await client.ask(*(ask_of(number, "entries", WAITS) for number in range(1, 6)))
            await asyncio.sleep(0.1)
            assert len(asyncio.all_tasks()) == before + 5
        assert len(asyncio.all_tasks()) == before - 1  # his visit too
