"""What Polywire itself sums up of a book, at a depth and a rate the reader chose."""

import msgspec

from polywire.model.levels import Levels
from polywire.model.units import TokenId


class BookAggregated(msgspec.Struct, frozen=True, tag=True):
    """The top of a book that can be believed, as it stands in our own memory. None is made of one that may be wrong."""

    token: TokenId
    bids: Levels  # at most the depth asked for, best last
    asks: Levels
    tick: int | None  # 1e-4 USDC; None where the venue has not said
    verified_ns: int  # our clock, when the whole book was last proven
    venue_ms: int  # the venue's clock of the last change in it
    seen_ns: int  # our clock of the last change in it
