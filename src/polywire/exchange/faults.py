"""What can go wrong on a venue, made on demand: one class for each fault, all seen in production.

`--fault NAME[:ARG]` and `POST /venue/faults` turn one on. Between a message and a socket stand those that are on, in
the order of `FAULTS`. Dice are seeded: the same messages meet the same fate.
"""

# ruff: noqa: D102, ARG002 - what the hooks mean is said on `Fault`; most need not know all they are handed

import asyncio
import random
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

import msgspec

from polywire.errors import Misuse
from polywire.exchange.connection import Connection, Parcel
from polywire.exchange.ledger import Ledger
from polywire.exchange.messages import text_frame

_TEXT, _CONTINUATION, _PING = 1, 0, 9


class Fault:
    """One fault that is on. Subclasses say what it does, in one sentence or two, for the docs too.

    Args:
        argument: As text; "" takes the default.
        rng: Its dice.
        ledger: For faults that look at what happened.

    Attributes:
        did: How often it struck.
    """

    name: ClassVar[str]
    takes: ClassVar[str] = ""  # what its argument means; "": it takes none
    default: ClassVar[str] = ""

    def __init__(self, argument: str, rng: random.Random, ledger: Ledger) -> None:
        if argument and not self.takes:
            raise Misuse(f"fault {self.name} takes no argument, and {argument!r} was given; leave it out")
        self.argument = argument or self.default
        self.rng, self.ledger = rng, ledger
        self.did = 0
        self.prepare()

    def prepare(self) -> None:
        """Read the argument. Raises `Misuse` where it is none."""

    def begin(self, connections: Iterable[Connection], loop: asyncio.AbstractEventLoop) -> None:
        """Act once it is on, on those connected."""

    def end(self, connections: Iterable[Connection]) -> None:
        """Act once it is off."""

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        """Return what becomes of a parcel, in order."""
        return [parcel]

    def number(self, least: float, most: float) -> float:
        """Return the argument as a number.

        Raises:
            Misuse: It is none, or outside `least` to `most`.
        """
        try:
            value = float(self.argument)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise Misuse(
                f"fault {self.name} takes {self.takes}, {least:g} to {most:g}, and {self.argument!r} was given"
            )
        return value


class _Chance(Fault):
    """A fault that strikes with a probability."""

    takes = "a probability"

    def prepare(self) -> None:
        self._chance = self.number(0, 1)

    def struck(self) -> bool:
        """Roll the dice."""
        hit = self.rng.random() < self._chance
        self.did += hit
        return hit


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


class FreezeToken(Fault):
    """Sends nothing of one token any more while its siblings flow; `busiest` takes the one with most events."""

    name, takes, default = "freeze-token", "a token id or `busiest`", "busiest"

    def prepare(self) -> None:
        self._token = None if self.argument == "busiest" else self.argument

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        if self._token is None:
            self._token = self.ledger.busiest()
        if self._token is None or not any(token == self._token for token, _ in parcel.counts):
            return [parcel]
        self.did += 1
        left = _without(msgspec.json.decode(parcel.data), self._token)
        if left is None:
            return []
        data = msgspec.json.encode(left)
        counts = tuple((token, count) for token, count in parcel.counts if token != self._token)
        return [Parcel(text_frame(data), parcel.kind, counts, data, parcel.snapshot)]


class NoSnapshot(Fault):
    """Answers subscriptions with no snapshot; what follows a trade still comes."""

    name = "no-snapshot"

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        self.did += parcel.snapshot
        return [] if parcel.snapshot else [parcel]


class DropFrame(_Chance):
    """Loses a message now and then; the answers to subscriptions are spared."""

    name, default = "drop-frame", "0.05"

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        return [] if not parcel.snapshot and self.struck() else [parcel]


class Reorder(_Chance):
    """Sends a message behind the one that follows it."""

    name, default = "reorder", "0.05"

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        held, to.held = to.held, None
        if held is not None:
            return [parcel, held]
        if not parcel.snapshot and self.struck():
            to.held = parcel
            return []
        return [parcel]

    def end(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            held, connection.held = connection.held, None
            if held is not None:
                connection.send(held)


class Duplicate(_Chance):
    """Sends a message twice."""

    name, default = "duplicate", "0.05"

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        return [parcel, parcel] if not parcel.snapshot and self.struck() else [parcel]


class Crossed(_Chance):
    """Crosses a book for one message: a bid at the best ask, taken back by the next; the hash is the true book's."""

    name, default = "crossed", "0.05"

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        if parcel.kind != "price_change" or not parcel.data:
            return [parcel]
        change = msgspec.json.decode(parcel.data)
        bids = [entry["best_bid"] for entry in change["price_changes"]]
        asks = [entry["best_ask"] for entry in change["price_changes"]]
        if "0" in bids or "1" in asks or not self.struck():
            return [parcel]
        made = []
        for size in ("1", "0"):
            for entry, bid, ask, side in zip(change["price_changes"], bids, asks, ("BUY", "SELL"), strict=False):
                price = ask if side == "BUY" else bid  # the second outcome's mirrored ask stands at its best bid
                entry |= {"side": side, "price": price, "size": size, "best_bid": bid, "best_ask": ask}
                if size != "0":
                    entry["best_bid" if side == "BUY" else "best_ask"] = price
            data = msgspec.json.encode(change)
            made.append(Parcel(text_frame(data), parcel.kind, parcel.counts, data))
        return [parcel, *made]


class Garbage(_Chance):
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


class BadUtf8(_Chance):
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


class Fragmented(_Chance):
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


FAULTS: Final[dict[str, type[Fault]]] = {
    fault.name: fault
    for fault in (
        DropConnection,
        Freeze,
        FreezeToken,
        NoSnapshot,
        DropFrame,
        Reorder,
        Duplicate,
        Crossed,
        Garbage,
        BadUtf8,
        Oversized,
        Fragmented,
        Slow,
        Refuse,
    )
}
"""Every fault by name. A message passes them in this order."""


class Faults:
    """The faults that are on.

    Args:
        seed: Of their dice.
        ledger: What happened.
        connections: The connections there are, whenever it is iterated.

    Attributes:
        on: Whether a message can meet one.
    """

    def __init__(self, seed: int, ledger: Ledger, connections: Iterable[Connection]) -> None:
        self._seed, self._ledger, self._connections = seed, ledger, connections
        self._active: dict[str, tuple[Fault, asyncio.TimerHandle | None]] = {}
        self._chain: list[Fault] = []
        self.on = False

    def pass_on(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        """Return what becomes of a parcel when all faults have had their turn."""
        parcels = [parcel]
        for fault in self._chain:
            parcels = [left for one in parcels for left in fault.strike(one, to)]
        return parcels

    def refuse(self) -> bool:
        """Return whether a handshake that just came is to be refused."""
        fault, _ = self._active.get(Refuse.name, (None, None))
        if fault is not None:
            fault.did += 1
        return fault is not None

    def start(self, name: str, argument: str = "", for_s: float | None = None) -> None:
        """Turn a fault on, in place of one of the same name.

        Args:
            name: A key of `FAULTS`.
            argument: "" takes its default.
            for_s: Seconds after which it ends by itself; None: it stays.

        Raises:
            Misuse: There is no such fault, or its argument is none.
        """
        kind = FAULTS.get(name)
        if kind is None:
            raise Misuse(f"there is no fault {name!r}; the faults are {', '.join(FAULTS)}")
        fault = kind(argument, random.Random(f"{self._seed}:{name}"), self._ledger)
        self.stop(name)
        loop = asyncio.get_running_loop()
        timer = None if for_s is None else loop.call_later(for_s, self.stop, name)
        self._active[name] = fault, timer
        self._changed()
        fault.begin(_Now(self._connections), loop)

    def stop(self, name: str) -> bool:
        """Turn a fault off; return whether it was on."""
        fault, timer = self._active.pop(name, (None, None))
        if timer is not None:
            timer.cancel()
        self._changed()
        if fault is not None:
            fault.end(_Now(self._connections))
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
                "name": fault.name,
                "argument": fault.argument,
                "left_s": None if timer is None else round(max(0.0, timer.when() - now), 3),
                "did": fault.did,
            }
            for fault, timer in self._active.values()
        ]

    def _changed(self) -> None:
        self._chain = [self._active[name][0] for name in FAULTS if name in self._active and name != Refuse.name]
        self.on = bool(self._chain)


class _Now:
    """The connections there are at the moment it is iterated, as a list that a drop may shorten."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._connections = connections

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections))


def parse_fault(text: str) -> tuple[str, str]:
    """Return name and argument of `NAME[:ARG]`.

    >>> parse_fault("drop-frame:0.1"), parse_fault("freeze")
    (('drop-frame', '0.1'), ('freeze', ''))
    """
    name, _, argument = text.partition(":")
    return name, argument


def _without(message: Any, token: str) -> Any:
    """Return a message without what it says of a token; None where nothing is left."""
    if isinstance(message, list):
        left = [part for part in message if part["asset_id"] != token]
        return left or None
    if "price_changes" in message:
        changes = [entry for entry in message["price_changes"] if entry["asset_id"] != token]
        return message | {"price_changes": changes} if changes else None
    return message if message.get("asset_id", "") != token else None
