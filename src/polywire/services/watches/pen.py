"""Writes what watches have to say; what the journal does not take is counted, and said as soon as it takes something.

It is called inside the socket's callback, so nothing here waits, and nothing is raised.
"""

from collections import Counter
from collections.abc import Sequence

from polywire.errors import JournalFault, Misuse
from polywire.model.journal import Draft
from polywire.ports import Clock, Journal
from polywire.services.watches.entries import lost_entry
from polywire.services.watches.keeping import Kept

_MS = 1_000_000


class _Loss:
    """Entries of one watch that were not taken."""

    def __init__(self, since_ms: int) -> None:
        self.since_ms, self.until_ms, self.reason = since_ms, since_ms, ""
        self.kinds = Counter[str]()


class Pen:
    """Hands drafts to the journal.

    Args:
        journal: Takes them.
        clock: Our time.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._losses: dict[str, _Loss] = {}
        self._forget: set[str] = set()

    @property
    def lost(self) -> int:
        """Entries that were not taken, and of which the journal does not say so yet."""
        return sum(loss.kinds.total() for loss in self._losses.values())

    def write(self, watch: str, drafts: Sequence[Draft], kept: Kept | None) -> bool:
        """Have drafts of a watch written with what is kept of it; return whether the journal took them."""
        if (self._losses or self._forget) and not self.settle():
            self._count(watch, drafts, kept, "")
            return False
        reason = self._put(drafts, kept)
        if reason:
            self._count(watch, drafts, kept, reason)
        return not reason

    def settle(self) -> bool:
        """Say what was lost, and forget what was to be forgotten; return whether the journal took that."""
        now_ns = self._clock.now_ns()
        for watch, loss in tuple(self._losses.items()):
            told = lost_entry(watch, loss.kinds, loss.since_ms, loss.until_ms, loss.reason, now_ns)
            if self._put([told], None):
                return False
            del self._losses[watch]
        for watch in tuple(self._forget):
            if self._put((), Kept(watch, None, b"")):
                return False
            self._forget.discard(watch)
        return True

    def _put(self, drafts: Sequence[Draft], kept: Kept | None) -> str:
        """Return why the journal did not take these; "" where it did."""
        try:
            self._journal.put(drafts, kept)
        except JournalFault as fault:
            return fault.reason
        except Misuse as misuse:  # a draft that is none: a fault of ours, and no reason to end a feed
            return str(misuse)
        return ""

    def _count(self, watch: str, drafts: Sequence[Draft], kept: Kept | None, reason: str) -> None:
        if kept is not None and kept.body is None:
            self._forget.add(watch)
        if not drafts:
            return  # a state alone is saved again with the next
        now_ms = self._clock.now_ns() // _MS
        loss = self._losses.get(watch)
        if loss is None:
            loss = self._losses[watch] = _Loss(now_ms)
        loss.until_ms = now_ms
        loss.reason = reason or loss.reason or next((one.reason for one in self._losses.values() if one.reason), "")
        loss.kinds.update(draft.kind.value for draft in drafts)
