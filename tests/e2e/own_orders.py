"""Somebody who places and cancels orders without a pause, and what the exchange's file holds of them afterwards."""

import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream
from eth_account import Account
from polymarket import AsyncSecureClient, RequestRejectedError

from e2e.processes import COMMAND, asked
from e2e.traders import Market
from polywire.exchange.trading.records import TradeState, UserOrder, UserTrade
from polywire.model.credentials import ApiCredentials
from trade_with_polymarket_client import environment_of

Fills = dict[tuple[str, str], int]
"""Shares by trade and order."""


class Truth:
    """What the exchange kept of one API key.

    Attributes:
        orders: By id.
        trades: By id, those that one of its orders is in.
        fills: Those of trades that have not failed.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.orders: dict[str, UserOrder] = {one.id: one for one in _rows(path, "orders", UserOrder) if one.key == key}
        self.trades: dict[str, UserTrade] = {}
        self.fills: Fills = {}
        for trade in _rows(path, "trades", UserTrade):
            parts = [(trade.order, trade.size), *((leg.order, leg.size) for leg in trade.legs)]
            mine = {order: size for order, size in parts if order in self.orders}
            if mine:
                self.trades[trade.id] = trade
                if trade.state is not TradeState.FAILED:
                    self.fills |= {(trade.id, order): size for order, size in mine.items()}


def _rows(path: Path, table: str, kind: type[Any]) -> list[Any]:
    with sqlite3.connect(path) as file:
        rows = [msgspec.json.decode(body, type=kind) for (body,) in file.execute(f"SELECT body FROM {table}")]  # noqa: S608
    file.close()
    return rows


@asynccontextmanager
async def kept_exchange(path: Path, *options: str) -> AsyncIterator[str]:
    """Run an exchange that keeps what users do in a file, and yield its base URL."""
    command = [*COMMAND, "--state", str(path), *options]
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        with anyio.fail_after(30):
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 1_000)
        yield line.decode().strip()
        await process.stdin.aclose()
        with anyio.fail_after(10):
            assert await process.wait() == 0


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[AsyncSecureClient]:
    """Make a wallet and an API key, and a client for them."""
    account = Account.create()
    client = await AsyncSecureClient.create(
        private_key=account.key.hex(),
        wallet=account.address,
        environment=environment_of(await asked(f"{url}/venue?ledger=0")),
    )
    async with client:
        yield client


def credentials_of(client: AsyncSecureClient) -> ApiCredentials:
    """Return the credentials of a client's API key."""
    creds = client.credentials
    assert creds is not None
    return ApiCredentials(creds.key, creds.secret, creds.passphrase, str(client.wallet))


class Storm:
    """Orders of every kind, and cancels.

    Attributes:
        placed: Orders that were acknowledged.
        cancelled: Those whose cancel was.
    """

    def __init__(self, client: AsyncSecureClient, market: Market, dice: random.Random) -> None:
        self._client, self._market, self._dice = client, market, dice
        self.placed: set[str] = set()
        self.cancelled: set[str] = set()

    async def rage(self, until: anyio.Event) -> None:
        """Place and cancel until the event is set."""
        while not until.is_set():
            try:
                await self._act()
            except RequestRejectedError as refused:  # a crossed post-only, no money left, a book that moved: no matter
                assert refused.status < 500  # noqa: PT017 - the loop goes on

    async def _act(self) -> None:
        dice, market = self._dice, self._market
        token, tick = dice.choice(market.tokens), market.tick
        best, worst = (market.bid, market.ask) if token == market.token else (1 - market.ask, 1 - market.bid)
        draw = dice.random()
        if draw < 0.3:  # to wait
            await self._place(token, max(tick, best - tick * dice.randrange(3, 12)), dice.randrange(5, 40))
        elif draw < 0.5:  # to be met by the crowd
            await self._place(token, best, dice.randrange(5, 30))
        elif draw < 0.65:  # to take
            await self._place(token, min(1 - tick, worst + 2 * tick), dice.randrange(5, 30))
        elif draw < 0.75:
            amount = (worst * dice.randrange(5, 15)).quantize(Decimal("0.01"))
            answer = await self._client.place_market_order(
                asset_id=token, side="BUY", amount=amount, max_price=min(1 - tick, worst + tick), order_type="FAK"
            )
            self.placed.update([answer.order_id] if answer.ok else [])
        elif draw < 0.985:
            left = sorted(self.placed - self.cancelled)
            if left:
                gone = await self._client.cancel_order(order_id=dice.choice(left))
                self.cancelled.update(gone.canceled)
        else:
            self.cancelled.update((await self._client.cancel_all()).canceled)

    async def _place(self, token: str, price: Decimal, size: int) -> None:
        answer = await self._client.place_limit_order(asset_id=token, side="BUY", price=price, size=size)
        self.placed.update([answer.order_id] if answer.ok else [])
