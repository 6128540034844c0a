"""What happens on the exchange, for whoever tells clients of it. One command's happenings come together, in order."""

import msgspec

from polywire.core.matching.orders import Cancelled, LevelMoved, Trade
from polywire.model.units import ConditionId, TokenId


class BookMoved(msgspec.Struct, frozen=True):
    """One command moved a pool: first its trades, then its levels, each in the order it happened."""

    condition: ConditionId
    trades: tuple[Trade, ...]
    levels: tuple[LevelMoved, ...]  # in terms of the market's first token
    venue_ms: int
    cancelled: tuple[Cancelled, ...] = ()  # orders that ended by it, unfilled or partly so


class TickMoved(msgspec.Struct, frozen=True):
    """A market's grid changed."""

    condition: ConditionId
    old_tick: int
    new_tick: int
    venue_ms: int


class MarketMade(msgspec.Struct, frozen=True):
    """A market was listed and opened."""

    condition: ConditionId
    venue_ms: int


class MarketEnded(msgspec.Struct, frozen=True):
    """A market resolved."""

    condition: ConditionId
    winner: TokenId
    venue_ms: int


Happening = BookMoved | TickMoved | MarketMade | MarketEnded
"""Whatever clients may have to be told."""
