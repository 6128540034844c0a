"""The kinds of events by name: what a subscription can be limited to.

Ten names come from the clients people know; each stands for one type of the model here. The model's own names
(`BookReplaced`, `Gap`, …) are names of kinds too.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final, get_args

from polywire.errors import Misuse
from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.live import ActivityMatched, CryptoPriced, EquityPriced, PricesBackfilled
from polywire.model.market import LevelChanged, MarketCreated, MarketResolved, TickSizeChanged, Traded
from polywire.model.own import OwnOrderChanged, OwnTradeChanged


class EventKind(StrEnum):
    """The ten kinds by the names people know them by."""

    ORDER = "ORDER"
    TRADE = "TRADE"
    PRICE_CHANGE = "PRICE_CHANGE"
    AGG_ORDERBOOK = "AGG_ORDERBOOK"  # our own book at a chosen depth and rate
    LAST_TRADE_PRICE = "LAST_TRADE_PRICE"
    TICK_SIZE_CHANGE = "TICK_SIZE_CHANGE"
    MARKET_CREATED = "MARKET_CREATED"
    MARKET_RESOLVED = "MARKET_RESOLVED"
    TRADES = "TRADES"  # silent in production since March 2026, so both names mean whatever comes of either, once
    ORDERS_MATCHED = "ORDERS_MATCHED"


TYPES: Final[dict[EventKind, type]] = {
    EventKind.ORDER: OwnOrderChanged,
    EventKind.TRADE: OwnTradeChanged,
    EventKind.PRICE_CHANGE: LevelChanged,
    EventKind.AGG_ORDERBOOK: BookAggregated,
    EventKind.LAST_TRADE_PRICE: Traded,
    EventKind.TICK_SIZE_CHANGE: TickSizeChanged,
    EventKind.MARKET_CREATED: MarketCreated,
    EventKind.MARKET_RESOLVED: MarketResolved,
    EventKind.TRADES: ActivityMatched,
    EventKind.ORDERS_MATCHED: ActivityMatched,
}
"""What each kind is called in the model."""

ALWAYS: Final = frozenset({FreshnessChanged, Gap})
"""What every subscription gets, whatever kinds it names: a reader that may have missed something is always told."""

_WITH_PRICES: Final = frozenset({CryptoPriced, EquityPriced})
"""Kinds that `PricesBackfilled` comes with: after a loss it holds those of them that were missed."""

_BY_NAME: Final[dict[str, type]] = {kind.__name__: kind for kind in get_args(Event)} | {
    str(name): kind for name, kind in TYPES.items()
}


def types_of(kinds: Iterable[str | type]) -> frozenset[type]:
    """Return the model's types of these kinds, and those in `ALWAYS`; the same object for the same kinds.

    `PricesBackfilled` comes with prices.

    Args:
        kinds: Names of `EventKind` in either case, names of the model's events, or the events' types.

    Raises:
        Misuse: A name that is none.

    >>> sorted(kind.__name__ for kind in types_of(["last_trade_price"]))
    ['FreshnessChanged', 'Gap', 'Traded']
    """
    return _types_of(tuple(kinds))


@lru_cache(maxsize=256)  # thousands of subscriptions ask for the same few
def _types_of(kinds: tuple[str | type, ...]) -> frozenset[type]:
    found: set[type] = set(ALWAYS)
    for kind in kinds:
        name = kind if isinstance(kind, str) else kind.__name__
        known = _BY_NAME.get(name) or _BY_NAME.get(name.upper())
        if known is None:
            raise Misuse(f"{name[:60]!r} is no kind of event; there are: {', '.join(_BY_NAME)}")
        found.add(known)
    if found & _WITH_PRICES:
        found.add(PricesBackfilled)
    return frozenset(found)
