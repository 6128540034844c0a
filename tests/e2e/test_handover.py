"""Cut-over and renewal under load, over real sockets: nothing lost, nothing twice, against the venue's own ledger.

The short run belongs to every test run; `./polywire test --slow -s tests/e2e/test_handover.py` runs a minute of it and
prints what it saw.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import Any, Final

import anyio
import pytest

from e2e.lagging_venue import LONGEST_LAG_TICKS, LaggingVenue
from loopback import serving
from polywire.core.handover import Fact, key_of
from polywire.core.link import Policy
from polywire.io.clock import SystemClock
from polywire.io.sockets import PicowsDial
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.market import BestChanged, BookReplaced, LevelChanged, TickSizeChanged, Traded
from polywire.model.units import TokenId
from polywire.model.venue import Venue, VenueUrls
from polywire.services.feed.feed import Feed
from services.feed.scripted import ScriptedCatalogue

pytestmark = pytest.mark.anyio

FRAMES_A_SECOND: Final = 1_500  # two level changes in most of them: over 2,000 events a second
PATIENCE_S: Final = 20.0


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


class Run:
    """A feed on a lagging venue, and what its one reader was told since the play began."""

    def __init__(self, venue: LaggingVenue, port: int, *, standby: bool) -> None:
        self.venue, self.told, self.cuts = venue, list[Event](), Counter[str]()
        here = f"127.0.0.1:{port}"
        urls = VenueUrls(f"http://{here}", f"http://{here}", f"ws://{here}/ws/market")
        dial = PicowsDial(longest_message=8 << 20, open_s=5.0, only_loopback=True)
        policy = Policy(first_delay_s=0.2, longest_delay_s=0.2)
        rng = random.Random(1)
        self.feed = Feed(
            Venue("lagging", 80_002, urls),
            dial,
            ScriptedCatalogue(),
            SystemClock(),
            rng.random,
            policy,
            standby=standby,
        )

    @property
    def connections(self) -> Any:
        return self.feed._connections  # noqa: SLF001 - which socket to kill is not for users to know

    @property
    def shard(self) -> Any:
        (shard,) = self.connections._on.values()  # noqa: SLF001 - as above
        return shard

    @property
    def hot(self) -> bool:
        return self.shard.handover is not None and self.shard.handover.hot

    async def until_hot(self) -> None:
        with anyio.fail_after(PATIENCE_S):
            while not self.hot:  # noqa: ASYNC110 - a standby has no event of its own
                await asyncio.sleep(0.02)

    def lead(self) -> Any:
        return self.shard.lead

    async def kill_for_ever(self, rng: random.Random) -> None:
        """Kill the authoritative socket again and again, as soon as there is a hot standby."""
        while True:
            await self.until_hot()
            # What the old socket has not brought yet of what came before the standby's snapshots, nobody would bring.
            settled = self.venue.tick + 2 * LONGEST_LAG_TICKS
            while self.venue.tick < settled:  # noqa: ASYNC110 - ticks have no event of their own
                await asyncio.sleep(0.005)
            await asyncio.sleep(rng.uniform(0.0, 0.4))
            address = self.lead().socket_address
            if self.hot and address is not None:
                self.venue.kill(address)
                self.cuts["killed"] += 1
                await asyncio.sleep(0.1)

    async def renew_for_ever(self, rng: random.Random) -> None:
        """Renew the socket again and again."""
        while True:
            number = self.lead().number
            if self.connections.renew_softly(number, "the test asked for it"):
                with anyio.fail_after(PATIENCE_S):
                    while self.lead().number == number:  # noqa: ASYNC110 - as above
                        await asyncio.sleep(0.01)
                self.cuts["renewed"] += 1
            await asyncio.sleep(rng.uniform(0.05, 0.3))


async def run(*, standby: bool, frames: int, seed: int) -> Run:
    """Play, and cut all the while; return what was seen."""
    venue = LaggingVenue(seed, FRAMES_A_SECOND)
    rng = random.Random(seed)
    async with serving(venue.attend) as port:
        one = Run(venue, port, standby=standby)
        running = asyncio.create_task(one.feed.run())
        await asyncio.sleep(0)
        playing = asyncio.create_task(venue.play(0))  # so that snapshots are sent
        async with one.feed.subscribe(tokens=venue.tokens, callback=one.told.append):
            await playing
            await flushed(venue, one, standby=standby)
            one.told.clear()
            venue.told.clear()
            cutting = asyncio.create_task((one.kill_for_ever if standby else one.renew_for_ever)(rng))
            began = asyncio.get_running_loop().time()
            await venue.play(frames)
            cutting.cancel()
            with suppress(asyncio.CancelledError):
                await cutting
            print(  # noqa: T201 - what a slow run is read for
                f"\n{dict(one.cuts)}, {len(venue.told)} events, "
                f"{len(venue.told) / (asyncio.get_running_loop().time() - began):,.0f} a second"
            )
            await settled(venue, one)
            assert_nothing_lost(venue, one)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return one


async def flushed(venue: LaggingVenue, one: Run, *, standby: bool) -> None:
    """Return once every socket has its books."""
    with anyio.fail_after(PATIENCE_S):
        while not all(book.freshness == "current" for book in one.feed.books.values()) or (standby and not one.hot):
            await venue.play(0)


async def settled(venue: LaggingVenue, one: Run) -> None:
    """Return once the books are the venue's: the last frames may be on their way, and readers between two sockets."""
    with anyio.fail_after(PATIENCE_S):
        while one.connections.waits or any(
            one.feed.books[token].bare_levels() != venue.books[token].bare_levels() for token in venue.tokens
        ):
            await venue.play(0)


def assert_nothing_lost(venue: LaggingVenue, one: Run) -> None:
    """Compare what was told with the ledger: each change once, in order, and each trade at least once."""
    assert not [event for event in one.told if isinstance(event, Gap | FreshnessChanged)]
    for token in venue.tokens:
        assert moves(one.told, token) == moves(venue.told, token)
        facts, twice = facts_of(one.told, token)
        stated, _ = facts_of(venue.told, token)
        assert facts - twice == stated
        assert not facts - stated - twice


def moves(told: list[Event], token: TokenId) -> list[object]:
    """Return what moved a book, without snapshots that state again what stands: a socket that begins had them."""
    every = [one for one in told if isinstance(one, LevelChanged | BookReplaced) and one.token == token]
    digests = ["", *(one.digest for one in every)]
    return [
        key_of(one)
        for one, before in zip(every, digests, strict=False)
        if isinstance(one, LevelChanged) or one.digest != before
    ]


def facts_of(told: list[Event], token: TokenId) -> tuple[Counter[object], Counter[object]]:
    """Return how often each was told, and how often marked as perhaps repeated."""
    facts: list[Fact] = [
        one for one in told if isinstance(one, Traded | BestChanged | TickSizeChanged) and one.token == token
    ]
    marked = [one for one in facts if isinstance(one, Traded) and one.repeated]
    return Counter(key_of(one) for one in facts), Counter(key_of(one) for one in marked)


async def test_a_standby_takes_over_from_killed_sockets_and_no_change_is_lost_or_told_twice() -> None:
    one = await run(standby=True, frames=4 * FRAMES_A_SECOND, seed=3)
    assert one.cuts["killed"] >= 2


async def test_old_sockets_are_replaced_under_load_and_no_change_is_lost_or_told_twice() -> None:
    one = await run(standby=False, frames=3 * FRAMES_A_SECOND, seed=4)
    assert one.cuts["renewed"] >= 2


@pytest.mark.slow
@pytest.mark.parametrize("standby", [True, False], ids=["standby", "renewal"])
async def test_a_minute_of_cuts_at_two_thousand_events_a_second_loses_nothing(standby: bool) -> None:  # noqa: FBT001
    one = await run(standby=standby, frames=60 * FRAMES_A_SECOND, seed=5)
    assert one.cuts.total() >= 30
