"""A recording served in place of a life: its own frames, to whom they concern, at its pace, with right snapshots."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import takewhile
from typing import Any

import anyio
import httpx2
import pytest

from exchange.raw_client import Server
from exchange.venues import Wall
from polywire.core.books import Books
from polywire.exchange.clock import VenueClock
from polywire.exchange.rehearsal import Rehearsal
from polywire.exchange.serve import listening
from polywire.exchange.site import Site
from polywire.wire.market import MarketDecoder
from polywire.wire.tape import Record, RecordKind

pytestmark = pytest.mark.anyio

START_MS = 1_790_000_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def recording(seconds: float = 20.0) -> list[Record]:
    frames = Rehearsal(seed=3, markets=2).frames()
    return [
        Record(at_ms * 1_000_000, "clob-market", 1, RecordKind.FRAME, frame)
        for at_ms, frame in takewhile(lambda timed: timed[0] < START_MS + seconds * 1_000, frames)
    ]


@asynccontextmanager
async def playing(records: list[Record]) -> AsyncIterator[tuple[Server, VenueClock]]:
    """Serve a tape on a clock that stands still at the tape's beginning."""
    clock = VenueClock(Wall(), start_ms=START_MS)
    clock.pause()
    site = Site(clock, seed=1, venue=None)
    assert site.tape is not None
    with anyio.fail_after(20):
        async with listening(site, "127.0.0.1", 0) as url, anyio.create_task_group() as tasks:
            tasks.start_soon(site.tape.run, records)
            yield Server(site, url), clock
            tasks.cancel_scope.cancel()


async def played(server: Server, frames: int) -> None:
    assert server.site.tape is not None
    while server.site.tape.played < frames:
        await anyio.lowlevel.checkpoint()


async def test_subscribers_get_the_recordings_own_bytes_from_a_right_snapshot_on() -> None:
    records = recording()
    tokens = Rehearsal(seed=3, markets=2).tokens
    half = len(records) // 2
    async with playing(records) as (server, clock):
        clock.step(records[half].seen_ns // 1_000_000 - START_MS)
        until_half = [record for record in records if record.seen_ns <= records[half].seen_ns]
        await played(server, len(until_half))
        kept = Books(follow_all=True)
        decoder = MarketDecoder(kept)
        for record in until_half:
            decoder.feed(record.data, record.seen_ns)
        async with server.client() as client:
            await client.send({"type": "market", "assets_ids": tokens, "custom_feature_enabled": True})
            snapshot = await client.message()
            assert [book["asset_id"] for book in snapshot] == tokens
            for book in snapshot:
                truth = kept[book["asset_id"]]
                assert [round(float(level["price"]) * 1e4) for level in book["bids"]] == [
                    level.price for level in truth.bids
                ]
                assert len(book["asks"]) == len(truth.asks)
            clock.step(60_000)
            rest = [record.data for record in records[len(until_half) :]]
            for data in rest:
                assert (await client.text()).encode() == data


async def test_a_frame_goes_only_to_those_who_follow_a_token_in_it() -> None:
    records = recording(5.0)
    tokens = Rehearsal(seed=3, markets=2).tokens
    async with playing(records) as (server, clock), server.client() as client:
        await played(server, 3)
        await client.send({"type": "market", "assets_ids": tokens[:1]})
        await client.message()
        clock.step(60_000)
        wanted = [r for r in records if tokens[0].encode() in r.data and b"best_bid_ask" not in r.data]
        late = [json.loads(r.data) for r in wanted if r.seen_ns > START_MS * 1_000_000]
        got = [await client.message() for _ in late]
        assert got == late


async def test_books_and_markets_are_read_over_rest_and_cannot_be_resolved() -> None:
    records = recording(5.0)
    async with playing(records) as (server, clock):
        clock.step(60_000)
        tokens = Rehearsal(seed=3, markets=2).tokens
        await played(server, len(records))
        async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:

            async def get(path: str, **params: Any) -> Any:
                return (await client.get(path, params=params)).json()

            book = await get("/clob/book", token_id=tokens[0])
            assert book["bids"]
            assert len(book["hash"]) == 40
            assert (await get("/clob/midpoint", token_id="1"))["error"].startswith("No orderbook")  # noqa: S106 - a token
            listed = await get("/gamma/markets")
            assert [one["slug"] for one in listed] == ["rehearsal-1", "rehearsal-2"]
            told = await get("/venue")
            assert told["seed"] is None
            assert told["identity"].startswith("polywire-exchange:tape-")
            body = {"condition": listed[0]["conditionId"], "winner": tokens[0]}
            refused = await client.post("/venue/resolve", json=body)
            assert refused.status_code == 409


async def test_foreign_lines_broken_ones_and_other_kinds_are_passed_over() -> None:
    records = recording(1.0)
    odd = [
        Record(0, "clob-market", 1, RecordKind.OPENED, b""),
        Record(0, "binance", 1, RecordKind.FRAME, b'{"price":1}'),
        Record(0, "clob-market", 1, RecordKind.FRAME, b"PONG"),
        Record(0, "clob-market", 1, RecordKind.FRAME, b"[{"),
        Record(0, "clob-market", 1, RecordKind.FRAME, b'{"event_type":"book","market":"0x1"'),
    ]
    async with playing([*odd, *records]) as (server, clock):
        clock.step(60_000)
        await played(server, len(records) + 3)
        assert server.site.tape is not None
        assert server.site.tape.unreadable == 1


async def test_a_market_known_by_its_changes_alone_is_listed_and_ends() -> None:
    condition = "0x" + "ab" * 32
    level = {"price": "0.4", "size": "5"}

    def told(seen_ms: int, **message: Any) -> Record:
        text = json.dumps({"market": condition, "timestamp": str(START_MS), **message}).encode()
        return Record((START_MS + seen_ms) * 1_000_000, "", 0, RecordKind.FRAME, text)

    entry = {"price": "0.3", "size": "1", "side": "BUY", "hash": "", "best_bid": "0.4", "best_ask": "1"}
    records = [
        told(0, event_type="book", asset_id="7", bids=[level], asks=[]),
        told(0, event_type="book", asset_id="8", bids=[], asks=[{"price": "0.6", "size": "5"}]),
        told(1, event_type="price_change", price_changes=[entry | {"asset_id": "7"}]),
        told(1, event_type="last_trade_price", asset_id="7", price="0.4", size="1", side="SELL"),
        told(9, event_type="market_resolved", assets_ids=["7", "8"], winning_asset_id="8", winning_outcome="No"),
    ]
    async with playing(records) as (server, clock):
        clock.step(1)
        await played(server, 4)
        page = server.site.shelf.page("7")
        assert page is not None
        assert (page.last_trade, page.last_side) == ("0.400", "SELL")
        assert [market.slug for market in server.site.shelf.catalogue.markets.values()] == ["tape-" + "ab" * 6]
        clock.step(10)
        await played(server, 5)
        assert server.site.shelf.page("7") is None
        (market,) = server.site.shelf.catalogue.markets.values()
        assert (market.closed, market.winner) == (True, "8")
