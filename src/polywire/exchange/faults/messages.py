"""Faults of messages that everybody is sent: lost, doubled, out of order, crossed."""

# ruff: noqa: D102, ARG002 - what the hooks mean is said on `Fault`; most need not know all they are handed

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from polywire.exchange.connection import Connection, Parcel
from polywire.exchange.faults.fault import Chance, Fault, Place
from polywire.exchange.messages import text_frame


class FreezeToken(Fault):
    """Sends nothing of one token any more while its siblings flow; `busiest` takes the one with most events."""

    name, takes, default = "freeze-token", "a token id or `busiest`", "busiest"
    where: ClassVar[tuple[Place, ...]] = ("market",)

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
    where: ClassVar[tuple[Place, ...]] = ("market",)

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        self.did += parcel.snapshot
        return [] if parcel.snapshot else [parcel]


class NoResolution(Fault):
    """Tells nobody that a market is resolved, as users report of the venue; REST knows."""

    name = "no-resolution"
    where: ClassVar[tuple[Place, ...]] = ("market",)

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        if parcel.kind != "market_resolved":
            return [parcel]
        self.did += 1
        return []


class DropFrame(Chance):
    """Loses a message now and then; the answers to subscriptions are spared."""

    name, default = "drop-frame", "0.05"
    where: ClassVar[tuple[Place, ...]] = ("market", "live")

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        return [] if not parcel.snapshot and self.struck() else [parcel]


class Reorder(Chance):
    """Sends a message behind the one that follows it."""

    name, default = "reorder", "0.05"
    where: ClassVar[tuple[Place, ...]] = ("market", "live")

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


class Duplicate(Chance):
    """Sends a message twice."""

    name, default = "duplicate", "0.05"
    where: ClassVar[tuple[Place, ...]] = ("market", "live")

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        return [parcel, parcel] if not parcel.snapshot and self.struck() else [parcel]


class Crossed(Chance):
    """Crosses a book for one message: a bid at the best ask, taken back by the next; the hash is the true book's."""

    name, default = "crossed", "0.05"
    where: ClassVar[tuple[Place, ...]] = ("market",)

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


def _without(message: Any, token: str) -> Any:
    """Return a message without what it says of a token; None where nothing is left."""
    if isinstance(message, list):
        left = [part for part in message if part["asset_id"] != token]
        return left or None
    if "price_changes" in message:
        changes = [entry for entry in message["price_changes"] if entry["asset_id"] != token]
        return message | {"price_changes": changes} if changes else None
    return message if message.get("asset_id", "") != token else None
