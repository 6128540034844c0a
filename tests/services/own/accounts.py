"""An own feed on a venue in memory: its socket, and an account that says what a test lets it say."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio

from core.own_events import KEY
from polywire.core.link import Policy
from polywire.errors import PolywireError
from polywire.model.credentials import ApiCredentials
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.own import OwnOrderChanged, OwnTradeChanged
from polywire.services.own.feed import OwnFeed
from services.feed.scripted import ScriptedDial
from services.feed.virtual import LoopClock

CREDENTIALS: Final = ApiCredentials(KEY, "bWFya2VkLXNlY3JldA", "marked-passphrase", "0xA11ce")
MARKED: Final = (CREDENTIALS.secret, CREDENTIALS.passphrase)


class ScriptedAccount:
    """What REST says. See `polywire.ports.Account`.

    Attributes:
        listed, known, traded: The open orders, single orders, and trades.
        faults: What the next questions for the time raise, in order.
        gate: Answers about trades wait until this is set.
        looks: How often the time was asked for: once a look.
        after: From when trades were asked for, each time.
        asked: Single orders and trades that were asked for.
        now_s: The venue's time, which stands.
    """

    def __init__(self) -> None:
        self.listed: list[OwnOrderChanged] = []
        self.known: dict[str, OwnOrderChanged] = {}
        self.traded: list[OwnTradeChanged] = []
        self.faults: list[PolywireError] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.looks = 0
        self.after: list[int] = []
        self.asked: list[str] = []
        self.now_s = 1_000_000

    async def time_s(self) -> int:
        self.looks += 1
        if self.faults:
            raise self.faults.pop(0)
        return self.now_s

    async def open_orders(self) -> list[OwnOrderChanged]:
        return self.listed

    async def order(self, order: str) -> OwnOrderChanged | None:
        self.asked.append(order)
        return self.known.get(order)

    async def trades(self, after_s: int) -> list[OwnTradeChanged]:
        self.after.append(after_s)
        await self.gate.wait()
        return [one for one in self.traded if one.matched_s > after_s]

    async def trade(self, trade: str) -> OwnTradeChanged | None:
        self.asked.append(trade)
        return next((one for one in self.traded if one.trade == trade), None)


class OwnSetting:
    """An own feed that runs, and what is behind it.

    Attributes:
        told: What a reader of everything was told, with our monotonic seconds.
    """

    def __init__(self, **options: Any) -> None:
        self.dial, self.account = ScriptedDial(), ScriptedAccount()
        self.dial.serves = False
        self.told: list[tuple[float, Event]] = []
        self.feed = OwnFeed(
            "ws://none.invalid/user",
            self.dial,
            self.account,
            CREDENTIALS,
            LoopClock(),
            Policy(),
            lambda: 0.5,
            **options,
        )
        self.feed.read(self.take)

    def take(self, event: Event) -> None:
        """Be a reader."""
        self.told.append((asyncio.get_running_loop().time(), event))

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.told]

    @property
    def gaps(self) -> list[Gap]:
        return [event for event in self.events if isinstance(event, Gap)]

    async def until(self, holds: Callable[[], object], within_s: float = 300.0) -> float:
        """Return when something holds, how long that took; time passes meanwhile."""
        began = asyncio.get_running_loop().time()
        with anyio.fail_after(within_s):
            while not holds():  # noqa: ASYNC110 - time is virtual
                await asyncio.sleep(0.01)
        return asyncio.get_running_loop().time() - began

    def opened(self, number: int) -> Callable[[], bool]:
        """Return whether so many sockets were opened, and the last is alive."""
        return lambda: len(self.dial.sockets) == number and bool(self.dial.alive)

    async def looked(self) -> float:
        """Return after the next reconciliation, how long that took."""
        before = self.feed.reconciliations
        return await self.until(lambda: self.feed.reconciliations > before)

    def hear(self, name: str, **fields: object) -> None:
        """Let a message arrive that is `order` or `trade` of `core.own_events`, as the stream writes it."""
        base: dict[str, object] = {"market": "0xc0", "asset_id": "7", "side": "BUY", "price": "0.6", "owner": KEY}
        order = {"event_type": "order", "id": "0x1", "original_size": "10", "type": "PLACEMENT", "status": "LIVE"}
        trade = {"event_type": "trade", "id": "t1", "size": "4", "status": "MATCHED", "trader_side": "TAKER"}
        trade |= {"taker_order_id": "0x1", "match_time": str(self.account.now_s)}
        told = base | (order if name == "order" else trade) | {"timestamp": "1000000000"} | fields
        self.dial.last.hear(json.dumps(told).encode(), LoopClock().now_ns())


@asynccontextmanager
async def own_feed(*, begun: bool = True, **options: Any) -> AsyncIterator[OwnSetting]:
    """Run an own feed, until its first look unless said otherwise; afterwards nothing of it is left in the loop."""
    before, setting = asyncio.all_tasks(), OwnSetting(**options)
    running = asyncio.create_task(setting.feed.run())
    if begun:
        await setting.until(lambda: setting.feed.reconciliations)
    yield setting
    assert not running.done(), running.exception()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert setting.dial.alive == []
