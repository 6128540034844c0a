"""Making and dropping watches: what is refused, what is told at once, and within what time."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from polywire.errors import JournalFault, Misuse, NoCredentials, TooMany, UnknownTarget, VenueUnreachable
from polywire.model.journal import Cursor, EntryKind
from polywire.model.market import BookStated, MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.model.watch import (
    Changes,
    Created,
    Crosses,
    Opportunity,
    OrderChanges,
    OwnTrades,
    Resolves,
    TickChanges,
)
from polywire.services.access.language import WatchWanted
from services.feed.feeds import RAIN, SNOW, A, B, C
from services.feed.scripted import market
from services.feed.virtual import LoopClock
from services.watches.memory_journal import MemoryJournal, data_of
from services.watches.settings import OVER, wanted, watching

pytestmark = pytest.mark.anyio

TWIN = market("will-it-hail", 5, 6, event="weather")


class Witness:
    """See `polywire.ports.Evidence`. It knows no book, and who has won."""

    def __init__(self, *won: MarketResolved) -> None:
        self.won = won
        self.silent = False

    async def books(self, _tokens: Sequence[TokenId]) -> dict[TokenId, BookStated]:
        return {}

    async def resolutions(self, conditions: Sequence[ConditionId], *, fresh: bool = False) -> list[MarketResolved]:  # noqa: ARG002 - of the protocol
        if self.silent:
            await asyncio.get_running_loop().create_future()
        return [one for one in self.won if one.condition in conditions]


# ------------------------------------------------------------ the first answer


async def test_the_answer_holds_what_its_subject_is_at_this_moment() -> None:
    async with watching(MemoryJournal()) as scene:
        book = await scene.watches.add(wanted("will-it-rain", condition=Changes("book", depth=2), label="mine"))
        assert [(view.token, len(view.bids), view.outcome) for view in book.views] == [(A, 2, "Yes"), (B, 2, "No")]
        assert (book.markets, book.watch.tokens, book.watch.markets) == ((RAIN,), (A, B), (RAIN.condition,))
        assert (book.watch.label, book.existed, book.waiting, book.resolved) == ("mine", False, {}, {})
        price = await scene.watches.add(wanted(A, "will-it-snow"))
        assert [len(view.bids) for view in price.views] == [1, 1, 1]
        assert price.watch.tokens[:2] == (A, C)


async def test_a_token_that_does_not_answer_is_named_with_its_reason_within_four_seconds_and_in_the_journal() -> None:
    journal, clock = MemoryJournal(), LoopClock()
    async with watching(journal) as scene:
        scene.setting.dial.withheld.add(B)
        began_s = clock.monotonic_s()
        made = await scene.watches.add(wanted(A, B))
        assert clock.monotonic_s() - began_s == pytest.approx(4.0, abs=0.1)
        assert set(made.waiting) == {B}
        assert made.waiting[B].startswith("syncing: ")
        await asyncio.sleep(1.5)
        (doubt,) = journal.of(EntryKind.FRESHNESS)
        assert (doubt.watch, doubt.token) == (made.watch.id, B)


async def test_books_that_come_in_time_are_no_doubt_worth_an_entry() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        await scene.watches.add(wanted("weather"))
        await asyncio.sleep(10)
        assert [one.kind.value for one in journal.entries] == ["system"]


async def test_a_venue_that_does_not_say_what_a_target_means_is_unreachable_after_four_seconds() -> None:
    clock = LoopClock()
    async with watching(MemoryJournal()) as scene:
        scene.setting.catalogue.gate.clear()
        began_s = clock.monotonic_s()
        with pytest.raises(VenueUnreachable, match="did not say within 4 s what will-it-rain means"):
            await scene.watches.add(wanted("will-it-rain"))
        assert clock.monotonic_s() - began_s == pytest.approx(4.0, abs=0.1)
        with pytest.raises(VenueUnreachable, match="what these 2 targets means"):
            await scene.watches.add(wanted("will-it-rain", "will-it-snow"))
        scene.setting.catalogue.gate.set()
        assert scene.watches.statuses() == []


async def test_a_market_that_is_resolved_already_is_told_in_the_answer_and_not_in_the_journal() -> None:
    won = MarketResolved(RAIN.condition, "1", (A, B), A, "Yes", (), 5, 6)
    journal, witness = MemoryJournal(), Witness(won)
    async with watching(journal, evidence=witness) as scene:
        scene.setting.dial.withheld |= {A, B}
        clock = LoopClock()
        began_s = clock.monotonic_s()
        made = await scene.watches.add(wanted("will-it-rain", condition=Resolves(), id="rain"))
        assert clock.monotonic_s() == began_s, "nothing is waited for that will not come"
        assert made.resolved == {RAIN.condition: "Yes"}
        assert set(made.waiting) == {A, B}
        await asyncio.sleep(120)  # the feed finds it out for itself
        assert journal.of(EntryKind.RESOLUTION) == []
        again = await scene.watches.add(wanted("will-it-rain", condition=Resolves(), id="rain"))
        assert (again.existed, again.resolved) == (True, made.resolved)


async def test_a_closed_market_of_any_watch_is_asked_about_and_a_venue_that_does_not_tell_is_not_waited_for() -> None:
    closed = msgspec.structs.replace(RAIN, closed=True)
    won = MarketResolved(RAIN.condition, "1", (A, B), B, "", (), 5, 6)
    witness = Witness(won)
    async with watching(MemoryJournal(), markets=(closed, SNOW), evidence=witness) as scene:
        assert (await scene.watches.add(wanted("will-it-rain"))).resolved == {RAIN.condition: "No"}
        witness.silent = True
        made = await scene.watches.add(wanted("will-it-rain"))
        assert (made.resolved, made.markets[0].closed) == ({}, True)


async def test_of_an_opportunity_all_outcomes_are_watched_however_the_market_was_named() -> None:
    async with watching(MemoryJournal(), markets=(RAIN, SNOW, TWIN)) as scene:
        assert (await scene.watches.add(wanted(A, condition=Opportunity(100)))).watch.tokens == (A, B)
        assert (await scene.watches.add(wanted(A, condition=Resolves()))).watch.tokens == (A, B)
        whole = await scene.watches.add(wanted("weather", condition=Opportunity(100, whole_event=True)))
        assert whole.watch.tokens == (A, C, TWIN.tokens[0])
        with pytest.raises(Misuse, match="the targets mean only one"):
            await scene.watches.add(wanted("will-it-rain", condition=Opportunity(100, whole_event=True)))


# ------------------------------------------------------------ asked for twice


async def test_the_same_id_asked_for_twice_makes_one_watch_also_at_the_same_time() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        answers = await asyncio.gather(*(scene.watches.add(wanted(id="mine")) for _ in range(3)))
        assert sorted(one.existed for one in answers) == [False, True, True]
        assert {one.cursor for one in answers} == {f"{journal.id}.1"}
        assert len(scene.watches.statuses()) == scene.subscriptions == 1
        assert len(journal.entries) == 1
        with pytest.raises(Misuse, match="mine is another watch"):
            await scene.watches.add(wanted(B, id="mine"))
        with pytest.raises(Misuse, match="mine is another watch"):
            await scene.watches.add(wanted(id="mine", condition=TickChanges()))


async def test_a_watch_asked_for_again_after_a_restart_is_the_one_that_was_kept() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        first = await scene.watches.add(wanted(id="mine"))
        await scene.cross(A)
    async with watching(journal) as scene:
        again = await scene.watches.add(wanted(id="mine"))
        assert (again.existed, again.watch, again.cursor) == (True, first.watch, first.cursor)
        after = Cursor.read(again.cursor).seq
        assert [one.kind.value for one in journal.of(after=after)][:1] == ["alert"]


async def test_a_watch_that_has_the_id_of_one_that_was_dropped_begins_where_it_was_made_itself() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        await scene.watches.add(wanted(id="mine"))
        await scene.cross(A)
        await scene.watches.drop("mine")
        second = await scene.watches.add(wanted(id="mine"))
    async with watching(journal) as scene:
        again = await scene.watches.add(wanted(id="mine"))
        assert (again.existed, again.cursor) == (True, second.cursor)
        assert "alert" not in [one.kind.value for one in journal.of(after=Cursor.read(again.cursor).seq)]


# ------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (wanted(id="a/b"), "cannot be a watch's id"),
        (wanted(id="x" * 65), "cannot be a watch's id"),
        (wanted(budget=0), "budget is a number from 1 to 10000, and 0 was given"),
        (wanted(cooldown_s=-1.0), "cooldown_s is a number from 0"),
        (wanted(cooldown_s=float("nan")), "cooldown_s is a number from 0"),
        (wanted(for_s=float("inf")), "for_s is a number from 0"),
        (wanted(label="x" * 201), "a label of 201 letters"),
        (wanted(condition=Crosses(10_000)), "level"),
        (wanted(condition=Changes("book", depth=101)), "depth"),
        (wanted(condition=OVER, targets=()), "`crosses` needs targets"),
        (wanted(condition=Created("snow")), "so it has no targets"),
    ],
)
async def test_what_cannot_be_is_refused_before_anybody_is_asked(asked: WatchWanted, told: str) -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        with pytest.raises(Misuse, match=told):
            await scene.watches.add(asked)
        assert not scene.setting.catalogue.asked
        assert journal.entries == []


async def test_what_the_feed_refuses_passes_through_and_leaves_nothing_behind() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        for condition in (OrderChanges(), OwnTrades()):
            with pytest.raises(NoCredentials):
                await scene.watches.add(wanted(targets=(), condition=condition, id="mine"))
        with pytest.raises(UnknownTarget) as unknown:
            await scene.watches.add(wanted("will-it-rian", id="mine"))
        assert "will-it-rain" in unknown.value.nearest
        assert (scene.watches.statuses(), scene.subscriptions, journal.entries) == ([], 0, [])
        await scene.watches.add(wanted(id="mine"))


async def test_more_than_the_limits_is_refused_with_the_limit() -> None:
    async with watching(MemoryJournal(), most={"most_watches": 2, "most_targets": 3}) as scene:
        with pytest.raises(TooMany, match="4 targets of one watch or more, and 3 is the most"):
            await scene.watches.add(wanted("a", "b", "c", "d"))
        first = await scene.watches.add(wanted())
        await scene.watches.add(wanted(B))
        with pytest.raises(TooMany, match="3 watches or more, and 2 is the most"):
            await scene.watches.add(wanted(C))
        await scene.watches.drop(first.watch.id)
        await scene.watches.add(wanted(C))


# ------------------------------------------------------------ dropped


async def test_a_dropped_watch_is_gone_from_the_disk_and_its_entries_stay() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted())).watch.id
        await scene.cross(A)
        assert (await scene.watches.drop(name)).id == name
        assert journal.shown(name) == ["system", "alert", "system"]
        assert data_of(journal.entries[-1])["what"] == "dropped"
        assert (journal.watches, scene.watches.statuses(), scene.subscriptions) == ({}, [], 0)
        with pytest.raises(Misuse, match="there is none at all"):
            await scene.watches.drop(name)
    async with watching(journal) as scene:
        assert scene.watches.statuses() == []


async def test_an_id_that_is_none_is_answered_with_those_that_there_are() -> None:
    async with watching(MemoryJournal()) as scene:
        for number in range(23):
            await scene.watches.add(wanted(id=f"w{number}"))
        with pytest.raises(Misuse, match=r"no watch has the id 'x'; there are w0, .*w19 and 3 more$"):
            await scene.watches.drop("x")


async def test_a_drop_that_cannot_be_written_leaves_the_watch_as_it_was() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted())).watch.id
        journal.broken = "is on a disk that is full"
        with pytest.raises(JournalFault):
            await scene.watches.drop(name)
        journal.broken = ""
        await scene.cross(A)
        assert journal.shown(name) == ["system", "alert"]


async def test_what_happens_while_a_drop_waits_for_the_disk_is_written_and_keeps_nothing_alive() -> None:
    journal = MemoryJournal()
    async with watching(journal) as scene:
        name = (await scene.watches.add(wanted())).watch.id
        journal.gate.clear()
        dropping = asyncio.create_task(scene.watches.drop(name))
        await asyncio.sleep(0.1)
        await scene.cross(A)
        with pytest.raises(Misuse):
            await scene.watches.drop(name)
        again = asyncio.create_task(scene.watches.add(wanted(id=name)))
        await asyncio.sleep(0.1)
        journal.gate.set()
        await dropping
        assert not (await again).existed
        assert journal.shown(name) == ["system", "alert", "system", "system"]
        assert [one.watch.id for one in scene.watches.statuses()] == [name]
        assert set(journal.watches) == {name}
