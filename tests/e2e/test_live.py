"""Live data of an exchange in a process of its own, over real sockets: told once, renewed, found frozen, filled in."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import pytest

import polywire
from e2e.processes import asked, exchange
from polywire.io.clock import SystemClock
from polywire.io.sockets import PicowsDial
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.kinds import TYPES, EventKind
from polywire.model.live import ActivityMatched, CryptoPriced, PricesBackfilled
from polywire.services.live.live_feed import LiveFeed
from polywire.services.live.readers import Interest

pytestmark = pytest.mark.anyio

PATIENCE_S: Final = 30.0
NEED_CREDENTIALS: Final = {EventKind.ORDER, EventKind.TRADE}
MARKETS_NEWS: Final = {EventKind.MARKET_CREATED, EventKind.MARKET_RESOLVED}
LIVE_KINDS: Final = frozenset({ActivityMatched, CryptoPriced, PricesBackfilled})


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


@asynccontextmanager
async def live_feed(url: str, **options: float) -> AsyncIterator[LiveFeed]:
    """Run a feed of live data that is less patient than the settings allow."""
    venue = await asked(f"{url}/venue?ledger=0")
    dial = PicowsDial(only_loopback=True)
    feed = LiveFeed(venue["urls"]["rtds_ws"], dial, SystemClock(), lambda: 0.5, **options)  # type: ignore[arg-type]
    running = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled(), running.exception()


async def until(true: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Return once something holds; what is waited for comes from another process."""
    with anyio.fail_after(within_s):
        while not true():  # noqa: ASYNC110 - as it says
            await anyio.sleep(0.02)


async def happened(url: str, kind: str) -> Counter[str]:
    """Return how often something happened, by token or symbol."""
    ledger = (await asked(f"{url}/venue"))["live"]["happened"]
    return Counter({one: kinds[kind] for one, kinds in ledger.items() if kinds.get(kind)})


async def until_subscribed(url: str, count: int) -> None:
    """Return once the exchange has taken that many subscriptions to live data on one socket."""
    with anyio.fail_after(PATIENCE_S):
        while not any(  # noqa: ASYNC110 - it is another process, and can only be asked
            one["channel"] == "live" and len(one["subscribed"]) == count
            for one in (await asked(f"{url}/venue"))["connections"]
        ):
            await anyio.sleep(0.02)


def trades_of(events: list[Event]) -> Counter[str]:
    """Return how many trades of each token were told."""
    return Counter(event.token for event in events if isinstance(event, ActivityMatched))


# ------------------------------------------------------------ what is delivered


async def test_every_kind_that_needs_no_credentials_arrives_and_live_data_beside_it() -> None:
    """Eight of the ten kinds by name; at this speed windows open, resolve and change their grid within seconds."""
    named = [kind for kind in EventKind if kind not in NEED_CREDENTIALS]
    seen: dict[str, Counter[type]] = {kind: Counter() for kind in (*named, "CryptoPriced")}
    async with (
        exchange("--seed", "3", "--speed", "150", "--rate", "0.1") as url,
        polywire.open_feed(polywire.Settings(venue=url)) as feed,
        anyio.create_task_group() as tasks,
    ):
        markets = (await asked(f"{url}/venue?ledger=0"))["markets"]
        tokens = [token for market in markets if not market["closed"] for token in market["tokens"]]

        async def read(kind: str) -> None:
            of_tokens = [] if kind in MARKETS_NEWS or kind == "CryptoPriced" else tokens
            async with feed.subscribe(tokens=of_tokens, kinds=[kind]) as stream:
                async for event in stream:
                    seen[kind][type(event)] += 1

        for kind in seen:
            tasks.start_soon(read, kind)
        expected = {kind: TYPES[kind] for kind in named} | {"CryptoPriced": CryptoPriced}
        await until(lambda: all(seen[kind][type_] for kind, type_ in expected.items()), 60)
        status: Any = feed.status()
        tasks.cancel_scope.cancel()
    assert status["connections"]["rtds"]["connected"] is True
    assert status["connections"]["rtds"]["undecoded"] == {}
    assert status["connections"]["rtds"]["refused"] == 0
    assert len(status["connections"]["rtds"]["sockets"]) == 1, "one for all that read"


async def test_prices_of_both_sources_come_second_by_second() -> None:
    told: list[CryptoPriced] = []
    async with (
        exchange("--seed", "3", "--speed", "5") as url,
        polywire.open_feed(polywire.Settings(venue=url)) as feed,
        feed.subscribe(kinds=[CryptoPriced], callback=told.append),  # type: ignore[arg-type]
    ):
        await until(lambda: len(told) > 60)
        live = feed.status()["connections"]["rtds"]  # type: ignore[index]
        assert live["topics"]["crypto_prices"]["events"] > 10
    for symbol in {price.symbol for price in told}:
        of_it = [price.venue_ms for price in told if price.symbol == symbol]
        assert of_it == list(range(of_it[0], of_it[0] + 1_000 * len(of_it), 1_000)), symbol
    assert {price.source for price in told} == {"binance", "chainlink"}


# ------------------------------------------------------------ renewal and faults


async def test_renewals_under_trade_flow_lose_nothing_and_tell_nothing_twice() -> None:
    """Against the exchange's own ledger: every trade and every price of the span, by token and symbol."""
    told: list[Event] = []
    async with exchange("--seed", "3", "--rate", "40") as url, live_feed(url, renewal_s=3.0) as feed:
        await asked(f"{url}/venue/clock", {"paused": True})
        feed.read(told.append, Interest(kinds=LIVE_KINDS))
        await until_subscribed(url, 6)  # a trade by two names, and four topics of prices
        before = await happened(url, "activity.orders_matched")
        await asked(f"{url}/venue/clock", {"paused": False})
        await until(lambda: feed.status()["renewals"] == 4)
        await asked(f"{url}/venue/clock", {"paused": True})
        traded = await happened(url, "activity.orders_matched") - before
        await until(lambda: trades_of(told) == traded)
        assert traded.total() > 100
        assert not [event for event in told if isinstance(event, Gap)]
        prices = [(one.symbol, one.venue_ms) for one in told if isinstance(one, CryptoPriced)]
        assert len(prices) == len(set(prices)) > 20


async def test_a_freeze_is_found_by_silence_told_as_a_gap_and_the_socket_is_replaced() -> None:
    told: list[Event] = []
    async with exchange("--seed", "3", "--rate", "40") as url, live_feed(url, silent_s=2.0) as feed:
        feed.read(told.append, Interest(kinds=LIVE_KINDS))
        await until(lambda: trades_of(told).total() > 50)
        await asked(f"{url}/venue/faults", {"name": "freeze@live"})
        await until(lambda: _silent_s(feed, "activity") > 3.5 and _silent_s(feed, "crypto_prices") > 3.5, 15)
        assert feed.status()["renewing"]
        await asked(f"{url}/venue/faults/freeze@live", method="DELETE")
        await until(lambda: {"activity", "crypto_prices"} <= {_topic(one) for one in told if isinstance(one, Gap)})
        before, after = _around([one for one in told if _topic(one) == "activity" or isinstance(one, ActivityMatched)])
        gap = next(one for one in told if _topic(one) == "activity")
        assert isinstance(gap, Gap)
        assert (gap.from_ns, gap.to_ns) == (before.seen_ns, after.seen_ns)
        assert gap.to_ns - gap.from_ns > 1.9e9


async def test_a_drop_is_a_gap_for_trades_and_prices_are_filled_in_to_the_second() -> None:
    told: list[Event] = []
    async with exchange("--seed", "3", "--speed", "4") as url, live_feed(url) as feed:
        feed.read(told.append, Interest(kinds=LIVE_KINDS))
        await until(lambda: len(told) > 100)
        await asked(f"{url}/venue/faults", {"name": "refuse@live", "for_s": 2})
        await asked(f"{url}/venue/faults", {"name": "drop-connection@live"})
        await until(lambda: feed.status()["backfills"])
        backfilled = [one for one in told if isinstance(one, PricesBackfilled)]
        await until(lambda: {"activity"} <= {_topic(one) for one in told if isinstance(one, Gap)})
        await anyio.sleep(1)
        assert backfilled
        for symbol in {one.symbol for one in told if isinstance(one, CryptoPriced)}:
            live = [one.venue_ms for one in told if isinstance(one, CryptoPriced) and one.symbol == symbol]
            filled = [
                p.venue_ms
                for one in told
                if isinstance(one, PricesBackfilled) and one.symbol == symbol
                for p in one.points
            ]
            assert filled, symbol
            whole = sorted(live + filled)
            assert whole == list(range(whole[0], whole[0] + 1_000 * len(whole), 1_000)), symbol


async def test_history_of_both_feeds_is_two_minutes_of_seconds() -> None:
    async with exchange("--seed", "3") as url, live_feed(url) as feed:
        came = await feed.history({"crypto_prices": ["btcusdt"], "crypto_prices_chainlink": ["btc/usd"]})
    assert {one.symbol for one in came} == {"btcusdt", "btc/usd"}
    for one in came:
        at = [point.venue_ms for point in one.points]
        assert len(at) > 100
        assert at == list(range(at[0], at[0] + 1_000 * len(at), 1_000))


def _silent_s(feed: LiveFeed, topic: str) -> float:
    status: Any = feed.status()
    return float(status["topics"][topic]["last_data_s"] or 0.0)


def _topic(event: Event) -> str:
    return event.reason.partition(":")[0] if isinstance(event, Gap) else ""


def _around(events: list[Event]) -> tuple[Event, Event]:
    """Return what was told before and after the first gap."""
    at = next(number for number, event in enumerate(events) if isinstance(event, Gap))
    return events[at - 1], events[at + 1]
