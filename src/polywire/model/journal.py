"""What is written down for good: entries of the journal, and the cursors that readers keep."""

from enum import StrEnum
from typing import Any, Final

import msgspec

from polywire.errors import Misuse


class EntryKind(StrEnum):
    """What an entry is about."""

    ALERT = "alert"  # a watch's condition became true
    PRICE = "price"  # prices of a token, conflated
    BOOK = "book"  # the top of a token's book, conflated
    ORDER = "order"  # an own order changed
    TRADE = "trade"  # an own trade reached a status
    RESOLUTION = "resolution"  # a market's outcome was proposed, or is known
    GAP = "gap"  # something may have been missed, from when to when
    FRESHNESS = "freshness"  # a book became more, or less, to be believed
    DECISION = "decision"  # an agent, or a person, decided something
    NOTICE = "notice"  # for people: a watch ended, a budget is used up, a message from outside
    SYSTEM = "system"  # Polywire itself: started, a watch made or dropped


COALESCED: Final = frozenset({EntryKind.PRICE, EntryKind.BOOK})
"""The kinds of which only the newest of a watch and token counts; all others are never coalesced or dropped."""


class Draft(msgspec.Struct, frozen=True):
    """An entry that is to be written."""

    kind: EntryKind
    text: str  # one sentence for people; words of strangers stand in `data` alone
    data: dict[str, Any] = {}  # JSON-ready; prices and sizes as decimal texts
    watch: str = ""  # whose; "": nobody's
    token: str = ""
    condition: str = ""
    venue_ms: int = 0  # the venue's clock of what it is about; 0 where unknown
    seen_ns: int = 0  # our clock when we saw it; 0: nothing was seen


class Entry(msgspec.Struct, frozen=True):
    """An entry that is on disk. `hash` covers every field but itself, and `prev_hash` the entry before: a chain."""

    seq: int  # in the order they were committed, without gaps
    kind: EntryKind
    text: str
    data: msgspec.Raw  # a JSON object
    watch: str
    token: str
    condition: str
    venue_ms: int
    seen_ns: int
    written_ms: int  # our clock
    stands_for: int  # 1, or how many drafts of this watch and token it is the newest of
    prev_hash: str  # 64 hex digits; of the first row 64 zeros
    hash: str


class Cursor(msgspec.Struct, frozen=True):
    """A place in a journal: after the entry of that number. Its text is what readers keep.

    >>> Cursor.read("3f9a11c02b7e.41")
    Cursor(journal='3f9a11c02b7e', seq=41)
    >>> str(Cursor("3f9a11c02b7e", 0))
    '3f9a11c02b7e.0'
    """

    journal: str  # 12 hex digits, drawn when the journal was made
    seq: int  # 0: before the first

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Return what a text says.

        Raises:
            Misuse: It is no cursor.
        """
        journal, dot, seq = text.strip().partition(".")
        if len(journal) == _ID and dot and seq.isascii() and seq.isdigit() and len(seq) <= _LONGEST_SEQ:
            return cls(journal, int(seq))
        raise Misuse(
            f"{text[:60]!r} is no cursor: it is written `<journal>.<number>`, as in 3f9a11c02b7e.41; leave it out to "
            "begin with what comes next"
        )

    def __str__(self) -> str:
        return f"{self.journal}.{self.seq}"


class Standing(StrEnum):
    """What a cursor is to a journal."""

    GOOD = "good"
    TRUNCATED = "truncated"  # entries after it were removed by retention; reading goes on with the oldest there is
    FOREIGN = "foreign"  # it is another journal's
    FUTURE = "future"  # it is beyond the newest entry: the journal was put back from a copy, or the cursor made up


class Page(msgspec.Struct, frozen=True):
    """What a reader is answered: entries in order, and where he goes on."""

    entries: tuple[Entry, ...]
    cursor: str  # to go on from; where `standing` is foreign or future: the newest, from which reading can begin
    newest: str  # of the journal as it was read
    oldest: str  # before the oldest entry that is kept
    standing: Standing
    lost: int = 0  # where truncated: how many numbers lie between the cursor and the oldest kept entry
    pending: int = 0  # entries after `cursor` that match too, counted to a limit


_ID: Final = 12
_LONGEST_SEQ: Final = 18
