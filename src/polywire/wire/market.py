"""The CLOB market channel: frames in, calls on a sink out. Source: docs/protocol.md, "Market channel".

The way of a frame: one msgspec pass over the current form; whatever that refuses (an older form, an unknown
field, garbage) goes through `market_odd`, which is slower, lenient and counts everything.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from polywire.errors import Undecodable
from polywire.model.market import MarketEvent
from polywire.model.units import TokenId
from polywire.wire import market_odd
from polywire.wire.market_frames import FRAMES, Book, Frame, PriceChange
from polywire.wire.market_read import READERS, read_changes
from polywire.wire.rest import read_rest_book
from polywire.wire.sink import Collector, Heard, MarketSink
from polywire.wire.tally import Tally

# Lax (`strict=False`) only so that a timestamp's text becomes an int with no str in between.
_read_change = msgspec.json.Decoder(PriceChange, strict=False).decode
_read_book = msgspec.json.Decoder(Book, strict=False).decode
_read_any = msgspec.json.Decoder(Frame | list[Frame], strict=False).decode

# The venue writes the tag last, which makes the union scan a frame twice. Where a frame ends like this, or has these in
# it, the reader of that one kind is tried first; being strict, it is right or refuses.
_CHANGES: Final = b'"price_change"}'
_BIDS: Final = b'"bids":'
_SOON: Final = 400  # bytes: what stands before the levels of a book is shorter
_BOOK: Final = b'"event_type":"book"'  # REST's has none, and a reader of one kind would not miss it

_REFUSALS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_WORDS: Final = {
    b"PONG": Heard.PONG,
    b"pong": Heard.PONG,
    b"INVALID OPERATION": Heard.NOTICE,
    b"NO NEW ASSETS": Heard.NOTICE,
    b"": Heard.NOTICE,
}
_LONGEST_WORD: Final = 64
_DATA: Final = Heard.DATA
_UNREADABLE: Final = Heard.UNREADABLE

_Way = tuple[str, Callable[[Any, int], Any], Callable[[Any], None]]
"""What to do with one kind of frame: its name, what reads it, what takes what was read."""


class MarketDecoder:
    """One connection's decoder: `feed` every frame, in order.

    Args:
        sink: Told of each message that could be read.
        tally: Where everything is counted; one of its own if not given.

    >>> sink = Collector()
    >>> MarketDecoder(sink).feed(
    ...     b'{"market":"0x1","price_changes":[{"asset_id":"7","price":"0.34","size":"100","side":"BUY",'
    ...     b'"hash":"","best_bid":"0.34","best_ask":""}],"timestamp":"1761179949036","event_type":"price_change"}',
    ...     seen_ns=0,
    ... )
    <Heard.DATA: 'data'>
    >>> sink.events[0].price, sink.events[0].size, sink.events[0].best_ask
    (3400, 100000000, 10000)
    """

    __slots__ = ("_levels", "_sink", "_ways", "tally")

    def __init__(self, sink: MarketSink, tally: Tally | None = None) -> None:
        self._sink, self._levels = sink, sink.levels
        self.tally = Tally() if tally is None else tally
        gives: dict[Any, Callable[[Any], None]] = {Book: sink.book, PriceChange: sink.levels}
        self._ways: dict[Any, _Way] = {
            frame: (kind, READERS[frame], gives.get(frame, sink.event)) for kind, frame in FRAMES.items()
        }

    def feed(self, frame: bytes, seen_ns: int) -> Heard:
        """Decode one frame and hand its messages to the sink; never raises for what the frame holds.

        Args:
            frame: The whole text frame, as it left the socket.
            seen_ns: Unix nanoseconds, our clock, when it did.

        Returns:
            What the frame was; `UNREADABLE` where any part of it could not be read.
        """
        if frame.endswith(_CHANGES):
            try:
                change = _read_change(frame)
                events = read_changes(change, seen_ns)
            except (*_REFUSALS, ValueError):
                pass  # read again below, where what is wrong with it gets its name
            else:
                self.tally.changes += 1
                self._levels(events)
                return _DATA
        self.tally.other_frames += 1
        try:
            whole = _read_frame(frame)
        except _REFUSALS:
            return self._feed_odd(frame, seen_ns)
        if isinstance(whole, list):
            return self._take_all(whole, frame, seen_ns)
        return _DATA if self._take(whole, frame, seen_ns) else _UNREADABLE

    def _take_all(self, messages: list[Frame], raw: bytes, seen_ns: int) -> Heard:
        # Apart from `feed`, where a comprehension would turn its variables into cells and slow every frame.
        read = [self._take(message, raw, seen_ns) for message in messages]
        if not all(read):
            return _UNREADABLE
        return Heard.SNAPSHOTS if all(isinstance(message, Book) for message in messages) else _DATA

    def _take(self, message: Frame, raw: bytes, seen_ns: int) -> bool:
        """Hand on one message of the current form; False, and nothing handed on, where a number in it is none."""
        kind, read, give = self._ways[type(message)]
        try:
            told = read(message, seen_ns)
        except ValueError as refusal:
            tokens = market_odd.tokens_of(msgspec.to_builtins(message))
            self._lose(Undecodable(kind, str(refusal), tokens), raw, seen_ns)
            return False
        counts = self.tally.other_messages
        counts[kind] = counts.get(kind, 0) + 1
        give(told)
        return True

    def _feed_odd(self, frame: bytes, seen_ns: int) -> Heard:
        """Decode a frame that is not wholly of the current form."""
        word = frame.strip()
        heard = _WORDS.get(word)
        if heard is not None:
            self.tally.text(word.decode())
            return heard
        try:
            whole = msgspec.json.decode(frame)
        except _REFUSALS as refusal:
            # A short plain text is a word of the protocol that we do not know. Anything else may have held levels.
            tokens = () if len(word) <= _LONGEST_WORD and word[:1].isalpha() and word.isascii() else None
            self._lose(Undecodable(_unreadable(refusal), str(refusal), tokens), frame, seen_ns)
            return _UNREADABLE
        if not isinstance(whole, list):
            return _DATA if self._take_odd(whole, frame, seen_ns) else _UNREADABLE
        read = [self._take_odd(part, msgspec.json.encode(part), seen_ns) for part in whole]
        if not all(read):
            return _UNREADABLE
        kinds = {market_odd.kind_of(part) for part in whole}
        return Heard.SNAPSHOTS if kinds == {"book"} else _DATA

    def _take_odd(self, part: Any, raw: bytes, seen_ns: int) -> bool:
        """Hand on one JSON value of whatever form; False where it could not be read."""
        try:
            if not isinstance(part, dict):
                raise Undecodable("not-an-object", f"a JSON {type(part).__name__} where a message belongs", ())
            if market_odd.kind_of(part) == "rest_book":
                return self._take_rest(raw, seen_ns)
            message = market_odd.restate(part, self.tally)
        except Undecodable as refusal:
            self._lose(refusal, raw, seen_ns)
            return False
        return self._take(message, raw, seen_ns)

    def _take_rest(self, raw: bytes, seen_ns: int) -> bool:
        """Count a REST answer that a recorder kept among the frames; it is read and not applied."""
        try:
            read_rest_book(raw, seen_ns, self.tally)
        except Undecodable:
            self.tally.lost("rest_book", raw)
            return False
        self.tally.message("rest_book")
        return True

    def _lose(self, refusal: Undecodable, raw: bytes, seen_ns: int) -> None:
        """Count what could not be read and, where levels may have been in it, say so."""
        self.tally.lost(refusal.kind, raw)
        levels = refusal.kind in market_odd.LEVEL_KINDS or refusal.kind not in FRAMES
        if levels and refusal.tokens != ():
            tokens = None if refusal.tokens is None else tuple(map(TokenId, refusal.tokens))
            self._sink.lost(tokens, str(refusal), seen_ns)


def decode(frame: bytes, seen_ns: int, tally: Tally | None = None) -> list[MarketEvent]:
    """Return the events of one frame; what cannot be read is counted in `tally`, never raised.

    >>> decode(b"PONG", seen_ns=0)
    []
    """
    collector = Collector()
    MarketDecoder(collector, tally).feed(frame, seen_ns)
    return collector.events


def _read_frame(frame: bytes) -> Frame | list[Frame]:
    if frame.find(_BIDS, 0, _SOON) > 0 and _BOOK in frame:
        try:
            return _read_book(frame)
        except _REFUSALS:
            pass  # several books in an array, mostly
    whole: Frame | list[Frame] = _read_any(frame)
    return whole


def _unreadable(refusal: Exception) -> str:
    if isinstance(refusal, UnicodeDecodeError):
        return "bad-utf8"
    return "too-deep" if isinstance(refusal, RecursionError) else "not-json"
