"""Faults of the user channel and of settlement: what makes a client's own picture of itself wrong."""

# ruff: noqa: D102 - what the hooks mean is said on `Fault`

from polywire.exchange.connection import Connection, Parcel
from polywire.exchange.faults.fault import Chance, Fault
from polywire.exchange.faults.messages import Duplicate, Reorder


class UserDrop(Chance):
    """Loses an order or trade event now and then."""

    name, default = "user-drop", "0.2"
    where = ("user",)

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:  # noqa: ARG002 - whoever it goes to
        return [] if self.struck() else [parcel]


class UserReorder(Reorder):
    """Sends an order or trade event behind the one that follows it."""

    name, default = "user-reorder", "0.2"
    where = ("user",)


class UserDuplicate(Duplicate):
    """Sends an order or trade event twice."""

    name, default = "user-duplicate", "0.2"
    where = ("user",)


class BlankSizeMatched(Fault):
    """Tells of a killed FOK order as the venue does, with an empty `size_matched`, which its SDK drops."""

    name = "blank-size-matched"
    where = ("user",)


class GhostFill(Chance):
    """Lets a trade fail: it is told as `MATCHED`, then as `FAILED`, and what it moved is moved back."""

    name, default = "ghost-fill", "0.2"
    where = ("settlement",)
