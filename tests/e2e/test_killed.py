"""Show 5: the exchange is killed in the middle of a storm of orders, again and again, and starts on the same file.

Whatever it had acknowledged, in an answer or on the user stream, is there afterwards, and nothing is there twice.
"""

import contextlib
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import anyio
import msgspec
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from eth_account import Account
from polymarket import AsyncSecureClient, PolymarketError, RequestRejectedError
from polymarket.models import OpenOrder
from polymarket.models.clob.user_events import UserOrderEvent, UserTradeEvent
from polymarket.streams import UserSpec

from e2e.processes import COMMAND, asked
from e2e.traders import Market, choose
from polywire.exchange.trading.records import Activity, ActivityKind, Holding, UserOrder, UserTrade, Wallet
from trade_with_polymarket_client import environment_of

pytestmark = pytest.mark.anyio

Orders = dict[str, UserOrder]

_SETTLED: Final = ("MATCHED", "MINED", "CONFIRMED")
_PARALLEL: Final = 3  # requests of one trader at a time


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Trader:
    """One key over all restarts, and everything that was ever acknowledged to it."""

    def __init__(self) -> None:
        self.account = Account.create()
        self.matched: dict[str, Decimal] = {}  # shares that an order was said to have had, by id
        self.cancelled: set[str] = set()
        self.trades: dict[str, int] = {}  # how far each was said to be settled
        self.this_time: set[str] = set()  # orders acknowledged since the last start
        self.client: AsyncSecureClient

    @asynccontextmanager
    async def at(self, url: str) -> AsyncIterator[None]:
        """Have a client, as long as the block runs; nobody answers it at the end."""
        self.this_time = set()
        about = await asked(f"{url}/venue?ledger=0")
        self.client = await AsyncSecureClient.create(
            private_key=self.account.key.hex(), wallet=self.account.address, environment=environment_of(about)
        )
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await self.client.close()

    async def listen(self, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Note all that the user stream tells."""
        async with await self.client.subscribe(UserSpec()) as stream:
            task_status.started()
            async for event in stream:
                match event:
                    case UserOrderEvent(payload=told):
                        self._had(told.id, told.size_matched)
                        if told.order_event_type == "CANCELLATION":
                            self.cancelled.add(told.id)
                    case UserTradeEvent(payload=trade):
                        self.trades[trade.id] = max(self.trades.get(trade.id, 0), _SETTLED.index(trade.status))

    async def storm(self, market: Market, dice: random.Random) -> None:
        """Place and cancel until nobody answers."""
        try:
            while True:
                try:
                    await self._act(market, dice)
                except RequestRejectedError as refused:
                    assert refused.status < 500  # noqa: PT017 - all else is told, and no answer to fear
        except PolymarketError:  # it was killed: what it did not answer, it may or may not have done
            return

    async def _act(self, market: Market, dice: random.Random) -> None:
        token, tick = dice.choice(market.tokens), market.tick
        best, worst = (market.bid, market.ask) if token == market.token else (1 - market.ask, 1 - market.bid)
        draw = dice.random()
        if draw < 0.45:  # to wait
            await self._place(token, best - tick * dice.randrange(3, 12), dice.randrange(5, 50))
        elif draw < 0.6:  # to be met by the crowd
            await self._place(token, best, dice.randrange(5, 30))
        elif draw < 0.75:  # to take
            await self._place(token, min(1 - tick, worst + 2 * tick), dice.randrange(5, 30))
        elif draw < 0.8:
            orders = [
                await self.client.create_limit_order(
                    asset_id=token, side="BUY", price=best - tick * dice.randrange(3, 12), size=dice.randrange(5, 9)
                )
                for _ in range(3)
            ]
            for answer in await self.client.post_orders(orders):
                self._answered(answer)
        elif draw < 0.98:
            open_ones = sorted(self.this_time - self.cancelled)
            if open_ones:
                self.cancelled.update((await self.client.cancel_order(order_id=dice.choice(open_ones))).canceled)
        else:
            self.cancelled.update((await self.client.cancel_all()).canceled)

    async def _place(self, token: str, price: Decimal, size: int) -> None:
        self._answered(await self.client.place_limit_order(asset_id=token, side="BUY", price=price, size=size))

    def _answered(self, answer: Any) -> None:
        if answer.ok:
            self._had(answer.order_id, Decimal(0))
            for trade in answer.trade_ids:
                self.trades.setdefault(trade, 0)

    def _had(self, order_id: str, shares: Decimal) -> None:
        self.this_time.add(order_id)
        self.matched[order_id] = max(self.matched.get(order_id, Decimal(0)), shares)

    # ------------------------------------------------------------ afterwards

    async def look(self, left: Mapping[str, UserOrder]) -> None:
        """Look for everything that was acknowledged, as a client does. `left`: every order as the file had it."""
        rows = await self._open_orders()
        resting = {row.id: row for row in rows}
        assert len(resting) == len(rows)
        assert not resting.keys() & self.cancelled
        for order_id, order in left.items():
            if order.ended_ms:
                assert order_id not in resting
            elif order.address == self.account.address.lower() and order_id not in resting:
                assert order_id in await self._filled_orders()  # the crowd met it as soon as there was one
        for order_id, row in resting.items():
            assert row == await self.client.get_order(order_id=order_id)
            assert row.size_matched >= self.matched.get(order_id, 0)
        listed = [trade async for page in self.client.list_account_trades() for trade in page.items]
        trades = {trade.id: trade for trade in listed}
        assert len(trades) == len(listed)
        for trade_id, settled in self.trades.items():
            assert _SETTLED.index(trades[trade_id].status) >= settled

    async def cancel_everything(self) -> int:
        """Cancel all, see that nothing rests, and return the balance, 1e-6 USDC."""
        self.cancelled.update((await self.client.cancel_all()).canceled)
        assert await self._open_orders() == []
        return (await self.client.get_balance_allowance(asset_type="COLLATERAL")).balance

    async def _open_orders(self) -> list[OpenOrder]:
        return [row async for page in self.client.list_open_orders() for row in page.items]

    async def _filled_orders(self) -> set[str]:
        pages = self.client.list_account_trades()
        trades = [trade async for page in pages for trade in page.items]
        return {trade.taker_order_id for trade in trades} | {
            leg.order_id for trade in trades for leg in trade.maker_orders
        }

    async def cancel_some(self, dice: random.Random) -> None:
        """Cancel half of what rests, one by one: orders of an earlier run are cancelled like any."""
        rows = await self._open_orders()
        for row in dice.sample(rows, len(rows) // 2):
            answer = await self.client.cancel_order(order_id=row.id)
            assert (answer.canceled, answer.not_canceled) == ((row.id,), {})
            self.cancelled.add(row.id)


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[tuple[str, anyio.abc.Process]]:
    """Start an exchange on a state file, and kill it at the end where nobody has done so."""
    async with await anyio.open_process([*COMMAND, "--state", str(path)], stdin=PIPE, stdout=PIPE, stderr=None) as one:
        assert one.stdout is not None
        with anyio.fail_after(30):
            line = await BufferedByteReceiveStream(one.stdout).receive_until(b"\n", 1_000)
        try:
            yield line.decode().strip(), one
        finally:
            if one.returncode is None:
                one.kill()
            await one.wait()


async def _once(path: Path, traders: list[Trader], dice: random.Random, left: Orders) -> Orders:
    """Start, look for everything, storm, and be killed; return every order as it was left."""
    async with running(path) as (url, process), contextlib.AsyncExitStack() as clients:
        await asked(f"{url}/venue/clock", {"paused": True})  # nobody moves while we look
        for trader in traders:
            await clients.enter_async_context(trader.at(url))
            await trader.look(left)
        for trader in traders:
            await trader.cancel_some(dice)
        market = await choose(traders[0].client, neg_risk=False)
        async with anyio.create_task_group() as listening:
            for trader in traders:
                await listening.start(trader.listen)
            await asked(f"{url}/venue/clock", {"paused": False})
            async with anyio.create_task_group() as storming:
                for trader in traders * _PARALLEL:
                    storming.start_soon(trader.storm, market, dice)
                await anyio.sleep(dice.uniform(0.3, 2.0))  # the moment is the point
                process.kill()
            listening.cancel_scope.cancel()
    return _reckon(path, traders)


# ---------------------------------------------------------------- the file itself


def _rows(path: Path, table: str, kind: type[Any]) -> list[Any]:
    with sqlite3.connect(path) as file:
        rows = [msgspec.json.decode(body, type=kind) for (body,) in file.execute(f"SELECT body FROM {table}")]  # noqa: S608
    file.close()
    return rows


def _reckon(path: Path, traders: list[Trader]) -> Orders:
    """Hold what a killed exchange left against itself, to the unit, and against what it had acknowledged."""
    orders = {order.id: order for order in _rows(path, "orders", UserOrder)}
    trades: dict[str, UserTrade] = {trade.id: trade for trade in _rows(path, "trades", UserTrade)}
    lines: list[Activity] = _rows(path, "activity", Activity)
    wallets: list[Wallet] = _rows(path, "wallets", Wallet)
    users = {wallet.account for wallet in wallets}

    for trader in traders:
        assert trader.matched.keys() <= orders.keys()
        assert trader.trades.keys() <= trades.keys()
        assert all(orders[gone].state.startswith("CANCELED") for gone in trader.cancelled)
        assert all(orders[made].matched >= shares * 10**6 for made, shares in trader.matched.items())
        assert all(_SETTLED.index(trades[trade].state) >= settled for trade, settled in trader.trades.items())

    had, sides = Counter[str](), Counter[tuple[str, str, str]]()
    for trade in trades.values():
        assert trade.size == sum(leg.size for leg in trade.legs)
        for order, account, token, size in (
            (trade.order, trade.account, trade.token, trade.size),
            *((leg.order, leg.account, leg.token, leg.size) for leg in trade.legs),
        ):
            had[order] += size
            if account in users:
                sides[trade.id, account, token] += size
    assert {order.id: order.matched for order in orders.values() if order.matched} == {
        order: size for order, size in had.items() if order in orders
    }
    told = Counter[tuple[str, str, str]]()
    cash, shares = defaultdict[str, int](int), Counter[tuple[str, str]]()
    for line in lines:
        match line.kind, line.side:
            case ActivityKind.DEPOSIT, _:
                cash[line.account] += line.amount
            case ActivityKind.TRADE, "BUY":
                told[line.trade, line.account, line.token] += line.size
                cash[line.account] -= line.amount + line.fee
                shares[line.account, line.token] += line.size
            case ActivityKind.REDEEM, _:
                cash[line.account] += line.amount
                shares[line.account, line.token] -= line.size
            case other:
                pytest.fail(f"nobody did {other}")
    assert told == sides
    assert {wallet.account: wallet.collateral for wallet in wallets} == dict(cash)
    assert {wallet.granted for wallet in wallets} == {10_000 * 10**6}
    holdings: list[Holding] = _rows(path, "holdings", Holding)
    assert {(holding.account, holding.token): holding.position.size for holding in holdings} == dict(shares)
    numbers = sorted(line.number for line in lines), sorted(trade.number for trade in trades.values())
    assert [*numbers] == [list(range(1, len(lines) + 1)), list(range(1, len(trades) + 1))]
    return orders


# ---------------------------------------------------------------- the claim


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.slow)])
async def test_all_that_was_acknowledged_survives_kill_9_in_a_storm_of_orders_and_nothing_is_there_twice(
    tmp_path: Path, times: int
) -> None:
    path, dice = tmp_path / "exchange.sqlite3", random.Random(times)
    traders = [Trader() for _ in range(4)]
    with anyio.fail_after(40 * times):
        left: Orders = {}
        held: dict[str, int] = {}
        for _ in range(times):
            left = await _once(path, traders, dice, left)
        async with running(path) as (url, _):
            await asked(f"{url}/venue/clock", {"paused": True})  # from now on nobody moves but we
            for trader in traders:
                async with trader.at(url):
                    await trader.look(left)
                    held[trader.account.address.lower()] = await trader.cancel_everything()
        _reckon(path, traders)
        assert {wallet.account: wallet.collateral for wallet in _rows(path, "wallets", Wallet)} == held
    acknowledged = sum(len(trader.matched) for trader in traders)
    filled = sum(len(trader.trades) for trader in traders)
    cancelled = sum(len(trader.cancelled) for trader in traders)
    told = f"{times} kills: {acknowledged} orders, {filled} fills and {cancelled} cancels, all there, none twice"
    print(told)  # noqa: T201 - a figure to publish
    assert acknowledged > 20 * times
    assert filled > 2 * times
    assert cancelled > 2 * times
