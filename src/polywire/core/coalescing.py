"""What waits to be written into the journal: in order, with prices of which only the newest counts held to a rate.

A draft of `price` or `book` waits by its kind, watch and token; a newer one takes its place and counts it. Those that
wait are written in turn, so that each comes round whatever the others do, and at most 200 in any second.

Two things go before that rate, as they are worth more. A draft of another kind is never written before an older price
of its token (or, where it names no token, of its watch): such prices go with it, at once, however many were written
lately. They count all the same, so that others wait the longer. And what is kept of a watch is never on disk before the
prices it knows of: it waits for them, or takes them along where it may not wait.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from math import inf
from typing import Final

import msgspec

from polywire.errors import Misuse
from polywire.model.journal import COALESCED, Draft, EntryKind

A_SECOND: Final = 200
"""Entries of `price` and `book` that are written in a second."""


class Line(msgspec.Struct, frozen=True):
    """A draft, checked, with its data as they will be kept."""

    draft: Draft
    data: bytes  # a JSON object
    stands_for: int = 1


class Keep(msgspec.Struct, frozen=True):
    """What is to be kept of a watch. See `ports.KeptWatch`."""

    id: str
    body: bytes | None  # b"": as it is; None: forget the watch
    state: bytes


class Batch(msgspec.Struct):
    """What belongs into one transaction."""

    lines: list[Line]
    keeps: list[Keep]
    number: int = 0  # whose, to whoever waits for it; 0: nobody does
    own: list[int] = []  # where that is not 0: which of `lines` are his; the others had to go before them


def line_of(draft: Draft) -> Line:
    """Return a draft as it will be kept; what its maker changes afterwards is not seen.

    Raises:
        Misuse: It cannot be kept: its data are no JSON, a text is no UTF-8, or a time has more than 64 bits.
    """
    try:
        data = _ENCODE(draft.data)
        for text in (draft.text, draft.watch, draft.token, draft.condition):
            text.encode()
        for number in (draft.venue_ms, draft.seen_ns):
            number.to_bytes(8, "big", signed=True)
    except (TypeError, ValueError, OverflowError, RecursionError) as fault:
        raise Misuse(
            f"a journal entry of kind {draft.kind} cannot be written: {fault}; its data have to be JSON, its texts "
            "Unicode without lone surrogates, and its times 64-bit numbers"
        ) from fault
    return Line(draft, data)


class Coalescing:
    """Takes what is to be written, and hands out what is due. Time is any monotonic clock's, in seconds.

    Args:
        a_second: How many of `price` and `book` may be written in any second on their own account.
    """

    __slots__ = ("_held", "_lines", "_of_token", "_of_watch", "_pending", "_ready", "_written_s")

    def __init__(self, a_second: int = A_SECOND) -> None:
        self._ready: deque[Batch] = deque()
        self._lines = 0  # in `_ready`
        self._pending: OrderedDict[_Key, Line] = OrderedDict()  # those that have waited longest first
        self._of_token: dict[str, dict[_Key, None]] = {}
        self._of_watch: dict[str, dict[_Key, None]] = {}
        self._held: dict[str, Keep] = {}  # by watch: what waits for its prices
        self._written_s: deque[float] = deque(maxlen=a_second)  # when the last prices were

    def __len__(self) -> int:
        """How many lines wait."""
        return self._lines + len(self._pending)

    @property
    def due_s(self) -> float | None:
        """When there is something to take: `-inf` at once, else the time; None: nothing waits."""
        if self._ready:
            return -inf
        if not self._pending:
            return None
        return -inf if self._has_room else self._written_s[0] + _SECOND

    def put(self, lines: Sequence[Line], keep: Keep | None = None, *, number: int = 0, apart: bool = False) -> None:
        """Take lines, and what is to be kept of a watch.

        Args:
            lines: In the order to be written.
            keep: Goes into the transaction of the last of them.
            number: Whose this is; it comes back in its batch. Not 0 only where it is `apart`.
            apart: It is written at once and nothing of it is coalesced.
        """
        batch = Batch([], [], number)
        for line in lines:
            draft = line.draft
            if draft.kind in COALESCED and not apart:
                self._wait(line)
            else:
                self._release(self._before(draft), batch)
                if number:
                    batch.own.append(len(batch.lines))
                batch.lines.append(line)
        if keep is not None:
            if apart or batch.lines or keep.body != b"":
                self._release(self._of_watch.get(keep.id, ()), batch)
            if keep.id in self._of_watch:
                self._held[keep.id] = keep
            else:
                batch.keeps.append(keep)
        if batch.lines or batch.keeps or number:
            self._ready.append(batch)
            self._lines += len(batch.lines)

    def take(self, now_s: float, most: int) -> list[Batch]:
        """Return what is to be written now, in order; no batch is divided.

        Args:
            now_s: The time; `inf`: of the prices too, whatever the rate.
            most: Lines after which no further batch is begun.
        """
        taken, count = list[Batch](), 0
        while self._ready and count < most:
            batch = self._ready.popleft()
            count += len(batch.lines)
            taken.append(batch)
            self._written_s.extend([now_s for line in batch.lines if line.draft.kind in COALESCED])
        self._lines -= count
        if self._ready:  # these are older than any price that waits
            return taken
        prices = Batch([], [])
        while self._pending and count < most and (self._has_room or now_s >= self._written_s[0] + _SECOND):
            self._release([next(iter(self._pending))], prices)
            self._written_s.append(now_s)
            count += 1
        if prices.lines:
            taken.append(prices)
        return taken

    @property
    def _has_room(self) -> bool:
        return len(self._written_s) < (self._written_s.maxlen or 0)

    def _wait(self, line: Line) -> None:
        draft = line.draft
        key = draft.kind, draft.watch, draft.token
        former = self._pending.get(key)
        if former is None:
            self._of_token.setdefault(draft.token, {})[key] = None
            self._of_watch.setdefault(draft.watch, {})[key] = None
            self._pending[key] = line
        else:  # its place in the row stays
            self._pending[key] = Line(draft, line.data, former.stands_for + 1)

    def _before(self, draft: Draft) -> Iterable["_Key"]:
        """Return the prices that must not be written after a draft."""
        if draft.kind in COALESCED:
            key = draft.kind, draft.watch, draft.token
            return (key,) if key in self._pending else ()
        if draft.token:
            return self._of_token.get(draft.token, ())
        return self._of_watch.get(draft.watch, ()) if draft.watch else ()

    def _release(self, keys: Iterable["_Key"], batch: Batch) -> None:
        for key in list(keys):
            _, watch, token = key
            batch.lines.append(self._pending.pop(key))
            _forget(self._of_token, token, key)
            _forget(self._of_watch, watch, key)
            if watch not in self._of_watch and watch in self._held:
                batch.keeps.append(self._held.pop(watch))


def _forget(index: dict[str, dict["_Key", None]], name: str, key: "_Key") -> None:
    keys = index[name]
    del keys[key]
    if not keys:
        del index[name]


_Key = tuple[EntryKind, str, str]
_SECOND: Final = 1.0
_ENCODE: Final = msgspec.json.Encoder().encode
