"""`io.journal` grows old: what is removed, what stays whole, and where readers then stand."""

from pathlib import Path

import anyio
import pytest

from io_journals import draft, kept, opened, tool
from polywire.core.chain import Broken, Checkpoint
from polywire.core.pages import standing_of
from polywire.io.journal import SqliteJournal
from polywire.model.journal import Cursor, Draft, EntryKind, Standing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent")]


class Calendar:
    """A clock whose days the test turns; it paces as the real one does, as nothing here waits."""

    def __init__(self) -> None:
        self.days = 0

    def now_ns(self) -> int:
        return (1_700_000_000 + self.days * 86_400) * 1_000_000_000

    def monotonic_s(self) -> float:
        return self.days * 86_400.0

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError(seconds)


async def ten_days(journal: SqliteJournal, clock: Calendar, each: int = 3) -> None:
    for _ in range(10):
        await journal.append([draft(clock.days)] * each)
        clock.days += 1


async def test_what_is_too_old_goes_and_the_chain_verifies_on(tmp_path: Path) -> None:
    clock, path = Calendar(), tmp_path / "journal.sqlite3"
    with anyio.fail_after(20):
        async with SqliteJournal.open(path, clock) as journal:
            await ten_days(journal, clock)
            every = await journal.read(0, limit=100)
            assert await journal.retain(4 * 86_400) == 18
            assert (journal.oldest, journal.newest) == (19, 30)
            assert await journal.read(0, limit=100) == every[18:]
            assert await journal.verify() == Checkpoint(30, every[-1].hash)
            assert await journal.retain(4 * 86_400) == 0
            await journal.append([draft(10)])
        async with SqliteJournal.open(path, clock) as journal:
            assert (journal.oldest, journal.newest) == (19, 31)
            assert (await journal.read(0, limit=100))[:12] == every[18:]
            assert isinstance(await journal.verify(), Checkpoint)
            standings = [standing_of(Cursor(journal.id, seq), journal.id, 19, 31) for seq in (17, 18, 31, 32)]
            assert standings == [Standing.TRUNCATED, Standing.GOOD, Standing.GOOD, Standing.FUTURE]


async def test_when_all_is_removed_numbers_and_chain_go_on(tmp_path: Path) -> None:
    clock, path = Calendar(), tmp_path / "journal.sqlite3"
    with anyio.fail_after(20):
        async with SqliteJournal.open(path, clock) as journal:
            await ten_days(journal, clock)
            last = (await journal.read(29, limit=1))[0]
            assert await journal.retain(0) == 30
            assert (journal.oldest, journal.newest) == (31, 30)
        async with SqliteJournal.open(path, clock) as journal:
            assert (journal.oldest, journal.newest) == (31, 30)
            assert await journal.verify() == Checkpoint(30, last.hash)
            assert await journal.read(0, limit=10) == []
            (entry,) = await journal.append([draft(1)])
            assert (entry.seq, entry.prev_hash) == (31, last.hash)
            assert await journal.read(0, limit=10) == [entry]
            assert isinstance(await journal.verify(), Checkpoint)


async def test_no_limit_removes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "journal.sqlite3") as journal:
        await journal.append([draft(1)] * 10)
        with anyio.fail_after(10):
            assert await journal.retain() == 0
            assert await journal.retain(3_600, 100 << 20) == 0
        assert journal.oldest == 1


async def test_what_is_too_much_goes_and_its_room_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    large = [Draft(EntryKind.NOTICE, "", {"x": "x" * 900})] * 500
    with anyio.fail_after(60):
        async with opened(path) as journal:
            for _ in range(20):
                await journal.append(large)
            removed = await journal.retain(None, 4 << 20)
            assert 5_000 < removed < 8_000
            assert (journal.oldest, journal.newest) == (removed + 1, 10_000)
            assert isinstance(await journal.verify(), Checkpoint)
        assert path.stat().st_size < 7 << 20  # it was 13 MiB; some pages stay to be filled
        with tool(path) as reader:
            assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert reader.execute("SELECT min(seq), count(*) FROM entries").fetchone() == (
                removed + 1,
                10_000 - removed,
            )


async def test_a_size_below_that_of_nothing_removes_all_and_ends(tmp_path: Path) -> None:
    async with opened(tmp_path / "journal.sqlite3") as journal:
        await journal.append([draft(1)] * 5_000, kept("w", b"W"))
        with anyio.fail_after(20):
            assert await journal.retain(None, 0) == 5_000
            assert await journal.kept() == [("w", b"W", b"{}")]


async def test_entries_are_written_and_read_while_the_old_are_removed(tmp_path: Path) -> None:
    with anyio.fail_after(60):
        async with opened(tmp_path / "journal.sqlite3") as journal:
            for _ in range(10):
                await journal.append([draft(1)] * 2_000)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(journal.retain, None, 0)
                tasks.start_soon(journal.retain, None, 0)  # two at a time are one after the other
                written = list[int]()
                while journal.oldest <= 20_000:
                    written += [entry.seq for entry in await journal.append([draft(2)])]
                    assert isinstance(await journal.verify(), Checkpoint)
            assert written == list(range(20_001, 20_001 + len(written)))
            assert journal.newest == 20_000 + len(written)


async def test_a_checkpoint_that_is_moved_does_not_fit(tmp_path: Path) -> None:
    path, clock = tmp_path / "journal.sqlite3", Calendar()
    async with SqliteJournal.open(path, clock) as journal:
        await ten_days(journal, clock)
        await journal.retain(4 * 86_400)
        with tool(path) as hand:
            hand.execute("DELETE FROM entries WHERE seq = 19")
            hand.execute("UPDATE facts SET value = 19 WHERE name = 'removed_seq'")
        found = await journal.verify()
    assert isinstance(found, Broken)
    assert found.seq == 20
