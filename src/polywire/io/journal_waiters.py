"""Those in the loop who wait for the journal: for their own entries, or for any beyond a number."""

import asyncio

from polywire.errors import JournalFault
from polywire.io.journal_transaction import Written
from polywire.model.journal import Entry


class Waiters:
    """Woken in the order in which they came."""

    def __init__(self) -> None:
        self._appended: dict[int, asyncio.Future[list[Entry]]] = {}
        self._beyond: dict[asyncio.Future[None], int] = {}

    async def appended(self, number: int) -> list[Entry]:
        """Return the entries of a number once they are on disk."""
        done: asyncio.Future[list[Entry]] = asyncio.get_running_loop().create_future()
        self._appended[number] = done
        return await done

    async def beyond(self, seq: int) -> None:
        """Return once an entry with a number over `seq` is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._beyond[done] = seq
        try:
            await done
        finally:
            self._beyond.pop(done, None)

    def tell(self, written: Written) -> None:
        """Wake those who waited for this."""
        for number, entries in written.numbers:
            appended = self._appended.pop(number)
            if not appended.done():  # else who asked has gone
                appended.set_result(entries)
        for beyond, seq in self._beyond.items():
            if written.last.seq > seq and not beyond.done():
                beyond.set_result(None)

    def fail(self, fault: JournalFault) -> None:
        """Tell all who wait that they wait in vain."""
        for appended in self._appended.values():
            if not appended.done():
                appended.set_exception(fault)
        self._appended.clear()
        for beyond in self._beyond:
            if not beyond.done():
                beyond.set_exception(fault)
