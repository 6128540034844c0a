"""A served exchange with several markets, on which users trade from inside and are read of from outside."""

import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import anyio
import httpx2
import msgspec
from polymarket import AsyncPublicClient
from polymarket._internal import environment as private
from polymarket.environments import PRODUCTION

from exchange.venues import USDC, event, market, still_venue
from polywire.core.matching.orders import Order, OrderKind
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.serve import listening
from polywire.exchange.site import Site
from polywire.exchange.trading.bookkeeper import Placed
from polywire.exchange.trading.records import ApiKey
from polywire.exchange.trading.sqlite_store import SqliteStore, opened_store
from polywire.exchange.venue import Venue
from polywire.model.units import SIZE_ONE, ConditionId, TokenId, TradeSide

ANN: Final = ApiKey("ann-key", "0x" + "a1" * 20, 0, 1)
BOB: Final = ApiKey("bob-key", "0x" + "b2" * 20, 0, 1)
MARKETS: Final = 3
FEE_RATE: Final = 700
"""Of every market, 1e-4."""


def condition(number: int) -> ConditionId:
    return ConditionId("0x" + f"{number:02x}" * 32)


def tokens(number: int) -> tuple[TokenId, TokenId]:
    return TokenId(str(7**90 + number)), TokenId(str(5**108 + number))


class Hall:
    """A served site whose clock stands still, and a crowd's `maker` who has money and shares of every market.

    Attributes:
        client: Reads it.
    """

    def __init__(self, site: Site, store: SqliteStore, client: httpx2.AsyncClient) -> None:
        self.site, self.store, self.client = site, store, client
        assert site.venue is not None
        assert site.trading is not None
        self.venue, self.book = site.venue, site.trading.bookkeeper
        self._orders = 0

    def market(self, number: int = 1) -> VenueMarket:
        return self.venue.catalogue.markets[condition(number)]

    def crowd(self, side: TradeSide, price: int, shares: int, *, of: int = 1, outcome: int = 0) -> None:
        """Have the crowd place an order that rests or trades."""
        self._orders += 1
        size = shares * SIZE_ONE
        placed = self.venue.place(Order(f"c{self._orders}", "maker", tokens(of)[outcome], side, price, size))
        assert placed.refusal is None

    def place(
        self,
        who: ApiKey,
        side: TradeSide,
        price: int,
        shares: int,
        *,
        of: int = 1,
        outcome: int = 0,
        kind: OrderKind = OrderKind.GTC,
        units: int = 0,
    ) -> Placed:
        """Have a user place an order of so many shares, or units of 1e-6 shares."""
        self._orders += 1
        size = units or shares * SIZE_ONE
        order = Order(f"0x{self._orders:064x}", who.address, tokens(of)[outcome], side, price, size, kind)
        return self.book.place(order, who, who.address, size)

    def filled(self, who: ApiKey, side: TradeSide, price: int, shares: int, *, of: int = 1, outcome: int = 0) -> None:
        """Have a user take what the crowd offers at a price."""
        self.crowd("SELL" if side == "BUY" else "BUY", price, shares, of=of, outcome=outcome)
        assert self.place(who, side, price, shares, of=of, outcome=outcome).trades

    def resolve(self, number: int = 1, *, winner: int = 0) -> None:
        self.venue.resolve(condition(number), tokens(number)[winner])

    def later(self, ms: int) -> None:
        """Let time pass, and do what falls due."""
        self.venue.clock.step(ms)
        assert self.site.trading is not None
        self.site.trading.act(self.venue.clock.now_ms())

    async def data(self, path: str, *, prefix: str = "/data", **params: Any) -> Any:
        """Return a good answer; numbers with a point are decimals, as they were written."""
        response = await self.client.get(f"{prefix}{path}", params=params)
        assert response.status_code == 200, response.text
        return read(response)

    async def refused(self, path: str, *, prefix: str = "/data", **params: Any) -> dict[str, Any]:
        """Return the body of an answer that says the query is bad."""
        response = await self.client.get(f"{prefix}{path}", params=params)
        assert response.status_code == 400, response.text
        body: dict[str, Any] = response.json()
        return body

    async def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows of all pages of a list, one page after the other."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await self.data(path, **params, **cursor)
            pages = answer["pagination"]
            assert pages["has_more"] == (pages["next_cursor"] is not None)
            found += answer["data"]
            if not pages["has_more"]:
                return found
            assert answer["data"], "a page that others follow has rows"
            cursor = {"cursor": pages["next_cursor"]}

    @asynccontextmanager
    async def official(self) -> AsyncIterator[AsyncPublicClient]:
        """Yield the official client, its addresses from `GET /venue`."""
        urls = (await self.client.get("/venue")).json()["urls"]
        config = dataclasses.replace(
            private.get_environment_config(PRODUCTION),
            clob_url=urls["clob"],
            gamma_url=urls["gamma"],
            data_url=urls["data"],
        )
        environment = private.create_environment(name="local", config=config)
        async with AsyncPublicClient(environment=environment) as client:
            yield client


def read(response: httpx2.Response) -> Any:
    """Return a JSON body with its decimals as they were written."""
    return json.loads(response.content, parse_float=Decimal)


@asynccontextmanager
async def hall(
    store: SqliteStore | None = None, *, begin: Callable[[Venue], None] = lambda _: None
) -> AsyncIterator[Hall]:
    """Serve three open markets: the first two of one event, the third of another. `begin` comes before the site."""
    venue = still_venue()
    venue.list_event(event(1))
    venue.list_event(event(2))
    for number in range(1, MARKETS + 1):
        listed = msgspec.structs.replace(
            market(number, of=1 if number < MARKETS else 2, tokens=tokens(number)),
            condition=condition(number),
            question_id="0x" + f"{number + 16:02x}" * 32,
            question=f"Will number {number} win?",
            fee_rate=FEE_RATE,
        )
        venue.list_market(listed)
        venue.engine.deposit("maker", 20_000 * USDC)
        assert venue.engine.split("maker", listed.condition, 10_000 * SIZE_ONE) is None
    begin(venue)
    with anyio.fail_after(60):
        async with opened_store(None) as opened:
            site = Site(venue.clock, seed=7, venue=venue, store=store or opened)
            async with (
                listening(site, "127.0.0.1", 0) as url,
                httpx2.AsyncClient(base_url=url, trust_env=False) as client,
            ):
                yield Hall(site, store or opened, client)
            assert site.trading is not None
            await site.trading.aclose()
