"""What each kind of live event is subscribed to, and which topics are never silent for long."""

from typing import Final

from polywire.core.renewal import Broadcast
from polywire.model.live import (
    ActivityMatched,
    Commented,
    CryptoPriced,
    EquityPriced,
    LiveRefused,
    PricesBackfilled,
    Reacted,
)
from polywire.wire.requests import LiveSubscription

STREAMS: Final[dict[type[Broadcast], tuple[LiveSubscription, ...]]] = {
    # `trades` has been silent in production since March 2026; should it come back, each trade is still told once.
    ActivityMatched: (LiveSubscription("activity", "orders_matched"), LiveSubscription("activity", "trades")),
    CryptoPriced: (
        LiveSubscription("crypto_prices", "update"),
        LiveSubscription("crypto_prices_chainlink", "update"),
        LiveSubscription("crypto_prices_twap_thirty", "update"),
        LiveSubscription("crypto_prices_twap_sixty", "update"),
    ),
    EquityPriced: (LiveSubscription("equity_prices", "update"),),
    Commented: (LiveSubscription("comments", "comment_created"), LiveSubscription("comments", "comment_removed")),
    Reacted: (LiveSubscription("comments", "reaction_created"), LiveSubscription("comments", "reaction_removed")),
}
"""Without a filter, all of them: filters are known to match nothing at times. What is wanted of them is chosen here."""

BUSY: Final = frozenset({"activity", "crypto_prices", "crypto_prices_chainlink"})
"""Topics whose silence means something."""

BACKFILLED: Final = frozenset({"crypto_prices", "crypto_prices_chainlink", "equity_prices"})
"""Topics whose last two minutes the service tells to who asks for a symbol."""

LIVE: Final[frozenset[type]] = frozenset(STREAMS) | {PricesBackfilled, LiveRefused}
"""Every kind of live event."""


def kinds_of(topic: str) -> frozenset[type[Broadcast]]:
    """Return the kinds that a topic carries."""
    return frozenset(kind for kind, streams in STREAMS.items() if any(one.topic == topic for one in streams))
