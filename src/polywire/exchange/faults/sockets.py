"""Faults of a whole connection: dropped, dead, refused, silent, late."""

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
            self._armed = not self._end(connections)  # nobody there yet: the first who is sent something

    def end(self, connections: Iterable[Connection]) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        if self._armed:
            self._armed = False
            self._end((to,))
            return []
        return [parcel]

    def _again(self, connections: Iterable[Connection], loop: asyncio.AbstractEventLoop) -> None:
        self._end(connections)
        self.begin(connections, loop)

    def _end(self, connections: Iterable[Connection]) -> int:
        ended = [connection for connection in connections if self._end_one(connection)]
        self.did += len(ended)
        return len(ended)

    def _end_one(self, connection: Connection) -> bool:
        connection.drop(f"dropped by the fault {self.name}")
        return True


class Dead(DropConnection):
    """Leaves every connection open and never writes to it again, `PONG` neither; new ones are served."""

    name, takes, default = "dead", "seconds from one death to the next", ""

    def _end_one(self, connection: Connection) -> bool:
        if connection.muted:
            return False
        connection.mute()
        return True


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
