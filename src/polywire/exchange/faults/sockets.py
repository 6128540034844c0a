"""Faults of a whole connection: dropped, refused, silent, late."""

# ruff: noqa: D102, ARG002 - what the hooks mean is said on `Fault`; most need not know all they are handed

import asyncio
from collections.abc import Iterable

import msgspec

from polywire.exchange.connection import Connection, Parcel
from polywire.exchange.faults.fault import Fault


class DropConnection(Fault):
    """Drops every connection without a close frame: again every so many seconds, or once."""

    name, takes, default = "drop-connection", "seconds from one drop to the next", ""
    _timer: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        self._every_s = self.number(0.01, 86_400) if self.argument else None
        self._armed = False

    def begin(self, connections: Iterable[Connection], loop: asyncio.AbstractEventLoop) -> None:
        if self._every_s is not None:
            self._timer = loop.call_later(self._every_s, self._again, connections, loop)
        else:
            self._armed = not self._drop(connections)  # nobody there yet: the first who is sent something

    def end(self, connections: Iterable[Connection]) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        if self._armed:
            self._armed = False
            self._drop((to,))
            return []
        return [parcel]

    def _again(self, connections: Iterable[Connection], loop: asyncio.AbstractEventLoop) -> None:
        self._drop(connections)
        self.begin(connections, loop)

    def _drop(self, connections: Iterable[Connection]) -> int:
        dropped = list(connections)
        for connection in dropped:
            connection.drop("dropped by the fault drop-connection")
        self.did += len(dropped)
        return len(dropped)


class Freeze(Fault):
    """Sends no data any more, snapshots included; `PING` is still answered."""

    name = "freeze"

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        self.did += parcel.messages
        return []


class Slow(Fault):
    """Sends each message so many milliseconds late, the order kept."""

    name, takes, default = "slow", "milliseconds", "250"

    def prepare(self) -> None:
        self._late_ms = self.number(0, 10_000)

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        self.did += 1
        return [msgspec.structs.replace(parcel, late_ms=self._late_ms)]


class Refuse(Fault):
    """Refuses new connections: the TCP connection is taken, the handshake answered with 503."""

    name = "refuse"
