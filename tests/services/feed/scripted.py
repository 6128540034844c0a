"""A venue in memory: a dial, sockets and a catalogue that do what a test says."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final

import msgspec

from polywire.errors import VenueUnreachable
from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId, TokenId
from polywire.model.venue import Venue, VenueUrls
from polywire.wire.requests import MarketRequest, read_market_request

VENUE: Final = Venue("scripted", 80_002, VenueUrls("http://none.invalid", "http://none.invalid", "ws://none.invalid"))


def token(number: int) -> TokenId:
    """Return a token id as long as real ones."""
    return TokenId(str(10**70 + number))


def book(one: str, size: str = "10") -> dict[str, Any]:
    """Return a snapshot as the venue writes it."""
    return {
        "market": f"0x{one[-4:]}",
        "asset_id": one,
        "timestamp": "1790000000000",
        "hash": "",
        "bids": [{"price": "0.33", "size": "5"}, {"price": "0.34", "size": size}],
        "asks": [{"price": "0.37", "size": "5"}, {"price": "0.36", "size": size}],
        "tick_size": "0.01",
        "event_type": "book",
        "last_trade_price": "",
    }


def change(*tokens: str, size: str = "7") -> bytes:
    """Return a change of the best bid of each token."""
    entry = {"price": "0.34", "size": size, "side": "BUY", "hash": "", "best_bid": "0.34", "best_ask": "0.36"}
    changes = [{"asset_id": one} | entry for one in tokens]
    return encode({"market": "0x1", "price_changes": changes, "timestamp": "1790000000001"}, "price_change")


def trade(one: str) -> bytes:
    """Return a trade."""
    told = {"price": "0.36", "size": "1", "side": "BUY", "fee_rate_bps": "0", "transaction_hash": "0xabc"}
    return encode({"asset_id": one, "market": "0x1", "timestamp": "1790000000002"} | told, "last_trade_price")


def tick(one: str) -> bytes:
    """Return a change of the tick size."""
    told = {"old_tick_size": "0.01", "new_tick_size": "0.001", "timestamp": "1790000000003"}
    return encode({"asset_id": one, "market": "0x1"} | told, "tick_size_change")


def created(*tokens: str, at: int = 4) -> bytes:
    """Return the news of a new market."""
    market: dict[str, Any] = {"id": "9", "question": "Snow?", "market": "0x9", "slug": "snow", "description": ""}
    market |= {"assets_ids": tokens, "outcomes": ["Yes", "No"], "timestamp": str(at), "tags": [], "active": True}
    return encode(market, "new_market")


def resolved(*tokens: str, at: int = 5) -> bytes:
    """Return the news of a market's end; the first token has won."""
    market: dict[str, Any] = {"id": "9", "market": f"0x{tokens[0][-4:]}", "assets_ids": tokens}
    market["winning_asset_id"] = tokens[0]
    return encode(market | {"winning_outcome": "Yes", "timestamp": str(at), "tags": []}, "market_resolved")


def encode(message: dict[str, Any], kind: str) -> bytes:
    return msgspec.json.encode(message | {"event_type": kind})


class ScriptedSocket:
    """One open socket. See `polywire.ports.Socket`.

    Attributes:
        sent: Every frame that was written to it.
        closed: Whether a close was asked for.
        over: Why it is gone; "" while it is there.
    """

    def __init__(self, dial: "ScriptedDial", heard: Callable[[bytes, int], None], lost: Callable[[str], None]) -> None:
        self._dial, self._heard, self._lost = dial, heard, lost
        self.sent: list[bytes] = []
        self.closed = False
        self.over = ""

    @property
    def local(self) -> str:
        return "127.0.0.1:1"

    def send(self, text: bytes) -> None:
        if self.closed or self.over:
            return
        self.sent.append(text)
        if text == b"PING":
            if self._dial.pongs:
                self.hear_soon(b"PONG")
        elif self._dial.serves:
            self._serve(read_market_request(text))

    def _serve(self, request: MarketRequest) -> None:
        if request.operation != "unsubscribe":
            books = [book(one) for one in request.tokens if one not in self._dial.withheld]
            self.hear_soon(msgspec.json.encode(books))

    def close(self) -> None:
        self.closed = True
        if self._dial.closes:
            asyncio.get_running_loop().call_soon(self.lose, "closed by us")

    def drop(self) -> None:
        self.closed = True
        asyncio.get_running_loop().call_soon(self.lose, "dropped by us")

    def hear(self, frame: bytes, seen_ns: int | None = None) -> None:
        """Let a frame arrive."""
        if not self.closed and not self.over:
            self._heard(frame, next(self._dial.instants) if seen_ns is None else seen_ns)

    def hear_soon(self, frame: bytes) -> None:
        """Let a frame arrive in the loop's next turn."""
        asyncio.get_running_loop().call_soon(self.hear, frame)

    def lose(self, reason: str = "the cable was cut") -> None:
        """Let the socket be gone."""
        if not self.over:
            self.over = reason
            self._lost(reason)

    @property
    def requests(self) -> list[MarketRequest]:
        """What was asked of the venue."""
        return [read_market_request(frame) for frame in self.sent if frame != b"PING"]

    @property
    def asked(self) -> list[tuple[str, tuple[str, ...]]]:
        """The same, shorter."""
        return [(request.operation, request.tokens) for request in self.requests]


class ScriptedDial:
    """Opens scripted sockets. See `polywire.ports.Dial`.

    Attributes:
        sockets: All that were opened, in order.
        dials: How many were asked for.
        serves: Whether subscriptions are answered with books, but for those of `withheld` tokens.
        pongs: Whether a PING is answered.
        closes: Whether a close is answered.
        refuses: Whether dials fail.
        open: Dials wait until this is set.
        instants: When frames are seen, each later than the one before.
    """

    def __init__(self) -> None:
        self.sockets: list[ScriptedSocket] = []
        self.dials = self.under_way = 0
        self.instants = count(1)
        self.serves = self.pongs = self.closes = True
        self.refuses = False
        self.withheld: set[str] = set()
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(
        self, url: str, heard: Callable[[bytes, int], None], lost: Callable[[str], None]
    ) -> ScriptedSocket:
        self.dials += 1
        self.under_way += 1
        try:
            await self.open.wait()
        finally:
            self.under_way -= 1
        if self.refuses:
            raise VenueUnreachable(url, "refused by the script")
        socket = ScriptedSocket(self, heard, lost)
        self.sockets.append(socket)
        return socket

    @property
    def last(self) -> ScriptedSocket:
        """The socket that was opened last."""
        return self.sockets[-1]

    @property
    def alive(self) -> list[ScriptedSocket]:
        """Those that are neither gone nor closing."""
        return [socket for socket in self.sockets if not socket.over and not socket.closed]

    def serving(self, one: str) -> ScriptedSocket:
        """Return the open socket that was asked for a token."""
        return next(socket for socket in self.alive if any(one in asked for _, asked in socket.asked))


def market(slug: str, *numbers: int, event: str = "") -> MarketListed:
    """Return a listed market of two tokens."""
    yes, no = (token(number) for number in numbers)
    condition = ConditionId(f"0x{slug.encode().hex()}")
    names = condition, "1", slug, f"{slug.replace('-', ' ').capitalize()}?", ("Yes", "No"), (yes, no)
    return MarketListed(*names, event, event.capitalize(), "", 100, 5_000_000, False, False, "")


class ScriptedCatalogue:
    """A list of markets. See `polywire.ports.Catalogue`.

    Attributes:
        asked: How often each question was asked.
        gate: Answers wait until this is set.
    """

    def __init__(self, *markets: MarketListed) -> None:
        self._markets = markets
        self.asked = Counter[str]()
        self.gate = asyncio.Event()
        self.gate.set()

    async def of_token(self, token: str) -> MarketListed | None:
        return await self._first("of_token", (market for market in self._markets if token in market.tokens))

    async def of_condition(self, condition: str) -> MarketListed | None:
        return await self._first("of_condition", (market for market in self._markets if market.condition == condition))

    async def of_slug(self, slug: str) -> MarketListed | None:
        return await self._first("of_slug", (market for market in self._markets if market.slug == slug))

    async def of_event(self, slug: str) -> list[MarketListed]:
        self.asked["of_event"] += 1
        return [market for market in self._markets if market.event_slug == slug]

    async def open_markets(self, limit: int) -> list[MarketListed]:
        self.asked["open_markets"] += 1
        return list(self._markets[:limit])

    async def search(self, text: str, limit: int) -> list[MarketListed]:
        self.asked["search"] += 1
        return [market for market in self._markets if set(text.lower().split()) & set(market.slug.split("-"))][:limit]

    async def _first(self, question: str, found: Iterable[MarketListed]) -> MarketListed | None:
        self.asked[question] += 1
        await self.gate.wait()
        return next(iter(found), None)
