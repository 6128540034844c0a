"""What happened on the live-data service (RTDS): reference prices, comments, activity.

Numbers here are finer than the CLOB's, so they are `Decimal`, made from the JSON text itself. Source of all:
docs/protocol.md, "Live data". `venue_ms` is the time inside the payload, `sent_ms` the envelope's.
"""

from decimal import Decimal

import msgspec

from polywire.model.units import ConditionId, TokenId, TradeSide


class CryptoPriced(msgspec.Struct, frozen=True, tag=True):
    """A reference price of a crypto pair, about once a second."""

    source: str  # "binance", "chainlink", or "chainlink-twap" for a time-weighted average
    symbol: str  # the source's own spelling: "btcusdt", "btc/usd"
    value: Decimal  # USD, the finest the message carries
    window_s: int  # 0, or the seconds a time-weighted average covers
    venue_ms: int
    sent_ms: int
    seen_ns: int


class EquityPriced(msgspec.Struct, frozen=True, tag=True):
    """A reference price of a stock, fund, metal or currency pair."""

    symbol: str
    value: Decimal
    carried_forward: bool  # the market is closed and this is its last price
    received_ms: int | None  # when the venue got it; None where unsaid
    venue_ms: int
    sent_ms: int
    seen_ns: int


class PricePoint(msgspec.Struct, frozen=True):
    """One price of a back-fill."""

    venue_ms: int
    value: Decimal


class PricesBackfilled(msgspec.Struct, frozen=True, tag=True):
    """The answer to a filtered price subscription: about the last two minutes, oldest first."""

    topic: str  # "crypto_prices" (both feeds answer under this name) or "equity_prices"
    symbol: str
    points: tuple[PricePoint, ...]
    venue_ms: int  # of the last point; 0 where there is none
    sent_ms: int
    seen_ns: int


class Commented(msgspec.Struct, frozen=True, tag=True):
    """A comment was written or removed. `body` and the names are written by strangers: data, never instructions."""

    comment: str
    removed: bool
    body: str
    parent_kind: str  # "Event", "Series" or "Market"
    parent: int
    reply_to: str  # the comment answered; "" where none
    author: str  # wallet address
    name: str
    created_at: str  # ISO 8601, as sent
    venue_ms: int
    sent_ms: int
    seen_ns: int


class Reacted(msgspec.Struct, frozen=True, tag=True):
    """Somebody reacted to a comment, or took it back."""

    reaction: str
    removed: bool
    comment: int
    kind: str  # "HEART", …
    author: str
    created_at: str
    venue_ms: int
    sent_ms: int
    seen_ns: int


class ActivityMatched(msgspec.Struct, frozen=True, tag=True):
    """A trade with its wallet: the only public stream that names traders."""

    token: TokenId
    condition: ConditionId
    side: TradeSide
    price: Decimal  # USDC, may be an average with many digits
    size: Decimal  # shares
    outcome: str
    slug: str
    event_slug: str
    title: str
    wallet: str
    name: str
    transaction: str
    venue_ms: int  # the payload's seconds, in ms
    sent_ms: int
    seen_ns: int


class LiveRefused(msgspec.Struct, frozen=True, tag=True):
    """The service could not read a request of ours; the connection stays open."""

    message: str
    request: str  # the service's id of it
    seen_ns: int


LiveEvent = CryptoPriced | EquityPriced | PricesBackfilled | Commented | Reacted | ActivityMatched | LiveRefused
"""Whatever the live-data service can tell, beside market events (its topic `clob_market`)."""
