"""The one thread that writes the journal: whatever waits is written as one transaction, then said to be on disk.

What somebody waits for goes at once; what was only put waits 5 ms for company, and until 25 ms after the transaction
before: a transaction costs over 0.2 ms of CPU, a line 0.016. Lines that come while the disk syncs form the next group,
so the more there is to write, the larger the groups, and the more prices are conflated.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio.to_thread

from polywire.core.chain import Checkpoint
from polywire.core.coalescing import Coalescing, Keep, Line
from polywire.errors import JournalFault, JournalFull
from polywire.io.journal_file import fault_of
from polywire.io.journal_transaction import Written, written
from polywire.io.loop_calls import call_in_loop, settle
from polywire.ports import Clock

_T = TypeVar("_T")

MOST_WAITING: Final = 100_000
"""Lines that may wait for a slow disk, unless told otherwise."""

LINGER_S: Final = 0.005
"""How long a line waits for others to share its transaction."""

APART_S: Final = 0.025
"""Between two transactions for which nobody waits, from the end of the one to the beginning of the other."""

_GROUP: Final = 2_000
"""Lines in one transaction, about: some 40 ms of work."""


class JournalWriter:
    """Writes on a thread, and tells the loop.

    Args:
        connection: Used by the thread alone from now on.
        path: Of the file, for errors.
        clock: For pacing, and for when an entry was written.
        last: The newest entry.
        most_waiting: Lines that may wait.
        on_disk: Called in the loop with each transaction that is on disk, in order.
        failed: Called in the loop once, when nothing can be written any more.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        clock: Clock,
        last: Checkpoint,
        most_waiting: int,
        on_disk: Callable[[Written], None],
        failed: Callable[[JournalFault], None],
    ) -> None:
        self._connection, self._path, self._clock, self._last = connection, path, clock, last
        self._most_waiting, self._on_disk, self._failed = most_waiting, on_disk, failed
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()  # guards everything below
        self._waiting = Coalescing()
        self._ready_s: float | None = None  # since when something could be written
        self._wrote_s = -inf  # when the last transaction ended
        self._jobs: deque[_Job] = deque()
        self._at_once = self._closing = False
        self._fault: JournalFault | None = None
        self._thread = threading.Thread(target=self._run, name="polywire journal", daemon=True)
        self._thread.start()

    def put(self, lines: Sequence[Line], keep: Keep | None, *, number: int = 0) -> None:
        """Take lines; where `number` is not 0, as somebody's who waits for them.

        Raises:
            JournalFull: Too many wait.
            JournalFault: Nothing can be written any more.
        """
        with self._changed:
            if self._fault is not None:
                raise self._fault
            if len(self._waiting) + len(lines) > self._most_waiting:
                raise JournalFull(str(self._path), len(self._waiting))
            wake = self._waiting.due_s is None  # the thread waits without end
            self._waiting.put(lines, keep, number=number, apart=bool(number))
            if number:
                self._at_once = wake = True
            due_s, now_s = self._waiting.due_s, self._clock.monotonic_s()
            if self._ready_s is None and due_s is not None and due_s <= now_s:
                self._ready_s, wake = now_s, True
            if wake:
                self._changed.notify()

    @property
    def waiting(self) -> int:
        """Drafts that are not on disk yet."""
        with self._changed:
            return len(self._waiting)

    async def ask(self, ask: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what `ask` returns, which is called with the writer's connection between two transactions.

        Raises:
            JournalFault: Nothing can be written any more.
        """
        answer: asyncio.Future[_T] = self._loop.create_future()
        with self._changed:
            if self._fault is not None:
                raise self._fault
            self._jobs.append((ask, answer))
            self._changed.notify()
        return await answer

    async def close(self) -> None:
        """Return once everything taken has been written, however that ends. Not to be cancelled."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await anyio.to_thread.run_sync(self._thread.join)

    # ------------------------------------------------------------ on the thread

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except Exception as fault:  # noqa: BLE001 - a thread that ends in silence would lose all that follows
            self._give_up(fault)

    def _turn(self) -> bool:
        """Wait for something to do, do it, and return whether there is to be another turn."""
        with self._changed:
            self._wait()
            batches = self._waiting.take(inf if self._closing else self._clock.monotonic_s(), _GROUP)
            due_s, jobs = self._waiting.due_s, len(self._jobs)
            self._at_once, self._ready_s = due_s == -inf, None  # what one group did not hold has waited enough
            over = self._closing and due_s is None and not jobs
            if over:  # from here on nothing is taken that nobody would write
                self._fault = JournalFault(str(self._path), "was closed; open it again")
        if batches:
            done = written(self._connection, batches, self._last, self._clock.now_ns() // 1_000_000)
            self._last, self._wrote_s = done.last, self._clock.monotonic_s()
            call_in_loop(self._loop, self._on_disk, done)
        for _ in range(jobs):
            ask, answer = self._jobs[0]
            found = ask(self._connection)
            self._jobs.popleft()  # only now: where it fails, it is told so with all others
            call_in_loop(self._loop, settle, answer, found, None)
        return not over

    def _wait(self) -> None:
        while not (self._jobs or self._at_once or self._closing):
            due_s, timeout_s = self._waiting.due_s, None
            if due_s is not None:
                ready_s = -inf if self._ready_s is None else self._ready_s
                timeout_s = max(due_s, ready_s + LINGER_S, self._wrote_s + APART_S) - self._clock.monotonic_s()
                if timeout_s <= 0:
                    return
            self._changed.wait(timeout_s)

    def _give_up(self, fault: Exception) -> None:
        """Write nothing any more: what comes later must not seem to prove that what came before is on disk."""
        if isinstance(fault, JournalFault | sqlite3.Error):
            told = fault_of(self._path, fault)
        else:
            told = JournalFault(
                str(self._path), f"is not written any more ({type(fault).__name__}: {fault}); report it"
            )
        with self._changed:
            self._fault = told
            jobs, self._jobs = self._jobs, deque()
        call_in_loop(self._loop, self._failed, told)
        for _, answer in jobs:
            call_in_loop(self._loop, settle, answer, None, told)


_Job = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]
