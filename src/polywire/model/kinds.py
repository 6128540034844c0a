"""The kinds of events by name: what a subscription can be limited to.

Ten names come from the clients people know; each stands for one type of the model here. The model's own names
(`BookReplaced`, `Gap`, …) are names of kinds too.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final, get_args

from polywire.errors import Misuse, NotConnectedYet
from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.live import ActivityMatched
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
    TRADES = "TRADES"
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

NOT_CONNECTED: Final = frozenset({EventKind.ORDER, EventKind.TRADE, EventKind.TRADES, EventKind.ORDERS_MATCHED})
"""Kinds whose stream is not connected yet."""

ALWAYS: Final = frozenset({FreshnessChanged, Gap})
"""What every subscription gets, whatever kinds it names: a reader that may have missed something is always told."""

_BY_NAME: Final[dict[str, type]] = {kind.__name__: kind for kind in get_args(Event)} | {
    str(name): kind for name, kind in TYPES.items()
}


def types_of(kinds: Iterable[str | type]) -> frozenset[type]:
    """Return the model's types of these kinds, and those in `ALWAYS`; the same object for the same kinds.

    Args:
        kinds: Names of `EventKind` in either case, names of the model's events, or the events' types.

    Raises:
        NotConnectedYet: A kind whose stream is not connected yet.
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
        if any(TYPES[one] is known for one in NOT_CONNECTED):
            raise NotConnectedYet(name.upper() if name.upper() in EventKind.__members__ else name)
        found.add(known)
    return frozenset(found)
