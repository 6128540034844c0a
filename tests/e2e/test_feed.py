"""`polywire.open_feed` against an exchange in a process of its own, on both loops: what a user is promised."""

import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from subprocess import PIPE
from typing import Any, Final

import anyio
import msgspec
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

import polywire
from e2e.processes import COMMAND, asked, exchange
from polywire.errors import BookNotCurrent, Misuse, NoCredentials, UnknownTarget
from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.market import (
    BestChanged,
    BookReplaced,
    LevelChanged,
    MarketCreated,
    MarketResolved,
    TickSizeChanged,
    Traded,
)
from polywire.model.units import TokenId
from polywire.services.feed.feed import Feed
from polywire.services.feed.subscription import Subscription
from polywire.wire.rest import read_rest_book
from polywire.wire.tally import Tally

pytestmark = pytest.mark.anyio

PATIENCE_S: Final = 30.0
KINDS: Final[dict[type, str]] = {
    BookReplaced: "book",
    LevelChanged: "price_change",
    Traded: "last_trade_price",
    BestChanged: "best_bid_ask",
    TickSizeChanged: "tick_size_change",
    MarketResolved: "market_resolved",
}


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


# ---------------------------------------------------------------- what the tests ask the exchange


@asynccontextmanager
async def connected(*options: str) -> AsyncIterator[tuple[str, Feed]]:
    """Run an exchange and a feed on it."""
    async with exchange("--seed", "3", *options) as url, polywire.open_feed(polywire.Settings(venue=url)) as feed:
        yield url, feed


async def open_markets(url: str) -> list[dict[str, Any]]:
    """Return the open markets, the windows that end within minutes last."""
    markets = [one for one in (await asked(f"{url}/venue?ledger=0"))["markets"] if not one["closed"]]
    return sorted(markets, key=lambda one: "updown" in one["slug"])


async def steer(url: str, **how: object) -> None:
    await asked(f"{url}/venue/clock", how)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Return once something is true of the exchange, another process: it can only be asked."""
    with anyio.fail_after(PATIENCE_S):
        while not await true():  # noqa: ASYNC110 - as it says
            await anyio.sleep(0.02)


async def followed(url: str) -> list[str]:
    """Return the tokens the exchange's connections follow, all together."""
    return sorted(token for one in (await asked(f"{url}/venue"))["connections"] for token in one["subscribed"])


async def until_followed(url: str, *tokens: str) -> None:
    async def same() -> bool:
        return await followed(url) == sorted(tokens)

    await until(same)


async def assert_books_are_the_venues(url: str, feed: Feed, tokens: list[str]) -> None:
    """Compare every level of every book with REST. The venue's clock must stand still."""
    stated = await asked(f"{url}/clob/books", [{"token_id": token} for token in tokens])
    truths = {one.token: one for one in (read_rest_book(msgspec.json.encode(one), 0, Tally()).book for one in stated)}
    assert set(truths) == set(tokens)

    async def same() -> bool:  # the last frames may be on their way
        return all(
            (feed.book(token).bids, feed.book(token).asks) == (truths[TokenId(token)].bids, truths[TokenId(token)].asks)
            for token in tokens
        )

    await until(same)


# ---------------------------------------------------------------- events


async def test_every_kind_of_market_event_arrives() -> None:
    """At this speed windows open, resolve and change their grid within seconds."""
    seen: Counter[type] = Counter()
    news: Counter[type] = Counter()
    all_seen = anyio.Event()

    def note(event: Event) -> None:
        seen[type(event)] += 1
        look()

    def note_news(event: Event) -> None:
        news[type(event)] += 1
        look()

    def look() -> None:
        if all(seen[kind] for kind in KINDS) and news[MarketCreated] and news[MarketResolved]:
            all_seen.set()

    async with connected("--speed", "150", "--rate", "0.1") as (url, feed):
        tokens = [token for market in await open_markets(url) for token in market["tokens"]]
        async with feed.subscribe(tokens=tokens, callback=note), feed.subscribe(callback=note_news):
            with anyio.fail_after(60):
                await all_seen.wait()
        assert set(news) <= {MarketCreated, MarketResolved}
        assert MarketCreated not in seen  # news of other markets, which nobody asked this one for
        assert feed.tally.lost_in_all == 0


async def test_all_that_was_sent_is_received_by_token_and_kind_and_the_books_equal_rest() -> None:
    received: Counter[tuple[str, str]] = Counter()
    busy = anyio.Event()

    def note(event: Event) -> None:
        kind = KINDS.get(type(event))
        if kind is None:
            assert isinstance(event, FreshnessChanged), event  # no gap
            return
        for token in event.tokens if isinstance(event, MarketResolved) else (event.token,):  # type: ignore[union-attr]
            received[token, kind] += 1
        if sum(received.values()) > 1_000 and isinstance(event, Traded):
            busy.set()

    async with connected("--rate", "10") as (url, feed):
        markets = await open_markets(url)
        one_outcome = [market["tokens"][0] for market in markets[::2]]  # frames name the other outcome all the same
        both = [token for market in markets[1::2] for token in market["tokens"]]
        mine = {*one_outcome, *both}
        async with feed.subscribe(tokens=[*one_outcome, *both], callback=note):
            await feed.until_current(*mine)
            with anyio.fail_after(PATIENCE_S):
                await busy.wait()
            await steer(url, paused=True)

            async def nothing_is_missing() -> bool:
                (account,) = (await asked(f"{url}/venue"))["connections"]
                sent = {
                    (token, kind): count
                    for token, kinds in account["sent"].items()
                    for kind, count in kinds.items()
                    if token in mine
                }
                return {key for key, _ in sent} == mine and sent == received

            await until(nothing_is_missing)
            await assert_books_are_the_venues(url, feed, sorted(mine))
        statistics: Any = feed.status()["statistics"]
        assert statistics["best_price_checks"] > 0
        assert statistics["book_checks"] > 0
        assert statistics["undecoded"] == {}
        for count in ("best_price_mismatches", "book_mismatches", "connection_errors", "reader_errors"):
            assert statistics[count] == 0


async def test_a_subscription_limited_to_kinds_gets_these_and_what_the_feed_says_of_its_truth() -> None:
    async with connected("--rate", "10") as (url, feed):
        tokens = [token for market in await open_markets(url) for token in market["tokens"]]
        async with feed.subscribe(tokens=tokens, kinds=["LAST_TRADE_PRICE", BestChanged]) as stream:
            seen = await types_until(stream, {Traded, BestChanged, FreshnessChanged})
        assert seen == {Traded, BestChanged, FreshnessChanged}


async def types_until(stream: Subscription, wanted: set[type]) -> set[type]:
    """Read until every one of these types was seen; return all that were."""
    seen: set[type] = set()
    with anyio.fail_after(PATIENCE_S):
        async for event in stream:
            seen.add(type(event))
            if wanted <= seen:
                break
    return seen


async def test_an_aggregated_book_is_the_top_of_ours_at_the_depth_asked_for() -> None:
    told: list[BookAggregated] = []
    enough = anyio.Event()

    async with connected("--rate", "5") as (url, feed):
        a, b = (await open_markets(url))[0]["tokens"]

        def compare(event: Event) -> None:
            if isinstance(event, FreshnessChanged):
                return
            assert isinstance(event, BookAggregated)
            book = feed.book(event.token)
            assert (event.bids, event.asks) == (book.bids[-3:], book.asks[-3:])
            told.append(event)
            if len(told) >= 8:
                enough.set()

        async with feed.subscribe(
            tokens=[a, b], kinds=["AGG_ORDERBOOK"], callback=compare, depth=3, every_s=0.05
        ) as stream:
            with anyio.fail_after(PATIENCE_S):
                await enough.wait()
            assert stream.errors == 0
    assert {event.token for event in told} == {a, b}
    assert all(len(event.bids) == len(event.asks) == 3 for event in told)
    assert all(event.bids[-1].price < event.asks[-1].price for event in told)
    for token in (a, b):
        seen = [event.seen_ns for event in told if event.token == token]
        assert seen == sorted(set(seen)), "one without a change"


@pytest.mark.parametrize("kind", ["ORDER", "TRADE"])
async def test_own_orders_and_trades_are_refused_where_nobody_signed_in(kind: str) -> None:
    async with connected() as (url, feed):
        token = (await open_markets(url))[0]["tokens"][0]
        for name in (kind, kind.lower()):
            with pytest.raises(NoCredentials, match="need API credentials"):
                feed.subscribe(tokens=[token], kinds=[name])
        assert feed.status()["subscriptions"] == {"total": 0, "active": []}


# ---------------------------------------------------------------- who is subscribed to what


async def test_tokens_are_followed_while_somebody_reads_them_and_not_longer() -> None:
    async with connected() as (url, feed):
        first, second, *_ = await open_markets(url)
        a, b = first["tokens"]
        c, d = second["tokens"]
        async with feed.subscribe(tokens=[a]):
            await until_followed(url, a)
            async with feed.subscribe(tokens=[a, b]) as inner:
                await until_followed(url, a, b)
                async with feed.subscribe(markets=[second["slug"]]) as whole:  # a slug means both outcomes
                    assert whole.tokens == (c, d)
                    await until_followed(url, a, b, c, d)
                    await feed.until_current(a, b, c, d)
                assert inner.tokens == (a, b)
                await until_followed(url, a, b)
                with pytest.raises(BookNotCurrent, match="nobody has subscribed to it"):
                    feed.book(c)
            await until_followed(url, a)  # which the outer one still reads
            assert feed.book(a).freshness == "current"
        await until_followed(url)
        assert len((await asked(f"{url}/venue"))["connections"]) == 1  # one socket for all of it


@pytest.mark.parametrize("name", ["condition", "slug", "url", "token"])
async def test_a_market_goes_by_any_of_its_names(name: str) -> None:
    async with connected() as (url, feed):
        market = (await open_markets(url))[0]
        token = market["tokens"][1]
        target = {"url": f"https://polymarket.com/market/{market['slug']}?tid=1", "token": token}.get(name)
        async with feed.subscribe(markets=[target or market[name]]) as stream:
            meant = [token] if name == "token" else market["tokens"]
            assert list(stream.tokens) == meant
            await feed.until_current(*meant)
        with pytest.raises(UnknownTarget, match=market["slug"]):
            async with feed.subscribe(markets=[market["slug"][:-1]]):
                pass


async def test_more_tokens_than_a_socket_carries_are_on_several() -> None:
    async with (
        exchange("--seed", "3") as url,
        polywire.open_feed(polywire.Settings(venue=url, tokens_a_socket=8)) as feed,
    ):
        tokens = [token for market in await open_markets(url) for token in market["tokens"]]
        async with feed.subscribe(tokens=tokens):
            await feed.until_current(*tokens)
            await until_followed(url, *tokens)  # each once
            held = [len(one["subscribed"]) for one in (await asked(f"{url}/venue"))["connections"]]
            assert len(held) == -(-len(tokens) // 8)
            assert max(held) <= 8
            await steer(url, paused=True)
            await assert_books_are_the_venues(url, feed, tokens)


async def test_until_current_waits_for_a_snapshot_and_says_why_there_is_none() -> None:
    async with connected() as (url, feed):
        a, b = (await open_markets(url))[0]["tokens"]
        with pytest.raises(BookNotCurrent, match="nobody has subscribed"):
            await feed.until_current(a, within_s=0.05)
        await steer(url, paused=True)  # a trade would bring a snapshot all the same
        await asked(f"{url}/venue/faults", {"name": "no-snapshot"})
        async with feed.subscribe(tokens=[a]):
            with pytest.raises(BookNotCurrent, match="is syncing"):
                await feed.until_current(a, within_s=0.3)
            await asked(f"{url}/venue/faults", method="DELETE")
            await feed.reconnect()
            await feed.until_current(a, within_s=PATIENCE_S)
            assert feed.book(a, max_age=PATIENCE_S).best_bid
            with pytest.raises(BookNotCurrent, match="nobody has subscribed"):
                await feed.until_current(a, b, within_s=0.05)


# ---------------------------------------------------------------- loss


async def test_reconnecting_brings_every_book_back_and_tells_the_gap() -> None:
    gaps: Counter[str] = Counter()
    turns: dict[str, list[str]] = {}

    def note(event: Event) -> None:
        if isinstance(event, Gap):
            assert 0 < event.from_ns < event.to_ns <= event.seen_ns
            gaps.update(event.tokens)
        elif isinstance(event, FreshnessChanged):
            turns.setdefault(event.token, []).append(event.now)

    async with connected("--rate", "10") as (url, feed):
        tokens = [token for market in await open_markets(url) for token in market["tokens"]]
        async with feed.subscribe(tokens=tokens, callback=note):
            await feed.until_current(*tokens)
            turns.clear()
            for times in (1, 2):
                await feed.reconnect()
                with pytest.raises(BookNotCurrent, match="resyncing"):
                    feed.book(tokens[0])
                await feed.until_current(*tokens)
                assert gaps == dict.fromkeys(tokens, times)
            assert turns == {token: ["resyncing", "current"] * 2 for token in tokens}
            await steer(url, paused=True)
            await assert_books_are_the_venues(url, feed, tokens)
            status: Any = feed.status()["statistics"]
            assert status["reconnect_count"] == 2


@asynccontextmanager
async def mortal(port: int) -> AsyncIterator[Process]:
    """Run an exchange on a port, ready when the block is entered; kill it at the end at the latest."""
    command = [*COMMAND, "--port", str(port), "--seed", "3"]
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=sys.stderr) as process:
        assert process.stdout is not None
        try:
            with anyio.fail_after(PATIENCE_S):
                await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 1_000)
            yield process
        finally:
            if process.returncode is None:
                process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def test_an_exchange_that_was_killed_and_is_there_again_is_reconnected_to() -> None:
    port, gaps = free_port(), Counter[str]()
    url = f"http://127.0.0.1:{port}"

    def note(event: Event) -> None:
        if isinstance(event, Gap):
            gaps.update(event.tokens)

    async with (
        mortal(port) as first,
        polywire.open_feed(polywire.Settings(venue=url, longest_delay_s=1)) as feed,
    ):
        tokens = (await asked(f"{url}/venue?ledger=0"))["markets"][0]["tokens"]
        async with feed.subscribe(tokens=tokens, callback=note):
            await feed.until_current(*tokens)
            first.kill()
            await first.wait()
            with pytest.raises(BookNotCurrent, match="resyncing"):
                await feed.until_current(*tokens, within_s=0.3)
            async with mortal(port):  # the same seed lists the same tokens first
                await feed.until_current(*tokens, within_s=10)
                assert gaps == dict.fromkeys(tokens, 1)
                await steer(url, paused=True)
                await assert_books_are_the_venues(url, feed, tokens)
                status: Any = feed.status()
                assert status["connections"]["clob"]["connected"]
                assert status["statistics"]["reconnect_count"] == 1


async def test_a_slow_reader_is_told_its_gap_and_the_feeds_book_is_right_all_the_while() -> None:
    async with connected("--rate", "20") as (url, feed):
        token = (await open_markets(url))[-1]["tokens"][0]
        quick: Counter[type] = Counter()
        far_behind = anyio.Event()

        def note(event: Event) -> None:
            quick[type(event)] += 1
            if slow.dropped > 50 and quick[LevelChanged] > 50:
                far_behind.set()

        async with (
            feed.subscribe(tokens=[token], limit=16) as slow,
            feed.subscribe(tokens=[token], callback=note),
        ):
            await feed.until_current(token)
            with anyio.fail_after(PATIENCE_S):
                await far_behind.wait()
            assert slow.waiting <= 16 + 16  # bounded: as they came, and what is behind
            await steer(url, paused=True)
            await assert_books_are_the_venues(url, feed, [token])
            slow.close()
            told = [event async for event in slow]
        (gap,) = [event for event in told if isinstance(event, Gap)]
        assert gap.tokens == (token,)
        assert "fell behind" in gap.reason
        assert told.index(gap) >= 16
        handed = sum(isinstance(event, LevelChanged) for event in told)
        assert 0 < handed < quick[LevelChanged]
        assert quick[Gap] == 0  # the slow one costs the other nothing


async def test_when_the_feed_is_closed_its_sockets_are_and_nothing_can_be_subscribed() -> None:
    async with exchange("--seed", "3") as url:
        token = (await open_markets(url))[0]["tokens"][0]
        async with polywire.open_feed(polywire.Settings(venue=url)) as feed, feed.subscribe(tokens=[token]):
            await feed.until_current(token)
        await until_followed(url)
        assert (await asked(f"{url}/venue"))["connections"] == []
        with pytest.raises(Misuse, match="not running"):
            async with feed.subscribe(tokens=[token]):
                pass
        with pytest.raises(BookNotCurrent):
            feed.book(token)
