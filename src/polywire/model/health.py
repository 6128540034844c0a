"""What the feed knows about its own truth: freshness of a book, and gaps in what was heard."""

from enum import StrEnum

import msgspec

from polywire.model.units import TokenId


class Freshness(StrEnum):
    """How far a token's book can be believed. Only `CURRENT` and `QUIET` answer."""

    COLD = "cold"  # never had a snapshot
    SYNCING = "syncing"  # asked for, no snapshot yet
    CURRENT = "current"  # every message since the last snapshot was applied, and none contradicted it
    QUIET = "quiet"  # silent, and checked to be so
    SUSPECT = "suspect"  # something contradicts it
    RESYNCING = "resyncing"  # being proven or replaced


ANSWERING = frozenset({Freshness.CURRENT, Freshness.QUIET})
"""The states in which a book answers."""


class FreshnessChanged(msgspec.Struct, frozen=True, tag=True):
    """A token's book became more, or less, to be believed."""

    token: TokenId
    was: Freshness
    now: Freshness
    reason: str  # one sentence, with numbers
    verified_ns: int | None  # our clock, when the whole book was last proven; None: never
    venue_ms: int  # the message that showed it; 0 where no message did
    seen_ns: int


class Gap(msgspec.Struct, frozen=True, tag=True):
    """Between two instants, changes of these tokens may have been lost. What was lost is not known."""

    tokens: tuple[TokenId, ...]  # whom it concerns; () where what was lost is of no token, as a comment is
    from_ns: int  # our clock: the last instant at which the books were proven whole
    to_ns: int  # our clock: when they were whole again, or when the loss was seen
    reason: str
    venue_ms: int  # the venue's clock at the end, 0 where unknown
    seen_ns: int


HealthEvent = FreshnessChanged | Gap
"""Whatever the feed tells about itself."""
