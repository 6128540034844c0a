"""One trial of the user channel: a wallet that trades all the time, its own feed, a fault, a witness beside it.

What is compared is what matters to whoever trades: every fill, how every trade ended, how every order ended. Steps on
the way there are counted too, and may be overtaken: where the end of a trade is told, its middle is no loss.
"""

import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import time_ns
from typing import Any, Final

import anyio
import httpx2

from e2e.order_flow import OrderFlow, order_flow
from e2e.processes import asked, exchange
from e2e.reckoning import SECOND_NS, Fact, Losses, Seen, Span, Wrongs, losses
from e2e.trial import Row, Trial, clear_of_resolutions, turn_off, turn_on, waits
from e2e.witness import Witness, spared
from exchange.raw_client import TEXT, RawClient
from polywire.core.link import Policy
from polywire.io.account import RestAccount
from polywire.io.clock import SystemClock
from polywire.io.sockets import PicowsDial
from polywire.io.venue import find_venue
from polywire.model.credentials import ApiCredentials
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.own import OrderStep, OwnOrderChanged, OwnTradeChanged
from polywire.services.own.feed import OwnFeed
from polywire.wire.numbers import read_size

EVERYONE: Final = "own"
FILLED, SETTLED, ENDED, STEP = "fill", "trade ended", "order ended", "step"
PACE_S: Final = 0.1
_FINAL: Final = frozenset({"CONFIRMED", "FAILED"})


def facts_of_trade(trade: str, status: str) -> tuple[Fact, Fact]:
    """Return what a trade's status says: that there was a fill, and how far it is."""
    kind = SETTLED if status in _FINAL else STEP
    return Fact(EVERYONE, FILLED, (trade,)), Fact(EVERYONE, kind, (trade, status))


def fact_of_order(order: str, step: str, matched: int) -> Fact:
    """Return what an order event says."""
    return Fact(EVERYONE, ENDED if step == "CANCELLATION" else STEP, (order, step, matched))


class UserWitness:
    """Everything that the user channel said, each thing once."""

    def __init__(self) -> None:
        self.happened: dict[Fact, int] = {}  # when it was first said, Unix ns
        self.matched: dict[str, int] = {}  # by order, the last that was said
        self.status: dict[str, str] = {}  # by trade, the same

    async def read(self, client: RawClient) -> None:
        """Read until cancelled."""
        while True:
            frame = await client.frame()
            if frame.opcode == TEXT:
                self._take(json.loads(frame.payload), time_ns())

    def _take(self, one: Any, at_ns: int) -> None:
        if one["event_type"] == "trade":
            self.status[one["id"]] = one["status"]
            for fact in facts_of_trade(one["id"], one["status"]):
                self.happened.setdefault(fact, at_ns)
        else:
            matched = read_size(one["size_matched"] or "0")
            self.matched[one["id"]] = max(matched, self.matched.get(one["id"], 0))
            self.happened.setdefault(fact_of_order(one["id"], one["type"], matched), at_ns)

    @property
    def seen(self) -> list[Seen]:
        """All of it, in order."""
        return [Seen(fact, at_ns) for fact, at_ns in self.happened.items()]


class UserTale:
    """What the reader of the own feed was told."""

    def __init__(self) -> None:
        self.told: Counter[Fact] = Counter()
        self.gaps: list[Span] = []
        self.doubts: list[int] = []
        self.reasons: Counter[str] = Counter()
        self.first_doubt_ns: int | None = None
        self.twice = 0  # events that had been told before, word for word

    def note(self, event: Event) -> None:
        """Put an event down."""
        if isinstance(event, OwnTradeChanged):
            filled, reached = facts_of_trade(event.trade, event.status.value)
            self.twice += reached in self.told
            self.told[filled] = 1
            self.told[reached] += 1
        elif isinstance(event, OwnOrderChanged):
            fact = fact_of_order(event.order, event.step.value, event.matched_size)
            self.twice += fact in self.told and event.step is not OrderStep.UPDATED
            self.told[fact] += 1
        elif isinstance(event, Gap):
            self.gaps.append(Span(event.from_ns, event.to_ns, event.seen_ns))
            self.reasons[event.reason] += 1
            self.doubt(event.seen_ns)

    def doubt(self, at_ns: int) -> None:
        """Note that something may be missing, or that there is no stream."""
        self.doubts.append(at_ns)
        if self.first_doubt_ns is None:
            self.first_doubt_ns = at_ns

    def listen(self) -> None:
        """Note the next doubt as the first."""
        self.first_doubt_ns = None

    def noticed_s(self, on_ns: int) -> float | None:
        """Return how long after `on_ns` the first doubt was; None: there was none."""
        return None if self.first_doubt_ns is None else round((self.first_doubt_ns - on_ns) / SECOND_NS, 2)


class Desk:
    """A wallet that trades, and who is told of it."""

    def __init__(self, flow: OrderFlow, feed: OwnFeed) -> None:
        self._flow, self.feed = flow, feed
        self.witness, self.tale = UserWitness(), UserTale()

    async def trade(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Trade for so long, or until something holds."""
        ends = time.monotonic() + seconds
        while (now := time.monotonic()) < ends and not (until is not None and until()):
            await self._flow.act()
            if not self.feed.connection.begun:
                self.tale.doubt(time_ns())
            with anyio.move_on_after(now + PACE_S - time.monotonic()):
                await anyio.sleep_forever()

    def reckoned(self) -> Losses:
        """Return what was lost so far. What a later word has overtaken is no loss."""
        seen = [one for one in self.witness.seen if not self._overtaken(one.fact)]
        return losses(seen, self.tale.told, {EVERYONE: self.tale.gaps}, {EVERYONE: self.tale.doubts})

    def _overtaken(self, fact: Fact) -> bool:
        return fact.kind == STEP and fact not in self.tale.told

    def overtaken(self) -> int:
        """Return how many steps were told by what came after them alone."""
        return sum(self._overtaken(fact) for fact in self.witness.happened)

    def differing(self) -> int:
        """Return how many trades and orders the feed knows to be otherwise than they are."""
        trades, orders = self.feed.orders.trades(), self.feed.orders.orders()
        wrong = sum(
            trades[name].status.value != status for name, status in self.witness.status.items() if name in trades
        )
        missing = sum(name not in trades for name in self.witness.status)
        wrong += sum(
            orders[name].matched_size != matched for name, matched in self.witness.matched.items() if name in orders
        )
        return wrong + missing


@asynccontextmanager
async def desk(url: str, flow: OrderFlow) -> AsyncIterator[Desk]:
    """Run the own feed of a wallet as the product wires it."""
    venue, clock, said = await find_venue(url, paper_port=0), SystemClock(), flow.trader.credentials
    credentials = ApiCredentials(said["apiKey"], said["secret"], said["passphrase"], flow.trader.address)
    dial = PicowsDial(longest_message=8 << 20, open_s=10.0, only_loopback=True)
    auth = {name: said[name] for name in ("apiKey", "secret", "passphrase")}
    async with (
        spared(venue.urls.user_ws, {"type": "user", "auth": auth}) as socket,
        RestAccount(venue, credentials, clock) as account,
        anyio.create_task_group() as tasks,
    ):
        feed = OwnFeed(venue.urls.user_ws, dial, account, credentials, clock, Policy(), random.random)
        one = Desk(flow, feed)
        feed.read(one.tale.note)
        tasks.start_soon(one.witness.read, socket)
        tasks.start_soon(feed.run)
        yield one
        tasks.cancel_scope.cancel()


async def run(trial: Trial) -> Row:
    """Run a trial."""
    async with exchange("--rate", "2", "--seed", "3") as url:
        await asked(f"{url}/venue/clock", {"paused": True})
        await clear_of_resolutions(url, trial.before_s + trial.seconds + trial.after_s + 75.0)
        await asked(f"{url}/venue/clock", {"paused": False})
        venue = await asked(f"{url}/venue?ledger=0")
        tokens = await _ordinary_tokens(url)
        first = {"type": "market", "assets_ids": tokens}
        async with (
            spared(venue["urls"]["market_ws"], first) as socket,
            anyio.create_task_group() as tasks,
        ):
            witness = Witness(tokens)
            tasks.start_soon(witness.read, socket)
            await witness.until_begun()
            async with order_flow(url, witness.books) as flow, desk(url, flow) as one:
                with anyio.fail_after(10):
                    while not one.feed.reconciliations:
                        await asked(f"{url}/venue?ledger=0")  # a turn that gives way to the feed
                row = await _tried(url, one, flow, trial)
            tasks.cancel_scope.cancel()
    return row


async def _tried(url: str, one: Desk, flow: OrderFlow, trial: Trial) -> Row:
    feed, tale = one.feed, one.tale
    await one.trade(trial.before_s)
    tale.listen()
    on_ns = time_ns()
    await turn_on(url, trial.fault, "user", trial.argument)
    if trial.fault == "refuse":  # which shows only on a new socket
        feed.renew("a trial begins")
    if trial.quiet:
        await _pause(trial.seconds)
    else:
        await one.trade(trial.seconds)
    struck = await turn_off(url, trial.fault, "user")
    allowed_s = trial.back_within_s + max(waits(feed.status()), default=0.0)
    began = time.monotonic()
    await one.trade(allowed_s + 5.0, until=lambda: feed.connection.begun)
    back_s = round(time.monotonic() - began, 2) if one.feed.status()["subscribed"] else None
    await one.trade(trial.after_s, until=lambda: not one.reckoned().silent)
    await flow.end()
    await _settled(one)
    return Row(
        name=trial.name,
        argument=trial.argument,
        seconds=trial.seconds,
        losses=one.reckoned(),
        wrongs=Wrongs(0.0, 0.0, 0.0),
        detected_s=tale.noticed_s(on_ns),
        back_s=back_s,
        allowed_s=round(allowed_s + 0.005, 2),
        differing=one.differing(),
        invented=tale.twice,
        gaps=len(tale.gaps),
        reconnects=feed.connection.reconnects,
        undecoded=feed.tally.lost_in_all,
        struck=struck,
        reasons=dict(tale.reasons.most_common(8)) | {"overtaken steps": one.overtaken(), "recovered": feed.recovered},
    )


async def _pause(seconds: float) -> None:
    with anyio.move_on_after(seconds):
        await anyio.sleep_forever()


async def _settled(one: Desk) -> None:
    """Return when every trade has ended and nothing is left to be found, or when its looks must have come twice."""
    with anyio.move_on_after(130.0):
        while one.reckoned().silent or one.differing() or not _ended(one.witness):
            await _pause(0.1)


def _ended(witness: UserWitness) -> bool:
    return all(status in _FINAL for status in witness.status.values())


async def _ordinary_tokens(url: str) -> list[str]:
    """Return the tokens of markets whose contract the wallet signs for, and that last."""
    async with httpx2.AsyncClient(base_url=url, timeout=10.0) as client:
        listed: Any = (await client.get("/gamma/markets?closed=false&limit=100")).json()
    lasting = [one for one in listed if not one["negRisk"] and "updown" not in one["slug"]]
    return [token for one in lasting for token in json.loads(one["clobTokenIds"])]
