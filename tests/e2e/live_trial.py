"""One trial of the live-data service: prices and everybody's trades, as the product reads them, and a witness."""

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from time import time_ns
from typing import Any, Final

import anyio

from e2e.processes import asked, exchange
from e2e.reckoning import SECOND_NS, Fact, Losses, Seen, Span, Wrongs, losses
from e2e.trial import Row, Trial, turn_off, turn_on, waits
from e2e.witness import spared
from exchange.raw_client import TEXT, RawClient
from polywire.io.clock import SystemClock
from polywire.io.sockets import PicowsDial
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.live import ActivityMatched, CryptoPriced, PricesBackfilled
from polywire.services.live.live_feed import LiveFeed
from polywire.services.live.readers import Interest

ACTIVITY: Final = "activity"
SOURCES: Final = {"binance": "crypto_prices", "chainlink": "crypto_prices_chainlink"}
FIRST: Final = {
    "action": "subscribe",
    "subscriptions": [
        {"topic": ACTIVITY, "type": "orders_matched"},
        *({"topic": topic, "type": "update"} for topic in SOURCES.values()),
    ],
}
LOOK_S: Final = 0.05
KINDS: Final = frozenset({ActivityMatched, CryptoPriced, PricesBackfilled})


def price(topic: str, symbol: str, venue_ms: int) -> Fact:
    """Return that a price was told: there is one of a symbol and instant."""
    return Fact(topic, "price", (symbol, venue_ms))


class LiveWitness:
    """Everything that the service said."""

    def __init__(self) -> None:
        self.happened: list[Seen] = []

    async def read(self, client: RawClient) -> None:
        """Read until cancelled."""
        while True:
            frame = await client.frame()
            if frame.opcode == TEXT and frame.payload:
                self._take(json.loads(frame.payload, parse_float=Decimal), time_ns())

    def _take(self, one: Any, at_ns: int) -> None:
        said, topic = one["payload"], one["topic"]
        if topic != ACTIVITY:
            self.happened.append(Seen(price(topic, said["symbol"], said["timestamp"]), at_ns))
            return
        what = (said["transactionHash"], said["asset"], said["side"], Decimal(said["price"]), Decimal(said["size"]))
        self.happened.append(Seen(Fact(ACTIVITY, "orders_matched", what), at_ns))


class LiveTale:
    """What the reader was told. A back-filled price is told too."""

    def __init__(self) -> None:
        self.told: Counter[Fact] = Counter()
        self.gaps: defaultdict[str, list[Span]] = defaultdict(list)
        self.doubts: defaultdict[str, list[int]] = defaultdict(list)
        self.reasons: Counter[str] = Counter()
        self.first_doubt_ns: int | None = None
        self.back_filled = 0

    def note(self, event: Event) -> None:
        """Put an event down."""
        match event:
            case ActivityMatched():
                what = (event.transaction, event.token, event.side, event.price, event.size)
                self.told[Fact(ACTIVITY, "orders_matched", what)] += 1
            case CryptoPriced() if event.source in SOURCES:
                self.told[price(SOURCES[event.source], event.symbol, event.venue_ms)] += 1
            case PricesBackfilled():  # both feeds answer under one name; Chainlink's symbols have a slash
                topic = SOURCES["chainlink" if "/" in event.symbol else "binance"]
                self.told.update(price(topic, event.symbol, point.venue_ms) for point in event.points)
                self.back_filled += len(event.points)
            case Gap():
                self._gap(event)
            case _:
                pass

    def _gap(self, gap: Gap) -> None:
        topic = gap.reason.partition(":")[0]
        self.gaps[topic].append(Span(gap.from_ns, gap.to_ns, gap.seen_ns))
        self.doubts[topic].append(gap.seen_ns)
        self.reasons[gap.reason] += 1
        if self.first_doubt_ns is None:
            self.first_doubt_ns = gap.seen_ns


class Watch:
    """A live feed, its reader and a witness."""

    def __init__(self, url: str, feed: LiveFeed) -> None:
        self.url, self.feed = url, feed
        self.witness, self.tale = LiveWitness(), LiveTale()
        self.lost_at_ns: int | None = None  # when a socket was first seen to be given up

    async def look(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Look on for so long, or until something holds."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not (until is not None and until()):
            if self.lost_at_ns is None and not self.is_sound:
                self.lost_at_ns = time_ns()
            with anyio.move_on_after(min(LOOK_S, left)):
                await anyio.sleep_forever()

    def begin(self) -> None:
        """Forget what came before: from now on it counts."""
        self.tale.told.clear()
        self.witness.happened.clear()

    def listen(self) -> None:
        """Note the next doubt, or the next socket that is given up, as the first."""
        self.lost_at_ns = self.tale.first_doubt_ns = None

    def noticed_s(self, on_ns: int) -> float | None:
        """Return how long after `on_ns` the first of those was; None: there was none."""
        found = [ns for ns in (self.lost_at_ns, self.tale.first_doubt_ns) if ns is not None]
        return round((min(found) - on_ns) / SECOND_NS, 2) if found else None

    @property
    def is_sound(self) -> bool:
        """Whether there is one socket, it is open, and no other is being taken in its place."""
        status: Any = self.feed.status()
        return bool(status["connected"]) and not status["renewing"]

    def reckoned(self) -> Losses:
        """Return what was lost so far."""
        return losses(self.witness.happened, self.tale.told, self.tale.gaps, self.tale.doubts)


async def run(trial: Trial) -> Row:
    """Run a trial."""
    async with exchange("--rate", "10", "--seed", "3") as url:
        address = (await asked(f"{url}/venue?ledger=0"))["urls"]["rtds_ws"]
        dial = PicowsDial(longest_message=8 << 20, open_s=10.0, only_loopback=True)
        async with spared(address, FIRST) as socket, anyio.create_task_group() as tasks:
            watch = Watch(url, LiveFeed(address, dial, SystemClock(), random.random, **trial.settings))
            tasks.start_soon(watch.witness.read, socket)
            tasks.start_soon(watch.feed.run)
            await anyio.lowlevel.checkpoint()
            watch.feed.read(watch.tale.note, Interest(kinds=KINDS))
            with anyio.fail_after(10):
                await watch.look(10.0, until=lambda: len({fact.subject for fact in watch.tale.told}) == 3)
            row = await _tried(watch, trial)
            tasks.cancel_scope.cancel()
    return row


async def _tried(watch: Watch, trial: Trial) -> Row:
    url, feed, tale = watch.url, watch.feed, watch.tale
    watch.begin()
    await watch.look(trial.before_s)
    watch.listen()
    on_ns = time_ns()
    await turn_on(url, trial.fault, "live", trial.argument)
    if trial.fault == "refuse":  # which shows only on a new socket
        await turn_on(url, "drop-connection", "live", "")
        await turn_off(url, "drop-connection", "live")
    await watch.look(trial.seconds)
    struck = await turn_off(url, trial.fault, "live")
    allowed_s = trial.back_within_s + max(waits(feed.status()), default=0.0)
    began = time.monotonic()
    await watch.look(allowed_s + 5.0, until=lambda: watch.is_sound)
    back_s = round(time.monotonic() - began, 2) if watch.is_sound else None
    await watch.look(max(2.0, trial.after_s), until=lambda: not watch.reckoned().silent)
    await asked(f"{url}/venue/clock", {"paused": True})
    await watch.look(1.0, until=lambda: not watch.reckoned().untold)
    happened = {seen.fact for seen in watch.witness.happened}
    status: Any = feed.status()
    return Row(
        name=trial.name,
        argument=trial.argument,
        seconds=trial.seconds,
        losses=watch.reckoned(),
        wrongs=Wrongs(0.0, 0.0, 0.0),
        detected_s=watch.noticed_s(on_ns),
        back_s=back_s,
        allowed_s=round(allowed_s + 0.005, 2),
        differing=0,
        invented=sum(n for fact, n in tale.told.items() if fact not in happened and fact.kind != "price"),
        gaps=sum(map(len, tale.gaps.values())),
        reconnects=sum(one["opened"] - 1 for one in status["sockets"]) + status["renewals"],
        undecoded=feed.tally.lost_in_all,
        struck=struck,
        reasons=dict(tale.reasons.most_common(8)) | {"back-filled": tale.back_filled},
    )
