"""The market channel's frames as the venue spells them: private to `wire`.

Every field the venue is known to send is named, and an unknown one is refused here, so that the fast path
reads exactly the current form and anything else is met, counted and read by `wire.market_odd`. Source:
docs/protocol.md, "Market channel".
"""

from typing import Annotated, Literal

import msgspec

Timestamp = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
"""Unix milliseconds; the venue sends a text, which lax decoding makes an int."""


class Level(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One aggregate level of a snapshot."""

    price: str
    size: str


class Change(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One entry of `price_changes`."""

    asset_id: str
    price: str
    size: str
    side: Literal["BUY", "SELL"]
    best_bid: str | None = None
    best_ask: str | None = None
    hash: str = ""


class PriceChange(msgspec.Struct, tag_field="event_type", tag="price_change", gc=False, forbid_unknown_fields=True):
    """Levels of a market, normally of both its tokens, mirrored."""

    market: str
    price_changes: list[Change]
    timestamp: Timestamp


class Book(msgspec.Struct, tag_field="event_type", tag="book", gc=False, forbid_unknown_fields=True):
    """A snapshot; both sides worst level first."""

    market: str
    asset_id: str
    bids: list[Level]
    asks: list[Level]
    timestamp: Timestamp
    hash: str = ""
    tick_size: str = ""
    last_trade_price: str = ""
    min_order_size: str = ""
    neg_risk: bool = False
    version: str = ""


class LastTrade(msgspec.Struct, tag_field="event_type", tag="last_trade_price", gc=False, forbid_unknown_fields=True):
    """A trade, from the taker's view."""

    market: str
    asset_id: str
    price: str
    side: Literal["BUY", "SELL"]
    timestamp: Timestamp
    size: str = ""
    fee_rate_bps: str = ""
    transaction_hash: str = ""


class TickSizeChange(
    msgspec.Struct, tag_field="event_type", tag="tick_size_change", gc=False, forbid_unknown_fields=True
):
    """A new price grid for one token."""

    market: str
    asset_id: str
    old_tick_size: str
    new_tick_size: str
    timestamp: Timestamp


class BestBidAsk(msgspec.Struct, tag_field="event_type", tag="best_bid_ask", gc=False, forbid_unknown_fields=True):
    """The top of one book."""

    market: str
    asset_id: str
    best_bid: str
    best_ask: str
    timestamp: Timestamp
    spread: str = ""


class EventMessage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The event a market belongs to."""

    id: str = ""
    ticker: str = ""
    slug: str = ""
    title: str = ""
    description: str = ""


class Fees(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A market's fee terms; numbers are strings."""

    exponent: str = "0"
    rate: str = "0"
    taker_only: bool = False
    rebate_rate: str = "0"


class NewMarket(msgspec.Struct, tag_field="event_type", tag="new_market", gc=False, forbid_unknown_fields=True):
    """A market was created."""

    market: str
    timestamp: Timestamp
    id: str = ""
    question: str = ""
    slug: str = ""
    description: str = ""
    group_item_title: str = ""
    condition_id: str = ""
    assets_ids: list[str] = []
    clob_token_ids: list[str] = []
    outcomes: list[str] = []
    tags: list[str] = []
    event_message: EventMessage | None = None
    active: bool = False
    sports_market_type: str = ""
    line: str = ""
    game_start_time: str = ""
    order_price_min_tick_size: str = ""
    taker_base_fee: str = ""
    fees_enabled: bool = False
    fee_schedule: Fees | None = None


class Resolved(msgspec.Struct, tag_field="event_type", tag="market_resolved", gc=False, forbid_unknown_fields=True):
    """A market resolved."""

    market: str
    timestamp: Timestamp
    winning_asset_id: str
    winning_outcome: str
    id: str = ""
    assets_ids: list[str] = []
    tags: list[str] = []
    question: str = ""
    slug: str = ""
    description: str = ""
    outcomes: list[str] = []
    event_message: EventMessage | None = None


Frame = Book | PriceChange | LastTrade | TickSizeChange | BestBidAsk | NewMarket | Resolved
"""One message of the market channel."""

FRAMES: dict[str, type[msgspec.Struct]] = {
    "book": Book,
    "price_change": PriceChange,
    "last_trade_price": LastTrade,
    "tick_size_change": TickSizeChange,
    "best_bid_ask": BestBidAsk,
    "new_market": NewMarket,
    "market_resolved": Resolved,
}
"""Every kind by the venue's name."""

NESTED: dict[str, dict[str, type[msgspec.Struct]]] = {
    "book": {"bids": Level, "asks": Level},
    "price_change": {"price_changes": Change},
    "new_market": {"event_message": EventMessage, "fee_schedule": Fees},
    "market_resolved": {"event_message": EventMessage},
}
"""The objects inside each kind, by field."""
