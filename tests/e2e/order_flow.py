"""One wallet that trades all the time: orders that rest, take, are cancelled and are killed, signed as clients do."""

import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
import msgspec
from eth_account import Account

from e2e.witness import TrueBook
from exchange.traders import Trader

_SMALLEST: Final = 5  # shares of an order that may rest
_RESTING: Final = 8  # orders that wait at a time; beyond, the oldest is cancelled


class Placed(msgspec.Struct, frozen=True):
    """An order that the exchange took."""

    id: str
    token: str
    kind: str


class OrderFlow:
    """Orders of one wallet on some tokens, drawn by a seed from the books as they truly are.

    Args:
        trader: Signs.
        books: By token; only ordinary markets, whose contract the trader signs for.
        seed: Of what is drawn.

    Attributes:
        placed: What the exchange took.
        refused: How many it did not.
    """

    def __init__(self, trader: Trader, books: dict[str, TrueBook], seed: int = 5) -> None:
        self.trader, self._books, self._rng = trader, books, random.Random(seed)
        self.placed: list[Placed] = []
        self.refused = 0
        self._waiting: deque[str] = deque()

    async def act(self) -> None:
        """Do one thing: cancel where enough waits, else place an order of some kind."""
        if len(self._waiting) > _RESTING or (self._waiting and self._rng.random() < 0.2):
            await self.trader.ask("DELETE", "/order", {"orderID": self._waiting.popleft()})
            return
        token = self._rng.choice(sorted(self._books))
        kind = self._rng.choices(("rest", "take", "kill"), (5, 4, 1))[0]
        body = self._order(token, kind)
        if body is None:
            return
        answer = await self.trader.place(body)
        said: Any = answer.json()
        if answer.status_code == 200 and said.get("success"):
            self.placed.append(Placed(said["orderID"], token, kind))
            if said["status"] == "live":
                self._waiting.append(said["orderID"])
        else:
            self.refused += 1

    async def end(self) -> None:
        """Cancel what still waits."""
        await self.trader.ask("DELETE", "/cancel-all")

    def _order(self, token: str, kind: str) -> dict[str, Any] | None:
        levels = self._books[token].levels
        bids = [price for side, price in levels if side == "bid"]
        asks = [price for side, price in levels if side == "ask"]
        if not bids or not asks:
            return None
        best_bid, best_ask = max(bids), min(asks)
        shares = self._rng.randint(_SMALLEST, 4 * _SMALLEST)
        if kind == "rest":  # at prices that are there: they are on the grid
            near = [price for price in bids if price >= best_bid - 600]
            return self.trader.order("BUY", self._rng.choice(near), shares, token=token)
        if kind == "take":
            return self.trader.order("BUY", best_ask, shares, token=token, kind="FAK")
        return self.trader.order("BUY", best_ask, 20_000, token=token, kind="FOK")


@asynccontextmanager
async def order_flow(url: str, books: dict[str, TrueBook]) -> AsyncIterator[OrderFlow]:
    """Yield the orders of a new wallet with an API key of its own."""
    async with httpx2.AsyncClient(base_url=url, timeout=10.0) as client:
        trader = Trader(client, Account.create().key.hex())
        await trader.join()
        yield OrderFlow(trader, books)
