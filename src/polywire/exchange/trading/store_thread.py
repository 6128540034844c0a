"""The one thread that writes and reads a store: whatever waits is written as one transaction, then said to be kept.

Nothing is delayed on purpose: a row that comes alone is on disk after one sync. Rows that come during a sync form the
next group, so the more there is to write, the larger the groups.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import anyio.to_thread

from polywire.errors import PolywireError
from polywire.exchange.trading.records import Row
from polywire.exchange.trading.store_schema import TABLES
from polywire.io.loop_calls import call_in_loop, settle

_T = TypeVar("_T")

MOST_BYTES: Final = 64 << 20
"""Of rows that may wait for a slow disk, unless told otherwise; more than that, and the store gives up."""

_GROUP: Final = 2_000
"""Puts in one transaction, at most: some 20 ms of work."""


class Put:
    """Rows of one call, encoded, that are written together or not at all."""

    __slots__ = ("bytes", "number", "rows", "time_ms")

    def __init__(self, number: int, rows: list[tuple[type[Row], bytes]], time_ms: int) -> None:
        self.number, self.rows, self.time_ms = number, rows, time_ms
        self.bytes = sum(len(body) for _, body in rows)


class Read:
    """A question, and where its answer goes."""

    __slots__ = ("answer", "ask")

    def __init__(self, ask: Callable[[sqlite3.Connection], Any], answer: "asyncio.Future[Any]") -> None:
        self.ask, self.answer = ask, answer


class StoreThread:
    """Writes and reads on a thread, and tells the loop.

    Args:
        connection: Used by the thread alone from now on.
        name: Of the file, for errors.
        most_bytes: Of rows that may wait.
        kept: Called in the loop with the number of the last put that is on disk, once a group, in order.
        failed: Called in the loop once, when nothing can be kept any more.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        name: str,
        most_bytes: int,
        kept: Callable[[int], None],
        failed: Callable[[PolywireError], None],
    ) -> None:
        self._connection, self._name, self._most_bytes = connection, name, most_bytes
        self._kept, self._failed = kept, failed
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Put | Read | None] = SimpleQueue()
        self._taken_bytes = self._written_bytes = 0
        self._fault: PolywireError | None = None  # set by whoever meets it, read by both sides
        self._thread = threading.Thread(target=self._run, name="polywire store", daemon=True)
        self._thread.start()

    def put(self, put: Put) -> None:
        """Take rows to be written; nothing once writing has failed."""
        if self._fault is not None:
            return
        self._taken_bytes += put.bytes
        waiting = self._taken_bytes - self._written_bytes
        if waiting > self._most_bytes:
            self._fault = PolywireError(
                f"{self._name} is written too slowly: {waiting:,} bytes wait (limit {self._most_bytes:,}), so the "
                "exchange ends here; put the file on a faster disk"
            )
            self._failed(self._fault)
            return
        self._jobs.put(put)

    async def read(self, ask: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what `ask` returns, which is called behind every put before it.

        Raises:
            PolywireError: Nothing can be read any more.
        """
        answer: asyncio.Future[_T] = self._loop.create_future()
        self._jobs.put(Read(ask, answer))
        return await answer

    async def close(self) -> None:
        """Return once everything taken has been written, however that ends. Not to be cancelled."""
        self._jobs.put(None)
        await anyio.to_thread.run_sync(self._thread.join)

    # ------------------------------------------------------------ on the thread

    def _run(self) -> None:
        ended = False
        while not ended:
            jobs = [self._jobs.get()]
            with contextlib.suppress(Empty):
                while len(jobs) < _GROUP:
                    jobs.append(self._jobs.get_nowait())
            ended = None in jobs
            puts = [job for job in jobs if isinstance(job, Put)]
            try:
                if puts and self._fault is None:
                    self._write(puts)
            except Exception as fault:  # noqa: BLE001 - a thread that ends in silence would lose all that follows
                self._give_up(fault)
            for job in jobs:
                if isinstance(job, Read):
                    self._answer(job)

    def _give_up(self, fault: Exception) -> None:
        """Write nothing any more: what comes later must not seem to prove that what came before is kept."""
        what = str(fault) if isinstance(fault, sqlite3.Error) else f"{type(fault).__name__}: {fault}"
        self._fault = PolywireError(
            f"{self._name} cannot be written or read any more ({what}), so the exchange ends here; what it has "
            "acknowledged is kept; make room, or mend the disk, and start it again"
        )
        call_in_loop(self._loop, self._failed, self._fault)

    def _write(self, puts: list[Put]) -> None:
        rows: dict[type[Row], list[bytes]] = {}
        for put in puts:
            for kind, body in put.rows:
                rows.setdefault(kind, []).append(body)
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            for kind, bodies in rows.items():
                array = f"[{b','.join(bodies).decode()}]"
                for write in TABLES[kind].writes:
                    execute(write, (array,))
            last_ms = max(put.time_ms for put in puts)
            execute("UPDATE facts SET value = max(value, ?) WHERE name = 'last_ms'", (last_ms,))
            execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back by itself after some errors
                execute("ROLLBACK")
            raise
        self._written_bytes += sum(put.bytes for put in puts)
        call_in_loop(self._loop, self._kept, puts[-1].number)

    def _answer(self, job: Read) -> None:
        if self._fault is None:
            try:
                found = job.ask(self._connection)
            except Exception as fault:  # noqa: BLE001 - as above
                self._give_up(fault)
            else:
                call_in_loop(self._loop, settle, job.answer, found, None)
                return
        call_in_loop(self._loop, settle, job.answer, None, self._fault)
