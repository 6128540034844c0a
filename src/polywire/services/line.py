"""One socket to the venue, dialled again for ever: what the sockets of all channels have in common.

The link (`core.link`) says what to do, this does it. Frames never wait: the socket's callback takes them whole. The
task here only wakes for signals, and once a second to see whether data came. What is asked for and what a frame means
is the channel's: `services.feed.connection`, `services.own`, `services.live`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar, Final, NoReturn

from polywire.core.link import Action, Link, Phase, Policy, Signal, due, new_link, step
from polywire.errors import VenueUnreachable
from polywire.ports import Clock, Dial, Socket
from polywire.wire.channels import Channel
from polywire.wire.requests import PING
from polywire.wire.sink import Heard
from polywire.wire.tape import Record, RecordKind

_LOOK_S: Final = 1.0  # how often to see whether data came
_REASONS_KEPT: Final = 16
_RATE_LOOKS: Final = 10
_CARRYING: Final = frozenset({Phase.SUBSCRIBING, Phase.OPEN, Phase.SILENT})

Keep = Callable[[Record], None]
"""Called with each frame as it came, inside the socket's callback, and with each opening and end of a socket."""


class Line(ABC):
    """A socket that is kept open. A channel says what to write, and what a frame is.

    Args:
        number: Names it, from 1.
        url: The channel.
        dial: Opens sockets.
        clock: Our time.
        policy: How patient the link is.
        roll: Returns a number in [0, 1), for the jitter of delays.

    Attributes:
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

    channel: ClassVar[Channel]

    def __init__(
        self, number: int, url: str, dial: Dial, clock: Clock, policy: Policy, roll: Callable[[], float]
    ) -> None:
        self.number, self._url, self._dial, self._clock = number, url, dial, clock
        self._policy, self._roll = policy, roll
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

    # ------------------------------------------------------------ what a channel says

    @abstractmethod
    def _begin(self) -> Iterable[bytes]:
        """Return the first frames of a new socket; nothing is written before them."""

    @abstractmethod
    def _heard(self, frame: bytes, seen_ns: int) -> None:
        """Take one frame, inside the socket's callback: count it (`_count`), read it, and say what it was (`_note`)."""

    @abstractmethod
    def _interrupt(self) -> None:
        """Learn that the stream of this socket has ended; `reasons[-1]` says why."""

    @property
    def _may_be_silent(self) -> bool:
        """Whether no data for a long time means nothing, as where only rare things are asked for."""
        return False

    def _work(self, now: float) -> None:  # noqa: B027 - most channels have none
        """Do what is due beside the link, at each turn of the task."""

    def _work_at(self, now: float) -> float:  # noqa: ARG002 - a channel that has work looks at it
        """Return when there is work next, in monotonic seconds."""
        return float("inf")

    # ------------------------------------------------------------ what its owner calls

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
        """Return in how many seconds the next dial is due; None: none is."""
        return max(0.0, self.link.until - now) if self.link.phase is Phase.WAITING else None

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
                    self._work(now)
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
        return min(self.link.wake_at, self._work_at(now), now + _LOOK_S)

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
                self._send(self._begin())
                self._signals.append(Signal.SUBSCRIBED)
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

    # ------------------------------------------------------------ what the socket calls

    def _count(self, frame: bytes, seen_ns: int) -> None:
        """Count a frame, and have it kept where somebody records."""
        self.frames += 1
        self.bytes += len(frame)
        if self.keep is not None:
            self.keep(Record(seen_ns, self.channel, self.number, RecordKind.FRAME, frame))

    def _heard_other(self, heard: Heard) -> None:
        """Take note of a frame that was no plain data."""
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
        elif self.link.phase is Phase.SILENT and self._may_be_silent:
            self._signals.append(Signal.VOUCHED)

    def _send(self, frames: Iterable[bytes]) -> None:
        for frame in frames:
            if self._socket is not None:
                self._socket.send(frame)

    def _record(self, kind: RecordKind, reason: str) -> None:
        if self.keep is not None:
            self.keep(Record(self._clock.now_ns(), self.channel, self.number, kind, reason.encode()))

    def _signal(self, signal: Signal) -> None:
        self._signals.append(signal)
        self._stir.set()

    def _note(self, reason: str) -> None:
        self.reasons.append((self._clock.monotonic_s(), reason))
