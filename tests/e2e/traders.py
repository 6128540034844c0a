"""Whoever trades with the official client on an exchange of its own, and the arithmetic that checks what it is told."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import anyio
import msgspec
from eth_account import Account
from polymarket import AsyncSecureClient
from polymarket.models import ClobTrade, OpenOrder
from polymarket.models.clob.order_book import OrderBookLevel
from polymarket.models.clob.order_response import AcceptedOrder, OrderResponse
from polymarket.models.clob.user_events import UserEvent, UserOrderEvent, UserOrderPayload, UserTradeEvent
from polymarket.streams import UserSpec

from e2e.processes import asked
from trade_with_polymarket_client import environment_of

GRANT = 10_000_000_000  # 1e-6 USDC
GONE = "order can't be found - already canceled or matched"
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
async def trader(url: str, *, eoa: bool = True) -> AsyncIterator[Trader]:
    """Make a key, an API key and a client that hears its user stream, for as long as the block runs."""
    about = await asked(f"{url}/venue?ledger=0")
    account = Account.create()
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


async def choose(client: AsyncSecureClient, *, neg_risk: bool, spread: int = 1) -> Market:
    """Return the open market whose dearer outcome has most on offer at the best price, of those that last.

    Args:
        client: Asks.
        neg_risk: Of which kind.
        spread: How many ticks there are at least between its best prices.
    """
    listed = [market async for page in client.list_markets(closed=False, page_size=100) for market in page.items]
    lasting = [market for market in listed if market.state.neg_risk is neg_risk and "updown" not in (market.slug or "")]
    found = []
    for market in lasting:
        outcomes, fees = [market.outcomes.yes, market.outcomes.no], market.trading.fee_schedule
        assert market.condition_id is not None
        assert fees is not None
        tokens = [str(outcome.token_id) for outcome in outcomes]
        books = {str(book.asset_id): book for book in await client.get_order_books(asset_ids=tokens)}
        if not all(book.bids and book.asks for book in books.values()):
            continue
        if books[tokens[0]].bids[-1].price < books[tokens[1]].bids[-1].price:
            outcomes.reverse()
            tokens.reverse()
        book = books[tokens[0]]
        if book.bids[-1].price > Decimal("0.9") or book.asks[-1].price - book.bids[-1].price < spread * book.tick_size:
            continue  # few prices are left above it, or none between
        found.append(
            Market(
                condition=market.condition_id,
                tokens=(tokens[0], tokens[1]),
                outcomes=(outcomes[0].label, outcomes[1].label),
                tick=book.tick_size,
                bids=book.bids[::-1],
                asks=book.asks[::-1],
                rate=fees.rate,
            )
        )
    return max(found, key=lambda one: min(one.asks[0].size, one.bids[0].size))


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
