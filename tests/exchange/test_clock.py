"""The venue's time: scaled, paused, stepped, never back."""

import math
import time
from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.venues import START_MS, Wall
from polywire.errors import Misuse
from polywire.exchange.clock import VenueClock


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_venue_time_is_wall_time_by_the_speed_and_a_new_speed_holds_from_then_on() -> None:
    wall = Wall()
    clock = VenueClock(wall, start_ms=START_MS, speed=60.0)
    wall.at_s += 2.0
    assert clock.now_ms() == START_MS + 120_000
    clock.speed = 0.5
    wall.at_s += 2.0
    assert (clock.now_ms(), clock.speed) == (START_MS + 121_000, 0.5)


def test_a_paused_clock_stands_still_and_goes_on_where_it_stood() -> None:
    wall = Wall()
    clock = VenueClock(wall, start_ms=START_MS)
    clock.pause()
    clock.pause()
    wall.at_s += 9.0
    assert (clock.now_ms(), clock.paused) == (START_MS, True)
    clock.resume()
    wall.at_s += 1.0
    assert (clock.now_ms(), clock.paused) == (START_MS + 1_000, False)


@pytest.mark.parametrize("paused", [False, True])
def test_a_step_puts_it_forward_paused_or_not(*, paused: bool) -> None:
    clock = VenueClock(Wall(), start_ms=START_MS)
    if paused:
        clock.pause()
    clock.step(1_500)
    assert clock.now_ms() == START_MS + 1_500


@pytest.mark.parametrize("speed", [0.0, -1.0, math.inf, math.nan])
def test_a_speed_that_is_none_is_refused_and_changes_nothing(speed: float) -> None:
    clock = VenueClock(Wall(), start_ms=START_MS, speed=2.0)
    with pytest.raises(Misuse, match="to stop, pause"):
        clock.speed = speed
    with pytest.raises(Misuse, match=f"a speed of {speed}"):
        VenueClock(Wall(), start_ms=START_MS, speed=speed)
    assert clock.speed == 2.0


def test_it_never_goes_back() -> None:
    clock = VenueClock(Wall(), start_ms=START_MS)
    with pytest.raises(Misuse, match="cannot go back, and -1 ms"):
        clock.step(-1)
    assert clock.now_ms() == START_MS


_DEEDS = st.one_of(
    st.tuples(st.just("wall"), st.floats(0, 1e4)),
    st.tuples(st.just("speed"), st.floats(1e-3, 1e4)),
    st.tuples(st.just("step"), st.integers(0, 10**7)),
    st.tuples(st.sampled_from(["pause", "resume"]), st.just(0)),
)


@given(st.lists(_DEEDS, max_size=30))
def test_whatever_is_done_to_it_no_reading_is_below_the_one_before(deeds: list[tuple[str, float]]) -> None:
    wall = Wall()
    clock = VenueClock(wall, start_ms=START_MS)
    last = clock.now_ms()
    for deed, amount in deeds:
        if deed == "wall":
            wall.at_s += amount
        elif deed == "speed":
            clock.speed = amount
        elif deed == "step":
            clock.step(int(amount))
        else:
            getattr(clock, deed)()
        assert clock.now_ms() >= last
        last = clock.now_ms()


# ------------------------------------------------------------ sleeping


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
async def test_a_time_that_has_come_is_not_waited_for_yet_others_get_a_turn() -> None:
    clock = VenueClock(Wall(), start_ms=START_MS)
    seen: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_note, seen, "other")
        with anyio.fail_after(5):
            await clock.sleep_until(START_MS)
        seen.append("slept")
    assert seen == ["other", "slept"]


async def _note(seen: list[str], what: str) -> None:
    seen.append(what)


@pytest.mark.anyio
async def test_it_sleeps_for_the_wall_time_that_the_speed_makes_of_it() -> None:
    clock = VenueClock(time.monotonic, start_ms=START_MS, speed=1_000_000.0)
    with anyio.fail_after(5):
        await clock.sleep_until(START_MS + 10_000)  # 10 ms of ours
    assert clock.now_ms() >= START_MS + 10_000


@pytest.mark.anyio
@pytest.mark.parametrize(
    "wake",
    [
        lambda clock: clock.step(86_400_000),
        lambda clock: setattr(clock, "speed", 1e12),
    ],
    ids=["step", "speed"],
)
async def test_a_sleeper_follows_a_change_at_once(wake: Callable[[VenueClock], None]) -> None:
    clock = VenueClock(time.monotonic, start_ms=START_MS)
    async with anyio.create_task_group() as tasks:
        with anyio.fail_after(5):
            done = anyio.Event()
            tasks.start_soon(_sleep, clock, START_MS + 86_400_000, done)
            await turns()
            assert not done.is_set()
            wake(clock)
            await done.wait()


async def _sleep(clock: VenueClock, until_ms: int, done: anyio.Event) -> None:
    await clock.sleep_until(until_ms)
    done.set()


@pytest.mark.anyio
async def test_nobody_wakes_while_the_clock_is_paused_and_stepping_wakes_who_is_due() -> None:
    wall = Wall()
    clock = VenueClock(wall, start_ms=START_MS)
    clock.pause()
    early, late = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        with anyio.fail_after(5):
            tasks.start_soon(_sleep, clock, START_MS + 10, early)
            tasks.start_soon(_sleep, clock, START_MS + 20, late)
            await turns()
            assert not early.is_set()
            clock.step(10)
            await early.wait()
            await turns()
            assert not late.is_set()
            clock.resume()
            wall.at_s += 1.0
            await late.wait()


@pytest.mark.anyio
async def test_a_sleeper_can_be_cancelled() -> None:
    clock = VenueClock(time.monotonic, start_ms=START_MS)
    clock.pause()
    with anyio.move_on_after(0.01) as scope:
        await clock.sleep_until(START_MS + 1)
    assert scope.cancelled_caught
