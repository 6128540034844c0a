"""What happened to the user's own orders and trades. Source: docs/protocol.md, "User channel"."""

from enum import StrEnum

import msgspec

from polywire.model.units import BookSide, ConditionId, TokenId, TradeSide


class OrderStep(StrEnum):
    """What an order event reports."""

    PLACED = "PLACEMENT"
    UPDATED = "UPDATE"
    CANCELLED = "CANCELLATION"


class TradeStatus(StrEnum):
    """The life of a trade: MATCHED, MINED, CONFIRMED; on trouble RETRYING, or FAILED (the fill must be undone)."""

    MATCHED = "MATCHED"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    RETRYING = "RETRYING"
    FAILED = "FAILED"


class OwnOrderChanged(msgspec.Struct, frozen=True, tag=True):
    """One of the user's orders was placed, matched in part, or ended."""

    order: str  # the order's hash
    step: OrderStep
    status: str  # the venue's word, free text after CANCELED_ included
    token: TokenId
    condition: ConditionId
    outcome: str
    side: TradeSide
    price: int
    original_size: int
    matched_size: int  # cumulative
    order_type: str  # GTC, GTD, FOK, FAK; "" where unsaid
    expires_s: int  # Unix seconds; 0: never
    trades: tuple[str, ...]
    owner: str  # API key id
    maker: str  # wallet address
    recovered: bool  # read back over REST after a loss, not heard on the stream
    venue_ms: int  # 0 where REST does not say when
    seen_ns: int


class MakerLeg(msgspec.Struct, frozen=True):
    """A resting order's part in a trade. It may be on the complementary token (mint or merge)."""

    order: str
    owner: str  # API key id
    maker: str  # wallet address
    token: TokenId
    outcome: str
    side: BookSide
    price: int
    size: int


class OwnTradeChanged(msgspec.Struct, frozen=True, tag=True):
    """A trade the user took part in reached a status. The same `trade` comes once per status it is heard to reach."""

    trade: str
    status: TradeStatus
    role: str  # "TAKER" or "MAKER": for a maker the legs are the fill, not the top level; "" where unsaid
    taker_order: str
    token: TokenId  # the taker's
    condition: ConditionId
    outcome: str
    side: TradeSide
    price: int
    size: int
    fee_rate_bps: int | None
    makers: tuple[MakerLeg, ...]  # every leg, other people's included
    transaction: str
    matched_s: int  # when it was matched, Unix seconds of the venue's clock; 0 where unsaid
    owner: str  # API key id, of whom it was told to
    recovered: bool
    venue_ms: int
    seen_ns: int


OwnEvent = OwnOrderChanged | OwnTradeChanged
"""Whatever the user channel can tell."""
