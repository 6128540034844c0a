"""The store in SQLite: a file that outlives the exchange, or memory."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NoReturn

import anyio
import msgspec

from polywire.errors import PolywireError
from polywire.exchange.trading import store_reads
from polywire.exchange.trading.records import Activity, PricePoint, Row, UserOrder, UserTrade
from polywire.exchange.trading.store import ActivityQuery, Kept, TradeQuery
from polywire.exchange.trading.store_file import opened_file
from polywire.exchange.trading.store_reads import Facts
from polywire.exchange.trading.store_thread import MOST_BYTES, Put, StoreThread
from polywire.model.units import ConditionId

_ENCODE: Final = msgspec.json.Encoder().encode


class SqliteStore:
    """What is kept. See `store.Store`, which this is.

    What waits to be written is bounded by those who wait for it: every answer to a user waits until its rows are on
    disk, and sockets are limited. What comes without a user (markets, prices, the crowds' trades with resting orders)
    is a few rows a second. Should all the same more than `store_thread.MOST_BYTES` wait, the store fails.

    Args:
        connection: The store's own from now on; `close()` leaves it open.
        name: Of the file, for errors.
        about: What is known of it.
        most_bytes: Of rows that may wait to be written.

    Attributes:
        secret: 32 bytes, made with the store.
        identity: 16 hex digits, made with the store.
        now_ms: The venue's time, which every put keeps too; whoever has the clock sets it.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, about: Facts, most_bytes: int) -> None:
        self.secret, self.identity = about.secret, about.identity
        self.now_ms: Callable[[], int] = lambda: 0
        self._thread = StoreThread(connection, name, most_bytes, self._on_disk, self._gave_up)
        self._put = self._kept = 0  # numbers of the last put, and of the last one on disk
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._fault: PolywireError | None = None
        self._failed = asyncio.Event()
        self._in_need: set[asyncio.Future[None]] = set()  # waits of `kept`

    # ------------------------------------------------------------ writing

    def put(self, *rows: Row) -> None:
        """Keep rows as they are now, in place of what was kept by the same id. All of one call, or none of it."""
        self._put += 1
        encoded = [(type(row), _ENCODE(row)) for row in rows]
        self._thread.put(Put(self._put, encoded, self.now_ms()))

    def when_kept(self, then: Callable[[], None]) -> None:
        """Call `then` in the loop once everything put so far is on disk; in the order asked. Never, once it failed."""
        if self._kept == self._put and not self._waiting:
            then()
        else:
            self._waiting.append((self._put, then))

    async def kept(self) -> None:
        """Return once everything put so far is on disk.

        Raises:
            PolywireError: It cannot be kept any more.
        """
        if self._fault is not None:
            raise self._fault
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_kept(lambda: None if done.done() else done.set_result(None))
        if not done.done():
            self._in_need.add(done)
            done.add_done_callback(self._in_need.discard)
        await done

    async def failed(self) -> NoReturn:
        """Wait until nothing can be kept any more, and say why.

        Raises:
            PolywireError: One sentence with the reason.
        """
        await self._failed.wait()
        assert self._fault is not None  # noqa: S101 - it is set with the event
        raise self._fault

    # ------------------------------------------------------------ reading

    async def load(self) -> Kept:
        """Return what an exchange begins with: everything but history."""
        return await self._thread.read(store_reads.load)

    async def order(self, order_id: str) -> UserOrder | None:
        """Return an order, open or ended."""
        return await self._thread.read(lambda connection: store_reads.order(connection, order_id))

    async def trades(self, query: TradeQuery) -> list[UserTrade]:
        """Return trades, the latest first."""
        return await self._thread.read(lambda connection: store_reads.trades(connection, query))

    async def activity(self, query: ActivityQuery) -> list[Activity]:
        """Return activity, the latest first unless asked otherwise."""
        return await self._thread.read(lambda connection: store_reads.activity(connection, query))

    async def prices(self, condition: ConditionId, first_minute: int, last_minute: int) -> list[PricePoint]:
        """Return a market's prices, oldest first, both ends included."""
        return await self._thread.read(
            lambda connection: store_reads.prices(connection, condition, first_minute, last_minute)
        )

    async def close(self) -> None:
        """Write what was put, and how late it is, and return once that is done. Not to be cancelled."""
        self.put()
        await self._thread.close()

    # ------------------------------------------------------------ what the thread tells

    def _on_disk(self, number: int) -> None:
        self._kept = number
        while self._waiting and self._waiting[0][0] <= number:
            try:
                self._waiting.popleft()[1]()
            except BaseException:  # is the loop's to tell; those behind it must not be forgotten
                asyncio.get_running_loop().call_soon(self._on_disk, self._kept)
                raise

    def _gave_up(self, fault: PolywireError) -> None:
        self._fault = fault
        for done in list(self._in_need):
            if not done.done():
                done.set_exception(fault)
        self._failed.set()


@asynccontextmanager
async def opened_store(path: Path | None, *, most_bytes: int = MOST_BYTES) -> AsyncIterator[SqliteStore]:
    """Open a state file, or memory for None, and write what was put when the block ends.

    The file is readable by its owner alone: credentials follow from a secret in it. They open nothing but this
    exchange, where there is no money.

    Raises:
        PolywireError: Another exchange has it, it is none of ours or of a later version, or it cannot be written.
    """
    name = "the exchange's memory" if path is None else f"the state file {path}"
    with opened_file(path) as connection:
        try:
            about = store_reads.begin(connection)
        except (sqlite3.Error, TypeError) as fault:
            raise PolywireError(
                f"{name} cannot be read ({fault}); restore a copy, or name another with --state"
            ) from fault
        store = SqliteStore(connection, name, about, most_bytes)
        try:
            yield store
        finally:
            with anyio.CancelScope(shield=True):
                await store.close()
