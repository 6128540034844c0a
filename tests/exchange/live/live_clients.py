"""A still venue whose prices and trades are told at will, and clients of its live data."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from exchange.raw_client import RawClient, Server, served
from exchange.venues import START_MS, listed, order
from polywire.exchange.connection import Connection
from polywire.exchange.live.live_channel import LiveChannel
from polywire.exchange.live.prices import Quote
from polywire.exchange.venue import Venue
from polywire.model.events import Event
from polywire.wire.live import LiveDecoder

PATH: Final = "/rtds"


class LiveServer:
    """A served venue: `market-1` of `event-1`, on which ann sells and bob buys."""

    def __init__(self, server: Server) -> None:
        self.server = server
        assert server.site.venue is not None
        assert server.site.live is not None
        self.venue: Venue = server.site.venue
        self.channel: LiveChannel = server.site.live
        self.url = f"ws{server.url.removeprefix('http')}{PATH}"
        self._number = 0

    @property
    def connections(self) -> list[Connection]:
        """Those there are."""
        return list(self.channel.connections)

    def price(self, *seconds: int, asset: str = "btc", cents: int = 11_840_000) -> None:
        """Tell an asset's price of each of these seconds, one cent more each second."""
        for second in seconds:
            self.venue.prices.tell(Quote(asset, cents + second, cents + second + 5, START_MS + second * 1_000))

    def trade(self, shares: int = 5) -> None:
        """Let bob buy of ann."""
        self._number += 1
        for account, side in (("ann", "SELL"), ("bob", "BUY")):
            placed = self.venue.place(order(f"{account}-{self._number}", account, side, 4_000, shares))  # type: ignore[arg-type]  # one of the two
            assert placed.refusal is None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[RawClient]:
        async with self.server.client(PATH) as client:
            assert client.status == 101
            yield client

    @asynccontextmanager
    async def listener(self, topic: str, type_: str = "*", filters: str = "") -> AsyncIterator[RawClient]:
        """Yield a client that has subscribed; the last prices that this is answered with are read already."""
        async with self.client() as client:
            await client.send(subscription(topic, type_, filters))
            assert {message["type"] for message in await client.until_pong()} <= {"subscribe"}
            yield client


def subscription(topic: str, type_: str = "*", filters: str = "", action: str = "subscribe") -> dict[str, Any]:
    """Return a frame."""
    one = {"topic": topic, "type": type_} | ({"filters": filters} if filters else {})
    return {"action": action, "subscriptions": [one]}


@asynccontextmanager
async def live_server() -> AsyncIterator[LiveServer]:
    """Serve it on a free port of this process."""
    async with served(listed()) as server:
        yield LiveServer(server)


def events_of(frames: list[bytes]) -> list[Event]:
    """Return the events of frames, nothing of which is undecoded or unknown."""
    events: list[Event] = []
    decoder = LiveDecoder(events.append)
    for frame in frames:
        decoder.feed(frame, seen_ns=0)
    assert not decoder.tally.undecoded, decoder.tally.undecoded
    assert not decoder.tally.unknown_fields, decoder.tally.unknown_fields
    return events
