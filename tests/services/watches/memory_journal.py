"""A journal in memory, whose disk a test fills or takes away."""

import asyncio
from collections.abc import Sequence

import msgspec

from polywire.errors import JournalFault, JournalFull
from polywire.model.journal import Draft, Entry, EntryKind
from polywire.ports import KeptWatch


class MemoryJournal:
    """See `polywire.ports.Journal`. It writes at once, and conflates nothing.

    Attributes:
        entries: On "disk".
        watches: What is kept of watches: body and state, by id.
        full: Whether `put` refuses, as one does whose disk does not keep up.
        broken: Why nothing can be written; "": it can.
        gate: Appends wait until this is set.
    """

    id = "0123456789ab"
    oldest = 1

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.watches: dict[str, tuple[bytes, bytes]] = {}
        self.full = False
        self.broken = ""
        self.gate = asyncio.Event()
        self.gate.set()
        self.states = 0
        self._came = asyncio.Event()

    @property
    def newest(self) -> int:
        return len(self.entries)

    def put(self, drafts: Sequence[Draft], watch: KeptWatch | None = None) -> None:
        if self.broken:
            raise JournalFault("journal.sqlite3", self.broken)
        if self.full:
            raise JournalFull("journal.sqlite3", 100_000)
        self._write(drafts, watch)

    async def append(self, drafts: Sequence[Draft], watch: KeptWatch | None = None) -> list[Entry]:
        await self.gate.wait()
        if self.broken:
            raise JournalFault("journal.sqlite3", self.broken)
        return self._write(drafts, watch)

    def _write(self, drafts: Sequence[Draft], watch: KeptWatch | None) -> list[Entry]:
        if watch is not None:
            self.states += 1
            if watch.body is None:
                self.watches.pop(watch.id, None)
            elif watch.body:
                self.watches[watch.id] = watch.body, watch.state
            elif watch.id in self.watches:
                self.watches[watch.id] = self.watches[watch.id][0], watch.state
        new = [
            Entry(
                len(self.entries) + number, draft.kind, draft.text, msgspec.Raw(msgspec.json.encode(draft.data)),
                draft.watch, draft.token, draft.condition, draft.venue_ms, draft.seen_ns, 0, 1, "", "",
            )
            for number, draft in enumerate(drafts, 1)
        ]  # fmt: skip
        self.entries += new
        came, self._came = self._came, asyncio.Event()
        came.set()
        return new

    async def read(
        self, after: int, *, limit: int, watches: Sequence[str] = (), kinds: Sequence[EntryKind] = ()
    ) -> list[Entry]:
        return self.of(*kinds, watches=watches, after=after)[:limit]

    async def beyond(self, seq: int) -> None:
        while self.newest <= seq:
            await self._came.wait()

    async def kept(self) -> list[tuple[str, bytes, bytes]]:
        return [(watch, body, state) for watch, (body, state) in self.watches.items()]

    # ------------------------------------------------------------ for tests

    def of(self, *kinds: EntryKind, watches: Sequence[str] = (), after: int = 0) -> list[Entry]:
        """Return the entries of these kinds and watches; none named: of all."""
        return [
            one
            for one in self.entries[after:]
            if (not kinds or one.kind in kinds) and (not watches or one.watch in watches)
        ]

    def shown(self, watch: str) -> list[str]:
        """Return the kinds of a watch's entries, in order."""
        return [one.kind.value for one in self.of(watches=(watch,))]


def data_of(entry: Entry) -> dict[str, object]:
    """Return what an entry holds."""
    found: dict[str, object] = msgspec.json.decode(entry.data)
    return found
