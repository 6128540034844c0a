"""`io.journal` on a bad disk, on a file that is not ours, and after somebody edited it."""

import os
import sqlite3
from pathlib import Path

import anyio
import pytest

from io_journals import content, draft, modes, opened, tool, write_locked
from polywire.core.chain import Broken, Checkpoint
from polywire.errors import JournalFault
from polywire.io.journal import SqliteJournal

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("silent")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


async def refused(path: Path) -> str:
    """Return what is said of a file that cannot be opened, which is as it was afterwards."""
    before = content(path)
    with pytest.raises(JournalFault) as caught:
        async with opened(path):
            pass
    assert content(path) == before
    return str(caught.value)


async def with_entries(path: Path, count: int = 10) -> None:
    async with opened(path) as journal:
        await journal.append([draft(number) for number in range(1, count + 1)])


async def every_call_says(journal: SqliteJournal, words: str) -> None:
    assert journal.fault is not None
    with pytest.raises(JournalFault, match=words):
        journal.put([draft(1)])
    for ask in (
        journal.append([draft(1)]),
        journal.read(0, limit=1),
        journal.beyond(1 << 40),
        journal.kept(),
        journal.retain(),
        journal.verify(),
        journal.failed(),
    ):
        with pytest.raises(JournalFault, match=words):
            await ask


async def append_for_ever(journal: SqliteJournal, told: list[int]) -> None:
    while True:
        told += [entry.seq for entry in await journal.append([draft(1)] * 10)]


def damage(path: Path) -> None:
    """Overwrite the beginning of each page but the first and last ten."""
    with path.open("r+b") as file:
        for at in range(4_096 * 10, path.stat().st_size - 4_096 * 10, 4_096):
            file.seek(at)
            file.write(b"\xff" * 200)


# ------------------------------------------------------------ a disk that fails


async def test_a_full_disk_ends_the_journal_for_all_and_loses_nothing_that_was_acknowledged(path: Path) -> None:
    told, waited = list[int](), list[str]()
    with anyio.fail_after(30):
        async with opened(path) as journal:

            async def beyond() -> None:
                with pytest.raises(JournalFault):
                    await journal.beyond(1 << 40)
                waited.append("told")

            await journal._writer.ask(lambda writer: writer.execute("PRAGMA max_page_count = 40").fetchone())  # noqa: SLF001 - a disk of 160 KiB
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(beyond)
                with pytest.raises(JournalFault, match=r"the disk is full .*; make room and start again"):
                    await append_for_ever(journal, told)
            await every_call_says(journal, "the disk is full")
        assert waited == ["told"]
        assert len(told) > 100
        async with opened(path) as journal:
            assert [entry.seq for entry in await journal.read(0, limit=10_000)] == told
            assert isinstance(await journal.verify(), Checkpoint)
            assert (await journal.append([draft(1)]))[0].seq == told[-1] + 1


async def test_what_was_put_and_not_written_is_not_in_part_on_disk(path: Path) -> None:
    """A transaction that does not fit leaves nothing of itself."""
    with anyio.fail_after(30):
        async with opened(path) as journal:
            await journal.append([draft(0)])
            await journal._writer.ask(lambda writer: writer.execute("PRAGMA max_page_count = 40").fetchone())  # noqa: SLF001 - as above
            journal.put([draft(number) for number in range(5_000)])
            with pytest.raises(JournalFault, match="the disk is full"):
                await journal.failed()
        async with opened(path) as journal:
            assert journal.newest == 1


async def test_a_file_that_may_not_be_written_any_more_is_said_to_be_so(path: Path) -> None:
    with anyio.fail_after(10):
        async with opened(path) as journal:
            await journal._writer.ask(lambda writer: writer.execute("PRAGMA query_only = ON").fetchone())  # noqa: SLF001 - SQLite then answers as for a read-only file
            with pytest.raises(JournalFault, match=r"read-only .*; make both writable, or choose another folder"):
                await journal.append([draft(1)])
            await every_call_says(journal, "read-only")


async def test_a_lock_of_another_process_is_waited_for_and_then_a_fault(path: Path) -> None:
    with anyio.fail_after(10):
        async with opened(path, patience_s=0.05) as journal:
            with write_locked(path), pytest.raises(JournalFault, match=r"locked by another process .*; close the"):
                await journal.append([draft(1)])
            await every_call_says(journal, "locked by another process")


async def test_another_writer_is_found_out_before_the_chain_is_broken(path: Path) -> None:
    with anyio.fail_after(10):
        async with opened(path) as first, opened(path) as second:
            await first.append([draft(1)])
            with pytest.raises(JournalFault, match=r"written by another process meanwhile .*one owner"):
                await second.append([draft(2)])
            await first.append([draft(3)])
            assert isinstance(await first.verify(), Checkpoint)


async def test_a_question_that_meets_a_damaged_page_says_what_to_do(path: Path) -> None:
    await with_entries(path, 3_000)
    damage(path)
    with anyio.fail_after(10), pytest.raises(JournalFault, match=r"is damaged .*: put a copy of the file back"):
        async with opened(path) as journal:
            await journal.read(0, limit=10_000)


# ------------------------------------------------------------ a file that is not ours


@pytest.mark.parametrize("letters", [b"my letters" * 100, b"x"])
async def test_another_file_is_left_as_it_is(path: Path, letters: bytes) -> None:
    path.write_bytes(letters)  # noqa: ASYNC240 - a small file
    assert "is no journal of ours, and was left as it is" in await refused(path)


async def test_a_database_of_another_program_is_left_as_it_is(path: Path) -> None:
    with tool(path) as other:
        other.execute("CREATE TABLE entries (seq)")
    assert "is no journal of ours, and was left as it is" in await refused(path)


async def test_a_journal_of_a_later_version_is_left_as_it_is(path: Path) -> None:
    await with_entries(path)
    with tool(path) as later:
        later.execute("PRAGMA user_version = 2")
    assert "later version (format 2; this one reads 1)" in await refused(path)


async def test_a_journal_whose_tables_are_gone_is_refused(path: Path) -> None:
    await with_entries(path)
    with tool(path) as other:
        other.execute("DELETE FROM facts")
    assert "is damaged (its checkpoint is none)" in await refused(path)
    with tool(path) as other:
        other.execute("DROP TABLE facts")
    assert "no such table: facts" in await refused(path)


async def test_a_folder_that_is_none_is_said_to_be_so(path: Path) -> None:
    assert "cannot be opened: No such file or directory" in await refused(path.parent / "none" / path.name)
    path.write_text("a file")  # noqa: ASYNC240 - a small file
    assert "cannot be opened: Not a directory" in await refused(path / path.name)
    folder = path.parent / "folder"
    folder.mkdir()
    assert "cannot be opened: Is a directory" in await refused(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
async def test_a_folder_that_is_read_only_is_said_to_be_so(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        assert "cannot be opened: Permission denied; mend that, or choose another folder" in await refused(path)
    finally:
        path.parent.chmod(0o700)


async def test_a_log_whose_file_is_gone_is_not_thrown_away(path: Path) -> None:
    """It may hold acknowledged entries: of a killed owner it holds the latest."""
    async with opened(path) as journal:
        await journal.append([draft(1)])
        path.rename(path.with_name("moved"))  # noqa: ASYNC240 - no work
        told = await refused(path)
        assert "is gone, and its log journal.sqlite3-wal is still there; put the file back" in told
        path.with_name("moved").rename(path)
    async with opened(path) as journal:
        assert journal.newest == 1


async def test_what_a_killed_maker_left_is_made_anew(path: Path) -> None:
    path.with_name(f".{path.name}.new").write_bytes(b"half of one")
    path.touch()  # noqa: ASYNC240 - no work
    await with_entries(path)
    assert list(modes(path.parent)) == [path.name]


# ------------------------------------------------------------ somebody's hand


@pytest.mark.parametrize(
    ("edit", "seq"),
    [
        ("UPDATE entries SET text = 'It never happened.' WHERE seq = 4", 4),
        ("UPDATE entries SET data = '{}' WHERE seq = 1", 1),
        ("UPDATE entries SET written_ms = written_ms + 1 WHERE seq = 10", 10),
        ("UPDATE entries SET kind = 'prize' WHERE seq = 4", 4),
        ("UPDATE entries SET token = 7.5 WHERE seq = 4", 4),
        ("UPDATE entries SET text = x'00' WHERE seq = 4", 4),
        ("UPDATE entries SET hash = x'00' WHERE seq = 4", 4),
        ("DELETE FROM entries WHERE seq = 4", 4),
        ("DELETE FROM entries WHERE seq = 1", 1),
        ("DELETE FROM entries WHERE seq > 8", 9),
        ("DELETE FROM entries", 1),
        ("UPDATE entries SET seq = seq + 1 WHERE seq = 10", 10),
        ("UPDATE facts SET value = 3 WHERE name = 'removed_seq'", 4),
    ],
)
async def test_an_edit_is_found_at_its_entry(path: Path, edit: str, seq: int) -> None:
    with anyio.fail_after(10):
        await with_entries(path)
        async with opened(path) as journal:
            assert isinstance(await journal.verify(), Checkpoint)
            with tool(path) as hand:
                hand.execute(edit)
            found = await journal.verify()
    assert isinstance(found, Broken)
    assert found.seq == seq


async def test_a_number_is_never_given_twice_and_a_hole_at_the_end_shows_for_ever(path: Path) -> None:
    await with_entries(path)
    with tool(path) as hand:
        hand.execute("DELETE FROM entries WHERE seq > 8")
    with anyio.fail_after(10):
        async with opened(path) as journal:
            assert journal.newest == 10
            assert [entry.seq for entry in await journal.append([draft(11)])] == [11]
            found = await journal.verify()
    assert found == Broken(9, "the entry after 8 has the number 11")


async def test_an_entry_that_cannot_be_read_is_a_fault_and_not_left_out(path: Path) -> None:
    await with_entries(path)
    with tool(path) as hand:
        hand.execute("UPDATE entries SET kind = 'prize' WHERE seq = 4")
    with anyio.fail_after(10):
        async with opened(path) as journal:
            assert len(await journal.read(4, limit=10)) == 6
            with pytest.raises(JournalFault, match=r"is damaged \('prize' is not a valid EntryKind\)"):
                await journal.read(0, limit=10)
            assert journal.fault is None  # it is written on


async def test_a_question_to_a_connection_that_fails_is_told_to_its_asker_and_ends_the_journal(path: Path) -> None:
    def fails(writer: sqlite3.Connection) -> None:
        writer.execute("SELECT * FROM nowhere")

    with anyio.fail_after(10):
        async with opened(path) as journal:
            with pytest.raises(JournalFault, match="no such table: nowhere"):
                await journal._writer.ask(fails)  # noqa: SLF001 - what retention asks by
            await every_call_says(journal, "no such table: nowhere")
