"""What can be asked of the live-data service: its topics and types, and what a filter matches.

Source: docs/protocol.md, "Live data". A filter is compared as the text it is: JSON with a space in it matches nothing.
"""

from typing import Any, Final

import msgspec

from polywire.errors import Undecodable
from polywire.exchange.live.live_messages import BINANCE, CHAINLINK, PRICE_TOPICS, UPDATE, PriceTopic
from polywire.wire.requests import LiveRequest, LiveSubscription, read_live_request

EVERY: Final = "*"
EVERYTHING: Final = ""
"""The filter that is none."""

LONGEST_FILTER: Final = 16_384

_COMMENTS: Final = frozenset({"comment_created", "comment_removed", "reaction_created", "reaction_removed"})
_MARKET: Final = frozenset(
    {"price_change", "agg_orderbook", "last_trade_price", "tick_size_change", "market_created", "market_resolved"}
)
_QUOTES: Final = frozenset(
    f"{what}_{how}" for what in ("request", "quote") for how in ("created", "edited", "canceled", "expired")
)

TOPICS: Final[dict[str, frozenset[str]]] = {
    "activity": frozenset({"trades", "orders_matched"}),
    "comments": _COMMENTS,
    BINANCE.name: frozenset({UPDATE, "subscribe"}),
    CHAINLINK.name: frozenset({UPDATE, "subscribe"}),
    "crypto_prices_twap_thirty": frozenset({UPDATE}),
    "crypto_prices_twap_sixty": frozenset({UPDATE}),
    "equity_prices": frozenset({UPDATE, "subscribe"}),
    "clob_market": _MARKET,
    "clob_user": frozenset({"order", "trade"}),
    "rfq": _QUOTES,
}
"""Every topic, and its types. Those not in `TOLD` are taken, and nothing is ever heard of them."""

TOLD: Final[dict[str, str]] = {"activity": "orders_matched", BINANCE.name: UPDATE, CHAINLINK.name: UPDATE}
"""The type that is told of each topic. `trades` has been silent since March 2026."""


class _Begun(msgspec.Struct):
    action: Any = None


_begun: Final = msgspec.json.Decoder(_Begun).decode


def read(text: bytes) -> LiveRequest | None:
    """Return what a client asks for; None: it names no action, and is passed over without a word.

    Raises:
        Undecodable: It is no request, names a topic or type that is none, or ends a subscription naming its filter.
    """
    try:
        begun = _begun(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise Undecodable("live-request", str(refusal)) from refusal
    if begun.action is None:
        return None
    request = read_live_request(text)
    for one in request.subscriptions:
        types = TOPICS.get(one.topic)
        if types is None or (one.type != EVERY and one.type not in types):
            raise Undecodable("live-request", f"no topic {one.topic[:40]!r} with a type {one.type[:40]!r}")
        if len(one.filters) > LONGEST_FILTER:
            raise Undecodable("live-request", f"a filter of {len(one.filters)} characters (limit {LONGEST_FILTER})")
        if request.action == "unsubscribe" and one.filters:
            raise Undecodable("live-request", "a filter where only topic and type belong")
    return request


def keys_of(one: LiveSubscription) -> tuple[str, ...]:
    """Return the keys that a subscription is told by: its filter, or each symbol where it lists them with commas.

    >>> keys_of(LiveSubscription("crypto_prices", "update", "btcusdt,ethusdt"))
    ('btcusdt', 'ethusdt')
    """
    if one.topic == BINANCE.name and not one.filters.startswith("{"):
        return tuple(dict.fromkeys(one.filters.split(",")))
    return (one.filters,)


def keys_of_symbol(topic: PriceTopic, symbol: str) -> tuple[str, ...]:
    """Return the keys by which a symbol is named.

    >>> keys_of_symbol(CHAINLINK, "btc/usd")
    ('{"symbol":"btc/usd"}',)
    """
    named = f'{{"symbol":"{symbol}"}}'
    return (symbol, named) if topic.lists else (named,)


def keys_of_market(event_slug: str, market_slug: str) -> tuple[str, ...]:
    """Return the keys of what happens on a market, that of everything among them.

    >>> keys_of_market("a-game", "a-game-total-5pt5")
    ('', '{"event_slug":"a-game"}', '{"market_slug":"a-game-total-5pt5"}')
    """
    return EVERYTHING, f'{{"event_slug":"{event_slug}"}}', f'{{"market_slug":"{market_slug}"}}'


def topic_named(name: str) -> PriceTopic | None:
    """Return a topic of prices by its name; None: it is another."""
    return next((topic for topic in PRICE_TOPICS if topic.name == name), None)
