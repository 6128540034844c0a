"""One socket of the market channel: its link, its tokens and their books.

The link (`core.link`) says what to do, this does it. Frames never wait: the socket's callback decodes them, applies
them to the books and hands events to readers, all before it returns. The task here only wakes for signals, and once
a second to see whether data came.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Final, NoReturn

from polywire.core.books import Books
from polywire.core.link import Action, Link, Phase, Policy, Signal, due, new_link, step
from polywire.core.mending import Mend, MendPolicy
from polywire.errors import VenueUnreachable
from polywire.model.units import TokenId
from polywire.ports import Clock, Dial, Socket
from polywire.services.feed.mender import Mender
from polywire.services.feed.requests import Requests
from polywire.wire.channels import Channel
from polywire.wire.market import MarketDecoder
from polywire.wire.requests import PING
from polywire.wire.sink import Heard, MarketSink
from polywire.wire.tally import Tally
from polywire.wire.tape import Record, RecordKind

_LOOK_S: Final = 1.0  # how often to see whether data came
_REASONS_KEPT: Final = 16
_RATE_LOOKS: Final = 10
_CARRYING: Final = frozenset({Phase.SUBSCRIBING, Phase.OPEN, Phase.SILENT})
_DATA: Final = Heard.DATA

Keep = Callable[[Record], None]
"""Called with each frame as it came, inside the socket's callback, and with each opening and end of a socket."""


class Connection:
    """One socket, dialled again for ever, and the books of the tokens it carries.

    Args:
        number: Names it, from 1.
        url: The market channel.
        dial: Opens sockets.
        clock: Our time.
        policy: How patient the link is.
        roll: Returns a number in [0, 1), for the jitter of delays.
        sink: Makes the decoder's sink of the connection's books.
        tally: Where frames are counted, shared by all connections.
        mending: How patient the mending of suspect books is.

    Attributes:
        books: The books of its tokens, and of no others: another socket may carry a market's other outcome, and its
            messages name both.
        link: Where the connection stands.
        frames: Frames heard, all kinds.
        bytes: Bytes of those.
        opened: Times a socket was opened.
        failed: Dials that failed.
        reasons: Why it was lost, the last few, with our monotonic seconds.
        last_pong_s: Monotonic seconds of the last PONG; None: none yet.
        last_data_s: The same of data, to the second.
        opened_s: The same of the last time a socket was opened.
        keep: Handed what comes, where somebody records.
    """

    def __init__(
        self,
        number: int,
        url: str,
        dial: Dial,
        clock: Clock,
        policy: Policy,
        roll: Callable[[], float],
        sink: Callable[[Books], MarketSink],
        tally: Tally,
        mending: MendPolicy | None = None,
    ) -> None:
        self.number, self._url, self._dial, self._clock = number, url, dial, clock
        self._policy, self._roll = policy, roll
        self.books = Books()
        self._suspects = self.books.suspects
        self._mender = Mender(self.books, mending or MendPolicy())
        self._requests = Requests()
        self._decode = MarketDecoder(sink(self.books), tally).feed
        self.link: Link = new_link(clock.monotonic_s())
        self.frames = self.bytes = self.opened = self.failed = 0
        self._not_data = self._data_before = 0
        self.reasons: deque[tuple[float, str]] = deque(maxlen=_REASONS_KEPT)
        self.last_pong_s: float | None = None
        self.last_data_s: float | None = None
        self.opened_s: float | None = None
        self.keep: Keep | None = None
        self._rates: deque[tuple[float, int]] = deque(maxlen=_RATE_LOOKS)
        self._signals: deque[Signal] = deque()
        self._stir = asyncio.Event()
        self._socket: Socket | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._generation = 0

    # ------------------------------------------------------------ what the feed calls

    @property
    def tokens(self) -> dict[TokenId, None]:
        """The tokens it carries, in the order they were wanted; not to be changed."""
        return self._requests.tokens

    def want(self, tokens: Iterable[TokenId]) -> None:
        """Carry these tokens too."""
        new = self._requests.want(tokens)
        for token in new:
            self.books.follow(token)
        self.books.await_snapshots(new, "subscribed, its snapshot is awaited", self._clock.now_ns())
        self._stir.set()

    def release(self, tokens: Iterable[TokenId]) -> None:
        """Carry these tokens no more; their books are forgotten."""
        for token in self._requests.release(tokens):
            self.books.forget(token)
        self._stir.set()

    def renew(self, reason: str) -> None:
        """Take a new socket; while one is waited for, dial at once. No book answers until its next snapshot."""
        self._note(reason)
        if self.link.phase is Phase.WAITING:
            self.link = replace(self.link, until=self._clock.monotonic_s())
            self._stir.set()
            return
        if self.link.phase in _CARRYING:
            self._interrupt()
        self._signal(Signal.CLOSE)

    @property
    def reconnects(self) -> int:
        """Sockets opened after the first."""
        return max(0, self.opened - 1)

    @property
    def connected(self) -> bool:
        """Whether there is a socket that data may come from."""
        return self.link.phase in _CARRYING

    def bytes_a_second(self, now: float) -> float:
        """Return how many bytes came a second over the last seconds, looked at once a second."""
        if not self._rates:
            return 0.0
        since, bytes_then = self._rates[0]
        return (self.bytes - bytes_then) / max(now - since, _LOOK_S)

    def next_try_s(self, now: float) -> float | None:
        """Return in how many seconds the next dial or the next mending of suspect books is due; None: none is."""
        if self.link.phase is Phase.WAITING:
            return max(0.0, self.link.until - now)
        return max(0.0, self._mender.next_at - now) if self._suspects else None

    @property
    def socket_address(self) -> str | None:
        """Our own address on the open socket; None while there is none."""
        return None if self._socket is None else self._socket.local

    # ------------------------------------------------------------ its task

    async def run(self) -> NoReturn:
        """Keep a socket open. Ends only by cancellation, and the socket with it."""
        try:
            async with asyncio.TaskGroup() as dials:
                while True:
                    self._stir.clear()
                    now = self._clock.monotonic_s()
                    self._look(now)
                    self._send(self._requests.changes())
                    self._mend(now)
                    signal = self._signals.popleft() if self._signals else due(self.link, now)
                    if signal is None:
                        await self._rest(self._wake_at(now) - now)
                    else:
                        self._step(signal, now, dials)
        finally:
            if self._socket is not None:
                self._socket.close()
            self._forget_socket("not needed any more")

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stir.wait()
        except TimeoutError:
            pass

    def _wake_at(self, now: float) -> float:
        return min(self.link.wake_at, self._mender.wake_at(now), now + _LOOK_S)

    def _step(self, signal: Signal, now: float, dials: asyncio.TaskGroup) -> None:
        before = self.link.phase
        following = step(self.link, signal, now, self._policy, self._roll())
        self.link = following.link
        if signal in {Signal.PONG_LATE, Signal.OVERDUE}:
            self._note(self._too_late(before, signal))
            self.failed += before is Phase.DIALING
        if before in _CARRYING and not self.connected:
            self._interrupt()
        match following.do:
            case Action.DIAL:
                self._generation += 1
                self._dialling = dials.create_task(self._dial_once(self._generation))
            case Action.SUBSCRIBE:
                self._subscribe()
            case Action.PING:
                self._send((PING,))
            case Action.CLOSE if self._socket is not None:
                self._socket.close()
            case Action.DROP:
                self._drop()
            case _:
                pass
        if self.link.phase is Phase.WAITING and before is not Phase.WAITING:
            self._forget_socket(self.reasons[-1][1])
            self._signals.clear()  # they were that socket's

    def _too_late(self, phase: Phase, signal: Signal) -> str:
        policy = self._policy
        if signal is Signal.PONG_LATE:
            return f"neither PONG nor data for {policy.pong_s:g} s"
        if phase is Phase.SILENT:
            return f"no data for {policy.data_s + policy.silent_s:g} s"
        patience = {Phase.DIALING: policy.dial_s, Phase.CLOSING: policy.close_s}.get(phase, policy.subscribe_s)
        return f"{phase.value} took more than {patience:g} s"

    async def _dial_once(self, generation: int) -> None:
        try:
            socket = await self._dial(self._url, self._heard, partial(self._lost, generation))
        except VenueUnreachable as fault:
            self.failed += 1
            self._lost(generation, fault.reason)
            return
        if generation != self._generation:
            socket.drop()
            return
        self._socket = socket
        self.opened += 1
        self.opened_s = self._clock.monotonic_s()
        self._record(RecordKind.OPENED, "")
        self._signal(Signal.OPENED)

    def _drop(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
        if self._socket is not None:
            self._socket.drop()

    def _forget_socket(self, reason: str) -> None:
        """Heed nothing any more that a socket there was, or a dial, may still say."""
        self._generation += 1
        if self._socket is not None:
            self._socket = None
            self._record(RecordKind.CLOSED, reason)

    # ------------------------------------------------------------ subscriptions

    def _subscribe(self) -> None:
        """Write the first subscription of a socket: all its tokens."""
        self.books.await_snapshots(tuple(self.tokens), "subscribed, its snapshot is awaited", self._clock.now_ns())
        self._send(self._requests.begin())
        self._signals.append(Signal.SUBSCRIBED)

    def _send(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            if self._socket is not None:
                self._socket.send(frame)

    def _mend(self, now: float) -> None:
        """Ask anew for the books that became suspect."""
        if not self._requests.begun:
            self._mender.rest()
            return
        do, tokens = self._mender.look(now)
        if do is Mend.RENEW:
            self.renew("snapshots that were asked for anew did not come")
        elif do is Mend.RESUBSCRIBE:
            self.books.await_snapshots(tokens, "suspect, its snapshot was asked for anew", self._clock.now_ns())
            self._requests.ask_again(tokens)
            self._send(self._requests.changes())

    # ------------------------------------------------------------ what the socket calls

    def _heard(self, frame: bytes, seen_ns: int) -> None:
        self.frames += 1
        self.bytes += len(frame)
        if self.keep is not None:
            self.keep(Record(seen_ns, Channel.MARKET, self.number, RecordKind.FRAME, frame))
        heard = self._decode(frame, seen_ns)
        if heard is not _DATA:
            self._heard_other(heard)
        if self._suspects and not self._mender.noticed:
            self._mender.noticed = True
            self._stir.set()

    def _heard_other(self, heard: Heard) -> None:
        if heard is Heard.PONG:
            self._not_data += 1
            self.last_pong_s = self._clock.monotonic_s()
            if self.connected:
                self._signal(Signal.PONG)
        elif heard is not Heard.SNAPSHOTS:
            self._not_data += 1

    def _lost(self, generation: int, reason: str) -> None:
        if generation != self._generation:
            return
        if self.link.phase is not Phase.CLOSING:  # else the reason is the one it was closed for
            self._note(reason)
        if self.connected:
            self._interrupt()
        self._forget_socket(self.reasons[-1][1])
        self._signal(Signal.LOST)

    # ------------------------------------------------------------ inside

    def _look(self, now: float) -> None:
        """Tell the link of data that came since the last look, before anything that ends the socket."""
        if not self._rates or now - self._rates[-1][0] >= _LOOK_S:
            self._rates.append((now, self.bytes))
        data = self.frames - self._not_data
        if data != self._data_before:
            self._data_before, self.last_data_s = data, now
            if self.connected:
                self._signals.appendleft(Signal.DATA)
        elif self.link.phase is Phase.SILENT and not self.tokens:
            self._signals.append(Signal.VOUCHED)  # nothing is asked for but news, of which there may be none for hours

    def _interrupt(self) -> None:
        """End the stream of this socket: no book of it answers until its next snapshot."""
        self._requests.end()
        reason = f"connection lost: {self.reasons[-1][1]}"
        self.books.await_snapshots(tuple(self.tokens), reason, self._clock.now_ns())

    def _record(self, kind: RecordKind, reason: str) -> None:
        if self.keep is not None:
            self.keep(Record(self._clock.now_ns(), Channel.MARKET, self.number, kind, reason.encode()))

    def _signal(self, signal: Signal) -> None:
        self._signals.append(signal)
        self._stir.set()

    def _note(self, reason: str) -> None:
        self.reasons.append((self._clock.monotonic_s(), reason))
