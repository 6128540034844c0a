"""The journal in SQLite: a file that outlives its owner, whatever ends him."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

import anyio
import anyio.to_thread

from polywire.core.chain import Broken, Checkpoint
from polywire.core.coalescing import Keep, line_of
from polywire.core.pages import Tail
from polywire.errors import JournalFault
from polywire.io import journal_reads
from polywire.io.journal_file import PATIENCE_S, Opened, fault_of, opened_file, opened_to_read
from polywire.io.journal_retention import gave_back, removed_some
from polywire.io.journal_transaction import Written
from polywire.io.journal_waiters import Waiters
from polywire.io.journal_writer import MOST_WAITING, JournalWriter
from polywire.model.journal import Draft, Entry, EntryKind
from polywire.ports import Clock, KeptWatch

_T = TypeVar("_T")


class SqliteJournal:
    """What is written down for good. See `ports.Journal`, which this is; made by `open`.

    Numbers have no gaps. `newest` stays where it is when retention removes all there was. Once writing has failed, or
    the journal was closed, every call raises the `JournalFault` that says why.

    Attributes:
        id: 12 hex digits, made with the journal.
        newest: The number of the newest entry that is on disk.
        oldest: The number of the oldest entry that is kept; one more than `newest` where there is none.
        commits: Transactions since it was opened.
        fault: Why nothing can be written any more; None: it can.
    """

    def __init__(self, path: Path, clock: Clock, opened: Opened, most_waiting: int) -> None:
        self.id, self.newest, self.oldest = opened.id, opened.last.seq, opened.removed.seq + 1
        self.commits = 0
        self.fault: JournalFault | None = None
        self._path, self._clock, self._reader = path, clock, opened.reader
        self._writer = JournalWriter(
            opened.writer, path, clock, opened.last, most_waiting, self._on_disk, self._gave_up
        )
        self._tail = Tail(self.newest)
        self._reading = anyio.CapacityLimiter(1)  # one thread at a time has the reader's connection
        self._retaining = anyio.Lock()
        self._number = 0
        self._waiters = Waiters()
        self._failed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, clock: Clock, *, most_waiting: int = MOST_WAITING, patience_s: float = PATIENCE_S
    ) -> AsyncIterator["SqliteJournal"]:
        """Open a journal, made if need be, and write what was put when the block ends.

        Args:
            path: Its file, readable by us alone. Its folder must be there, and owned by nobody else.
            clock: For pacing, and for when an entry was written.
            most_waiting: Drafts that may wait for the disk.
            patience_s: How long another process may lock the file before that is a fault.

        Raises:
            JournalFault: It cannot be opened or made, or it is none of ours or of a later version.
        """
        with opened_file(path, patience_s) as opened:
            journal = cls(path, clock, opened, most_waiting)
            try:
                yield journal
            finally:
                with anyio.CancelScope(shield=True):
                    await journal._close()

    # ------------------------------------------------------------ writing

    def put(self, drafts: Sequence[Draft], watch: KeptWatch | None = None) -> None:
        """Have these written soon, in one transaction and in this order, with what is to be kept of a watch.

        It never waits. Of `price` and `book` the newest of each watch and token is written, 200 a second in all at
        most; the others are all written. See `core.coalescing` for what goes before that rate.

        Raises:
            JournalFull: More waits to be written than may, as the disk does not keep up; nothing of this will be.
            JournalFault: Nothing can be written any more.
            Misuse: A draft cannot be kept; nothing of this will be.
        """
        self._writer.put([line_of(draft) for draft in drafts], _keep_of(watch))

    async def append(self, drafts: Sequence[Draft], watch: KeptWatch | None = None) -> list[Entry]:
        """Write these at once, as `put` does and without coalescing, and return them once they are on disk.

        Everything that was put before, but for prices that wait for the rate, is on disk then too.

        Raises:
            JournalFault: They cannot be written.
            Misuse: A draft cannot be kept; nothing of this will be.
        """
        self._number += 1
        self._writer.put([line_of(draft) for draft in drafts], _keep_of(watch), number=self._number)
        return await self._waiters.appended(self._number)

    @property
    def waiting(self) -> int:
        """Drafts that wait for the disk, conflated prices counted once."""
        return self._writer.waiting

    async def failed(self) -> NoReturn:
        """Wait until nothing can be written any more, and say why.

        Raises:
            JournalFault: One sentence with the reason and what to do.
        """
        await self._failed.wait()
        assert self.fault is not None  # noqa: S101 - it is set with the event
        raise self.fault

    # ------------------------------------------------------------ reading

    async def read(
        self, after: int, *, limit: int, watches: Sequence[str] = (), kinds: Sequence[EntryKind] = ()
    ) -> list[Entry]:
        """Return up to `limit` entries over `after` that are on disk, in order; of these watches and kinds, if any.

        Raises:
            JournalFault: The file cannot be read.
        """
        self._usable()
        after = max(after, self.oldest - 1)  # what was removed is not served from memory either
        found = self._tail.read(after, limit, watches, kinds)
        if found is not None:
            return found
        to = self.newest  # no cursor is told beyond what `newest` is at the time
        return await self._ask(
            lambda reader: journal_reads.entries(reader, after, to, limit, tuple(watches), tuple(kinds))
        )

    async def beyond(self, seq: int) -> None:
        """Return once there is an entry on disk with a number over `seq`.

        Raises:
            JournalFault: There will be none any more.
        """
        self._usable()
        if self.newest <= seq:
            await self._waiters.beyond(seq)

    async def kept(self) -> list[tuple[str, bytes, bytes]]:
        """Return every watch that is kept on disk: its id, its body, its state; the oldest first."""
        self._usable()
        return await self._ask(journal_reads.kept)

    async def verify(self) -> Checkpoint | Broken:
        """Return the newest entry's place if the whole chain holds; else the first entry at which it does not.

        It reads every entry: some 100,000 a second, on a thread of its own.
        """
        self._usable()

        def verified() -> Checkpoint | Broken:
            with opened_to_read(self._path) as reader:
                return journal_reads.verified(reader)

        return await self._on_thread(verified, None)

    # ------------------------------------------------------------ retention

    async def retain(self, max_age_s: float | None = None, max_bytes: int | None = None) -> int:
        """Remove the oldest entries until none is older, and the file no larger; return how many were removed.

        Args:
            max_age_s: Seconds since they were written; None: any age.
            max_bytes: Of all that is kept; None: any size.

        Raises:
            JournalFault: The file cannot be written.
        """
        before_ms = None if max_age_s is None else self._clock.now_ns() // 1_000_000 - int(max_age_s * 1_000)
        count = 0
        async with self._retaining:
            while True:
                step = await self._writer.ask(lambda writer: removed_some(writer, before_ms, max_bytes))
                count += step.rows
                if not step.more:
                    break
                self.oldest = step.seq + 1
            while count and await self._writer.ask(gave_back):
                pass
        return count

    # ------------------------------------------------------------ what the thread tells

    def _on_disk(self, written: Written) -> None:
        self._tail.extend(written.entries)
        self.newest = written.last.seq
        self.commits += written.commits
        self._waiters.tell(written)

    def _gave_up(self, fault: JournalFault) -> None:
        self.fault = fault
        self._waiters.fail(fault)
        self._failed.set()

    # ------------------------------------------------------------ private

    async def _close(self) -> None:
        await self._writer.close()
        if self.fault is None:
            self._gave_up(JournalFault(str(self._path), "was closed; open it again"))
        async with self._reading:  # a question that is being answered has the connection
            pass

    def _usable(self) -> None:
        if self.fault is not None:
            raise self.fault

    async def _ask(self, ask: Callable[[sqlite3.Connection], _T]) -> _T:
        return await self._on_thread(lambda: ask(self._reader), self._reading)

    async def _on_thread(self, ask: Callable[[], _T], limiter: anyio.CapacityLimiter | None) -> _T:
        try:
            return await anyio.to_thread.run_sync(ask, limiter=limiter)
        except (OSError, sqlite3.Error, TypeError, ValueError) as fault:
            raise fault_of(self._path, fault) from fault


def _keep_of(watch: KeptWatch | None) -> Keep | None:
    return None if watch is None else Keep(watch.id, watch.body, watch.state)
