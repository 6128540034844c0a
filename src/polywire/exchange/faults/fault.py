"""What a fault is: its name, its argument, where it strikes and how often it has."""

# ruff: noqa: D102, ARG002 - what the hooks mean is said on `Fault`; most need not know all they are handed

import asyncio
import math
import random
from collections.abc import Iterable
from typing import ClassVar, Literal

from polywire.errors import Misuse
from polywire.exchange.connection import Connection, Parcel
from polywire.exchange.ledger import Ledger

Place = Literal["market", "user", "live", "REST", "settlement"]
"""Where a fault strikes: a channel's messages, the answers to requests, or what happens behind both."""

EVERY_CHANNEL: tuple[Place, ...] = ("market", "user", "live")


class Fault:
    """One fault that is on. Subclasses say what it does, in one sentence or two, for the docs too.

    Args:
        argument: As text; "" takes the default.
        rng: Its dice.
        ledger: For faults that look at what happened.

    Attributes:
        did: How often it struck.
        at: Where it strikes: all of `where`, or the one channel that it is limited to.
    """

    name: ClassVar[str]
    where: ClassVar[tuple[Place, ...]] = EVERY_CHANNEL
    takes: ClassVar[str] = ""  # what its argument means; "": it takes none
    default: ClassVar[str] = ""

    def __init__(self, argument: str, rng: random.Random, ledger: Ledger) -> None:
        if argument and not self.takes:
            raise Misuse(f"fault {self.name} takes no argument, and {argument!r} was given; leave it out")
        self.argument = argument or self.default
        self.rng, self.ledger = rng, ledger
        self.did = 0
        self.at = self.where
        self.prepare()

    def prepare(self) -> None:
        """Read the argument. Raises `Misuse` where it is none."""

    def begin(self, connections: Iterable[Connection], loop: asyncio.AbstractEventLoop) -> None:
        """Act once it is on, on those connected to its channels."""

    def end(self, connections: Iterable[Connection]) -> None:
        """Act once it is off."""

    def strike(self, parcel: Parcel, to: Connection) -> list[Parcel]:
        """Return what becomes of a parcel on one of its channels, in order."""
        return [parcel]

    def struck(self) -> bool:
        """Return whether it strikes now, and count it."""
        self.did += 1
        return True

    def number(self, least: float, most: float) -> float:
        """Return the argument as a number.

        Raises:
            Misuse: It is none, or outside `least` to `most`.
        """
        try:
            value = float(self.argument)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise Misuse(
                f"fault {self.name} takes {self.takes}, {least:g} to {most:g}, and {self.argument!r} was given"
            )
        return value


class Chance(Fault):
    """A fault that strikes with a probability."""

    takes = "a probability"

    def prepare(self) -> None:
        self._chance = self.number(0, 1)

    def struck(self) -> bool:
        """Roll the dice."""
        hit = self.rng.random() < self._chance
        self.did += hit
        return hit
