"""A venue on which users trade, without HTTP: engine, bookkeeper and store, and what users were told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from exchange import venues
from exchange.venues import CONDITION, USDC, YES
from polywire.core.matching.orders import Order, OrderKind
from polywire.exchange.trading.bookkeeper import Bookkeeper, Placed
from polywire.exchange.trading.records import ApiKey
from polywire.exchange.trading.sqlite_store import SqliteStore, opened_store
from polywire.exchange.trading.store import Kept
from polywire.exchange.user_messages import UserMessage
from polywire.exchange.venue import Venue
from polywire.model.units import SIZE_ONE, TokenId, TradeSide

ANN: Final = ApiKey("ann-key", "0xa1", 0, 1)
BOB: Final = ApiKey("bob-key", "0xb2", 0, 1)
GRANT: Final = 1_000 * USDC


class Chosen:
    """Faults that strike whenever they are on."""

    def __init__(self) -> None:
        self.on: set[str] = set()

    def strikes(self, name: str) -> bool:
        return name in self.on


class Floor:
    """Users at a venue with one market, in which the crowd's `maker` has money and shares."""

    def __init__(self, venue: Venue, store: SqliteStore, kept: Kept, *, redeem_after_ms: int | None = 30_000) -> None:
        self.venue, self.store, self.mishaps = venue, store, Chosen()
        self.told: list[UserMessage] = []
        self.book = Bookkeeper(
            venue,
            store,
            kept,
            grant=GRANT,
            redeem_after_ms=redeem_after_ms,
            mishaps=self.mishaps,
            tell=self.told.extend,
        )
        self._orders = 0

    def place(
        self,
        who: ApiKey,
        side: TradeSide,
        price: int,
        shares: int,
        *,
        token: TokenId = YES,
        kind: OrderKind = OrderKind.GTC,
        order_id: str = "",
        expires_s: int = 0,
        spend: int = 0,
    ) -> Placed:
        self._orders += 1
        order = Order(
            order_id or f"0x{self._orders}",
            who.address,
            token,
            side,
            price,
            0 if spend else shares * SIZE_ONE,
            kind,
            expires_s=expires_s,
            collateral=spend,
        )
        return self.book.place(order, who, who.address.upper(), shares * SIZE_ONE)

    def crowd(
        self, side: TradeSide, price: int, shares: int, *, token: TokenId = YES, kind: OrderKind = OrderKind.GTC
    ) -> None:
        """Have the crowd trade."""
        self._orders += 1
        outcome = self.venue.place(Order(f"c{self._orders}", "maker", token, side, price, shares * SIZE_ONE, kind))
        assert outcome.refusal is None

    async def heard(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what users were told since the last call: key, what, and the message."""
        await self.store.kept()
        told = [(message.key, msgspec.json.decode(message.data)) for message in self.told]
        self.told.clear()
        return [
            (key, f"{one['event_type']} {one.get('status', '')}" if one["event_type"] == "trade" else one["type"], one)
            for key, one in told
        ]

    def later(self, ms: int) -> None:
        """Let time pass, and do what falls due."""
        self.venue.clock.step(ms)
        self.book.act(self.venue.clock.now_ms())

    def money(self) -> int:
        """Everybody's collateral and what is locked in pairs."""
        engine = self.venue.engine
        return sum(map(engine.collateral, engine.accounts())) + engine.pairs(CONDITION)


@asynccontextmanager
async def floor(path: Path | None = None, **settings: Any) -> AsyncIterator[Floor]:
    """Open a floor on an empty venue."""
    async with opened_store(path) as store:
        venue = venues.still_venue()
        opened = Floor(venue, store, await store.load(), **settings)
        venue.list_event(venues.event())
        venue.list_market(msgspec.structs.replace(venues.market(), fee_rate=700))
        venue.engine.deposit("maker", 10_000 * USDC)
        assert venue.engine.split("maker", CONDITION, 5_000 * SIZE_ONE) is None
        yield opened
