"""One client of a channel: what it follows, what it is due, and the way out to its socket."""

import asyncio
from collections import deque
from typing import Final, Literal, Protocol

import msgspec

from polywire.exchange.ledger import Account, add
from polywire.exchange.messages import Message, text_frame
from polywire.model.units import TokenId

ChannelName = Literal["market", "user", "live"]

WRITE_LIMIT: Final = 4 << 20
"""A client that leaves more unread, in bytes, is dropped."""


class Parcel(msgspec.Struct):
    """Something on its way to a socket, as a fault may have left it."""

    frames: bytes  # WebSocket frames
    kind: str = ""
    counts: tuple[tuple[TokenId, int], ...] = ()
    data: bytes = b""  # the message; empty where a fault made the frames up
    snapshot: bool = False
    late_ms: float = 0.0
    messages: int = 1


class Way(Protocol):
    """What stands between a message and a socket: the faults that are on."""

    on: bool

    def pass_on(self, parcel: Parcel, to: "Connection") -> list[Parcel]:
        """Return what really goes out, in order."""


class Socket(Protocol):
    """The connection underneath."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def waiting(self) -> int:
        """Return how many bytes the client has not taken yet."""

    def drop(self) -> None:
        """End the connection at once, without a close frame."""

    def mute(self) -> None:
        """Write nothing any more, answers of the protocol neither; the connection stays."""

    def close(self, code: int, reason: str) -> None:
        """End the connection with a close frame, behind what was written."""


class Connection:
    """A client that completed its handshake.

    Attributes:
        account: Its part of the ledger.
        channel: The channel it is on.
        tokens: What it follows of the market channel.
        custom: Whether it wants best prices and the markets' beginnings and ends.
        subscribed: Whether its first subscription has come.
        held: What a fault keeps back until the next message.
        outgrown: Whether it was dropped because it did not read.
        muted: Whether nothing is written to it any more.
        spared: Whether no fault touches it: it is there to be compared with.
    """

    def __init__(
        self,
        account: Account,
        socket: Socket,
        way: Way,
        loop: asyncio.AbstractEventLoop,
        channel: ChannelName = "market",
        *,
        spared: bool = False,
    ) -> None:
        self.account, self._socket, self._way, self._loop = account, socket, way, loop
        self.channel: ChannelName = channel
        self.tokens: dict[TokenId, None] = {}
        self.custom = self.subscribed = self.outgrown = self.muted = False
        self.spared = spared
        self.held: Parcel | None = None
        self._ready: list[bytes] = []
        self._late: deque[tuple[float, Parcel]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def offer(self, message: Message) -> None:
        """Send a message, but for what the faults do to it."""
        add(self.account.due, message.kind, message.counts)
        if self.spared or (not self._way.on and not self._late):
            self._put(message.frame, message.kind, message.counts, 1)
            return
        parcel = Parcel(message.frame, message.kind, message.counts, message.data, message.snapshot)
        for one in self._way.pass_on(parcel, self):
            self.send(one)

    def send(self, parcel: Parcel) -> None:
        """Send what a fault has left, in order, and as late as it says."""
        if not parcel.late_ms and not self._late:
            self._put(parcel.frames, parcel.kind, parcel.counts, parcel.messages)
            return
        due_s = self._loop.time() + parcel.late_ms / 1_000.0
        if self._late:
            due_s = max(due_s, self._late[-1][0])
        self._late.append((due_s, parcel))
        if self._timer is None:
            self._timer = self._loop.call_at(due_s, self._send_late)

    def say(self, text: bytes) -> None:
        """Send a word of the protocol: faults that drop data leave it alone."""
        self.send(Parcel(text_frame(text)))

    def drop(self, why: str) -> None:
        """End the connection without a close frame."""
        self.account.ended = self.account.ended or why
        self._socket.drop()

    def mute(self) -> None:
        """Write nothing any more, for good: what a peer looks like that is there no longer."""
        self._flush()
        self.muted = True
        self._socket.mute()

    def close(self, code: int, reason: str) -> None:
        """End the connection with a close frame, behind everything said so far."""
        self.account.ended = self.account.ended or f"closed with {code} {reason}"
        self._flush()
        self._socket.close(code, reason)

    def ended(self) -> None:
        """Forget what was to be sent: the socket is gone."""
        self._ended = True
        self._ready.clear()
        self._late.clear()
        self.held = None
        if self._timer is not None:
            self._timer.cancel()

    def _put(self, frames: bytes, kind: str, counts: tuple[tuple[TokenId, int], ...], messages: int) -> None:
        if self.muted:
            return
        account = self.account
        add(account.sent, kind, counts)
        account.frames += messages
        account.bytes += len(frames)
        if not self._ready:
            self._loop.call_soon(self._flush)
        self._ready.append(frames)

    def _flush(self) -> None:
        """Write all that is ready in one go: a command's messages, and those of commands in the same turn."""
        if self._ended or not self._ready:
            return
        data = b"".join(self._ready)
        self._ready.clear()
        self._socket.write(data)
        waiting = self._socket.waiting()
        if waiting > WRITE_LIMIT:
            self.outgrown = True
            self.drop(f"dropped: it left {waiting} bytes unread (limit {WRITE_LIMIT})")

    def _send_late(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._late and self._late[0][0] <= now:
            _, parcel = self._late.popleft()
            self._put(parcel.frames, parcel.kind, parcel.counts, parcel.messages)
        if self._late:
            self._timer = self._loop.call_at(self._late[0][0], self._send_late)
