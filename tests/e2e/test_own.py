"""Show 3: the user's own orders and trades, told once and whole, however often the socket is lost meanwhile."""

import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

import polywire
from e2e.own_orders import Storm, Truth, client_of, credentials_of, kept_exchange
from e2e.processes import asked
from e2e.traders import choose, taken
from polywire.core.link import Policy
from polywire.errors import CredentialsRefused
from polywire.exchange.trading.records import OrderState
from polywire.io.account import RestAccount
from polywire.io.clock import SystemClock
from polywire.io.sockets import PicowsDial
from polywire.io.venue import find_venue
from polywire.model.credentials import ApiCredentials
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.own import OrderStep, OwnOrderChanged, OwnTradeChanged
from polywire.services.own.feed import OwnFeed
from polywire.settings import Settings

pytestmark = pytest.mark.anyio

_MS = 1_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Told(list[Event]):
    """Everything that a reader was told, and how to wait for more."""

    def __init__(self) -> None:
        super().__init__()
        self._came = anyio.Event()

    def take(self, event: Event) -> None:
        self.append(event)
        came, self._came = self._came, anyio.Event()
        came.set()

    async def more(self, count: int, within_s: float = 10.0) -> None:
        """Return when that many more were told, or the time is over."""
        wanted = len(self) + count
        with anyio.move_on_after(within_s):
            while len(self) < wanted:
                await self._came.wait()

    @property
    def gaps(self) -> list[Gap]:
        return [event for event in self if isinstance(event, Gap)]

    def covers(self, from_ms: int, to_ms: int) -> bool:
        """Return whether a gap covers a stretch of our time, to a few milliseconds."""
        return any(gap.from_ns // _MS - 100 <= from_ms and to_ms <= gap.to_ns // _MS + 100 for gap in self.gaps)


@asynccontextmanager
async def own_feed(url: str, credentials: ApiCredentials, **options: Any) -> AsyncIterator[tuple[OwnFeed, Told]]:
    """Run an own feed as the product wires it, with a reader of everything."""
    venue, clock = await find_venue(url, paper_port=0), SystemClock()
    dial = PicowsDial(longest_message=8 << 20, open_s=10.0, only_loopback=True)
    async with RestAccount(venue, credentials, clock) as account, anyio.create_task_group() as tasks:
        feed = OwnFeed(venue.urls.user_ws, dial, account, credentials, clock, Policy(), random.random, **options)
        told = Told()
        feed.read(told.take)
        tasks.start_soon(feed.run)
        yield feed, told
        tasks.cancel_scope.cancel()


async def until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    """Return when something holds that is told by nothing."""
    with anyio.fail_after(within_s):
        while not holds():  # noqa: ASYNC110 - a status has no event of its own
            await anyio.sleep(0.02)


def one_more(feed: OwnFeed) -> Callable[[], bool]:
    """Return whether there was another reconciliation since."""
    before = feed.reconciliations
    return lambda: feed.reconciliations > before


def begun_again(feed: OwnFeed, times: int) -> Callable[[], bool]:
    """Return whether so many sockets were lost, and the last one's stream has begun."""
    return lambda: feed.connection.reconnects == times and feed.connection.begun


def _has_ended(order: OwnOrderChanged, feed: OwnFeed) -> bool:
    return order.order not in feed.orders.open_orders()


def _compare(feed: OwnFeed, told: Told, truth: Truth, ahead_ms: int) -> int:
    """Hold what was told against the exchange's own file; return how many orders came and went unheard.

    `ahead_ms`: of the exchange's clock before ours.
    """
    own = feed.orders
    fills = [((fill.trade, fill.order), fill.size) for fill in own.fills()]
    assert len(dict(fills)) == len(fills), "a fill twice"
    assert dict(fills) == truth.fills
    assert {name: trade.status.value for name, trade in own.trades().items()} == {
        name: trade.state.value for name, trade in truth.trades.items()
    }
    known = own.orders()
    for name, order in known.items():
        real = truth.orders.get(name)
        if real is None:  # one that takes at once and found nothing: it is told of, and refused
            assert (order.step, order.matched_size, order.order_type) == (OrderStep.CANCELLED, 0, "FAK")
            continue
        assert order.matched_size == real.matched, (order, real)
        assert _has_ended(order, feed) is (real.state is not OrderState.LIVE), (order, real)
        cancelled = order.step is OrderStep.CANCELLED
        assert cancelled is real.state.startswith("CANCELED"), (order, real)
    unheard = [real for name, real in truth.orders.items() if name not in known]
    for real in unheard:
        assert real.ended_ms, f"an open order was not found: {real}"
        assert told.covers(real.placed_ms - ahead_ms, real.ended_ms - ahead_ms), (
            f"nothing said that this was lost: {real}"
        )

    statuses = Counter((one.trade, one.status) for one in told if isinstance(one, OwnTradeChanged))
    assert max(statuses.values()) == 1
    steps = Counter(
        (one.order, one.step, one.matched_size, one.status) for one in told if isinstance(one, OwnOrderChanged)
    )
    assert max(steps.values()) == 1
    return len(unheard)


@pytest.mark.parametrize("times", [5, pytest.param(50, marks=pytest.mark.slow)])
async def test_every_fill_is_there_once_and_every_state_right_however_often_the_socket_is_lost_in_a_storm_of_orders(
    tmp_path: Path, times: int
) -> None:
    path, dice = tmp_path / "exchange.sqlite3", random.Random(times)
    async with kept_exchange(path, "--seed", str(times)) as url, client_of(url) as client:
        market = await choose(client, neg_risk=False)
        credentials = credentials_of(client)
        ahead_ms = (await asked(f"{url}/venue?ledger=0"))["clock"]["now_ms"] - time.time_ns() // _MS
        async with own_feed(url, credentials) as (feed, told):
            await until(lambda: feed.reconciliations > 0)
            for fault, argument in (("user-duplicate", "0.2"), ("user-reorder", "0.2"), ("ghost-fill", "0.1")):
                await asked(f"{url}/venue/faults", {"name": fault, "argument": argument})
            storm, over, drops = Storm(client, market, dice), anyio.Event(), list[int]()
            with anyio.fail_after(60 + 10 * times):
                async with anyio.create_task_group() as tasks:
                    for _ in range(3):
                        tasks.start_soon(storm.rage, over)
                    for number in range(times):
                        if number % 5:  # else it may be lost again before it is known what was missed
                            await until(one_more(feed))
                        await told.more(dice.randrange(10, 50))
                        drops.append(time.time_ns() // _MS)
                        await asked(f"{url}/venue/faults", {"name": "drop-connection@user"})
                        await asked(f"{url}/venue/faults/drop-connection@user", method="DELETE")
                        await until(begun_again(feed, number + 1))
                    await told.more(20)
                    over.set()
                await asked(f"{url}/venue/faults", method="DELETE")
                await asked(f"{url}/venue/clock", {"paused": True})  # the crowds stand still; settlements are stepped
                for _ in range(20):  # in a step the crowds act too, and may meet what rests: that settles with the next
                    await asked(f"{url}/venue/clock", {"step_ms": 5_000})
                    looked = one_more(feed)
                    feed.reconcile()
                    await until(looked)
                    await until(lambda: not feed.orders.doubtful)
                    if not feed.orders.unsettled():
                        break
                assert not feed.orders.unsettled()
            status = feed.status()
    unheard = _compare(feed, told, Truth(path, credentials.key), ahead_ms)
    print(  # noqa: T201 - figures to publish
        f"\n{times} reconnects: {len(storm.placed)} orders, {len(feed.orders.trades())} trades, "
        f"{len(feed.orders.fills())} fills that stand; {len(told)} told, {feed.recovered} of them recovered, "
        f"{len(told.gaps)} gaps; {unheard} orders came and went in gaps"
    )
    assert status["gaps"] == len(told.gaps)
    assert status["undecoded"] == {}
    assert all(told.covers(at_ms, at_ms) for at_ms in drops)
    assert len(storm.placed) > 5 * times


async def test_who_opens_a_feed_with_credentials_is_told_its_orders_and_trades_and_no_log_knows_the_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = Told()
    async with kept_exchange(tmp_path / "exchange.sqlite3") as url, client_of(url) as client:
        market, credentials = await choose(client, neg_risk=False), credentials_of(client)
        settings = Settings(data=tmp_path, venue=url)
        async with polywire.open_feed(settings, credentials=credentials) as feed:
            async with feed.subscribe(markets=[market.condition], kinds=["ORDER", "TRADE"], callback=told.take):
                await until(lambda: feed.status()["connections"]["user"]["subscribed"])  # type: ignore[index]
                rests = taken(
                    await client.place_limit_order(asset_id=market.token, side="BUY", price=market.tick, size=20)
                )
                best = taken(
                    await client.place_limit_order(asset_id=market.token, side="BUY", price=1 - market.tick, size=10)
                )
                await client.cancel_order(order_id=rests.order_id)
                await until(lambda: _steps(told, rests.order_id) == ["PLACEMENT", "CANCELLATION"])
                await until(lambda: {"MATCHED", "MINED", "CONFIRMED"} <= _statuses(told, best.order_id))
            status = feed.status()
    shown = caplog.text + repr(told) + repr(status)
    assert credentials.secret not in shown
    assert credentials.passphrase not in shown


def _steps(told: Told, order: str) -> list[str]:
    return [one.step.value for one in told if isinstance(one, OwnOrderChanged) and one.order == order]


def _statuses(told: Told, order: str) -> set[str]:
    return {one.status.value for one in told if isinstance(one, OwnTradeChanged) and one.taker_order == order}


async def test_an_api_key_that_is_not_good_is_told_clearly_and_once_for_all(tmp_path: Path) -> None:
    async with kept_exchange(tmp_path / "exchange.sqlite3") as url, client_of(url) as client:
        good = credentials_of(client)
        bad = ApiCredentials(good.key, "c2VjcmV0", good.passphrase, good.address)
        async with own_feed(url, bad) as (feed, told):
            await until(lambda: feed.refused is not None)
            with pytest.raises(CredentialsRefused, match="does not take the API key") as caught:
                feed.read(told.take)
            assert good.passphrase not in str(caught.value)
            assert "c2VjcmV0" not in str(caught.value) + str(feed.status())
            assert not feed.connection.begun
