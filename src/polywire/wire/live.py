"""The live-data service (RTDS): frames in, events out. Source: docs/protocol.md, "Live data"."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from polywire.errors import Undecodable
from polywire.model.events import Event
from polywire.model.live import (
    ActivityMatched,
    Commented,
    CryptoPriced,
    EquityPriced,
    LiveRefused,
    PricePoint,
    PricesBackfilled,
    Reacted,
)
from polywire.model.units import ConditionId, TokenId
from polywire.wire import live_clob
from polywire.wire.live_frames import Activity, Comment, Price, Prices, Reaction, Refusal
from polywire.wire.numbers import read_decimal
from polywire.wire.sink import Heard
from polywire.wire.tally import Tally

_REFUSALS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_WORDS: Final = {b"PONG": Heard.PONG, b"pong": Heard.PONG, b"": Heard.NOTICE}
_ENVELOPE: Final = frozenset({"topic", "type", "timestamp", "payload", "connection_id"})
_NAME_CUT: Final = 40

_envelope = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_integer = msgspec.json.Decoder(int).decode
_lax = {
    frame: msgspec.json.Decoder(frame, strict=False).decode
    for frame in (Price, Prices, Comment, Reaction, Activity, Refusal)
}

Payload = dict[str, msgspec.Raw]


class LiveDecoder:
    """One connection's decoder: `feed` every frame, in order.

    Args:
        tell: Called with each event.
        tally: Where everything is counted, messages as `topic.type`; one of its own if not given.

    Attributes:
        kind: The topic and type of the message that is being told, `topic.type`.

    >>> events = []
    >>> LiveDecoder(events.append).feed(
    ...     b'{"topic":"crypto_prices","type":"update","timestamp":1780730269142,"payload":'
    ...     b'{"symbol":"btcusdt","timestamp":1780730269000,"value":61035.86,"full_accuracy_value":"61035.86000000"}}',
    ...     seen_ns=0,
    ... )
    <Heard.DATA: 'data'>
    >>> events[0].value
    Decimal('61035.86000000')
    """

    __slots__ = ("_tell", "kind", "tally")

    def __init__(self, tell: Callable[[Event], None], tally: Tally | None = None) -> None:
        self._tell = tell
        self.tally = Tally() if tally is None else tally
        self.kind = ""

    def feed(self, frame: bytes, seen_ns: int) -> Heard:
        """Decode one frame and tell its events; never raises for what the frame holds.

        Args:
            frame: The whole text frame, as it left the socket.
            seen_ns: Unix nanoseconds, our clock, when it did.

        Returns:
            What the frame was; `UNREADABLE` where it could not be read.
        """
        tally = self.tally
        heard = tally.word(frame, _WORDS)
        if heard is not None:
            return heard
        try:
            kind, events = self._read(frame, seen_ns)
        except Undecodable as refusal:
            tally.lost(refusal.kind, frame)
            return Heard.UNREADABLE
        tally.message(kind)
        self.kind = kind
        for event in events:
            self._tell(event)
        return Heard.NOTICE if kind == "refused" else Heard.DATA

    def _read(self, frame: bytes, seen_ns: int) -> tuple[str, list[Event]]:
        """Return a frame's kind and events, all of them or none."""
        try:
            envelope = _envelope(frame)
        except UnicodeDecodeError as refusal:
            raise Undecodable("bad-utf8", str(refusal)) from refusal
        except (msgspec.DecodeError, RecursionError) as refusal:
            raise Undecodable("not-json", str(refusal)) from refusal
        kind = "untyped"
        try:
            if "topic" not in envelope and "connectionId" in envelope and "message" in envelope:
                refused = self._payload("refused", Refusal, frame)
                return "refused", [LiveRefused(refused.message, refused.requestId, seen_ns)]
            topic, type_ = _topic_of(envelope)
            kind = f"{topic}.{type_}"[:_NAME_CUT]
            for field in envelope.keys() - _ENVELOPE:
                self.tally.unknown(kind, field[:_NAME_CUT])
            sent_ms = _integer(envelope["timestamp"]) if "timestamp" in envelope else 0
            return kind, self._events(topic, type_, envelope["payload"], sent_ms, seen_ns)
        except Undecodable:
            raise  # a ValueError too, but it names its kind itself
        except (*_REFUSALS, KeyError, ValueError) as refusal:
            raise Undecodable(kind, str(refusal)) from refusal

    def _events(self, topic: str, type_: str, payload: bytes, sent_ms: int, seen_ns: int) -> list[Event]:
        kind = f"{topic}.{type_}"
        match topic, type_:
            case ("crypto_prices" | "equity_prices", "subscribe"):
                prices = self._payload(kind, Prices, payload)
                points = tuple(PricePoint(point.timestamp, _finite(point.value)) for point in prices.data)
                last_ms = points[-1].venue_ms if points else 0
                return [PricesBackfilled(topic, prices.symbol, points, last_ms, sent_ms, seen_ns)]
            case (
                "crypto_prices" | "crypto_prices_chainlink" | "crypto_prices_twap_thirty" | "crypto_prices_twap_sixty",
                "update",
            ):
                price = self._payload(kind, Price, payload)
                source = _SOURCES[topic]
                value = _finest(price, scaled=source != "binance")
                return [CryptoPriced(source, price.symbol, value, price.window_s, price.timestamp, sent_ms, seen_ns)]
            case ("equity_prices", "update"):
                price = self._payload(kind, Price, payload)
                value = _finest(price, scaled=False)
                carried, received = price.is_carried_forward, price.received_at
                return [EquityPriced(price.symbol, value, carried, received, price.timestamp, sent_ms, seen_ns)]
            case ("comments", "comment_created" | "comment_removed"):
                return [_commented(self._payload(kind, Comment, payload), type_, sent_ms, seen_ns)]
            case ("comments", "reaction_created" | "reaction_removed"):
                return [_reacted(self._payload(kind, Reaction, payload), type_, sent_ms, seen_ns)]
            case ("activity", "trades" | "orders_matched"):
                return [_matched(self._payload(kind, Activity, payload), sent_ms, seen_ns)]
            case ("clob_market", _):
                return live_clob.read(type_, payload, seen_ns, self.tally)
            case _:
                raise Undecodable(f"unknown:{kind[:_NAME_CUT]}", "no such topic and type are known")

    def _payload(self, kind: str, frame: type[Any], payload: bytes) -> Any:
        """Return a payload as its struct, its unknown fields counted."""
        for field in _envelope(payload).keys() - frame.__struct_fields__:
            self.tally.unknown(kind, field[:_NAME_CUT])
        return _lax[frame](payload)


_SOURCES: Final = {
    "crypto_prices": "binance",
    "crypto_prices_chainlink": "chainlink",
    "crypto_prices_twap_thirty": "chainlink-twap",
    "crypto_prices_twap_sixty": "chainlink-twap",
}


def decode(frame: bytes, seen_ns: int, tally: Tally | None = None) -> list[Event]:
    """Return the events of one frame; what cannot be read is counted in `tally`, never raised.

    >>> decode(b"PONG", seen_ns=0)
    []
    """
    events: list[Event] = []
    LiveDecoder(events.append, tally).feed(frame, seen_ns)
    return events


def _topic_of(envelope: Payload) -> tuple[str, str]:
    """Return topic and type; live activity frames have been seen without them, so their payload tells."""
    if "topic" in envelope and "type" in envelope:
        return _text(envelope["topic"]), _text(envelope["type"])
    payload = _envelope(envelope.get("payload", msgspec.Raw(b"{}")))
    if {"conditionId", "proxyWallet", "asset"} <= payload.keys():
        return "activity", "orders_matched"
    raise Undecodable("untyped", "neither topic and type nor a payload that tells them")


def _finest(price: Price, *, scaled: bool) -> Decimal:
    """Return the finest number a price carries; `scaled`: an integer text counts 1e-18 (Chainlink's form)."""
    text = price.full_accuracy_value
    if not text:
        return _finite(price.value)
    return read_decimal(f"{text}e-18" if scaled and "." not in text else text)


def _finite(value: Decimal) -> Decimal:
    return read_decimal(str(value))  # msgspec reads the texts "NaN" and "Infinity" as numbers, and any exponent


def _commented(comment: Comment, type_: str, sent_ms: int, seen_ns: int) -> Commented:
    profile = comment.profile
    return Commented(
        comment=comment.id,
        removed=type_ == "comment_removed",
        body=comment.body,
        parent_kind=comment.parentEntityType,
        parent=comment.parentEntityID,
        reply_to=comment.parentCommentID,
        author=comment.userAddress,
        name=(profile.name or profile.pseudonym) if profile else "",
        created_at=comment.createdAt,
        venue_ms=sent_ms,
        sent_ms=sent_ms,
        seen_ns=seen_ns,
    )


def _reacted(reaction: Reaction, type_: str, sent_ms: int, seen_ns: int) -> Reacted:
    return Reacted(
        reaction=reaction.id,
        removed=type_ == "reaction_removed",
        comment=reaction.commentID,
        kind=reaction.reactionType,
        author=reaction.userAddress,
        created_at=reaction.createdAt,
        venue_ms=sent_ms,
        sent_ms=sent_ms,
        seen_ns=seen_ns,
    )


def _matched(trade: Activity, sent_ms: int, seen_ns: int) -> ActivityMatched:
    return ActivityMatched(
        token=TokenId(trade.asset),
        condition=ConditionId(trade.conditionId),
        side=trade.side,
        price=_finite(trade.price),
        size=_finite(trade.size),
        outcome=trade.outcome,
        slug=trade.slug,
        event_slug=trade.eventSlug,
        title=trade.title,
        wallet=trade.proxyWallet,
        name=trade.name or trade.pseudonym,
        transaction=trade.transactionHash,
        venue_ms=trade.timestamp * 1000,
        sent_ms=sent_ms,
        seen_ns=seen_ns,
    )
