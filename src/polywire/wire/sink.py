"""Where a decoder puts what it read: one message at a time, whole or not at all."""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from polywire.model.market import (
    BestChanged,
    BookReplaced,
    LevelChanged,
    MarketCreated,
    MarketEvent,
    MarketResolved,
    TickSizeChanged,
    Traded,
)
from polywire.model.units import TokenId

OtherEvent = Traded | BestChanged | TickSizeChanged | MarketCreated | MarketResolved
"""Events that change no level."""


class Heard(Enum):
    """What kind of thing a frame was: liveness by data and by PONG are told apart from here on."""

    DATA = "data"  # at least one message
    SNAPSHOTS = "snapshots"  # an array of books, or `[]`: the answer to a first subscription
    PONG = "pong"
    NOTICE = "notice"  # a word of the protocol that carries no data: NO NEW ASSETS, INVALID OPERATION
    UNREADABLE = "unreadable"  # counted as undecoded


class MarketSink(Protocol):
    """What a market decoder calls. A call is one message; its numbers are exact and already checked."""

    def book(self, event: BookReplaced) -> None:
        """Take a snapshot."""

    def levels(self, events: list[LevelChanged]) -> None:
        """Take one `price_change`: all its entries, in order, at least one.

        Where a token has several entries, only its last one states the best prices: the venue means them to
        hold after the whole message.
        """

    def event(self, event: OtherEvent) -> None:
        """Take an event that changes no level."""

    def lost(self, tokens: tuple[TokenId, ...] | None, reason: str, seen_ns: int) -> None:
        """Learn that changes of these tokens were sent but could not be read (None: of any token)."""


class Collector:
    """A sink that keeps events.

    Attributes:
        events: What was decoded, in order.
    """

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self.book: Callable[[BookReplaced], None] = self.events.append
        self.levels: Callable[[list[LevelChanged]], None] = self.events.extend
        self.event: Callable[[OtherEvent], None] = self.events.append

    def lost(self, tokens: tuple[TokenId, ...] | None, reason: str, seen_ns: int) -> None:
        """Keep nothing: the decoder's tally has counted it."""
