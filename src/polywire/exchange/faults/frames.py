"""Faults of frames: what no well-behaved server sends, and what few clients expect."""

# ruff: noqa: D102, ARG002 - what the hooks mean is said on `Fault`; most need not know all they are handed

from typing import Final

import msgspec

from polywire.exchange.connection import Connection, Parcel
from polywire.exchange.faults.fault import Chance, Fault
from polywire.exchange.messages import text_frame

_TEXT, _CONTINUATION, _PING = 1, 0, 9


class Garbage(Chance):
    """Sends, before a message, a text that is no message: cut-off JSON, an unknown kind, plain words."""

    name, default = "garbage", "0.05"
    _TEXTS: Final = (
        b'{"event_type":"price_change","market":"0x',
        b'{"event_type":"surprise","asset_id":"1"}',
        b"upstream connect error or disconnect/reset before headers",
        b"null",
        b'[{"event_type":"book"},7]',
    )

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        return [Parcel(text_frame(self.rng.choice(self._TEXTS))), parcel] if self.struck() else [parcel]


class BadUtf8(Chance):
    """Sends, before a message, a text frame whose bytes are no UTF-8."""

    name, default = "bad-utf8", "0.05"

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        return (
            [Parcel(text_frame(b'{"event_type":"book","asset_id":"\xff\xc0"}')), parcel] if self.struck() else [parcel]
        )


class Oversized(Fault):
    """Sends every connection, before its next message, one text of so many bytes: an array of blanks."""

    name, takes, default = "oversized", "bytes", "2097152"

    def prepare(self) -> None:
        self._size = int(self.number(2, 1 << 27))
        self._done: set[int] = set()

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        if id(to.account) in self._done:
            return [parcel]
        self._done.add(id(to.account))
        self.did += 1
        return [Parcel(text_frame(b"[" + b" " * (self._size - 2) + b"]")), parcel]


class Fragmented(Chance):
    """Sends a message in three frames, a ping between them: what RFC 6455 allows and few expect."""

    name, default = "fragmented", "1"

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        if not parcel.data or not self.struck():
            return [parcel]
        data = parcel.data
        third = max(1, len(data) // 3)
        frames = (
            text_frame(data[:third], _TEXT, fin=False)
            + text_frame(b"between", _PING)
            + text_frame(data[third : 2 * third], _CONTINUATION, fin=False)
            + text_frame(data[2 * third :], _CONTINUATION)
        )
        return [msgspec.structs.replace(parcel, frames=frames)]
