"""`io.venue_clock`: the venue's time, learned from an exchange that is served, whose clock somebody steers."""

import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import pytest

from exchange.venues import START_MS, Wall
from loopback import HERE
from polywire.core.matching.engine import Engine
from polywire.errors import VenueUnreachable
from polywire.exchange.catalogue import Catalogue
from polywire.exchange.clock import VenueClock as ExchangeClock
from polywire.exchange.serve import listening
from polywire.exchange.site import Site
from polywire.exchange.venue import Venue
from polywire.io.clock import SystemClock
from polywire.io.tcp_ports import free_near
from polywire.io.venue_clock import VenueClock
from polywire.io.venue_desk import VenueDesk
from services.clocks import HandClock

pytestmark = pytest.mark.anyio

NOWHERE: Final = "http://127.0.0.1:9"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Hands:
    """Our clock and the exchange's, turned together.

    Attributes:
        ours: Our clock.
        theirs: The exchange's.
    """

    def __init__(self, ours: HandClock, wall: Wall, theirs: ExchangeClock) -> None:
        self.ours, self._wall, self.theirs = ours, wall, theirs

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.ours.sleep(seconds)
        self._wall.at_s += seconds


class SlowHands(HandClock):
    """A clock on which 20 ms pass between two looks at it."""

    def monotonic_s(self) -> float:
        self.sleep(0.02)
        return super().monotonic_s()


@asynccontextmanager
async def served(clock: ExchangeClock, port: int = 0) -> AsyncIterator[VenueDesk]:
    """Serve an exchange with this clock, and a desk that asks it."""
    site = Site(clock, seed=7, venue=Venue(Engine(), Catalogue(), clock))
    async with listening(site, HERE, port) as url, VenueDesk(url) as desk:
        yield desk


@asynccontextmanager
async def learned(speed: float = 1.0) -> AsyncIterator[tuple[VenueClock, Hands]]:
    """Yield a clock that has asked once."""
    ours, wall = HandClock(), Wall()
    theirs = ExchangeClock(wall, start_ms=START_MS, speed=speed)
    async with served(theirs) as desk:
        clock = VenueClock(ours, desk)
        await clock.learn()
        yield clock, Hands(ours, wall, theirs)


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0])
async def test_between_two_answers_it_goes_as_fast_as_the_venue(speed: float) -> None:
    async with learned(speed) as (clock, hands):
        for seconds in (0.25, 3.0, 100.0):
            assert clock.now_ms() == hands.theirs.now_ms()
            hands.turn(seconds)
        assert clock.now_ms() == hands.theirs.now_ms() == START_MS + round(103_250 * speed)
        assert (clock.speed, clock.wrong_by_ms) == (speed, 0.0)


async def test_a_step_a_pause_and_another_speed_are_known_with_the_next_answer() -> None:
    async with learned() as (clock, hands):
        hands.theirs.step(3_600_000)
        await clock.learn()
        assert clock.now_ms() == hands.theirs.now_ms() == START_MS + 3_600_000
        hands.theirs.speed = 10.0
        await clock.learn()
        hands.turn(2.0)
        assert clock.now_ms() == hands.theirs.now_ms() == START_MS + 3_620_000
        hands.theirs.pause()
        await clock.learn()
        hands.turn(50.0)
        assert clock.now_ms() == hands.theirs.now_ms() == START_MS + 3_620_000
        assert clock.speed == 0.0


async def test_where_it_ran_ahead_it_stands_until_the_venue_has_caught_up() -> None:
    async with learned() as (clock, hands):
        hands.theirs.pause()
        hands.turn(1.5)
        assert clock.now_ms() == START_MS + 1_500
        await clock.learn()
        hands.theirs.resume()
        await clock.learn()
        hands.turn(1.0)
        assert (clock.now_ms(), hands.theirs.now_ms()) == (START_MS + 1_500, START_MS + 1_000)
        hands.turn(1.0)
        assert clock.now_ms() == hands.theirs.now_ms() == START_MS + 2_000


@pytest.mark.parametrize("seed", range(4))
async def test_however_it_is_steered_it_never_goes_back_and_an_answer_brings_it_up_to_the_venue(seed: int) -> None:
    dice = random.Random(seed)
    async with learned() as (clock, hands):
        last_ms = clock.now_ms()
        for _ in range(60):
            match dice.randrange(6):
                case 0:
                    hands.theirs.pause()
                case 1:
                    hands.theirs.resume()
                case 2:
                    hands.theirs.speed = dice.choice([0.5, 1.0, 60.0])
                case 3:
                    hands.theirs.step(dice.randrange(100_000))
                case 4:
                    await clock.learn()
                    assert clock.now_ms() >= hands.theirs.now_ms() - 1
                case _:
                    hands.turn(dice.random() * 3)
            assert clock.now_ms() >= last_ms
            last_ms = clock.now_ms()


async def test_another_run_of_the_exchange_has_a_time_of_its_own_and_may_be_behind() -> None:
    """An exchange that ran at speed 60 is ahead of the world, and the next one may begin where the world is."""
    ours, wall = HandClock(), Wall()
    port = free_near(HERE, 18_421)
    async with VenueDesk(f"http://{HERE}:{port}") as desk:
        clock = VenueClock(ours, desk)
        async with served(ExchangeClock(wall, start_ms=START_MS, speed=60.0), port):
            await clock.learn()
            wall.at_s += 600.0
            ours.sleep(600.0)
            await clock.learn()
            assert clock.now_ms() == START_MS + 36_000_000
        async with served(ExchangeClock(Wall(), start_ms=START_MS), port):
            ours.sleep(2.0)
            await clock.learn()
            assert clock.now_ms() == START_MS


async def test_it_says_how_wrong_it_may_be() -> None:
    """The answer was true at some moment between question and answer."""
    ours = SlowHands()
    async with served(ExchangeClock(Wall(), start_ms=START_MS, speed=10.0)) as desk:
        clock = VenueClock(ours, desk)
        assert math.isinf(clock.wrong_by_ms)
        await clock.learn()
        assert clock.wrong_by_ms == pytest.approx(100.0)
        assert clock.now_ms() == pytest.approx(START_MS + 100 + 200, abs=1)  # half of 20 ms, and a look at the clock


async def test_without_an_exchange_the_venues_time_is_ours() -> None:
    ours = HandClock()
    clock = VenueClock(ours, None)
    await clock.learn()
    ours.sleep(5.0)
    assert (clock.now_ms(), clock.wrong_by_ms, clock.speed) == (105_000, 0.0, 1.0)


async def test_until_the_first_answer_it_is_our_time_and_a_venue_that_is_not_there_does_not_end_it() -> None:
    ours = HandClock()
    async with VenueDesk(NOWHERE) as desk:
        clock = VenueClock(ours, desk, every_s=0.01)
        with pytest.raises(VenueUnreachable, match=r"127\.0\.0\.1:9"):
            await clock.learn()
        with anyio.move_on_after(0.1) as scope:
            await clock.run()
        assert scope.cancelled_caught
        ours.sleep(1.0)
        assert clock.now_ms() == 101_000


async def test_it_asks_again_and_again() -> None:
    theirs = ExchangeClock(Wall(), start_ms=START_MS)
    async with served(theirs) as desk, anyio.create_task_group() as tasks:
        clock = VenueClock(SystemClock(), desk, every_s=0.01)
        tasks.start_soon(clock.run)
        with anyio.fail_after(5):
            while clock.now_ms() // 1_000 != START_MS // 1_000:  # noqa: ASYNC110 - a clock has no event
                await anyio.sleep(0.01)
            theirs.step(86_400_000)
            while clock.now_ms() < START_MS + 86_400_000:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
