"""The faults that are on, and the table of all there are."""

import asyncio
import random
from collections.abc import Iterable, Iterator
from typing import Any, Final

from polywire.errors import Misuse
from polywire.exchange.connection import ChannelName, Connection, Parcel
from polywire.exchange.faults.fault import Fault, Place
from polywire.exchange.faults.frames import BadUtf8, Fragmented, Garbage, Oversized
from polywire.exchange.faults.messages import (
    Crossed,
    DropFrame,
    Duplicate,
    FreezeToken,
    NoResolution,
    NoSnapshot,
    Reorder,
)
from polywire.exchange.faults.requests import (
    Geoblock,
    LostAnswer,
    RateLimit,
    ReadLimit,
    RequestFault,
    ServerErrors,
    SlowAnswers,
)
from polywire.exchange.faults.sockets import Dead, DropConnection, Freeze, Refuse, Slow
from polywire.exchange.faults.trading import BlankSizeMatched, GhostFill, UserDrop, UserDuplicate, UserReorder
from polywire.exchange.ledger import Ledger

FAULTS: Final[dict[str, type[Fault]]] = {
    fault.name: fault
    for fault in (
        DropConnection,
        Freeze,
        Dead,
        FreezeToken,
        NoSnapshot,
        NoResolution,
        DropFrame,
        Reorder,
        Duplicate,
        Crossed,
        UserDrop,
        UserReorder,
        UserDuplicate,
        Garbage,
        BadUtf8,
        Oversized,
        Fragmented,
        Slow,
        Refuse,
        BlankSizeMatched,
        GhostFill,
        Geoblock,
        RateLimit,
        ReadLimit,
        ServerErrors,
        LostAnswer,
        SlowAnswers,
    )
}
"""Every fault by name. A message or a request meets them in this order."""


class Faults:
    """The faults that are on.

    Args:
        seed: Of their dice.
        ledger: What happened.
        connections: The connections there are, of every channel, whenever it is iterated.

    Attributes:
        on: Whether a message can meet one.
        of_requests: Those that a request meets, in order.
    """

    def __init__(self, seed: int, ledger: Ledger, connections: Iterable[Connection]) -> None:
        self._seed, self._ledger, self._connections = seed, ledger, connections
        self._active: dict[str, tuple[Fault, asyncio.TimerHandle | None]] = {}
        self._chains: dict[Place, list[Fault]] = {"market": [], "user": [], "live": []}
        self.of_requests: tuple[RequestFault, ...] = ()
        self.on = False

    def pass_on(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        """Return what becomes of a parcel when all faults of its channel have had their turn."""
        parcels = [parcel]
        for fault in self._chains[to.channel]:
            parcels = [left for one in parcels for left in fault.strike(one, to)]
        return parcels

    def refuse(self, channel: ChannelName | None = None) -> bool:
        """Return whether a handshake that just came, for a channel or for none there is, is to be refused."""
        refusing = (fault for fault, _ in self._active.values() if isinstance(fault, Refuse))
        return any(fault.struck() for fault in refusing if channel in fault.at or fault.at == fault.where)

    def is_on(self, name: str) -> bool:
        """Return whether a fault is on, without its striking."""
        return name in self._active

    def strikes(self, name: str) -> bool:
        """Return whether a fault is on and strikes now; it is counted."""
        active = self._active.get(name)
        return active is not None and active[0].struck()

    def start(self, name: str, argument: str = "", for_s: float | None = None) -> None:
        """Turn a fault on, in place of one of the same name.

        Args:
            name: A key of `FAULTS`, or `KEY@CHANNEL` to limit one of several channels to one of them.
            argument: "" takes its default.
            for_s: Seconds after which it ends by itself; None: it stays.

        Raises:
            Misuse: There is no such fault, it does not strike at that channel, or its argument is none.
        """
        key, _, channel = name.partition("@")
        kind = FAULTS.get(key)
        if kind is None:
            raise Misuse(f"there is no fault {key!r}; the faults are {', '.join(FAULTS)}")
        at = tuple(place for place in kind.where if place == channel)
        if "@" in name and (not at or len(kind.where) == 1):
            raise Misuse(
                f"fault {key} strikes at {', '.join(kind.where)}, and {name!r} was asked for; "
                "@CHANNEL limits a fault of several channels to one of them"
            )
        fault = kind(argument, random.Random(f"{self._seed}:{name}"), self._ledger)
        fault.at = at or kind.where
        self.stop(name)
        loop = asyncio.get_running_loop()
        timer = None if for_s is None else loop.call_later(for_s, self.stop, name)
        self._active[name] = fault, timer
        self._changed()
        fault.begin(_Now(self._connections, fault.at), loop)

    def stop(self, name: str) -> bool:
        """Turn a fault off; return whether it was on."""
        fault, timer = self._active.pop(name, (None, None))
        if timer is not None:
            timer.cancel()
        self._changed()
        if fault is not None:
            fault.end(_Now(self._connections, fault.at))
        return fault is not None

    def stop_all(self) -> None:
        """Turn every fault off."""
        for name in list(self._active):
            self.stop(name)

    def described(self) -> list[dict[str, Any]]:
        """Return the faults that are on, what they were told and how often they struck."""
        now = asyncio.get_running_loop().time()
        return [
            {
                "name": name,
                "argument": fault.argument,
                "left_s": None if timer is None else round(max(0.0, timer.when() - now), 3),
                "did": fault.did,
            }
            for name, (fault, timer) in self._active.items()
        ]

    def _changed(self) -> None:
        on = [fault for key in FAULTS for fault, _ in self._active.values() if fault.name == key]
        meeting = [fault for fault in on if type(fault).strike is not Fault.strike]
        for place, chain in self._chains.items():
            chain[:] = [fault for fault in meeting if place in fault.at]
        self.of_requests = tuple(fault for fault in on if isinstance(fault, RequestFault))
        self.on = bool(meeting)


class _Now:
    """The connections of some channels at the moment it is iterated, as a list that a drop may shorten."""

    def __init__(self, connections: Iterable[Connection], where: tuple[Place, ...]) -> None:
        self._connections, self._where = connections, where

    def __iter__(self) -> Iterator[Connection]:
        return iter([one for one in self._connections if one.channel in self._where and not one.spared])


def parse_fault(text: str) -> tuple[str, str]:
    """Return name and argument of `NAME[@CHANNEL][:ARG]`, the channel as part of the name.

    >>> parse_fault("drop-frame:0.1"), parse_fault("freeze@live")
    (('drop-frame', '0.1'), ('freeze@live', ''))
    """
    name, _, argument = text.partition(":")
    return name, argument
