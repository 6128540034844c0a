"""Resolutions that the stream left out: asked for, told once, asked for again where nobody answers. Time is virtual."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import pytest

from polywire.errors import TooOften, VenueUnreachable
from polywire.model.market import BookStated, MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.services.feed.resolutions import Resolutions
from services.feed.virtual import LoopClock

pytestmark = pytest.mark.anyio

ONE, TWO = ConditionId("0x1"), ConditionId("0x2")
TOKENS: Final = {ONE: (TokenId("11"), TokenId("12")), TWO: (TokenId("21"), TokenId("22"))}


def ended(condition: ConditionId) -> MarketResolved:
    """Return what the venue says of a market that its first outcome has won."""
    tokens = TOKENS[condition]
    return MarketResolved(condition, "7", tokens, tokens[0], "Yes", (), 5, 6, recovered=True)


class Register:
    """A venue that knows which markets are resolved. See `polywire.ports.Evidence`.

    Attributes:
        over: The resolved ones.
        asked: When it was asked for what, and whether freshly.
        fault: Raised instead of an answer.
        held: Answers wait until it is set.
    """

    def __init__(self) -> None:
        self.over: set[ConditionId] = set()
        self.asked: list[tuple[float, tuple[ConditionId, ...], bool]] = []
        self.fault: VenueUnreachable | None = None
        self.held: asyncio.Event | None = None

    async def books(self, tokens: Sequence[TokenId]) -> dict[TokenId, BookStated]:
        raise NotImplementedError(f"nobody here asks for books, and {len(tokens)} were asked for")

    async def resolutions(self, conditions: Sequence[ConditionId], *, fresh: bool = False) -> list[MarketResolved]:
        self.asked.append((asyncio.get_running_loop().time(), tuple(conditions), fresh))
        if self.held is not None:
            await self.held.wait()
        if self.fault is not None:
            raise self.fault
        return [ended(condition) for condition in conditions if condition in self.over]

    @property
    def times(self) -> list[float]:
        """Return when it was asked, in seconds since the first time."""
        return [at - self.asked[0][0] for at, _, _ in self.asked]


class Setting:
    """What a test has to do with."""

    def __init__(self) -> None:
        self.venue, self.told = Register(), list[MarketResolved]()
        self.resolutions = Resolutions(self.venue, LoopClock(), self.told.append, every_s=30.0)
        self.began = asyncio.get_running_loop().time()

    def follow(self, *conditions: ConditionId, **how: Any) -> None:
        for condition in conditions:
            self.resolutions.follow(condition, TOKENS[condition], **how)

    @property
    def now_s(self) -> float:
        """Seconds since the beginning."""
        return asyncio.get_running_loop().time() - self.began


@asynccontextmanager
async def running() -> AsyncIterator[Setting]:
    setting = Setting()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(setting.resolutions.run)
        yield setting
        tasks.cancel_scope.cancel()


async def until(holds: Callable[[], object]) -> None:
    with anyio.fail_after(4_000):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own, and time is virtual
            await asyncio.sleep(0.05)


async def test_a_resolution_that_nobody_told_of_is_told_within_every_s_and_once() -> None:
    async with running() as one:
        one.follow(ONE, TWO)
        await asyncio.sleep(45)
        one.venue.over.add(TWO)
        await until(lambda: one.told)
        assert one.now_s <= 45 + 30 + 0.1
        await asyncio.sleep(300)
        assert one.told == [ended(TWO)]
        assert one.told[0].recovered
        assert all(asked == (ONE,) for at, asked, _ in one.venue.asked if at > one.began + 61)


async def test_nothing_is_asked_while_nothing_is_followed() -> None:
    async with running() as one:
        await asyncio.sleep(1_000)
        one.follow(ONE)
        one.resolutions.release(ONE)
        await asyncio.sleep(1_000)
        assert one.venue.asked == []
        assert one.resolutions.status()["next_look_s"] is None


async def test_what_the_stream_has_told_is_not_asked_for_and_not_told_again() -> None:
    async with running() as one:
        one.follow(ONE)
        one.venue.over.add(ONE)
        one.resolutions.heard(ONE)
        one.follow(ONE)  # by a second reader
        one.resolutions.urgent(ONE)
        await asyncio.sleep(300)
        assert (one.told, one.venue.asked) == ([], [])


@pytest.mark.parametrize("deed", [Resolutions.heard, Resolutions.release])
async def test_an_answer_that_comes_after_the_stream_s_word_or_a_release_is_not_told(
    deed: Callable[[Resolutions, ConditionId], None],
) -> None:
    async with running() as one:
        one.venue.held = asyncio.Event()
        one.follow(ONE)
        one.venue.over.add(ONE)
        await until(lambda: one.venue.asked)
        deed(one.resolutions, ONE)
        one.venue.held.set()
        await asyncio.sleep(300)
        assert (one.told, len(one.venue.asked)) == ([], 1)


async def test_an_urgent_market_is_asked_for_at_once_and_freshly() -> None:
    async with running() as one:
        one.follow(ONE, TWO)
        await asyncio.sleep(5)
        one.venue.over.add(ONE)
        one.resolutions.urgent(ONE)
        await until(lambda: one.told)
        assert one.now_s < 6.2
        assert [(asked, fresh) for _, asked, fresh in one.venue.asked] == [((ONE,), True)]


async def test_a_market_past_its_end_is_asked_for_freshly() -> None:
    async with running() as one:
        now_ms = LoopClock().now_ns() // 1_000_000
        one.follow(ONE, ends_ms=now_ms + 10_000)
        one.venue.over.add(ONE)
        await until(lambda: one.told)
        assert 10 <= one.now_s < 11.2
        assert one.venue.asked[0][2]


async def test_a_venue_that_does_not_answer_is_asked_ever_less_often_and_told_of_when_it_does() -> None:
    async with running() as one:
        one.follow(ONE)
        one.venue.over.add(ONE)
        one.venue.fault = VenueUnreachable("http://x.invalid", "HTTP 503", status=503)
        await asyncio.sleep(30 + 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 5)
        assert [round(at) for at in one.venue.times] == [0, 1, 3, 7, 15, 31, 63, 123, 183]
        status = one.resolutions.status()
        assert (status["failed"], status["failures_in_a_row"], one.told) == (9, 9, [])
        assert "HTTP 503" in str(status["last_error"])
        one.venue.fault = None
        await until(lambda: one.told)
        assert one.resolutions.status()["failures_in_a_row"] == 0


async def test_a_venue_that_wants_to_be_asked_less_is_let_alone_for_as_long_as_it_says() -> None:
    async with running() as one:
        one.follow(ONE)
        one.venue.over.add(ONE)
        one.venue.fault = TooOften("http://x.invalid", 50.0)
        await until(lambda: one.venue.asked)
        one.venue.fault = None
        one.resolutions.urgent(ONE)
        await until(lambda: one.told)
        assert one.venue.times[1] >= 50.0


async def test_an_answer_that_names_other_tokens_is_counted_and_the_market_stays_open() -> None:
    async with running() as one:
        one.resolutions.follow(ONE, [TokenId("99")])
        one.venue.over.add(ONE)
        await asyncio.sleep(70)
        assert (one.told, len(one.venue.asked), one.resolutions.status()["foreign"]) == ([], 2, 2)


async def test_a_market_followed_again_after_its_release_is_asked_for_again() -> None:
    async with running() as one:
        one.follow(ONE)
        one.venue.over.add(ONE)
        await until(lambda: one.told)
        one.resolutions.release(ONE)
        one.follow(ONE)
        await until(lambda: len(one.told) == 2)  # the news tell of it once, whoever says it


async def test_the_status_says_how_it_goes_and_can_be_sent_as_json() -> None:
    async with running() as one:
        one.follow(ONE, TWO)
        one.venue.over.add(ONE)
        await until(lambda: one.told)
        one.resolutions.urgent(TWO)
        status = one.resolutions.status()
        assert json.loads(json.dumps(status)) == status
        assert {key: value for key, value in status.items() if key != "next_look_s"} == {
            "followed": 2,
            "resolved": 1,
            "urgent": 1,
            "looks": 1,
            "recovered": 1,
            "failed": 0,
            "failures_in_a_row": 0,
            "foreign": 0,
            "last_error": "",
        }
        assert isinstance(status["next_look_s"], float)


async def test_what_is_no_fault_of_the_venue_is_not_hidden() -> None:
    """A bug in what is asked must end the feed, not be retried for ever."""

    class Broken(Register):
        async def resolutions(self, conditions: Sequence[ConditionId], *, fresh: bool = False) -> list[MarketResolved]:
            raise RuntimeError(f"{len(conditions)} {fresh}")

    resolutions = Resolutions(Broken(), LoopClock(), print)
    resolutions.follow(ONE, TOKENS[ONE])
    with pytest.raises(RuntimeError, match="1 False"):
        await resolutions.run()
