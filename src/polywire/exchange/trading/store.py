"""Where everything private is kept: SQLite, on one thread of its own, written in groups."""

from collections.abc import Callable, Collection
from typing import Protocol

import msgspec

from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.trading.records import (
    Activity,
    ActivityKind,
    ApiKey,
    Beat,
    Holding,
    PricePoint,
    Row,
    UserOrder,
    UserTrade,
    Wallet,
)
from polywire.model.units import ConditionId


class TradeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which trades are wanted: those on whose either side one of `keys` is; empty filters admit all."""

    keys: Collection[str]  # none: no trade is wanted
    id: str = ""
    condition: str = ""
    token: str = ""  # on either side
    maker: str = ""  # an account, lower case, on either side
    after_s: int | None = None  # matched after that second, Unix
    before_s: int | None = None  # matched before that second
    beyond: int = 0  # only trades before the one of this number; 0: from the latest on
    limit: int = 100


class ActivityQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which activity is wanted; empty filters admit all. That of trades which failed is never returned."""

    account: str = ""
    conditions: Collection[str] = ()
    kinds: Collection[ActivityKind] = ()
    side: str = ""
    takers_only: bool = False  # of trades; all else is admitted
    start_s: int | None = None  # at or after, Unix seconds
    end_s: int | None = None  # at or before
    oldest_first: bool = False
    beyond: int = 0  # only lines that come after the one of this number, in the order asked for; 0: from the first on
    limit: int = 100
    offset: int = 0


class Kept(msgspec.Struct, kw_only=True):
    """What an exchange begins with: all of it but history."""

    keys: list[ApiKey]  # deleted ones too
    wallets: list[Wallet]
    holdings: list[Holding]
    open_orders: list[UserOrder]  # by number
    order_ids: list[str]  # of the last 100,000 orders, open or ended, oldest first: refused when they come again
    unsettled: list[UserTrade]  # by number
    beats: list[Beat]
    events: list[VenueEvent]
    markets: list[VenueMarket]  # in the order they were listed
    last_order: int  # numbers given out so far
    last_trade: int
    last_activity: int
    runs: int = 1  # exchanges that have begun with the store, this one included
    last_ms: int = 0  # the venue's time when something was kept last; 0: never


class Store(Protocol):
    """What is kept. Writes are put in order; reads see every write that was put before them, once it is on disk."""

    secret: bytes  # 32 bytes, made with the store: credentials follow from it
    identity: str  # 16 hex digits, made with the store: what the venue calls itself follows from it

    def put(self, *rows: Row) -> None:
        """Keep rows as they are now, in place of what was kept by the same id. All of one call, or none of it."""

    def when_kept(self, then: Callable[[], None]) -> None:
        """Call `then` in the loop once everything put so far is on disk; in the order asked."""

    async def kept(self) -> None:
        """Return once everything put so far is on disk."""

    async def order(self, order_id: str) -> UserOrder | None:
        """Return an order, open or ended."""

    async def trades(self, query: TradeQuery) -> list[UserTrade]:
        """Return trades, the latest first."""

    async def activity(self, query: ActivityQuery) -> list[Activity]:
        """Return activity, the latest first unless asked otherwise."""

    async def prices(self, condition: ConditionId, first_minute: int, last_minute: int) -> list[PricePoint]:
        """Return a market's prices, oldest first, both ends included."""


def nothing_kept() -> Kept:
    """Return what an exchange begins with that has no past."""
    return Kept(
        keys=[],
        wallets=[],
        holdings=[],
        open_orders=[],
        order_ids=[],
        unsettled=[],
        beats=[],
        events=[],
        markets=[],
        last_order=0,
        last_trade=0,
        last_activity=0,
    )
