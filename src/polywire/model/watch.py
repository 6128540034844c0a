"""What somebody wants to be told of: a subject, and a condition it has to meet. Prices and sizes are exact ints."""

from enum import StrEnum
from typing import Final, Literal

import msgspec

from polywire.model.units import ConditionId, TokenId


class Of(StrEnum):
    """Which price of a token."""

    BID = "bid"
    ASK = "ask"
    MID = "mid"  # half of best bid and best ask together; none where a side is empty
    LAST = "last"  # of the last trade


Direction = Literal["up", "down", "either"]
Bound = Literal["over", "under"]


class Changes(msgspec.Struct, frozen=True, tag="changes"):
    """Every change, the newest each time: at most one entry a token in `every_s`. Entries: `price` or `book`."""

    what: Literal["price", "book"] = "price"
    depth: int = 10  # levels a side of a `book`, 1 to 100
    every_s: float = 1.0


class Crosses(msgspec.Struct, frozen=True, tag="crosses"):
    """A price crosses a level. It fires again once the price was back by more than `hysteresis` on the other side."""

    level: int  # 1e-4 USDC, 0 < level < 10,000
    of: Of = Of.MID
    direction: Direction = "either"
    hysteresis: int = 10  # 1e-4 USDC, >= 0


class Moves(msgspec.Struct, frozen=True, tag="moves"):
    """A price moved by at least `by` against any price of the last `within_s`. Afterwards it begins anew."""

    by: int  # 1e-4 USDC, > 0
    within_s: float  # 1 to 86,400
    of: Of = Of.MID
    direction: Direction = "either"


class Spread(msgspec.Struct, frozen=True, tag="spread"):
    """Best ask less best bid is over (or under) a limit; an empty side counts as the widest there is."""

    bound: Bound
    limit: int  # 1e-4 USDC
    hysteresis: int = 10


class Depth(msgspec.Struct, frozen=True, tag="depth"):
    """The shares that rest within `within` of the best price are over (or under) a limit."""

    bound: Bound
    limit: int  # 1e-6 shares
    side: Literal["bid", "ask"] = "bid"
    within: int = 10_000  # 1e-4 USDC from the best price; as it stands: the whole side
    hysteresis: int = 0  # 1e-6 shares


class Silent(msgspec.Struct, frozen=True, tag="silent"):
    """Nothing came of a token for so long, whether that is proven right (`quiet`) or not. Once a silence."""

    for_s: float  # 1 to 86,400


class TradeOver(msgspec.Struct, frozen=True, tag="trade-over"):
    """A trade of at least so many shares."""

    size: int  # 1e-6 shares, > 0


class TickChanges(msgspec.Struct, frozen=True, tag="tick-changes"):
    """Orders must be priced on another grid."""


class Resolves(msgspec.Struct, frozen=True, tag="resolves"):
    """A market's outcome was proposed, or is known. Entries: `resolution`."""

    proposed: bool = False  # a proposal too, where the venue tells it


class OrderChanges(msgspec.Struct, frozen=True, tag="order-changes"):
    """An own order changed. Entries: `order`."""

    on: Literal["any", "filled", "cancelled"] = "any"


class OwnTrades(msgspec.Struct, frozen=True, tag="own-trades"):
    """An own trade reached a status. Entries: `trade`."""


class Opportunity(msgspec.Struct, frozen=True, tag="opportunity"):
    """All outcomes together cost less than one, or bring more, by at least `by` after taker fees.

    Of a market its two outcomes; with `whole_event` the first outcome of each market of an event of which the venue
    says that exactly one comes true (neg risk). It has to stand for a moment: a trade's outcomes come one by one.
    """

    by: int  # 1e-4 USDC a set, >= 0
    fee_rate_bps: int = 0  # charged where the venue states none for the market
    whole_event: bool = False
    least_size: int = 1_000_000  # 1e-6 shares that must be had at these prices
    hysteresis: int = 10


class Created(msgspec.Struct, frozen=True, tag="created"):
    """A market was made whose texts hold every word of `words`; none: any market."""

    words: str = ""


Condition = (
    Changes
    | Crosses
    | Moves
    | Spread
    | Depth
    | Silent
    | TradeOver
    | TickChanges
    | Resolves
    | OrderChanges
    | OwnTrades
    | Opportunity
    | Created
)
"""Whatever a watch can wait for."""

Delivery = Literal["notification", "log"]
"""How its maker would like to be told, beside asking for its entries: resource updates, or log messages."""

AN_HOUR: Final = 3_600.0
"""Seconds that a budget counts by."""


class Watch(msgspec.Struct, frozen=True):
    """One watch as it is kept. What it may do in an hour is `budget`; what is over goes into one digest an hour."""

    id: str
    condition: Condition
    targets: tuple[str, ...] = ()  # as they were named
    tokens: tuple[TokenId, ...] = ()  # what they mean; () for own orders and trades of all, and for new markets
    markets: tuple[ConditionId, ...] = ()
    label: str = ""  # what its maker calls it
    cooldown_s: float = 0.0  # after an alert of a token, seconds without another of it
    budget: int = 60  # alerts an hour; `price` and `book` entries have their own rate and do not count
    created_ms: int = 0  # the venue's clock
    expires_ms: int = 0  # the venue's clock; 0: never
    delivery: Delivery = "notification"
    maker: str = ""  # who made it, as "mcp" or "cli"
