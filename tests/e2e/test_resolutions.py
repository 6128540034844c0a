"""A market's end, told once and with the right winner, whether the venue's stream tells of it or leaves it out."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import pytest

import polywire
from e2e.processes import asked, exchange
from e2e.traders import step
from polywire.model.events import Event
from polywire.model.market import MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.services.feed.feed import Feed

pytestmark = pytest.mark.anyio

EVERY_S: Final = 2.0
A_FEW_S: Final = 3.0
WINDOW_MS: Final = 300_000  # of the shortest markets, from whole multiples of it
RESOLVED_AFTER_MS: Final = 4_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Reader:
    """Reads the market that ends next on a paused exchange.

    Attributes:
        told: Its resolutions, by whomever.
    """

    def __init__(self, url: str, market: Any, feed: Feed) -> None:
        self.url, self.condition = url, ConditionId(market["condition"])
        self.tokens = [TokenId(token) for token in market["tokens"]]
        self.told: list[MarketResolved] = []
        self._feed = feed

    def hear(self, event: Event) -> None:
        """Take what the feed tells."""
        if isinstance(event, MarketResolved):
            self.told.append(event)

    @property
    def asking(self) -> Any:
        """How the feed's asking goes."""
        status: Any = self._feed.status()
        witness = status["statistics"]["witness"]
        return witness["resolutions"]

    async def until_told(self, within_s: float) -> float:
        """Return after how many seconds the market's end was told."""
        began = time.monotonic()
        with anyio.fail_after(within_s):
            while not self.told:  # noqa: ASYNC110 - it comes from another process, over two ways
                await anyio.sleep(0.02)
        return time.monotonic() - began

    async def let_pass(self, looks: int) -> None:
        """Return when the venue was asked, or not asked, for so many rounds more."""
        with anyio.move_on_after(looks * EVERY_S):
            await anyio.sleep_forever()

    async def end(self) -> str:
        """Let the market's window end; return the token that has won, as the exchange's CLOB says."""
        await step(self.url, WINDOW_MS - await now_ms(self.url) % WINDOW_MS + RESOLVED_AFTER_MS)
        full = await asked(f"{self.url}/clob/markets/{self.condition}")
        (winner,) = [token["token_id"] for token in full["tokens"] if token["winner"]]
        return str(winner)

    async def struck(self) -> int:
        """Return how often the faults that are on have struck."""
        return sum(fault["did"] for fault in (await asked(f"{self.url}/venue?ledger=0"))["faults"])


@asynccontextmanager
async def reader() -> AsyncIterator[Reader]:
    async with exchange("--seed", "7") as url:
        await asked(f"{url}/venue/clock", {"paused": True})
        await step(url, 0)
        slug = f"btc-updown-5m-{await now_ms(url) // WINDOW_MS * WINDOW_MS // 1_000}"
        (market,) = [one for one in (await asked(f"{url}/venue"))["markets"] if one["slug"] == slug]
        async with polywire.open_feed(polywire.Settings(venue=url, resolutions_s=EVERY_S)) as feed:
            one = Reader(url, market, feed)
            async with feed.subscribe(tokens=one.tokens, callback=one.hear):
                await feed.until_current(*one.tokens)
                yield one


async def now_ms(url: str) -> int:
    return int((await asked(f"{url}/venue?ledger=0"))["clock"]["now_ms"])


async def test_what_the_stream_leaves_out_is_read_back_in_time_with_the_right_winner_and_once() -> None:
    async with reader() as one:
        await asked(f"{one.url}/venue/faults", {"name": "no-resolution"})
        winner = await one.end()
        assert await one.until_told(EVERY_S + A_FEW_S) <= EVERY_S + A_FEW_S
        await one.let_pass(looks=2)
        (told,) = one.told
        assert (told.condition, told.winner, told.recovered) == (one.condition, winner, True)
        assert list(told.tokens) == one.tokens
        assert (
            abs(await now_ms(one.url) - told.venue_ms) <= RESOLVED_AFTER_MS + 1_000
        )  # when it closed, in whole seconds
        assert await one.struck() > 0, "the stream told of it: this run proves nothing"


async def test_what_the_stream_tells_is_told_once_and_not_read_back() -> None:
    async with reader() as one:
        winner = await one.end()
        await one.until_told(A_FEW_S)
        await one.let_pass(looks=2)
        (told,) = one.told
        assert (told.condition, told.winner, told.recovered) == (one.condition, winner, False)
        assert one.asking["recovered"] == 0


async def test_a_venue_that_limits_reads_is_obeyed_and_the_resolution_comes_after_that() -> None:
    async with reader() as one:
        for fault in ({"name": "no-resolution"}, {"name": "read-limit", "argument": "3"}):
            await asked(f"{one.url}/venue/faults", fault)
        await step(one.url, 0)
        with anyio.fail_after(EVERY_S + A_FEW_S):
            while not one.asking["failed"]:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.02)
        refused = time.monotonic()
        await asked(f"{one.url}/venue/faults/read-limit", method="DELETE")
        winner = await one.end()
        await one.until_told(3 + A_FEW_S)
        assert time.monotonic() - refused >= 2.9
        assert (one.told[0].winner, one.asking["failed"]) == (winner, 1)
