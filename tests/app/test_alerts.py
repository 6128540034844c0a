"""`polywire alerts add --wait`: which entries are a watch's own, and which of them end the wait."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from polywire.app.alerts import Awaited, Place, came_true
from polywire.model.journal import Draft, EntryKind
from polywire.model.watch import Resolves
from polywire.services.access.language import WatchMade
from services.access.asked import PRICE, House, house
from services.feed.feeds import A, B
from services.feed.scripted import resolved
from services.feed.virtual import VirtualLoop
from services.watches.settings import bid, wanted

pytestmark = pytest.mark.anyio

ONCE, ALL = Awaited(entries=True, once=True, jsonl=True), Awaited(entries=True, jsonl=True)
PATIENCE_S = 600.0  # of virtual time


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


class Waiting:
    """Somebody who waits for a watch's entries. `true`: what he was answered; None: he still waits."""

    def __init__(self, at: House, made: WatchMade, awaited: Awaited) -> None:
        self.true: bool | None = None
        self._at, self._made, self._awaited = at, made, awaited

    async def run(self) -> None:
        with anyio.fail_after(PATIENCE_S):
            self.true = await came_true(self._at.access, Place(Path()), self._made, self._awaited, print)


async def waited(at: House, made: WatchMade, awaited: Awaited, *deeds: Callable[[], Any]) -> bool | None:
    """Do these things, one after the other, while somebody waits; return what he was answered."""
    waiting = Waiting(at, made, awaited)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waiting.run)
        for deed in deeds:
            await asyncio.sleep(1)
            assert waiting.true is None
            if (done := deed()) is not None:
                await done
    return waiting.true


def kinds(printed: bytes) -> list[str]:
    return [json.loads(line)["kind"] for line in printed.splitlines()]


async def test_the_first_alert_ends_it_and_what_only_says_how_the_watch_fares_does_not(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    async with house() as at:
        made = await at.access.add_watch(wanted(id="mine"))
        doubt = [Draft(EntryKind.FRESHNESS, "its book may be wrong", watch="mine")]
        others = [Draft(EntryKind.ALERT, "of another", watch="other")]
        cross = [lambda: at.journal.put(doubt), lambda: at.journal.put(others), lambda: at.scene.cross(A)]
        assert await waited(at, made, ONCE, *cross) is True
    assert kinds(capsysbinary.readouterr().out) == ["freshness", "alert"]


async def test_entries_of_a_condition_that_tells_every_change_count_as_alerts() -> None:
    async with house() as at:
        made = await at.access.add_watch(wanted(condition=PRICE, id="mine"))
        assert await waited(at, made, ONCE) is True  # it begins with how things are


async def test_a_watch_that_expires_ends_the_wait_without_having_come_true(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    async with house() as at:
        made = await at.access.add_watch(wanted(id="mine", for_s=60.0))
        assert await waited(at, made, ONCE) is False
    assert kinds(capsysbinary.readouterr().out) == ["notice"]


async def test_one_that_is_dropped_ends_it_and_says_whether_it_had_come_true_before() -> None:
    async with house() as at:
        made = await at.access.add_watch(wanted(id="mine"))
        assert await waited(at, made, ALL, lambda: at.access.drop_watch("mine")) is False
        again = await at.access.add_watch(wanted(id="mine"))
        cross = [lambda: at.scene.cross(A), lambda: at.access.drop_watch("mine")]
        assert await waited(at, again, ALL, *cross) is True


async def test_an_alert_that_came_before_it_was_asked_for_again_counts() -> None:
    async with house() as at:
        await at.access.add_watch(wanted(id="mine"))
        await at.scene.cross(A)
        again = await at.access.add_watch(wanted(id="mine"))
        assert again.existed
        assert await waited(at, again, ONCE) is True


async def test_what_an_earlier_watch_of_the_same_id_was_told_is_not_its_own() -> None:
    async with house() as at:
        await at.access.add_watch(wanted(id="mine"))
        await at.scene.cross(A)
        await at.access.drop_watch("mine")
        at.scene.setting.hear(bid(A, up=False))
        second = await at.access.add_watch(wanted(id="mine"))
        again = await at.access.add_watch(wanted(id="mine"))
        assert (second.existed, again.existed) == (False, True)
        assert again.cursor == second.cursor
        assert await waited(at, again, ONCE, lambda: at.scene.cross(A)) is True


async def test_a_market_that_is_known_to_be_resolved_has_come_true_as_the_watch_is_answered(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Of a market that was resolved before, no entry ever says so: its maker is told in the answer."""
    async with house() as at:
        first = await at.access.add_watch(wanted(condition=Resolves(), id="mine"))
        assert await waited(at, first, ONCE, lambda: at.scene.setting.hear(resolved(A, B))) is True
        assert kinds(capsysbinary.readouterr().out) == ["resolution"]
        again = await at.access.add_watch(wanted(condition=Resolves(), id="mine"))
        assert list(again.resolved) == list(again.watch.markets)
        assert await waited(at, again, ONCE) is True
        assert kinds(capsysbinary.readouterr().out) == []
