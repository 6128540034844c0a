"""What a decoder told its sink, kept for the tests of this folder."""

from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.units import TokenId
from polywire.wire.sink import OtherEvent


def bids(*levels: tuple[int, int]) -> Levels:
    """Return the bid side of a book."""
    return Levels.of("bid", levels)


def asks(*levels: tuple[int, int]) -> Levels:
    """Return the ask side of a book."""
    return Levels.of("ask", levels)


class Told:
    """A sink that keeps every call as it came.

    Attributes:
        calls: Everything told, in order: a snapshot, a message's level changes, another event.
        losses: What was told as lost: (tokens, seen_ns).
    """

    def __init__(self) -> None:
        self.calls: list[BookReplaced | list[LevelChanged] | OtherEvent] = []
        self.losses: list[tuple[tuple[TokenId, ...] | None, int]] = []
        self.reasons: list[str] = []

    def book(self, event: BookReplaced) -> None:
        self.calls.append(event)

    def levels(self, events: list[LevelChanged]) -> None:
        assert events, "a sink is promised at least one level change a call"
        self.calls.append(events)

    def event(self, event: OtherEvent) -> None:
        self.calls.append(event)

    def lost(self, tokens: tuple[TokenId, ...] | None, reason: str, seen_ns: int) -> None:
        self.losses.append((tokens, seen_ns))
        self.reasons.append(reason)
