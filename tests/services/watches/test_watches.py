"""`services.watches.watches`: watches that stand on a scripted venue, in virtual time."""

import asyncio

import anyio
import pytest

from polywire.errors import JournalFault
from polywire.model.journal import Cursor, EntryKind
from polywire.model.watch import Changes, Created, Crosses, Resolves, Silent, Spread, TickChanges
from polywire.services.feed.limits import Limits
from services.feed.feeds import A, B, C, until
from services.feed.scripted import change, created, resolved, tick, token
from services.feed.virtual import LoopClock
from services.watches.memory_journal import MemoryJournal, data_of
from services.watches.settings import OVER, bid, wanted, watching

pytestmark = pytest.mark.anyio

ALERT, FRESHNESS, NOTICE, SYSTEM = EntryKind.ALERT, EntryKind.FRESHNESS, EntryKind.NOTICE, EntryKind.SYSTEM


# ------------------------------------------------------------ being told


async def test_a_cross_is_told_once_and_again_only_after_the_price_was_back() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        made = await scene.watches.add(wanted())
        assert (made.waiting, [view.bids[0][0] for view in made.views]) == ({}, [3_400])
        await scene.cross(A)
        scene.setting.hear(bid(A, up=True))
        await asyncio.sleep(5)
        (alert,) = journal.of(ALERT)
        assert (alert.watch, alert.token) == (made.watch.id, A)
        assert alert.seq > Cursor.read(made.cursor).seq
        scene.setting.hear(bid(A, up=False))
        await scene.cross(A)
        assert len(journal.of(ALERT)) == 2


async def test_ten_watches_on_one_token_have_a_subscription_each_and_each_is_told() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        names = [(await scene.watches.add(wanted())).watch.id for _ in range(10)]
        assert scene.subscriptions == 10
        assert len(scene.feed.books) == 1
        await scene.cross(A)
        assert [one.watch for one in journal.of(ALERT)] == names
        for name in names[:9]:
            await scene.watches.drop(name)
        assert scene.subscriptions == 1


async def test_time_is_told_in_the_venues_seconds_however_fast_they_pass() -> None:
    """At speed 60 a silence of two minutes is over after two of our seconds."""
    journal, clock = MemoryJournal(), LoopClock()
    async with watching(journal, now_ms=lambda: clock.now_ns() * 60 // 1_000_000) as scene:
        await scene.watches.add(wanted(condition=Silent(120.0)))
        began_s = clock.monotonic_s()
        await until(lambda: journal.of(ALERT), within_s=10)
        assert 1.9 <= clock.monotonic_s() - began_s <= 3.1


async def test_new_markets_are_told_to_those_who_wait_for_their_words() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        snow = await scene.watches.add(wanted(targets=(), condition=Created("snow")))
        await scene.watches.add(wanted(targets=(), condition=Created("rain")))
        await until(lambda: scene.setting.dial.sockets)
        scene.setting.hear(created(C, token(9)))
        await asyncio.sleep(0.1)
        (told,) = [one for one in journal.entries if one.kind is not SYSTEM]
        assert told.watch == snow.watch.id


async def test_a_market_that_ends_is_told_to_its_watches_and_the_books_end_with_it() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted("will-it-rain", condition=Resolves()))).watch.id
        await scene.feed.until_current(A, B)
        scene.setting.hear(resolved(A, B))
        await asyncio.sleep(1)
        (told,) = journal.of(EntryKind.RESOLUTION)
        assert told.watch == name


async def test_every_change_is_conflated_to_the_rate_that_was_asked_for_and_the_last_value_is_told() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        await scene.watches.add(wanted(condition=Changes("price", every_s=1.0)))
        await asyncio.sleep(2)
        before = len(journal.of(EntryKind.PRICE))
        for number in range(101):
            scene.setting.hear(bid(A, up=not number % 2))
            await asyncio.sleep(0.05)
        await asyncio.sleep(2)
        told = journal.of(EntryKind.PRICE)[before:]
        assert 5 <= len(told) <= 7
        assert data_of(told[-1])["bid"] == "0.35"


async def test_in_doubt_about_its_feed_a_watch_says_so_and_says_so_again_when_it_is_over() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted())).watch.id
        scene.setting.dial.serves = False
        scene.setting.dial.last.lose()
        await asyncio.sleep(1)
        (doubt,) = journal.of(FRESHNESS)
        assert (doubt.watch, doubt.token) == (name, A)
        assert [one.in_doubt for one in scene.watches.statuses()] == [(A,)]
        scene.setting.dial.serves = True
        await scene.feed.reconnect()
        await scene.feed.until_current(A)
        await until(lambda: len(journal.of(FRESHNESS)) == 2, within_s=30)
        assert [one.in_doubt for one in scene.watches.statuses()] == [()]


async def test_a_budget_is_kept_and_what_goes_beyond_it_comes_in_one_digest_an_hour() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted(budget=3))).watch.id
        await scene.cross(A, 8)
        assert journal.shown(name).count("alert") == 3
        assert journal.shown(name).count("notice") == 1
        assert scene.watches.statuses()[0].budget_left == 0
        await asyncio.sleep(3_700)
        assert journal.shown(name).count("alert") == 4, "three, and the digest of five"
        assert scene.watches.statuses()[0].entries == len(journal.of(watches=(name,))) - 1, "all but that it was made"


async def test_an_expired_watch_says_so_and_is_gone_from_the_disk_too() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted(for_s=60.0))).watch.id
        await asyncio.sleep(59)
        assert set(journal.watches) == {name}
        await asyncio.sleep(3)
        assert journal.shown(name)[-1] == "notice"
        assert (journal.watches, scene.watches.statuses(), scene.subscriptions) == ({}, [], 0)
        await scene.cross(A)
        assert journal.of(ALERT) == []


# ------------------------------------------------------------ the journal's troubles


async def test_what_a_full_journal_does_not_take_is_counted_and_told_as_soon_as_it_takes_something() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted())).watch.id
        other = (await scene.watches.add(wanted(condition=TickChanges()))).watch.id
        journal.full = True
        await scene.cross(A, 3)
        scene.setting.hear(tick(A))
        await asyncio.sleep(5)
        assert scene.watches.unwritten == 4
        journal.full = False
        await asyncio.sleep(1.1)
        first, second = journal.of(SYSTEM)[-2:]
        assert [(one.watch, data_of(one)["lost"]) for one in (first, second)] == [(name, 3), (other, 1)]
        assert scene.watches.unwritten == 0
        scene.setting.hear(bid(A, up=False))
        await scene.cross(A)
        assert len(journal.of(ALERT)) == 1
        assert [one.entries for one in scene.watches.statuses()] == [1, 0]


async def test_a_fault_of_ours_reaches_neither_the_feed_nor_the_other_watches_and_is_told_once() -> None:
    journal, clock = MemoryJournal(), LoopClock()
    wrong = False

    def now_ms() -> int:
        return 1 // 0 if wrong else clock.now_ns() // 1_000_000

    async with watching(journal, now_ms=now_ms) as scene:
        name = (await scene.watches.add(wanted())).watch.id
        wrong = True
        for _ in range(12):  # more than a subscription bears of a callback that raises
            scene.setting.hear(change(A))
        wrong = False
        (failed,) = journal.of(SYSTEM)[1:]
        assert (failed.watch, data_of(failed)["what"]) == (name, "failed")
        assert str(data_of(failed)["error"]).startswith("ZeroDivisionError")
        await scene.cross(A)
        assert len(journal.of(ALERT)) == 1


async def test_a_watch_is_on_disk_before_it_is_acknowledged_and_nowhere_where_that_fails() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        journal.gate.clear()
        made = asyncio.create_task(scene.watches.add(wanted()))
        await asyncio.sleep(1)
        await scene.cross(A)
        assert not made.done()
        assert journal.entries == []
        journal.gate.set()
        cursor = Cursor.read((await made).cursor)
        assert [(one.kind, one.seq > cursor.seq) for one in journal.entries] == [(SYSTEM, False), (ALERT, True)]
        journal.broken = "is on a disk that is full"
        with pytest.raises(JournalFault, match="is on a disk that is full"):
            await scene.watches.add(wanted(B))
        assert len(scene.watches.statuses()) == 1
        assert scene.subscriptions == 1
        journal.broken = ""


async def test_whoever_asked_may_be_gone_before_the_disk_has_it_and_the_watch_is_not_half_made() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        journal.gate.clear()
        asyncio.get_running_loop().call_later(2.0, journal.gate.set)
        with anyio.move_on_after(1.0) as scope:
            await scene.watches.add(wanted(id="mine"))
        assert scope.cancel_called
        assert [one.watch.id for one in scene.watches.statuses()] == ["mine"]
        assert set(journal.watches) == {"mine"}
        again = await scene.watches.add(wanted(id="mine"))
        assert again.existed
        await scene.cross(A)
        assert [Cursor.read(again.cursor).seq < one.seq for one in journal.of(ALERT)] == [True]


# ------------------------------------------------------------ over a restart


async def test_a_restart_remembers_sides_and_tells_of_a_cross_that_nobody_saw_once() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted())).watch.id
        await asyncio.sleep(3)
    async with watching(journal) as scene:
        scene.setting.dial.withheld.add(A)
        assert [one.watch.id for one in scene.watches.statuses()] == [name]
        (absent,) = journal.of(FRESHNESS)
        assert data_of(absent)["what"] == "absent"
        scene.setting.dial.withheld.clear()
        await scene.feed.until_current(A)
        await scene.cross(A)
        assert len(journal.of(ALERT)) == 1
    async with watching(journal) as scene:
        await scene.feed.until_current(A)  # back below, while nobody looked
        await asyncio.sleep(1)
        assert len(journal.of(ALERT)) == 1
        await scene.cross(A)
        assert len(journal.of(ALERT)) == 2


async def test_a_market_whose_end_was_told_is_not_told_of_again_after_a_restart() -> None:
    journal = MemoryJournal()
    for _ in range(2):
        async with watching(journal) as scene:
            await scene.watches.add(wanted("will-it-rain", condition=Resolves(), id="rain"))
            await scene.feed.until_current(A, B)
            scene.setting.hear(resolved(A, B))
            await asyncio.sleep(1)
            assert len(journal.of(EntryKind.RESOLUTION)) == 1


async def test_what_a_watch_remembers_is_saved_before_long_although_it_says_nothing() -> None:
    """A side changes without a word; after `kill -9` nothing is left but what was saved."""
    journal = MemoryJournal()
    async with watching(journal) as scene:
        await scene.watches.add(wanted())
        await scene.cross(A)
        journal_state = dict(journal.watches)
        scene.setting.hear(bid(A, up=False))
        await asyncio.sleep(1.5)
        assert journal.watches != journal_state


async def test_a_watch_that_cannot_be_followed_after_a_restart_says_so_and_is_tried_again() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted(targets=(), condition=Created("snow")))).watch.id
        await scene.watches.add(wanted())
    async with watching(journal, limits=Limits(subscriptions=1)) as scene:
        assert [one.in_doubt for one in scene.watches.statuses()] == [(), (A,)]
        assert data_of(journal.of(FRESHNESS)[-1])["what"] == "unfollowed"
        await scene.watches.drop(name)
        await until(lambda: data_of(journal.of(FRESHNESS)[-1])["what"] == "followed")
        await scene.feed.until_current(A)
        await scene.cross(A)
        assert len(journal.of(ALERT)) == 1


async def test_one_that_expired_while_nobody_watched_says_so_at_once() -> None:
    journal, clock, ahead_ms = MemoryJournal(), LoopClock(), 0

    def now_ms() -> int:
        return clock.now_ns() // 1_000_000 + ahead_ms

    async with watching(journal, now_ms=now_ms) as scene:
        name = (await scene.watches.add(wanted(for_s=100.0))).watch.id
    ahead_ms = 200_000
    async with watching(journal, now_ms=now_ms) as scene:
        await asyncio.sleep(1.5)
        assert journal.shown(name)[-1] == "notice"
        assert (scene.watches.statuses(), journal.watches) == ([], {})


# ------------------------------------------------------------ what it costs


async def test_a_watch_that_has_nothing_to_say_costs_its_feed_no_entry_and_no_write() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        for condition in (OVER, Spread("over", 9_000), Crosses(9_000)):
            await scene.watches.add(wanted(condition=condition))
        await asyncio.sleep(30)
        entries, states = len(journal.entries), journal.states
        for number in range(200):
            scene.setting.hear(change(A, size=str(number + 1)))
        await asyncio.sleep(20)
        assert len(journal.entries) == entries
        assert journal.states - states <= 3, "that it watched, every ten seconds"
