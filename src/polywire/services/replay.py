"""A recording, run through the very path the feed takes: decoders, books, readers."""

from collections.abc import Iterable, Iterator
from typing import Final

from polywire.core.books import Books
from polywire.model.events import Event
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.units import TokenId
from polywire.wire.channels import Channel, channel_of
from polywire.wire.live import LiveDecoder
from polywire.wire.market import MarketDecoder
from polywire.wire.sink import Heard, OtherEvent
from polywire.wire.tally import Tally
from polywire.wire.tape import Record, RecordKind
from polywire.wire.user import UserDecoder

_MS: Final = 1_000_000
_BEGINNING: Final = 1  # 0 would say "never"


class Replay:
    """Feeds records to decoders and books.

    Args:
        from_empty: Tokens without a snapshot start with an empty book (see `Books`).

    Attributes:
        books: The books, kept by every market message.
        market, live, user: What was heard on each channel.
        foreign: Records of other venues, by source.
        tokens: Tokens that books and level changes named.
        connections: Times a connection began: an array of books, or a record that says so.
        reconnects: Those after which books of known tokens came anew, or that a record says were not the first.
        decoded: Events decoded, whether or not a book could take them.
        losses: Messages that may have held levels and could not be read.
        now_ns: The recording's time: of the last record, or of the last message where records have none.
        stamped: Whether the last record had a time of its own.
        connection: The connection of the last frame; 0 where unknown.
        carried: The tokens that had a snapshot on each connection.
    """

    def __init__(self, *, from_empty: bool = False) -> None:
        self.books = Books(follow_all=True, from_empty=from_empty)
        self.market, self.live, self.user = Tally(), Tally(), Tally()
        self.foreign: dict[str, int] = {}
        self.tokens: set[TokenId] = set()
        self.connections = self.reconnects = self.losses = self.decoded = 0
        self.now_ns = _BEGINNING
        self.stamped = False
        self.events: list[Event] = []
        self.carried: dict[int, set[TokenId]] = {}  # tokens that had a snapshot, by connection
        self.connection = 0
        self._market_decoder = MarketDecoder(_Told(self), self.market)
        live, user = LiveDecoder(self.events.append, self.live), UserDecoder(self.events.append, self.user)
        self._decoders: dict[Channel, LiveDecoder | UserDecoder] = {Channel.LIVE: live, Channel.USER: user}
        self.books.read_all(self.events.append)

    def run(self, records: Iterable[Record]) -> Iterator[tuple[Record, list[Event]]]:
        """Feed each record; yield it with the events it led to (a list that is the caller's)."""
        for record in records:
            self.feed(record)
            events = self.events[:]
            self.events.clear()
            yield record, events

    def feed(self, record: Record) -> Heard | None:
        """Feed one record; return what it was, None for another venue's or one that is no frame."""
        self.stamped = record.seen_ns > 0
        if self.stamped:
            self.now_ns = record.seen_ns
        if record.kind is not RecordKind.FRAME:
            self._interrupted(record)
            return None
        self.connection = record.connection
        channel = channel_of(record.source, record.data)
        if channel is None:
            self.foreign[record.source] = self.foreign.get(record.source, 0) + 1
            return None
        if channel is not Channel.MARKET:
            told = len(self.events)
            heard = self._decoders[channel].feed(record.data, self.now_ns)
            self.decoded += len(self.events) - told
            return heard
        compared = self.books.book_checks
        heard = self._market_decoder.feed(record.data, self.now_ns)
        if heard is Heard.SNAPSHOTS:
            self.connections += 1
            self.reconnects += self.books.book_checks > compared
        return heard

    def _interrupted(self, record: Record) -> None:
        """Heed that a connection began or ended: its books miss what came in between, and the tape says so."""
        carried = self.carried.get(record.connection)
        if carried is None:
            self.carried[record.connection] = set()
        else:
            self.reconnects += record.kind is RecordKind.OPENED
            said = record.data.decode(errors="replace") or "it began anew"
            self.books.await_snapshots(tuple(carried), f"connection {record.connection}: {said}", self.now_ns)

    @property
    def frames(self) -> int:
        """Frames of our venue, words of the protocol and garbage included."""
        return self.market.frames + self.live.frames + self.user.frames

    @property
    def messages(self) -> dict[str, int]:
        """Messages decoded, by kind: `book`, `price_change`, …, `crypto_prices.update` and so on."""
        return self.market.messages | self.live.messages | self.user.messages

    @property
    def undecoded(self) -> dict[str, int]:
        """What could not be read, by kind."""
        counts = dict(self.market.undecoded)
        for tally in (self.live, self.user):
            for kind, count in tally.undecoded.items():
                counts[kind] = counts.get(kind, 0) + count
        return counts


class _Told:
    """The books' sink, with the tokens noted and the recording's time kept where records have none."""

    def __init__(self, replay: Replay) -> None:
        self._replay, self._books = replay, replay.books

    def event(self, event: OtherEvent) -> None:
        self._replay.decoded += 1
        self._books.event(event)

    def book(self, event: BookReplaced) -> None:
        self._replay.decoded += 1
        self._note(event)
        self._replay.carried.setdefault(self._replay.connection, set()).add(event.token)
        self._books.book(event)

    def levels(self, events: list[LevelChanged]) -> None:
        self._replay.decoded += len(events)
        for event in events:
            self._note(event)
        self._books.levels(events)

    def lost(self, tokens: tuple[TokenId, ...] | None, reason: str, seen_ns: int) -> None:
        self._replay.losses += 1
        self._books.lost(tokens, reason, seen_ns)

    def _note(self, event: BookReplaced | LevelChanged) -> None:
        self._replay.tokens.add(event.token)
        if not self._replay.stamped:
            self._replay.now_ns = max(self._replay.now_ns, event.venue_ms * _MS)
