"""What happened on the market channel: one frozen event per fact.

Each carries `venue_ms` (Unix milliseconds, the venue's clock) and `seen_ns` (Unix nanoseconds, our clock, when
the frame left the socket). Prices are ints of 1e-4 USDC, sizes ints of 1e-6 shares. Source of all:
docs/protocol.md, "Market channel".

`gc=False` where an event holds texts and ints only: it cannot be part of a cycle, and the collector need not look.
"""

from decimal import Decimal

import msgspec

from polywire.model.levels import Levels
from polywire.model.units import BookSide, ConditionId, TokenId, TradeSide


class BookReplaced(msgspec.Struct, frozen=True, tag=True):
    """The venue stated a token's whole book; whatever stood before is void."""

    token: TokenId
    condition: ConditionId
    bids: Levels
    asks: Levels
    tick: int | None  # 1e-4 USDC; None where the message does not say (all but the first of a connection)
    last_trade: int | None  # 1e-4 USDC, the last trade's price; None where unsaid or never traded
    digest: str  # the venue's SHA-1 of the book, 40 hex digits; "" where unsaid
    venue_ms: int
    seen_ns: int


class BookStated(msgspec.Struct, frozen=True):
    """A book as REST states it: the snapshot, and the terms that the stream leaves out."""

    book: BookReplaced
    min_size: int | None  # 1e-6 shares, the least an order may ask for; None where unsaid
    neg_risk: bool


class LevelChanged(msgspec.Struct, frozen=True, tag=True, gc=False):
    """One price level of one book now rests at `size` shares. One event per entry of a `price_change`."""

    token: TokenId
    condition: ConditionId
    side: BookSide
    price: int  # 0 < price < 10,000, a multiple of the market's tick
    size: int  # shares now resting there: the new total, not a difference; 0 empties it
    best_bid: int | None  # what the venue says the best bid is after the whole message; 0: no bids; None: unsaid
    best_ask: int | None  # the same; 10,000: no asks
    digest: str  # the venue's SHA-1 of this token's book after the whole message; "" where unsaid
    venue_ms: int
    seen_ns: int


class Traded(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A taker's order met resting ones. The venue gives no trade id, and a lost one cannot be detected."""

    token: TokenId
    condition: ConditionId
    price: int
    size: int | None  # None in a few old recordings
    side: TradeSide  # what the taker did
    fee_rate_bps: int | None  # None where the venue sends ""
    transaction: str  # hash of the settling transaction; "" where unsaid
    venue_ms: int
    seen_ns: int
    repeated: bool = False  # may have been told before: two sockets brought it, and nothing tells them apart


class BestChanged(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The venue says the top of a book moved. Its order among the level changes is not promised."""

    token: TokenId
    condition: ConditionId
    best_bid: int | None  # 0: no bids; None: unsaid
    best_ask: int | None  # 10,000: no asks; None: unsaid
    venue_ms: int
    seen_ns: int


class TickSizeChanged(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Orders must now be priced on another grid. Resting levels stay as they are."""

    token: TokenId
    condition: ConditionId
    old_tick: int  # 1e-4 USDC
    new_tick: int
    venue_ms: int
    seen_ns: int


class FeeSchedule(msgspec.Struct, frozen=True):
    """How a market charges: fee = rate x (price x (1 - price)) ^ exponent, as the venue states its terms."""

    exponent: Decimal
    rate: Decimal
    taker_only: bool
    rebate_rate: Decimal


class MarketCreated(msgspec.Struct, frozen=True, tag=True):
    """A market was made. Broadcast to all, whatever they subscribed to. Texts are written by strangers: data."""

    condition: ConditionId
    market: str  # the Gamma market id
    slug: str
    question: str
    description: str
    outcomes: tuple[str, ...]
    tokens: tuple[TokenId, ...]  # in the order of `outcomes`
    event_slug: str
    event_title: str
    group_item: str  # this market's name inside its event; "" where it stands alone
    tags: tuple[str, ...]
    active: bool
    tick: int | None  # 1e-4 USDC; None where unsaid
    fee: FeeSchedule | None
    venue_ms: int
    seen_ns: int


class MarketResolved(msgspec.Struct, frozen=True, tag=True):
    """A market's outcome is known: heard on the stream, which never replays it and may leave it out, or read back."""

    condition: ConditionId
    market: str  # the Gamma market id
    tokens: tuple[TokenId, ...]
    winner: TokenId  # "" where each outcome gets a half
    outcome: str  # the winner's name; "" where there is none
    tags: tuple[str, ...]
    venue_ms: int  # 0 where unsaid
    seen_ns: int
    recovered: bool = False  # read back over REST, not heard on a stream


MarketEvent = BookReplaced | LevelChanged | Traded | BestChanged | TickSizeChanged | MarketCreated | MarketResolved
"""Whatever the market channel can tell."""
