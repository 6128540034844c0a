"""Pages of the journal: each entry once, in order, and the truth about what is not there."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polywire.errors import Misuse
from polywire.model.journal import Cursor, Draft, Entry, EntryKind, Page, Standing
from polywire.services.access.language import EntriesWanted
from polywire.services.access.pages import Pages
from services.watches.memory_journal import MemoryJournal

pytestmark = pytest.mark.anyio


def draft(watch: str = "w", kind: EntryKind = EntryKind.ALERT) -> Draft:
    return Draft(kind, "it came", watch=watch)


def cursor(seq: int, journal: str = MemoryJournal.id) -> str:
    return str(Cursor(journal, seq))


def with_entries(count: int) -> tuple[MemoryJournal, Pages]:
    journal = MemoryJournal()
    journal.put([draft()] * count)
    return journal, Pages(journal)


async def asked(pages: Pages, since: str = "", **more: object) -> Page:
    return await pages.entries(msgspec.convert({"since": since, **more}, EntriesWanted))


def seqs(page: Page) -> list[int]:
    return [entry.seq for entry in page.entries]


async def test_what_comes_after_a_cursor_is_read_in_order() -> None:
    _, pages = with_entries(3)
    page = await asked(pages, cursor(1))
    assert (seqs(page), page.cursor, page.standing, page.pending) == ([2, 3], cursor(3), Standing.GOOD, 0)
    assert (page.newest, page.oldest) == (cursor(3), cursor(0))


async def test_without_a_cursor_only_what_comes_from_now_on_is_read() -> None:
    journal, pages = with_entries(3)
    page = await asked(pages)
    assert (seqs(page), page.cursor) == ([], cursor(3))
    journal.put([draft()])
    assert seqs(await asked(pages, page.cursor)) == [4]


async def test_a_full_page_says_how_many_wait_behind_it() -> None:
    _, pages = with_entries(5)
    page = await asked(pages, cursor(0), limit=2)
    assert (seqs(page), page.cursor, page.pending) == ([1, 2], cursor(2), 3)
    assert (await asked(pages, cursor(3), limit=2)).pending == 0


async def test_a_reader_who_waits_is_woken_by_the_first_that_he_wants() -> None:
    journal, pages = with_entries(1)
    waiting = asyncio.create_task(asked(pages, watches=("mine",), wait_s=300))
    await asyncio.sleep(10)
    journal.put([draft("another's")])
    await asyncio.sleep(10)
    assert not waiting.done()
    journal.put([draft("mine")])
    page = await waiting
    assert (seqs(page), page.cursor) == ([3], cursor(3))


async def test_the_end_of_the_wait_is_an_ordinary_answer_after_all_that_was_looked_through() -> None:
    journal, pages = with_entries(1)
    waiting = asyncio.create_task(asked(pages, watches=("mine",), wait_s=20))
    await asyncio.sleep(1)
    journal.put([draft("another's")])
    began_s = asyncio.get_running_loop().time()
    page = await waiting
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(19)
    assert (seqs(page), page.cursor, page.newest) == ([], cursor(2), cursor(2))


async def test_what_retention_removed_is_counted_and_reading_goes_on_with_the_oldest() -> None:
    journal, pages = with_entries(9)
    journal.oldest = 6
    page = await asked(pages, cursor(2))
    assert (seqs(page), page.standing, page.lost, page.oldest) == ([6, 7, 8, 9], Standing.TRUNCATED, 3, cursor(5))
    edge = await asked(pages, cursor(5))
    assert (seqs(edge), edge.standing, edge.lost) == ([6, 7, 8, 9], Standing.GOOD, 0)


async def test_what_retention_removes_in_the_middle_of_a_read_is_told_too() -> None:
    class Shrinking(MemoryJournal):
        async def read(
            self, after: int, *, limit: int, watches: Sequence[str] = (), kinds: Sequence[EntryKind] = ()
        ) -> list[Entry]:
            self.oldest = 4
            kept = max(after, self.oldest - 1)
            return await super().read(kept, limit=limit, watches=watches, kinds=kinds)

    journal = Shrinking()
    journal.put([draft()] * 5)
    page = await asked(Pages(journal), cursor(1))
    assert (seqs(page), page.standing, page.lost) == ([4, 5], Standing.TRUNCATED, 2)


@pytest.mark.parametrize(("since", "standing"), [(cursor(2, "f" * 12), Standing.FOREIGN), (cursor(4), Standing.FUTURE)])
async def test_a_cursor_that_is_not_of_this_journal_is_told_where_to_begin_at_once(
    since: str, standing: Standing
) -> None:
    _, pages = with_entries(3)
    with anyio.fail_after(1):
        page = await asked(pages, since, wait_s=60)
    assert (seqs(page), page.cursor, page.standing) == ([], cursor(3), standing)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"limit": 0}, "limit is a number from 1 to 1,000"),
        ({"limit": 1_001}, "limit is a number from 1 to 1,000"),
        ({"wait_s": -1}, "wait_s is a number from 0 to 300"),
        ({"wait_s": 301}, "wait_s is a number from 0 to 300"),
        ({"since": "yesterday"}, "'yesterday' is no cursor"),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_what_can(more: dict[str, object], words: str) -> None:
    _, pages = with_entries(1)
    with pytest.raises(Misuse, match=words):
        await asked(pages, **more)  # type: ignore[arg-type]  # `since` is among them


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([EntryKind.ALERT, EntryKind.GAP])), max_size=30),
    st.sets(st.sampled_from("abc")),
    st.sets(st.sampled_from([EntryKind.ALERT, EntryKind.GAP])),
    st.integers(1, 7),
)
def test_page_by_page_every_wanted_entry_comes_once(
    told: list[tuple[str, EntryKind]], watches: set[str], kinds: set[EntryKind], limit: int
) -> None:
    async def read() -> list[Entry]:
        journal = MemoryJournal()
        journal.put([draft(watch, kind) for watch, kind in told])
        pages, since, found = Pages(journal), cursor(0), list[Entry]()
        while True:
            page = await pages.entries(EntriesWanted(since, tuple(watches), tuple(kinds), limit))
            found += page.entries
            since = page.cursor
            if not page.pending:
                assert since == page.newest or len(page.entries) == limit
                return found

    found = asyncio.run(read())
    wanted = [
        seq
        for seq, (watch, kind) in enumerate(told, 1)
        if (not watches or watch in watches) and (not kinds or kind in kinds)
    ]
    assert [entry.seq for entry in found] == wanted
    assert all(one.seq < other.seq for one, other in pairwise(found))
