"""A raw socket that no fault touches: what the venue truly said, when, and the books that follow from it.

It shares no code with the feed: its own frames, its own reading of texts, its own books.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import lru_cache
from time import time_ns
from typing import Any, Final
from urllib.parse import urlsplit

import anyio

from e2e.reckoning import Fact, Seen
from exchange.raw_client import TEXT, RawClient

_UNITS: Final = 10_000
_SHARES: Final = 1_000_000
_SIDES: Final = {"BUY": "bid", "SELL": "ask"}


@lru_cache(1 << 16)
def scaled(text: str, scale: int) -> int:
    """Return a decimal text in units of 1/`scale`, exactly."""
    value = Decimal(text) * scale
    assert value == value.to_integral_value(), text
    return int(value)


def fingerprint(levels: Iterable[tuple[str, int, int]]) -> int:
    """Return one number for a set of (side, price, size), the same in any order; equal books have equal ones."""
    made = 0
    for level in levels:
        made ^= hash(level)
    return made


class TrueBook:
    """A token's book as the venue told it, and every state it had."""

    def __init__(self) -> None:
        self.levels: dict[tuple[str, int], int] = {}
        self.state = 0
        self.states: list[tuple[int, int]] = []  # (Unix ns, fingerprint)

    def replace(self, message: Any, at_ns: int) -> None:
        self.levels = {
            (side, scaled(level["price"], _UNITS)): scaled(level["size"], _SHARES)
            for side, name in (("bid", "bids"), ("ask", "asks"))
            for level in message[name]
        }
        self.state = fingerprint((side, price, size) for (side, price), size in self.levels.items())
        self.states.append((at_ns, self.state))

    def end(self, at_ns: int) -> None:
        """Be empty: the market is resolved."""
        self.levels, self.state = {}, 0
        self.states.append((at_ns, 0))

    def change(self, side: str, price: int, size: int, at_ns: int) -> None:
        before = self.levels.pop((side, price), 0)
        if before:
            self.state ^= hash((side, price, before))
        if size:
            self.levels[side, price] = size
            self.state ^= hash((side, price, size))
        self.states.append((at_ns, self.state))


class Witness:
    """Everything the market channel said of some tokens.

    Attributes:
        happened: Every fact since it began, in order.
        opening: Every book's levels then.
        books: By token.
        frames: How many came.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.books = {token: TrueBook() for token in tokens}
        self.happened: list[Seen] = []
        self.opening: dict[str, dict[tuple[str, int], int]] = {}
        self.frames = 0
        self._snapshots = anyio.Event()

    async def until_begun(self) -> None:
        """Return once there is a snapshot of every token."""
        with anyio.fail_after(10):
            await self._snapshots.wait()

    def begin(self) -> None:
        """Forget what came before: from now on it counts."""
        self.happened.clear()
        self.opening = {token: dict(book.levels) for token, book in self.books.items()}

    async def read(self, client: RawClient) -> None:
        """Read until cancelled."""
        while True:
            frame = await client.frame()
            if frame.opcode == TEXT:
                self.frames += 1
                self._take(json.loads(frame.payload), time_ns())

    def _take(self, message: Any, at_ns: int) -> None:
        for one in message if isinstance(message, list) else (message,):
            self._take_one(one, at_ns)
        if not self._snapshots.is_set() and all(book.states for book in self.books.values()):
            self._snapshots.set()

    def _take_one(self, one: Any, at_ns: int) -> None:
        kind = one["event_type"]
        if kind == "price_change":
            for entry in one["price_changes"]:
                self._changed(entry, int(one["timestamp"]), at_ns)
        elif kind == "market_resolved":
            ours = [token for token in one["assets_ids"] if token in self.books]
            for token in ours:
                self.books[token].end(at_ns)
            if ours:
                self.happened.append(Seen(Fact(one["market"], kind, (one["winning_asset_id"],)), at_ns))
        elif one.get("asset_id") in self.books:
            if kind == "book":
                self.books[one["asset_id"]].replace(one, at_ns)
            self.happened.append(Seen(Fact(one["asset_id"], kind, WHAT[kind](one)), at_ns))

    def _changed(self, entry: Any, venue_ms: int, at_ns: int) -> None:
        token = entry["asset_id"]
        if token not in self.books:
            return
        side, price, size = _SIDES[entry["side"]], scaled(entry["price"], _UNITS), scaled(entry["size"], _SHARES)
        self.books[token].change(side, price, size, at_ns)
        what = (side, price, size, scaled(entry["best_bid"], _UNITS), scaled(entry["best_ask"], _UNITS))
        self.happened.append(Seen(Fact(token, "price_change", (*what, entry["hash"], venue_ms)), at_ns))


WHAT: Final[dict[str, Any]] = {
    "book": lambda one: (one["hash"], int(one["timestamp"])),
    "last_trade_price": lambda one: (
        one["side"],
        scaled(one["price"], _UNITS),
        scaled(one["size"], _SHARES),
        one["transaction_hash"],
        int(one["timestamp"]),
    ),
    "best_bid_ask": lambda one: (
        scaled(one["best_bid"], _UNITS),
        scaled(one["best_ask"], _UNITS),
        int(one["timestamp"]),
    ),
    "tick_size_change": lambda one: (
        scaled(one["old_tick_size"], _UNITS),
        scaled(one["new_tick_size"], _UNITS),
        int(one["timestamp"]),
    ),
}
"""What tells a fact from another of its token and kind; `tale` says the same of our events."""


@asynccontextmanager
async def spared(url: str, first: Any) -> AsyncIterator[RawClient]:
    """Yield a socket at `url` that no fault touches, its first frame said."""
    where = urlsplit(url)
    client = RawClient(*await asyncio.open_connection(where.hostname, where.port))
    try:
        await client.shake_hands(f"{where.path}?spared")
        assert client.status == 101, client.answer
        await client.send(first)
        yield client
    finally:
        await client.leave()
