"""Every book of a feed, kept by the market channel's messages, and the readers of each token.

`Books` is the sink of `polywire.wire.market`. A message is applied whole, on the spot; an event is built only
where somebody reads it, so a token without readers costs a book and nothing else.
"""

from typing import Final

from polywire.core.book import Book, Reader
from polywire.core.readers import SharedReaders
from polywire.model.events import Event
from polywire.model.health import ANSWERING, Freshness, FreshnessChanged, Gap
from polywire.model.levels import Levels
from polywire.model.market import (
    BestChanged,
    BookReplaced,
    LevelChanged,
    MarketCreated,
    MarketResolved,
    TickSizeChanged,
    Traded,
)
from polywire.model.units import TokenId

_ERRORS_KEPT: Final = 8
_BOTH: Final = 2
_OF_MARKETS: Final = (MarketCreated, MarketResolved)


class Books:
    """The books of the followed tokens.

    Args:
        follow_all: Keep a book for every token that is heard of; else only for those that were `follow`ed.
        from_empty: A token heard of first by a level change starts with an empty book that answers, for
            recordings that hold no snapshots. Its best prices can be checked, its depth cannot be trusted.

    Attributes:
        changes: Level changes applied.
        unfollowed: Level changes and snapshots of tokens that are not followed (normal: a market's messages
            name both outcomes).
        early: Level changes before their token's first snapshot; they are dropped, the snapshot holds them.
        best_mismatches: Of the `best_checks`, those that differed, before anything was pruned.
        pruned_levels: Levels removed because the venue stated a worse best price.
        book_checks: Snapshots compared with the book kept until then, but for those that end a known interruption.
        book_mismatches: Those that differed.
        reader_errors: Exceptions that readers raised; they were kept from the others.
        errors: The first few of them, with their readers.
        suspects: Tokens that became suspect since somebody last cleared this; whoever can mend them reads it.
    """

    def __init__(self, *, follow_all: bool = False, from_empty: bool = False) -> None:
        self._follow_all, self._from_empty = follow_all or from_empty, from_empty
        self._books: dict[TokenId, Book] = {}
        self._shared = SharedReaders()
        self._warm: dict[TokenId, Book] = {}  # those that had a snapshot
        self._find = self._warm.get  # bound once: it is called for every entry
        self._readers_of_all: tuple[Reader, ...] = ()
        self.suspects: set[TokenId] = set()
        self.changes = self.unfollowed = self.early = self._unchecked = 0
        self.reader_errors = 0
        self.errors: list[tuple[Reader, Exception]] = []
        self.start_checks()

    def start_checks(self) -> None:
        """Set the counts of checks to zero, as at the end of a recording's first seconds."""
        self._unchecked = self.changes  # every change is a check, but for those counted here
        self.best_mismatches = self.pruned_levels = 0
        self.book_checks = self.book_mismatches = 0

    @property
    def best_checks(self) -> int:
        """Level changes after which the stated best prices were compared with the book's."""
        return self.changes - self._unchecked

    # ------------------------------------------------------------ who is followed, who reads

    def follow(self, token: TokenId) -> Book:
        """Keep a book of this token from now on; return it, cold if it is new."""
        book = self._books.get(token)
        if book is None:
            book = self._books[token] = Book(token)
            self._shared.give(book, self._readers_of_all)
        return book

    def forget(self, token: TokenId) -> None:
        """Drop a token's book and its readers; who still holds the book gets no answer from it any more."""
        book = self._books.pop(token, None)
        self._warm.pop(token, None)
        self.suspects.discard(token)
        if book is not None:
            self._shared.give(book, ())
            book.doubt(Freshness.COLD, "not followed any more")

    def read(self, token: TokenId, reader: Reader) -> None:
        """Follow a token and hand each of its events to `reader` from now on."""
        book = self.follow(token)
        self._shared.give(book, (*book.readers, reader))

    def read_all(self, reader: Reader) -> None:
        """Hand every event of every followed token to `reader`, and every event that moves no book."""
        self._readers_of_all = (*self._readers_of_all, reader)
        for book in self._books.values():
            self._shared.give(book, (*book.readers, reader))

    def leave_all(self, reader: Reader) -> None:
        """Hand nothing of any token to `reader` any more, also from inside a reader."""
        self._readers_of_all = tuple(other for other in self._readers_of_all if other != reader)
        for token in self._books:
            self.leave(token, reader)

    def leave(self, token: TokenId, reader: Reader) -> None:
        """Hand nothing of a token to `reader` any more, also from inside a reader; the book is kept."""
        book = self._books.get(token)
        if book is not None:
            self._shared.give(book, tuple(other for other in book.readers if other != reader))

    def __getitem__(self, token: TokenId) -> Book:
        """Return a followed token's book.

        Raises:
            KeyError: The token is not followed.
        """
        return self._books[token]

    def __contains__(self, token: object) -> bool:
        return token in self._books

    def __len__(self) -> int:
        return len(self._books)

    def values(self) -> list[Book]:
        """Return the books, in the order they were first heard of."""
        return list(self._books.values())

    # ------------------------------------------------------------ what the decoder calls

    def book(self, event: BookReplaced, reason: str = "snapshot") -> None:
        """Take a snapshot; after a doubt it ends a gap. See `polywire.wire.sink.MarketSink.book`.

        Args:
            event: The whole book.
            reason: Why it is believed, one sentence.
        """
        token = event.token
        book = self._books.get(token)
        if book is None:
            if not self._follow_all:
                self.unfollowed += 1
                return
            book = self.follow(token)
        was, doubted, verified_ns = book.freshness, book.reason, book.verified_ns
        known = token in self._warm
        lacking, disproven_ns = (book.lacks(event), book.disproven_ns) if was in ANSWERING else (0, 0)
        heard_ms = book.heard_ms
        equal = book.replace(event)
        book.reason = reason
        self._warm[token] = book
        if known and was is not Freshness.RESYNCING:  # that one is known to have missed what came meanwhile
            self.book_checks += 1
            self.book_mismatches += not equal
        if not book.readers:
            return
        if lacking or disproven_ns:
            shown = f"the next snapshot shows that changes of {lacking} levels were lost"
            why = shown if lacking else _disproven(heard_ms)
            self._tell(book.readers, Gap((token,), verified_ns, event.seen_ns, why, event.venue_ms, event.seen_ns))
        if was is not Freshness.CURRENT:
            now, venue_ms = event.seen_ns, event.venue_ms
            if known and verified_ns and was not in ANSWERING:
                self._tell(book.readers, Gap((token,), verified_ns, now, doubted, venue_ms, now))
            # Its readers are asked for anew each time: one may have left on being told of the gap.
            change = FreshnessChanged(token, was, Freshness.CURRENT, book.reason, now, venue_ms, now)
            self._tell(book.readers, change)
        self._tell(book.readers, event)

    def levels(self, events: list[LevelChanged]) -> None:
        """Apply one `price_change`. See `polywire.wire.sink.MarketSink.levels`."""
        count = len(events)
        self.changes += count
        if count == _BOTH:  # a market's two outcomes, nearly always: spelled out, a tenth of the time saved
            one, two = events
            find = self._find
            first, second = find(one.token), find(two.token)
            if first is not None and second is not None and one.venue_ms >= first.heard_ms:
                if not first.change(one):
                    self._settle(first, one)
                if not second.change(two):
                    self._settle(second, two)
                for reader in first.readers:
                    try:
                        reader(one)
                    except Exception as error:  # noqa: BLE001 - a reader is foreign code; the others go on
                        self._reader_failed(reader, error)
                for reader in second.readers:  # asked for now: one may have left on being told of the other outcome
                    try:
                        reader(two)
                    except Exception as error:  # noqa: BLE001 - as above
                        self._reader_failed(reader, error)
                return
        self._levels_one_by_one(events)

    def _levels_one_by_one(self, events: list[LevelChanged]) -> None:
        find, late = self._find, False
        for event in events:
            book = find(event.token) or self._first_change(event)
            if book is not None:
                late = late or event.venue_ms < book.heard_ms
                if not book.change(event):
                    self._settle(book, event)
        if late:
            self._out_of_order(events)
        for event in events:  # told when all is applied: a reader may look at the other outcome's book
            book = find(event.token)
            if book is not None and book.readers:
                self._tell(book.readers, event)

    def event(self, event: Traded | BestChanged | TickSizeChanged | MarketCreated | MarketResolved) -> None:
        """Hand on an event that changes no level. See `polywire.wire.sink.MarketSink.event`."""
        if isinstance(event, _OF_MARKETS):
            tokens = event.tokens if isinstance(event, MarketResolved) else ()
            books = [self._books[token] for token in tokens if token in self._books]
            found = [reader for book in books for reader in book.readers]
            readers = tuple(dict.fromkeys((*found, *self._readers_of_all)))
            if isinstance(event, MarketResolved):
                self._tell(readers, event)
                self.end(event)
                return
        else:
            book = self._books.get(event.token)
            readers = self._readers_of_all if book is None else book.readers
            if book is not None and isinstance(event, TickSizeChanged):
                book.tick = event.new_tick
        if readers:
            self._tell(readers, event)

    def lost(self, tokens: tuple[TokenId, ...] | None, reason: str, seen_ns: int) -> None:
        """Doubt the books whose changes could not be read. See `polywire.wire.sink.MarketSink.lost`."""
        self.doubt(tokens, Freshness.SUSPECT, reason, seen_ns)

    # ------------------------------------------------------------ what the feed calls

    def doubt(
        self, tokens: tuple[TokenId, ...] | None, freshness: Freshness, reason: str, seen_ns: int, venue_ms: int = 0
    ) -> None:
        """Stop answering for these tokens (None: for all) until their next snapshot.

        Args:
            tokens: Whose books; those not followed or still cold are passed over.
            freshness: `SUSPECT`, or `RESYNCING` where a new snapshot is already on its way.
            reason: One sentence; it becomes the reason of the gap.
            seen_ns: Our clock, when the doubt arose.
            venue_ms: The venue's clock of the message that raised it, 0 where none did.
        """
        for token in tuple(self._books) if tokens is None else tokens:  # a reader may follow and forget meanwhile
            book = self._books.get(token)
            if book is None or token not in self._warm or (book.freshness, book.reason) == (freshness, reason):
                continue
            if book.ended:  # nothing will come that could prove it
                continue
            self._turn(book, freshness, reason, seen_ns, venue_ms)

    def await_snapshots(self, tokens: tuple[TokenId, ...], reason: str, seen_ns: int) -> None:
        """Learn that snapshots of these tokens were asked for, or will be: they answer when theirs is there.

        A book that had a snapshot before is `RESYNCING`, another `SYNCING`; those not followed are passed over.
        """
        for token in tokens:
            book = self._books.get(token)
            if book is not None and not book.ended:
                awaited = Freshness.RESYNCING if book.verified_ns else Freshness.SYNCING
                if book.freshness is not awaited:
                    self._turn(book, awaited, reason, seen_ns)

    def turn(self, token: TokenId, freshness: Freshness, reason: str, seen_ns: int, venue_ms: int = 0) -> None:
        """Let a book that answers be `CURRENT` or `QUIET`, and tell its readers; one that does not is left alone."""
        book = self._books.get(token)
        if book is not None and book.freshness in ANSWERING and book.freshness is not freshness:
            self._turn(book, freshness, reason, seen_ns, venue_ms)

    def prove(self, token: TokenId, at_ns: int) -> None:
        """Learn that a whole book was right at `at_ns`, our clock: its hash or its REST levels were equal.

        If it was not before, its readers are told of the gap: what was lost has been stated anew meanwhile.
        """
        book = self._books.get(token)
        if book is None or book.freshness not in ANSWERING:
            return
        verified_ns, book.verified_ns = book.verified_ns, max(book.verified_ns, at_ns)
        if book.disproven_ns and at_ns > book.disproven_ns:
            moved, book.disproven_ns = book.heard_ns > book.disproven_ns, 0
            if moved:  # else the levels are those whose hash was not the venue's: it misled
                why = _disproven(book.heard_ms)
                gap = Gap((token,), verified_ns, book.heard_ns, why, book.heard_ms, max(at_ns, book.heard_ns))
                self._tell(book.readers, gap)

    def disprove(self, token: TokenId) -> None:
        """Learn that a book is not what the venue's hash of its last change says: the next proof ends a gap."""
        book = self._books.get(token)
        if book is not None and book.freshness in ANSWERING:
            book.disproven_ns = book.heard_ns

    def learn_tick(self, stated: BookReplaced) -> None:
        """Take the tick that REST states; where the stream left a change of it out, its readers are told of it now."""
        book = self._books.get(stated.token)
        if book is None or stated.tick is None or book.tick == stated.tick:
            return
        if book.tick is None:
            book.tick = stated.tick
        else:
            moved = stated.token, stated.condition, book.tick, stated.tick, stated.venue_ms, stated.seen_ns
            self.event(TickSizeChanged(*moved))

    def read_over(self, event: BookReplaced, freshness: Freshness, reason: str) -> None:
        """Take a book that was read over REST in place of what the stream should have brought.

        Args:
            event: The whole book.
            freshness: `CURRENT` where its changes come again, `QUIET` where it stands still, else `RESYNCING`.
            reason: One sentence.
        """
        book = self._books.get(event.token)
        if book is None:
            return
        was, doubted, verified_ns, heard_ms = book.freshness, book.reason, book.verified_ns, book.heard_ms
        disproven_ns = book.disproven_ns
        equal = book.replace(event)
        # The stream's own instant stays: what comes next on it may be older than what REST has shown.
        book.heard_digest, book.heard_ms = "", heard_ms
        self._warm[event.token] = book
        book.freshness, book.reason = freshness, reason
        if not book.readers:
            return
        now, venue_ms = event.seen_ns, event.venue_ms
        if verified_ns and not (equal and was in ANSWERING and not disproven_ns):
            why = reason if was in ANSWERING else doubted
            self._tell(book.readers, Gap((event.token,), verified_ns, now, why, venue_ms, now))
        if was is not freshness:
            self._tell(book.readers, FreshnessChanged(event.token, was, freshness, reason, now, venue_ms, now))
        self._tell(book.readers, event)

    def expect_changes(self, token: TokenId) -> None:
        """Apply and tell changes of a followed token without a snapshot too: whoever reads it over REST wants them.

        Its book goes on answering nothing.
        """
        book = self._books.get(token)
        if book is not None:
            self._warm.setdefault(token, book)

    def end(self, event: MarketResolved) -> None:
        """Learn that a market is resolved: its books are empty, nothing will move them, and they answer so."""
        for token in event.tokens:
            book = self._books.get(token)
            if book is None or book.ended:
                continue
            book.ended = True
            self.suspects.discard(token)
            nothing = Levels.of("bid", ()), Levels.of("ask", ())
            void = BookReplaced(token, event.condition, *nothing, None, None, "", event.venue_ms, event.seen_ns)
            if book.freshness not in ANSWERING:
                self.book(void, "its market is resolved")
            else:
                if book.disproven_ns:
                    now, why = event.seen_ns, _disproven(book.heard_ms)
                    self._tell(book.readers, Gap((token,), book.verified_ns, now, why, event.venue_ms, now))
                if book.bare_levels() != nothing:
                    book.replace(void)
                    self._tell(book.readers, void)
            self.turn(token, Freshness.QUIET, "its market is resolved", event.seen_ns, event.venue_ms)

    # ------------------------------------------------------------ inside

    def _turn(self, book: Book, freshness: Freshness, reason: str, seen_ns: int, venue_ms: int = 0) -> None:
        """Put a book into a freshness, and tell its readers."""
        was = book.freshness
        book.doubt(freshness, reason)
        if freshness is Freshness.SUSPECT:
            self.suspects.add(book.token)
        if book.readers:
            verified_ns = book.verified_ns or None
            self._tell(
                book.readers, FreshnessChanged(book.token, was, freshness, reason, verified_ns, venue_ms, seen_ns)
            )

    def _first_change(self, event: LevelChanged) -> Book | None:
        """Return the book that a change of a token without a snapshot applies to; None where there is none yet."""
        token = event.token
        if not self._from_empty:
            self.changes -= 1
            if token in self._books or self._follow_all:
                self.follow(token)
                self.early += 1
            else:
                self.unfollowed += 1
            return None
        book = self.follow(token)
        nothing = Levels.of("bid", ()), Levels.of("ask", ())
        book.replace(BookReplaced(token, event.condition, *nothing, None, None, "", event.venue_ms, event.seen_ns))
        self._warm[token] = book
        return book

    def _settle(self, book: Book, event: LevelChanged) -> None:
        """Bring a book and the best prices the venue states together, and count what differed."""
        best_bid, best_ask = event.best_bid, event.best_ask
        pruned, missing = book.settle(best_bid, best_ask)
        self._unchecked += best_bid is None and best_ask is None
        self.best_mismatches += pruned > 0 or missing
        self.pruned_levels += pruned
        if missing and not self._from_empty and book.freshness in ANSWERING:  # a book in doubt learns nothing new
            reason = f"the venue states best prices {best_bid} and {best_ask} (1e-4) that the book does not hold"
            self.doubt((book.token,), Freshness.SUSPECT, reason, event.seen_ns, event.venue_ms)

    def _out_of_order(self, events: list[LevelChanged]) -> None:
        """Doubt the books of a message older than the one before: sizes are absolute, and now may be old ones."""
        if self._from_empty:  # a book that nobody has stated cannot be wrong in more ways
            return
        one = events[0]
        reason = f"a message of {one.venue_ms} ms came after a later one: frames are out of order"
        followed = tuple(dict.fromkeys(event.token for event in events if event.token in self._warm))
        self.doubt(followed, Freshness.SUSPECT, reason, one.seen_ns, one.venue_ms)

    def _tell(self, readers: tuple[Reader, ...], event: Event) -> None:
        for reader in readers:
            try:
                reader(event)
            except Exception as error:  # noqa: BLE001 - a reader is foreign code; the others go on
                self._reader_failed(reader, error)

    def _reader_failed(self, reader: Reader, error: Exception) -> None:
        self.reader_errors += 1
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append((reader, error))


def _disproven(heard_ms: int) -> str:
    return f"a hash before {heard_ms} ms was not the venue's: changes were lost, and their levels have been stated anew"
