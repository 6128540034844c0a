"""What is kept of a watch over restarts, as bytes: the watch with its markets, and what its condition remembers."""

from typing import Final

import msgspec

from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId
from polywire.model.watch import Watch


class Kept(msgspec.Struct, frozen=True):
    """See `polywire.ports.KeptWatch`."""

    id: str
    body: bytes | None  # b"": as it was; None: forget it
    state: bytes


class Body(msgspec.Struct, frozen=True):
    """A watch, and what the catalogue said of its markets: it is restored without asking the venue."""

    watch: Watch
    markets: tuple[MarketListed, ...]


class State(msgspec.Struct, frozen=True):
    """What a sentry remembers, and when it was written: until then the watch was watched."""

    at_ms: int  # our clock, Unix milliseconds
    sentry: msgspec.Raw  # JSON
    resolved: dict[ConditionId, str] = {}  # of its markets, those whose end was told: the winner's name


NOTHING: Final = State(0, msgspec.Raw(b""))
"""What a new watch remembers."""

_encoder = msgspec.json.Encoder()
_bodies = msgspec.json.Decoder(Body)
_states = msgspec.json.Decoder(State)


def body_of(watch: Watch, markets: tuple[MarketListed, ...]) -> bytes:
    """Return a watch as it is kept."""
    return _encoder.encode(Body(watch, markets))


def state_of(at_ms: int, sentry: bytes, resolved: dict[ConditionId, str]) -> bytes:
    """Return what is remembered of a watch as it is kept."""
    return _encoder.encode(State(at_ms, msgspec.Raw(sentry or b"null"), resolved))


def read_body(kept: bytes) -> Body:
    """Return what `body_of` wrote.

    Raises:
        msgspec.DecodeError: It is none, or one of a later version.
    """
    return _bodies.decode(kept)


def read_state(kept: bytes) -> State:
    """Return what `state_of` wrote; `sentry` is empty where it remembers nothing.

    Raises:
        msgspec.DecodeError: It is none.
    """
    state = _states.decode(kept)
    return msgspec.structs.replace(state, sentry=msgspec.Raw(b"")) if bytes(state.sentry) == b"null" else state
