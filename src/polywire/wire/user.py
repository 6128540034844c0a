"""The user channel: frames in, events of one's own orders and trades out. Source: docs/protocol.md, "User channel"."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from polywire.errors import Undecodable
from polywire.model.own import OwnEvent
from polywire.wire.sink import Heard
from polywire.wire.tally import Tally
from polywire.wire.user_frames import Row, read_order, read_trade

_WORDS: Final = {
    b"PONG": Heard.PONG,
    b"pong": Heard.PONG,
    b"": Heard.NOTICE,
    b"[]": Heard.NOTICE,
    b"INVALID OPERATION": Heard.NOTICE,
}
_NAME_CUT: Final = 40

_decode = msgspec.json.Decoder(float_hook=str).decode


class UserDecoder:
    """One connection's decoder: `feed` every frame, in order.

    Args:
        tell: Called with each event.
        tally: Where everything is counted, messages as `order` and `trade`; one of its own if not given.

    >>> events = []
    >>> UserDecoder(events.append).feed(
    ...     b'{"event_type":"order","type":"CANCELLATION","id":"0x1","market":"0x2","asset_id":"7","side":"BUY",'
    ...     b'"price":"0.6","original_size":"12","size_matched":"","status":"CANCELED"}',
    ...     seen_ns=0,
    ... )
    <Heard.DATA: 'data'>
    >>> events[0].step.value, events[0].price, events[0].matched_size
    ('CANCELLATION', 6000, 0)
    """

    __slots__ = ("_tell", "tally")

    def __init__(self, tell: Callable[[OwnEvent], None], tally: Tally | None = None) -> None:
        self._tell = tell
        self.tally = Tally() if tally is None else tally

    def feed(self, frame: bytes, seen_ns: int) -> Heard:
        """Decode one frame, an object or an array of them, and tell its events; never raises for what it holds.

        Args:
            frame: The whole text frame, as it left the socket.
            seen_ns: Unix nanoseconds, our clock, when it did.

        Returns:
            What the frame was; `UNREADABLE` where any of its messages could not be read. The others are told.
        """
        tally = self.tally
        heard = tally.word(frame, _WORDS)
        if heard is not None:
            return heard
        try:
            whole: Any = _decode(frame)
        except UnicodeDecodeError:
            tally.lost("bad-utf8", frame)
            return Heard.UNREADABLE
        except (msgspec.DecodeError, RecursionError):
            tally.lost("not-json", frame)
            return Heard.UNREADABLE
        messages = whole if isinstance(whole, list) else [whole]
        read = [self._read(message, frame, seen_ns) for message in messages]
        return Heard.DATA if all(read) else Heard.UNREADABLE

    def _read(self, message: Any, frame: bytes, seen_ns: int) -> bool:
        """Tell what one message says; False where it cannot be read."""
        try:
            kind, event = _event(message, seen_ns, self.tally)
        except Undecodable as refusal:
            self.tally.lost(refusal.kind, frame)
            return False
        self.tally.message(kind)
        self._tell(event)
        return True


def decode(frame: bytes, seen_ns: int, tally: Tally | None = None) -> list[OwnEvent]:
    """Return the events of one frame; what cannot be read is counted in `tally`, never raised.

    >>> decode(b"PONG", seen_ns=0)
    []
    """
    events: list[OwnEvent] = []
    UserDecoder(events.append, tally).feed(frame, seen_ns)
    return events


def _event(message: Any, seen_ns: int, tally: Tally) -> tuple[str, OwnEvent]:
    if not isinstance(message, dict):
        raise Undecodable("not-an-object", f"a JSON {type(message).__name__} where an order or a trade belongs")
    row: Row = message
    match _kind(row):
        case "order":
            return "order", read_order(row, seen_ns, tally)
        case "trade":
            return "trade", read_trade(row, seen_ns, tally)
        case kind:
            raise Undecodable(kind, "it is neither an order nor a trade")


def _kind(row: Row) -> str:
    """Return the kind by `event_type`, or by its shape where that is left out."""
    stated = row.get("event_type")
    if isinstance(stated, str):
        return stated if stated in {"order", "trade"} else f"unknown:{stated[:_NAME_CUT]}"
    if "taker_order_id" in row:
        return "trade"
    return "order" if "original_size" in row else "untyped"
