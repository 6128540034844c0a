"""What REST says of a book, weighed against it: replayed over what the stream brought meanwhile, then compared.

A REST book is of one instant of the venue's clock, and the stream may be behind it or ahead. So the changes heard since
the question was asked are kept; those not older than the statement are applied to it (sizes are absolute, so what it
holds already does no harm), and what comes out is what our book must be. Source: docs/protocol.md, "Keeping a book".
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from polywire.core.book import Book
from polywire.model.events import Event
from polywire.model.market import BookReplaced, BookStated, LevelChanged

SETTLE_S: Final = 1.5
"""For which the stream may still bring what REST has shown already."""

_MOST_KEPT: Final = 20_000  # changes of one token between a question and its verdict


class Verdict(Enum):
    """What evidence says of a book."""

    WAIT = "the stream may still bring it"
    EQUAL = "every level is the venue's"
    DIFFERS = "levels are not the venue's"
    STALE = "REST is behind the stream, and says nothing"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, and what it rests on.

    Attributes:
        verdict: What the evidence says.
        book: What the book must be, where it was said; its `seen_ns` is when it was found.
        reason: One sentence, with numbers.
    """

    verdict: Verdict
    book: BookReplaced | None = None
    reason: str = ""


class Hearing:
    """One token, from a question to the venue until the verdict. `take` is to be among the book's readers meanwhile.

    Args:
        book: The token's.
        asked_ns: Our clock when it was asked; what is proven is proven for then.
    """

    def __init__(self, book: Book, asked_ns: int) -> None:
        self.book, self.asked_ns = book, asked_ns
        self._from_ms = book.heard_ms
        self._events: list[LevelChanged | BookReplaced] = []
        self._overflown = False
        self._stated: BookStated | None = None
        self._answered_ns = 0

    def take(self, event: Event) -> None:
        """Keep what the stream brings meanwhile."""
        if isinstance(event, LevelChanged | BookReplaced):
            if len(self._events) < _MOST_KEPT:
                self._events.append(event)
            else:
                self._overflown = True

    @property
    def spoken(self) -> bool:
        """Whether the stream has brought anything of the token since the question."""
        return bool(self._events)

    def answered(self, stated: BookStated, now_ns: int) -> None:
        """Take what the venue says."""
        self._stated, self._answered_ns = stated, now_ns

    def finding(self, now_ns: int, *, trusted: bool = True) -> Finding:
        """Return what the evidence says at `now_ns`.

        Args:
            now_ns: Our clock.
            trusted: Whether the book is believed so far. One that is not is compared with nothing: the finding is
                `DIFFERS` as soon as there is a statement, with the book to take.
        """
        stated = self._stated
        if stated is None:
            return Finding(Verdict.WAIT)
        said = stated.book
        if self._overflown:
            return Finding(Verdict.STALE, None, f"more than {_MOST_KEPT} changes came meanwhile")
        rebuilt = self._rebuilt(said)
        levels = rebuilt.bare_levels()
        must_be = BookReplaced(
            said.token, said.condition, *levels, said.tick, said.last_trade, said.digest, said.venue_ms, now_ns
        )
        if not trusted:
            return Finding(Verdict.DIFFERS, must_be, "read over REST")
        ours = self.book.bare_levels()
        if ours == levels:
            return Finding(Verdict.EQUAL, must_be)
        if said.venue_ms < self._from_ms:
            behind_ms = self._from_ms - said.venue_ms
            return Finding(Verdict.STALE, None, f"REST is {behind_ms} ms behind the stream")
        passed = any(event.venue_ms > said.venue_ms for event in self._events)
        if not passed and now_ns - self._answered_ns < SETTLE_S * 1e9:
            return Finding(Verdict.WAIT)
        differing = sum(
            len(set(zip(mine.ranks, mine.sizes, strict=True)) ^ set(zip(theirs.ranks, theirs.sizes, strict=True)))
            for mine, theirs in zip(ours, levels, strict=True)
        )
        reason = f"REST shows a book of {said.venue_ms} ms that differs in {differing} entries"
        return Finding(Verdict.DIFFERS, must_be, reason)

    def _rebuilt(self, said: BookReplaced) -> Book:
        """Return the stated book with what the stream brought since its instant."""
        rebuilt = Book(said.token)
        rebuilt.replace(said)
        for event in self._events:
            if event.venue_ms < said.venue_ms:
                continue
            if isinstance(event, BookReplaced):
                rebuilt.replace(event)
            elif not rebuilt.change(event):
                rebuilt.settle(event.best_bid, event.best_ask)
        return rebuilt
