"""Two sockets that carry the same tokens: the readers of each token stand at the books of one, and can be moved over.

`core.handover` says what the readers are still to be told; this listens to both sockets and tells them.
"""

import asyncio
from collections.abc import Iterable, MutableMapping
from functools import partial
from typing import Final

from polywire.core.book import Book, Reader
from polywire.core.books import Books
from polywire.core.handover import Copies, Crossing
from polywire.core.hearing import Hearing
from polywire.model.events import Event
from polywire.model.health import ANSWERING, FreshnessChanged, Gap
from polywire.model.market import BookReplaced
from polywire.model.units import TokenId
from polywire.ports import Clock
from polywire.services.feed.connection import Connection

QUIET_S: Final = 0.25
"""Two copies of a token that both kept silent for so long, with equal books, are at one place."""

PATIENCE_S: Final = 2.0
"""For which readers wait for the copy they go to; then they are told of a gap, and the whole book."""

GRACE_S: Final = 0.5
"""For which a socket may be behind the other with a book before its readers go there."""

_NS: Final = 1e9


class Waiting:
    """The readers of one token between two sockets: told what is new to them, until they stand at the other's book.

    Args:
        token: Whose readers.
        readers: In their order.
        here: The book they come from.
        there: The books they go to.
        crossing: What they are still to be told.
        clock: Our time.
        waits: Where it is kept until it is over.
        before: How they came to the book they come from, if they had not arrived at it.

    Attributes:
        readers: Those that have not left.
        crossing: As given.
        levels: Of the book that they heard of last.
        heard_ns: When it moved last, our clock.
        verified_ns: When it was last proven.
        until_s: When patience is over, monotonic seconds.
    """

    def __init__(
        self,
        token: TokenId,
        readers: tuple[Reader, ...],
        here: Book,
        there: Books,
        crossing: Crossing,
        clock: Clock,
        waits: MutableMapping[TokenId, "Waiting"],
        before: "Waiting | None" = None,
    ) -> None:
        self._token, self._there, self._clock, self._waits = token, there, clock, waits
        self.readers = readers
        self.crossing = crossing
        self.levels, self.verified_ns, self._believed = here.bare_levels(), here.verified_ns, here.freshness
        self.until_s = clock.monotonic_s() + PATIENCE_S
        self._reason, self.heard_ns = here.reason, here.heard_ns
        if before is not None and not before.crossing.caught_up:  # what they heard last is of a book before that one
            self.levels, self.heard_ns = before.levels, max(self.heard_ns, before.heard_ns)
            self.verified_ns = min(self.verified_ns, before.verified_ns)
            self.until_s = before.until_s
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Tell what the other socket brought more, and wait for the rest."""
        crossing, self._waits[self._token] = self.crossing, self
        self._tell(crossing.due)
        if self._there[self._token].freshness not in ANSWERING:
            self.end_with_the_book(self._there[self._token].reason)
        elif self._believed not in ANSWERING:
            self.end_with_the_book(f"{self._reason}; the other socket's book answers")
        elif crossing.over and not crossing.due and not self._equal():
            self.end_with_the_book("the two sockets' books differ at the same place of the stream")
        else:
            self._there.read(self._token, self._hear)
            self._look()

    def leave(self, reader: Reader) -> None:
        """Tell `reader` nothing any more."""
        self.readers = tuple(other for other in self.readers if other != reader)

    def give_up(self) -> None:
        """Forget them: nobody follows the token any more."""
        self._stop()

    def end_with_the_book(self, reason: str) -> None:
        """Let them stand at the other book, told that changes may be missing, and the book."""
        book, now_ns = self._there[self._token], self._clock.now_ns()
        venue_ms = book.heard_ms
        told: list[Event] = []
        if self.verified_ns:
            told.append(Gap((self._token,), self.verified_ns, now_ns, reason, venue_ms, now_ns))
        if book.freshness is not self._believed:
            was, verified_ns = self._believed, book.verified_ns or None
            told.append(FreshnessChanged(self._token, was, book.freshness, book.reason, verified_ns, venue_ms, now_ns))
        if book.freshness in ANSWERING:
            bids, asks = book.bare_levels()
            whole = (bids, asks, book.tick, None, book.heard_digest, venue_ms, book.heard_ns)
            told.append(BookReplaced(self._token, book.condition, *whole))
        self._tell(told)
        self._end()

    # ------------------------------------------------------------ inside

    def _hear(self, event: Event) -> None:
        """Take what the other socket brings."""
        if isinstance(event, FreshnessChanged | Gap):
            if self._there[self._token].freshness not in ANSWERING:  # that socket is in trouble too
                self.end_with_the_book(self._there[self._token].reason)
            return
        self._tell(self.crossing.take(event))
        if self.crossing.over:
            self._arrive()

    def _look(self) -> None:
        """See whether the books are equal and still, or patience is over."""
        self._timer = None
        crossing, now_s = self.crossing, self._clock.monotonic_s()
        if not crossing.caught_up and not crossing.doubtful and self._still() and self._equal():
            crossing.settle()
        if crossing.over or (crossing.caught_up and now_s >= self.until_s):
            self._arrive()
        elif now_s >= self.until_s:
            self.end_with_the_book(f"the other socket's copy was not found to be at the same place in {PATIENCE_S:g} s")
        else:
            wait_s = min(QUIET_S, self.until_s - now_s)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._look)

    def _still(self) -> bool:
        last_ns = max(self.heard_ns, self._there[self._token].heard_ns)
        return self._clock.now_ns() - last_ns >= QUIET_S * _NS

    def _equal(self) -> bool:
        return self._there[self._token].bare_levels() == self.levels

    def _tell(self, events: Iterable[Event]) -> None:
        for event in events:
            for reader in self.readers:
                if reader in self.readers:  # one may have left on being told
                    try:
                        reader(event)
                    except Exception:  # noqa: BLE001 - a reader is foreign code; it is counted, and the others go on
                        self._there.reader_errors += 1

    def _arrive(self) -> None:
        """Let them stand at the other book, having missed nothing."""
        token, now_ns, book = self._token, self._clock.now_ns(), self._there[self._token]
        if self._equal():  # what proved the one has proven the other
            self._there.prove(token, self.verified_ns)
            self._there.turn(token, self._believed, self._reason, now_ns)
        if book.freshness is not self._believed:
            was, verified_ns = self._believed, book.verified_ns or None
            self._tell((FreshnessChanged(token, was, book.freshness, book.reason, verified_ns, 0, now_ns),))
        self._end()

    def _end(self) -> None:
        self._stop()
        for reader in self.readers:
            self._there.read(self._token, reader)

    def _stop(self) -> None:
        self._waits.pop(self._token, None)
        self._there.leave(self._token, self._hear)
        if self._timer is not None:
            self._timer.cancel()


class Handover:
    """Listens to two sockets of the same tokens, and moves readers from one to the other.

    Args:
        lead: Where the readers stand now.
        other: The other one; to be made to want the same tokens after this.
        carriers: At which socket the readers of each token stand; kept up to date.
        waits: Readers between two sockets; the same.
        clock: Our time.

    Attributes:
        lead: The authoritative one: new readers stand there.
        other: The other.
        moved: Tokens whose readers were moved.
    """

    def __init__(
        self,
        lead: Connection,
        other: Connection,
        carriers: MutableMapping[TokenId, Connection],
        waits: MutableMapping[TokenId, Waiting],
        clock: Clock,
    ) -> None:
        self.lead, self.other, self.moved = lead, other, 0
        self._carriers, self._waits, self._clock = carriers, waits, clock
        self._sides = (lead, other)
        self._copies: dict[TokenId, Copies] = {}
        self._recorders: tuple[Reader, ...] = tuple(partial(self._record, side) for side in range(len(self._sides)))
        self._looking: dict[TokenId, asyncio.TimerHandle] = {}
        self.follow(lead.tokens)
        for connection, recorder in zip(self._sides, self._recorders, strict=True):
            connection.books.read_all(recorder)
            connection.losing = self._losing

    # ------------------------------------------------------------ which tokens

    def follow(self, tokens: Iterable[TokenId]) -> None:
        """Compare these tokens too. Both sockets are to be made to want them after this."""
        for token in tokens:
            one, two = (_digest(side, token) for side in self._sides)
            self._copies[token] = Copies((one, two))

    def forget(self, tokens: Iterable[TokenId]) -> None:
        """Compare these no more."""
        for token in tokens:
            self._copies.pop(token, None)
            if token in self._looking:
                self._looking.pop(token).cancel()
            if token in self._waits:
                self._waits[token].give_up()

    def close(self) -> None:
        """Listen no more. Readers that wait between the two still come over."""
        for connection, recorder in zip(self._sides, self._recorders, strict=True):
            connection.books.leave_all(recorder)
            connection.losing = None
        for timer in self._looking.values():
            timer.cancel()
        self._looking.clear()

    # ------------------------------------------------------------ whether and how

    @property
    def hot(self) -> bool:
        """Whether the other socket has every book."""
        books = self.other.books
        return self.other.connected and all(_answers(books, token) for token in self._copies)

    def behind_s(self) -> float:
        """Return for how long the authoritative socket has lacked what the other brought, at most, in seconds."""
        at = self._sides.index(self.lead)
        since = [
            since
            for token, copies in self._copies.items()
            if copies.joined and self._carriers.get(token) is self.lead
            if (since := copies.waits_since_ns(at)) is not None
        ]
        return (self._clock.now_ns() - min(since)) / _NS if since else 0.0

    def ready(self, token: TokenId) -> bool:
        """Whether a token's readers can be moved to the other of the two sockets, with nothing lost or repeated."""
        source = self._carriers[token]
        here, there = source.books, self._sides[1 - self._sides.index(source)].books
        if not _answers(there, token):
            return False
        if not _answers(here, token) or self._copies[token].sure:
            return True
        one, two = here[token], there[token]
        silent = self._clock.now_ns() - max(book.heard_ns for book in (one, two))
        return silent >= QUIET_S * _NS and one.bare_levels() == two.bare_levels()

    def cut(self, token: TokenId, *, anyway: bool = False) -> bool:
        """Move a token's readers to the socket at which they do not stand, if its book answers there; return whether.

        Args:
            token: Whose.
            anyway: Also if it does not.
        """
        source = self._carriers[token]
        at = self._sides.index(source)
        target = self._sides[1 - at]
        if not (anyway or _answers(target.books, token)):
            return False
        before = self._waits.get(token)
        if before is not None:
            before.give_up()
        here, copies = source.books[token], self._copies[token]
        standing = tuple(reader for reader in here.readers if not self._is_ours(reader))
        for reader in standing:
            source.books.leave(token, reader)
        onward = Waiting(
            token,
            standing if before is None else before.readers,
            here,
            target.books,
            Crossing(copies, at, None if before is None else before.crossing),
            self._clock,
            self._waits,
            before,
        )
        late = Waiting(token, standing, here, target.books, Crossing(copies, at), self._clock, self._waits)
        self._carriers[token] = target
        self.moved += 1
        copies.crossed(at)
        if before is not None and standing:  # they came meanwhile: what the others heard they have not
            late.end_with_the_book("its socket was left while others of its readers were on their way there")
        onward.begin()
        return True

    def left(self, connection: Connection) -> bool:
        """Whether readers of any token stand at this socket."""
        return any(self._carriers.get(token) is connection for token in self._copies)

    def cut_ready(self) -> None:
        """Move the readers of each token that is ready."""
        for token in tuple(self._copies):
            if self._carriers.get(token) is self.lead and self.ready(token):
                self.cut(token)

    def return_ready(self) -> None:
        """Move back those who left a book of the authoritative socket, each token when it is ready.

        Where they stand now nobody looks whether it falls behind, and it may be renewed at any time.
        """
        for token in tuple(self._copies):
            if self._carriers.get(token) is self.other and token not in self._waits and self.ready(token):
                self.cut(token)

    def cut_all(self) -> None:
        """Make the other socket the authoritative one: move everybody there whose book answers there."""
        source = self.lead
        self.lead, self.other = self.other, self.lead
        for token in tuple(self._copies):
            if self._carriers.get(token) is source:
                self.cut(token)

    def bring_home(self) -> None:
        """Have the readers of every token stand at the authoritative socket, whether its book answers or not."""
        for token in tuple(self._copies):
            if self._carriers.get(token) is self.other:
                self.cut(token, anyway=True)

    # ------------------------------------------------------------ inside

    def _is_ours(self, reader: Reader) -> bool:
        """Whether it belongs to a socket and not to a subscriber."""
        return reader in self._recorders or isinstance(getattr(reader, "__self__", None), Hearing)

    def _record(self, side: int, event: Event) -> None:
        """Take what a socket brings."""
        token = getattr(event, "token", None)
        copies = self._copies.get(token) if token is not None else None
        if copies is None or token is None:
            return
        if isinstance(event, FreshnessChanged):
            self._look_soon(token)
        copies.arrive(side, event)

    def _look_soon(self, token: TokenId) -> None:
        """Look in a moment whether readers stand at the wrong one of two books."""
        if self._strayed(token) and token not in self._looking:
            self._looking[token] = asyncio.get_running_loop().call_later(GRACE_S, self._look, token)

    def _look(self, token: TokenId) -> None:
        del self._looking[token]
        if self._strayed(token):
            self.cut(token)

    def _strayed(self, token: TokenId) -> bool:
        """Whether a token's readers stand at a book that does not answer, and the other does."""
        source = self._carriers.get(token)
        if source is None or _answers(source.books, token):
            return False
        return any(_answers(side.books, token) for side in self._sides if side is not source)

    def _losing(self, connection: Connection) -> None:
        """Learn that a socket is lost, before its books say so: move its readers first."""
        other = self._sides[1 - self._sides.index(connection)]
        if not other.connected:
            return
        if connection is self.lead:
            self.lead, self.other = other, connection
        for token in tuple(self._copies):
            if self._carriers.get(token) is connection:
                self.cut(token)


def _answers(books: Books, token: TokenId) -> bool:
    return token in books and books[token].freshness in ANSWERING


def _digest(connection: Connection, token: TokenId) -> str:
    """Return the digest of the message that moved a token's book last; "" where none did."""
    return connection.books[token].heard_digest if token in connection.books else ""
