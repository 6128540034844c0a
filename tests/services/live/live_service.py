"""A live-data service in memory, and our feed on it, as tests begin with them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from polywire.errors import VenueUnreachable
from polywire.model.events import Event
from polywire.model.live import ActivityMatched, CryptoPriced
from polywire.ports import Socket
from polywire.services.live.live_feed import LiveFeed
from polywire.services.live.readers import Interest
from polywire.wire.requests import LiveRequest, LiveSubscription, read_live_request
from services.feed.feeds import until
from services.feed.scripted import ScriptedDial, ScriptedSocket
from services.feed.virtual import LoopClock

URL: Final = "ws://none.invalid/rtds"
SECOND_MS: Final = 1_000


def frame(topic: str, type_: str, payload: dict[str, Any], sent_ms: int = 5) -> bytes:
    """Return a message as the service writes it."""
    return msgspec.json.encode({"topic": topic, "type": type_, "timestamp": sent_ms, "payload": payload})


def trade(number: int, *, of: str = "7", type_: str = "orders_matched", slug: str = "rain") -> bytes:
    """Return trade number so and so."""
    payload: dict[str, Any] = {"asset": of, "conditionId": "0xc", "side": "BUY", "price": 0.5, "size": number}
    payload |= {"timestamp": 1_790_000_000, "proxyWallet": "0xw", "transactionHash": f"0x{number:x}"}
    return frame("activity", type_, payload | {"slug": slug, "eventSlug": "weather"})


def price(second: int, symbol: str = "btcusdt", topic: str = "crypto_prices") -> bytes:
    """Return the price of one second."""
    return frame(topic, "update", {"symbol": symbol, "timestamp": second * SECOND_MS, "value": 60_000 + second})


def everything(second: int) -> tuple[bytes, ...]:
    """Return what a busy service tells in one second."""
    return trade(second), price(second), price(second, "btc/usd", "crypto_prices_chainlink")


def comment(number: int) -> bytes:
    """Return a comment."""
    return frame("comments", "comment_created", {"id": str(number), "body": "so it is"})


class LiveSocket(ScriptedSocket):
    """One open socket of the service, which answers filters with prices."""

    def __init__(self, dial: "LiveDial", heard: Callable[[bytes, int], None], lost: Callable[[str], None]) -> None:
        super().__init__(dial, heard, lost)
        self._service = dial

    def hear(self, frame: bytes, seen_ns: int | None = None) -> None:
        super().hear(frame, LoopClock().now_ns() if seen_ns is None else seen_ns)

    def send(self, text: bytes) -> None:
        if self.closed or self.over:
            return
        self.sent.append(text)
        if text == b"PING":
            if self._service.pongs:
                self.hear_soon(b"PONG")
            return
        for one in read_live_request(text).subscriptions:
            self._answer(one)

    def _answer(self, one: LiveSubscription) -> None:
        for symbol, seconds in self._service.kept.items():
            listed = one.topic == "crypto_prices" and symbol in one.filters.split(",")
            if listed or (self._service.reads_json and one.filters == f'{{"symbol":"{symbol}"}}'):
                data = [{"timestamp": second * SECOND_MS, "value": 60_000 + second} for second in seconds]
                self.hear_soon(frame("crypto_prices", "subscribe", {"symbol": symbol, "data": data}))

    @property
    def live_requests(self) -> list[LiveRequest]:
        return [read_live_request(one) for one in self.sent if one != b"PING"]

    @property
    def subscribed(self) -> list[tuple[str, str, str]]:
        """What it was asked for and is to send still: topic, type and filter."""
        wanted: dict[tuple[str, str, str], None] = {}
        for request in self.live_requests:
            for one in request.subscriptions:
                key = (one.topic, one.type, one.filters)
                if request.action == "subscribe":
                    wanted[key] = None
                else:
                    wanted.pop(key)
        return list(wanted)


class LiveDial(ScriptedDial):
    """Opens sockets of the service.

    Attributes:
        kept: The seconds of each symbol that a back-fill holds.
        reads_json: Whether filters may be JSON, or lists only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, list[int]] = {}
        self.reads_json = True

    async def __call__(  # type: ignore[override]  # its sockets are what a test asks for
        self, url: str, heard: Callable[[bytes, int], None], lost: Callable[[str], None]
    ) -> Socket:
        self.dials += 1
        await self.open.wait()
        if self.refuses:
            raise VenueUnreachable(url, "refused by the script")
        socket = LiveSocket(self, heard, lost)
        self.sockets.append(socket)
        return socket

    @property
    def streams(self) -> list[LiveSocket]:
        """The open sockets that the stream is read from, the oldest first."""
        return [one for one in self.alive if isinstance(one, LiveSocket) and not any(f for _, _, f in one.subscribed)]


class LiveSetting:
    """A live feed that runs, its service, and what one reader was told."""

    def __init__(self, *, roll: float = 0.5, **options: float) -> None:
        self.dial, self.told = LiveDial(), list[Event]()
        self.feed = LiveFeed(URL, self.dial, LoopClock(), lambda: roll, **options)  # type: ignore[arg-type]
        self.running: asyncio.Task[Any] | None = None

    def read(self, *kinds: type, **only: Any) -> None:
        """Let the reader read these kinds."""
        self.feed.read(self.told.append, Interest(kinds=frozenset(kinds), **only))

    async def until_open(self) -> LiveSocket:
        """Return the socket, once it is subscribed to something."""
        await until(lambda: self.dial.streams and self.dial.streams[-1].sent)
        return self.dial.streams[-1]

    def tell(self, *frames: bytes) -> None:
        """Let frames arrive on every socket that the stream is read from."""
        for socket in self.dial.streams:
            for one in frames:
                socket.hear(one)

    async def tick(self, seconds: int, since: int = 0) -> int:
        """Let as many seconds pass, with all there is in each; return how many there were so far."""
        for second in range(since, since + seconds):
            self.tell(*everything(second + 1))
            await asyncio.sleep(1)
        return since + seconds

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kinds)]

    @property
    def trades(self) -> list[int]:
        """The numbers of the trades that were told, in order."""
        return [int(event.size) for event in self.of(ActivityMatched)]

    @property
    def seconds(self) -> list[int]:
        """The seconds of Binance's prices that were told, in order."""
        return [event.venue_ms // SECOND_MS for event in self.of(CryptoPriced) if event.source == "binance"]

    @property
    def status(self) -> Any:
        return self.feed.status()


@asynccontextmanager
async def a_live_feed(**options: Any) -> AsyncIterator[LiveSetting]:
    """Run a live feed; afterwards nothing of it is left in the loop."""
    before = asyncio.all_tasks()
    it = LiveSetting(**options)
    it.running = asyncio.create_task(it.feed.run())
    await asyncio.sleep(0)
    yield it
    assert not it.running.done(), it.running.exception()
    it.running.cancel()
    await asyncio.gather(it.running, return_exceptions=True)
    assert it.running.cancelled()
    await asyncio.sleep(0)  # for a socket to say its last word
    assert asyncio.all_tasks() == before
    assert it.dial.alive == []
