"""`io.journal`: order, what is on disk and what is not, those who wait, and what is kept of watches."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import msgspec
import pytest

from io_journals import draft, kept, modes, opened, tool, write_locked
from polywire.core.chain import ZEROS, Checkpoint
from polywire.errors import JournalFault, JournalFull, Misuse
from polywire.io.clock import SystemClock
from polywire.io.journal import SqliteJournal
from polywire.io.journal_writer import APART_S
from polywire.model.journal import Cursor, Draft, Entry, EntryKind
from polywire.ports import Journal

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent")]
PRICE = EntryKind.PRICE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[SqliteJournal]:
    async with opened(path) as journal:
        yield journal


def texts(entries: list[Entry]) -> list[str]:
    return [entry.text for entry in entries]


async def written(path: Path) -> list[Entry]:
    """Return all that a journal holds, as whoever opens it next reads it."""
    async with opened(path) as journal:
        assert await journal.verify() == Checkpoint(journal.newest, (await journal.read(0, limit=10_000))[-1].hash)
        return await journal.read(0, limit=10_000)


# ------------------------------------------------------------ writing and reading


async def test_an_entry_is_read_as_its_draft_was_and_begins_the_chain(journal: SqliteJournal) -> None:
    port: Journal = journal
    assert (port.newest, port.oldest) == (0, 1)
    with anyio.fail_after(10):
        (told,) = await port.append([draft(5, EntryKind.FRESHNESS)])
        (read,) = await port.read(0, limit=10)
    assert told == read
    assert (read.seq, read.kind, read.text, read.stands_for) == (1, EntryKind.FRESHNESS, "No. 5", 1)
    assert (read.watch, read.token, read.condition) == ("w", "7", "0xc")
    assert (read.venue_ms, read.seen_ns, msgspec.json.decode(read.data)) == (1_700_000_000_000, 5, {"n": 5})
    assert (read.prev_hash, port.newest, port.oldest) == (ZEROS, 1, 1)
    assert Cursor.read(f"{port.id}.{read.seq}") == Cursor(port.id, 1)


async def test_what_was_put_and_appended_is_read_in_that_order_after_it_is_opened_again(path: Path) -> None:
    with anyio.fail_after(10):
        async with opened(path) as journal:
            for number in range(0, 30, 3):
                journal.put([draft(number), draft(number + 1)])
                await journal.append([draft(number + 2)])
            first = journal.id, await journal.read(0, limit=100)
        async with opened(path) as journal:
            again = journal.id, await journal.read(0, limit=100)  # from disk
            assert (journal.newest, journal.oldest) == (30, 1)
    assert again == first
    assert texts(first[1]) == [f"No. {number}" for number in range(30)]
    assert [entry.seq for entry in first[1]] == list(range(1, 31))


async def test_what_strangers_write_comes_back_as_it_was(path: Path) -> None:
    strange = {"q": "'; DROP TABLE entries;--", "n": "a\0b", "u": "\u202e😀", "d": {"x": [1.5, None, True]}}
    with anyio.fail_after(10):
        async with opened(path) as journal:
            await journal.append([Draft(EntryKind.NOTICE, "a\0b'\"", strange)])
        (entry,) = await written(path)
    assert (entry.text, msgspec.json.decode(entry.data)) == ("a\0b'\"", strange)


@pytest.mark.parametrize("reopened", [False, True], ids=["from-memory", "from-disk"])
async def test_a_reader_names_watches_and_kinds_and_is_answered_in_order(path: Path, *, reopened: bool) -> None:
    kinds = [EntryKind.ALERT, EntryKind.GAP, EntryKind.PRICE]
    async with opened(path) as journal:
        await journal.append([draft(at, kinds[at % 3], watch="abcd"[at % 4]) for at in range(120)])
        if not reopened:
            await check_filters(journal)
    if reopened:
        async with opened(path) as journal:
            await check_filters(journal)


async def check_filters(journal: SqliteJournal) -> None:
    with anyio.fail_after(10):
        every = await journal.read(0, limit=1_000)
        assert len(every) == 120
        for watches in [(), ("a",), ("d", "b", "d"), ("none",)]:
            for kinds in [(), (EntryKind.GAP,), (EntryKind.PRICE, EntryKind.ALERT), (EntryKind.ORDER,)]:
                for after, limit in [(0, 1_000), (17, 5), (117, 5), (120, 5), (0, 1)]:
                    wanted = [
                        entry
                        for entry in every
                        if entry.seq > after
                        and (not watches or entry.watch in watches)
                        and (not kinds or entry.kind in kinds)
                    ]
                    found = await journal.read(after, limit=limit, watches=watches, kinds=kinds)
                    assert found == wanted[:limit]


async def test_more_than_memory_holds_is_read_from_disk_and_joins_without_a_seam(journal: SqliteJournal) -> None:
    with anyio.fail_after(30):
        for first in range(0, 6_000, 500):
            await journal.append([draft(number) for number in range(first, first + 500)])
        seen, after = list[str](), 0
        while page := await journal.read(after, limit=700):
            seen += texts(page)
            after = page[-1].seq
    assert seen == [f"No. {number}" for number in range(6_000)]


async def test_a_draft_that_cannot_be_kept_costs_nobody_else_anything(journal: SqliteJournal) -> None:
    with anyio.fail_after(10):
        with pytest.raises(Misuse):
            journal.put([draft(1), Draft(EntryKind.ALERT, "", {"a": object()})])
        with pytest.raises(Misuse):
            await journal.append([Draft(EntryKind.ALERT, "\ud800")])
        await journal.append([draft(2)])
        assert texts(await journal.read(0, limit=10)) == ["No. 2"]


# ------------------------------------------------------------ one transaction, and after it


async def test_what_comes_while_the_disk_is_busy_shares_one_transaction(journal: SqliteJournal, path: Path) -> None:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            with write_locked(path):
                for number in range(100):
                    journal.put([draft(number)])
                    tasks.start_soon(journal.append, [draft(1_000 + number)])
                await anyio.wait_all_tasks_blocked()
        assert journal.newest == 200
        assert journal.commits in {1, 2}  # the thread may have begun with what came first
        assert texts(await journal.read(0, limit=100))[:100] == [f"No. {number}" for number in range(100)]


async def test_what_is_put_in_one_turn_of_the_loop_shares_few_transactions(journal: SqliteJournal) -> None:
    for number in range(1_000):
        journal.put([draft(number)])
    with anyio.fail_after(10):
        await journal.beyond(999)
    assert journal.commits < 100


async def test_transactions_for_which_nobody_waits_begin_at_most_forty_times_a_second(path: Path) -> None:
    clock = SystemClock()
    async with opened(path) as journal:
        with anyio.fail_after(10):
            began_s = clock.monotonic_s()
            for number in range(8):
                journal.put([draft(number)])
                await journal.beyond(number)
    assert journal.commits == 8
    assert clock.monotonic_s() - began_s >= 7 * APART_S


async def test_nobody_reads_or_is_told_of_what_is_not_on_disk(journal: SqliteJournal, path: Path) -> None:
    with anyio.fail_after(10):
        await journal.append([draft(0)])
        told = list[int]()
        async with anyio.create_task_group() as tasks:

            async def appended() -> None:
                told.append((await journal.append([draft(1)]))[0].seq)

            async def beyond() -> None:
                await journal.beyond(1)
                told.append(journal.newest)

            with write_locked(path), tool(path) as reader:
                tasks.start_soon(appended)
                tasks.start_soon(beyond)
                await anyio.wait_all_tasks_blocked()
                await journal.kept()  # a whole question to the disk, and it still has nothing
                assert (journal.newest, texts(await journal.read(0, limit=10)), told) == (1, ["No. 0"], [])
                assert reader.execute("SELECT count(*) FROM entries").fetchone() == (1,)
        assert (told, journal.newest) == ([2, 2], 2)
        with tool(path) as reader:
            assert reader.execute("SELECT count(*) FROM entries").fetchone() == (2,)


async def test_whoever_no_longer_waits_loses_the_answer_and_not_the_entry(journal: SqliteJournal, path: Path) -> None:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            with write_locked(path):
                tasks.start_soon(journal.append, [draft(1)])
                tasks.start_soon(journal.beyond, 5)
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
        await journal.append([draft(2)])
    assert texts(await journal.read(0, limit=10)) == ["No. 1", "No. 2"]


async def test_whoever_waits_beyond_a_number_that_was_passed_is_not_kept(journal: SqliteJournal) -> None:
    with anyio.fail_after(10):
        await journal.append([draft(1), draft(2)])
        await journal.beyond(1)
        await journal.beyond(0)


async def test_a_hundred_who_wait_are_all_told(journal: SqliteJournal) -> None:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(journal.beyond, 0)
            await anyio.wait_all_tasks_blocked()
            journal.put([draft(1)])


async def test_appending_nothing_waits_for_all_that_was_put(journal: SqliteJournal) -> None:
    journal.put([draft(1)])
    with anyio.fail_after(10):
        assert await journal.append([]) == []
    assert journal.newest == 1


async def test_more_than_may_wait_is_refused_whole_and_the_rest_is_written(path: Path) -> None:
    with anyio.fail_after(10):
        async with opened(path, most_waiting=100) as journal:
            await journal.append([draft(0)])
            with write_locked(path):
                for number in range(1, 200):
                    try:
                        journal.put([draft(number), draft(number)])
                    except JournalFull as full:
                        refused = full
                        break
                else:
                    pytest.fail("nothing was refused")
                assert refused.waiting in {99, 100}
            await journal.append([])
            assert journal.fault is None
        assert texts(await written(path)) == ["No. 0"] + [f"No. {one}" for one in range(1, number) for _ in range(2)]


# ------------------------------------------------------------ prices


async def test_prices_are_written_two_hundred_at_once_and_all_at_the_end(path: Path) -> None:
    with anyio.fail_after(10):
        async with opened(path) as journal:
            for number in range(500):
                journal.put([draft(number, PRICE, of=str(number % 250))])
            await journal.beyond(0)
            assert (journal.newest, journal.waiting) == (200, 50)
        entries = await written(path)
    assert texts(entries) == [f"No. {number}" for number in range(250, 500)]
    assert {entry.stands_for for entry in entries} == {2}


async def test_prices_that_wait_are_written_when_their_second_comes(journal: SqliteJournal) -> None:
    with anyio.fail_after(10):
        journal.put([draft(number, PRICE, of=str(number)) for number in range(250)])
        await journal.beyond(249)
    first, last = (await journal.read(0, limit=1))[0], (await journal.read(249, limit=1))[0]
    assert last.written_ms - first.written_ms >= 990  # the clock of days is not the one that paces


async def test_an_alert_does_not_wait_for_the_rate_nor_overtake_its_token_s_price(journal: SqliteJournal) -> None:
    with anyio.fail_after(10):
        journal.put([draft(number, PRICE, of=str(number)) for number in range(300)])
        await journal.beyond(0)
        (alert,) = await journal.append([draft(1_000, of="299")])
        price, read = await journal.read(alert.seq - 2, limit=2)
    assert (price.token, read) == ("299", alert)
    assert alert.seq == 202


# ------------------------------------------------------------ watches


async def test_watches_are_kept_changed_and_forgotten_with_their_entries(path: Path) -> None:
    with anyio.fail_after(10):
        async with opened(path) as journal:
            await journal.append([draft(1)], kept("b", b"B", b"1"))
            await journal.append([], kept("a", b"A", b"1"))
            await journal.append([], kept("c", b"C", b"1"))
            journal.put([draft(2)], kept("b", b"", b"2"))
            journal.put([], kept("a", b"A2", b""))
            journal.put([draft(3)], kept("c", None))
            journal.put([], kept("c", b"", b"late"))  # of one that is forgotten
            await journal.append([])
            assert await journal.kept() == [("b", b"B", b"2"), ("a", b"A2", b"")]
        async with opened(path) as journal:
            assert await journal.kept() == [("b", b"B", b"2"), ("a", b"A2", b"")]


async def test_a_watch_and_its_entries_are_on_disk_together(journal: SqliteJournal, path: Path) -> None:
    """Every transaction that another process sees holds both."""
    with anyio.fail_after(10), tool(path) as reader:
        await journal.append([], kept("w", b"W", b"0"))
        for number in range(1, 50):
            journal.put([draft(number)], kept("w", b"", b"%d" % number))
            if number % 10 == 0:
                await journal.beyond(number - 1)
            ask = "SELECT (SELECT state FROM watches), (SELECT count(*) FROM entries)"
            state, count = reader.execute(ask).fetchone()
            assert int(state) == count


# ------------------------------------------------------------ the file


async def test_the_file_and_those_beside_it_are_ours_alone_from_the_first(path: Path) -> None:
    async with opened(path) as journal:
        await journal.append([draft(1)])
        assert modes(path.parent) == {path.name: 0o600, f"{path.name}-wal": 0o600, f"{path.name}-shm": 0o600}
    assert modes(path.parent) == {path.name: 0o600}
    path.chmod(0o644)  # noqa: ASYNC240 - no work
    async with opened(path) as journal:
        await journal.append([draft(1)])
        assert set(modes(path.parent).values()) == {0o600}


async def test_it_is_written_ahead_and_synced_at_every_commit(journal: SqliteJournal) -> None:
    def settings(writer: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "auto_vacuum")
        return [writer.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    with anyio.fail_after(10):
        found = await journal._writer.ask(settings)  # noqa: SLF001 - what SQLite says of its own connection
    assert found == ["wal", 2, 2]  # FULL, INCREMENTAL


async def test_a_closed_journal_says_so_to_all(path: Path) -> None:
    async with opened(path) as journal:
        await journal.append([draft(1)])
    with anyio.fail_after(10):
        with pytest.raises(JournalFault, match="was closed"):
            journal.put([draft(2)])
        for ask in (journal.append([]), journal.read(0, limit=1), journal.beyond(0), journal.kept(), journal.retain()):
            with pytest.raises(JournalFault, match="was closed"):
                await ask
