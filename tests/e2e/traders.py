"""Whoever trades with the official client on an exchange of its own, and the arithmetic that checks what it is told."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import anyio
import msgspec
import pytest
from eth_account import Account
from polymarket import AsyncPublicClient, AsyncSecureClient
from polymarket._internal.environment import get_environment_config
from polymarket.models import ClobTrade, OpenOrder
from polymarket.models.clob.order_book import OrderBookLevel
from polymarket.models.clob.order_response import AcceptedOrder, OrderResponse
from polymarket.models.clob.user_events import UserEvent, UserOrderEvent, UserOrderPayload, UserTradeEvent
from polymarket.streams import UserSpec

from e2e.processes import asked, exchange
from trade_with_polymarket_client import environment_of

WAYS = pytest.mark.parametrize(
    ("eoa", "neg_risk"),
    [
        pytest.param(True, False, id="own-address-ordinary-market"),
        pytest.param(False, True, id="deposit-wallet-neg-risk-market"),
    ],
)
GRANT = 10_000_000_000  # 1e-6 USDC
GONE = "order can't be found - already canceled or matched"
LEAST = 30
DEPTH = 5  # levels that each side of a market has at least, beside its best
MINED_MS = 1_500  # of venue time, after it was matched
CONFIRMED_MS = 2_500  # after it was mined
_UNIT = 1_000_000


class Market(msgspec.Struct, frozen=True):
    """One that is open, as a paused exchange shows it, seen from its dearer outcome. Levels are best first."""

    condition: str
    tokens: tuple[str, str]  # the dearer first
    outcomes: tuple[str, str]
    tick: Decimal
    bids: Sequence[OrderBookLevel]  # of the first token
    asks: Sequence[OrderBookLevel]
    rate: Decimal  # of the fee

    @property
    def token(self) -> str:
        """Its first outcome's."""
        return self.tokens[0]

    @property
    def bid(self) -> Decimal:
        """The first outcome's best."""
        return self.bids[0].price

    @property
    def ask(self) -> Decimal:
        """The first outcome's best."""
        return self.asks[0].price

    def fee(self, fills: Iterable[tuple[Decimal, Decimal]]) -> int:
        """Return what a taker pays for its fills (price, shares), 1e-6 USDC."""
        due = sum((shares * self.rate * price * (1 - price) for price, shares in fills), Decimal(0))
        return units(due.quantize(Decimal("0.00001"), ROUND_HALF_UP))


class Trader:
    """An official client, and everything that its user stream has told."""

    def __init__(self, client: AsyncSecureClient, private_key: str) -> None:
        self.client, self.private_key = client, private_key
        self.events: list[UserEvent] = []
        self._came = anyio.Event()

    async def keep(self, stream: Any) -> None:
        """Note what the stream tells until it ends."""
        async for event in stream:
            self.events.append(event)
            came, self._came = self._came, anyio.Event()
            came.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until what the stream has told makes `holds` true."""
        with anyio.fail_after(10):
            while not holds():
                await self._came.wait()

    def of_order(self, order_id: str) -> list[UserOrderPayload]:
        """Return what was told of an order, oldest first."""
        return [
            event.payload for event in self.events if isinstance(event, UserOrderEvent) and event.payload.id == order_id
        ]

    def kinds_of(self, order_id: str) -> list[tuple[str, str, Decimal | int]]:
        """Return kind, status and shares matched of what was told of an order."""
        return [(told.order_event_type, str(told.status), told.size_matched) for told in self.of_order(order_id)]

    def all_trades_are(self, state: str) -> Callable[[], bool]:
        """Return whether every trade that was told of until now has been told to be in a state."""
        ids = {event.payload.id for event in self.events if isinstance(event, UserTradeEvent)}
        return lambda: all(state in self.states_of(trade) for trade in ids)

    def states_of(self, trade_id: str) -> list[str]:
        """Return the statuses of a trade that were told."""
        return [
            event.payload.status
            for event in self.events
            if isinstance(event, UserTradeEvent) and event.payload.id == trade_id
        ]

    async def collateral(self) -> int:
        """Return its balance, 1e-6 USDC."""
        return (await self.client.get_balance_allowance(asset_type="COLLATERAL")).balance

    async def shares(self, token: str) -> int:
        """Return its balance of a token, 1e-6."""
        return (await self.client.get_balance_allowance(asset_type="CONDITIONAL", asset_id=token)).balance

    async def open_orders(self) -> dict[str, OpenOrder]:
        """Return what rests, by id."""
        return {order.id: order async for page in self.client.list_open_orders() for order in page.items}

    async def trades(self) -> dict[str, ClobTrade]:
        """Return its trades, by id."""
        return {trade.id: trade async for page in self.client.list_account_trades() for trade in page.items}

    async def rest(self, token: str, price: Decimal, size: int | str = 20, **how: Any) -> str:
        """Place a BUY that is to wait; return its id."""
        order = taken(await self.client.place_limit_order(asset_id=token, side="BUY", price=price, size=size, **how))
        assert (order.status, order.trade_ids) == ("live", ())
        return order.order_id


@asynccontextmanager
async def paused_exchange() -> AsyncIterator[str]:
    """Run an exchange whose clock stands: nobody moves but whom a test moves. Yield its base URL."""
    async with exchange("--seed", "7") as base:
        await asked(f"{base}/venue/clock", {"paused": True})
        await step(base, 0)
        yield base


@asynccontextmanager
async def trader(url: str, *, eoa: bool = True, key: str = "") -> AsyncIterator[Trader]:
    """Make a key, an API key and a client that hears its user stream, for as long as the block runs."""
    about = await asked(f"{url}/venue?ledger=0")
    account = Account.from_key(key) if key else Account.create()
    key = account.key.hex()
    client = await AsyncSecureClient.create(
        private_key=key, wallet=account.address if eoa else None, environment=environment_of(about)
    )
    async with client, await client.subscribe(UserSpec()) as stream, anyio.create_task_group() as tasks:
        mine = Trader(client, key)
        tasks.start_soon(mine.keep, stream)
        yield mine
        tasks.cancel_scope.cancel()


async def step(url: str, ms: int) -> None:
    """Put a paused exchange's clock forward, and return when what was due has been done."""
    await asked(f"{url}/venue/clock", {"step_ms": ms})
    before, now = None, await _happened(url)
    with anyio.fail_after(20):
        while before != now:  # each turn is a request, between which the crowds act
            before, now = now, await _happened(url)


async def _happened(url: str) -> Any:
    return (await asked(f"{url}/venue"))["happened"]


async def settle(url: str, *traders: Trader) -> None:
    """Step an exchange until every trade that these traders were told of is final, and they have heard so."""
    for ms, state in ((MINED_MS, "MINED"), (CONFIRMED_MS, "CONFIRMED")):
        holds = [one.all_trades_are(state) for one in traders]
        await step(url, ms)
        for one, all_are in zip(traders, holds, strict=True):
            await one.until(all_are)


async def choose(client: AsyncPublicClient | AsyncSecureClient, *, neg_risk: bool, spread: int = 1) -> Market:
    """Return an open market that lasts, with `LEAST` shares at both best prices of its dearer outcome, and more behind.

    Where there is none now, time goes on until there is.

    Args:
        client: Asks.
        neg_risk: Of which kind.
        spread: How many ticks there are at least between its best prices.
    """
    url = get_environment_config(client.environment).clob_url.removesuffix("/clob")
    with anyio.fail_after(20):
        while not (found := [market async for market in _suitable(client, neg_risk=neg_risk, spread=spread)]):
            await step(url, 1_000)
    return max(found, key=_depth)


async def _suitable(
    client: AsyncPublicClient | AsyncSecureClient, *, neg_risk: bool, spread: int
) -> AsyncIterator[Market]:
    listed = [market async for page in client.list_markets(closed=False, page_size=100) for market in page.items]
    for market in listed:
        if market.state.neg_risk is not neg_risk or "updown" in (market.slug or ""):
            continue
        outcomes, fees = [market.outcomes.yes, market.outcomes.no], market.trading.fee_schedule
        assert market.condition_id is not None
        assert fees is not None
        books = [await client.get_order_book(asset_id=str(outcome.token_id)) for outcome in outcomes]
        if min(len(books[0].bids), len(books[0].asks)) <= DEPTH:
            continue
        if books[0].bids[-1].price < books[1].bids[-1].price:
            outcomes.reverse()
            books.reverse()
        book = books[0]
        one = Market(
            condition=market.condition_id,
            tokens=(str(outcomes[0].token_id), str(outcomes[1].token_id)),
            outcomes=(outcomes[0].label, outcomes[1].label),
            tick=book.tick_size,
            bids=book.bids[::-1],
            asks=book.asks[::-1],
            rate=fees.rate,
        )
        if one.bid <= Decimal("0.9") and one.ask - one.bid >= spread * one.tick and _depth(one) >= LEAST:
            yield one


def _depth(market: Market) -> Decimal:
    return min(market.asks[0].size, market.bids[0].size)


def taken(order: OrderResponse) -> AcceptedOrder:
    """Return an order that was taken."""
    assert order.ok, order
    return order


def units(amount: Decimal) -> int:
    """Return an amount in 1e-6; it has no finer digits.

    >>> units(Decimal("4.7"))
    4700000
    """
    whole = amount * _UNIT
    assert whole == whole.to_integral_value(), amount
    return int(whole)
