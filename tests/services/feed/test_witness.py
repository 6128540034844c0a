"""The witness: REST tells frozen from quiet, within a budget, and what follows. Minutes pass in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import msgspec
import pytest

from polywire.core.link import Phase
from polywire.errors import BookNotCurrent, TooOften, VenueUnreachable
from polywire.model.events import Event
from polywire.model.health import Freshness, FreshnessChanged, Gap
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, BookStated, MarketResolved, TickSizeChanged
from polywire.model.units import ConditionId, TokenId, size_text
from polywire.services.feed.feed import Feed
from polywire.wire.book_hash import BookTerms, book_hash
from polywire.wire.rest import read_rest_book
from polywire.wire.tally import Tally
from services.feed.feeds import RAIN, A, B, FeedSetting, a_feed, freshness, until
from services.feed.scripted import book, change, encode, resolved
from services.feed.virtual import LoopClock

pytestmark = pytest.mark.anyio

AS_SCRIPTED: Final = 10_000_000
"""The size of the best levels in a scripted snapshot, 1e-6 shares."""


class Truth:
    """The venue over REST. See `polywire.ports.Evidence`.

    Attributes:
        size: Of the best bid it states, by token.
        deep: Of the bid below.
        tick: That it states.
        at_ms: The instant it states.
        takes_s: For which an answer takes.
        asked: What it was asked for, request by request.
        fault: Raised instead of an answer.
        unknown: Tokens of which it has no book.
        hashed: Whether it states a hash.
        ended: A market that is resolved.
        ends_asked: The markets that it was asked about.
    """

    def __init__(self) -> None:
        self.size: dict[str, int] = {}
        self.asked: list[tuple[str, ...]] = []
        self.fault: VenueUnreachable | None = None
        self.unknown: set[str] = set()
        self.deep = 5_000_000
        self.tick = 100
        self.at_ms = 1_790_000_000_000
        self.takes_s = 0.01
        self.hashed = False
        self.ended: MarketResolved | None = None
        self.ends_asked: list[tuple[ConditionId, bool]] = []

    async def books(self, tokens: Sequence[TokenId]) -> dict[TokenId, BookStated]:
        self.asked.append(tuple(tokens))
        await asyncio.sleep(self.takes_s)
        if self.fault is not None:
            raise self.fault
        return {token: self._stated(token) for token in tokens if token not in self.unknown}

    async def resolutions(self, conditions: Sequence[ConditionId], *, fresh: bool = False) -> list[MarketResolved]:
        self.ends_asked += [(condition, fresh) for condition in conditions]
        return [self.ended] if self.ended is not None and self.ended.condition in conditions else []

    def _stated(self, token: TokenId) -> BookStated:
        now_ns, condition = LoopClock().now_ns(), ConditionId(f"0x{token[-4:]}")
        digest = self.digest(token) if self.hashed else ""
        told = BookReplaced(token, condition, *self._sides(token), self.tick, None, digest, self.at_ms, now_ns)
        return BookStated(told, 5_000_000, neg_risk=False)

    def digest(self, token: str) -> str:
        terms = BookTerms("5", "0.01", neg_risk=False, last_trade_price="")
        return book_hash(f"0x{token[-4:]}", token, self.at_ms, *self._sides(token), terms)

    def _sides(self, token: str) -> tuple[Levels, Levels]:
        size = self.size.get(token, AS_SCRIPTED)
        return (
            Levels.of("bid", [(3_300, self.deep), (3_400, size)]),
            Levels.of("ask", [(3_600, AS_SCRIPTED), (3_700, 5_000_000)]),
        )

    def change(self, size: int, digest: str = "") -> bytes:
        """Let so many shares (1e-6) rest at A's best bid; return the frame that tells it, with the book's hash."""
        self.size[A], self.at_ms = size, self.at_ms + 10
        entry = {"asset_id": A, "price": "0.34", "size": size_text(size), "side": "BUY"}
        entry |= {"hash": digest or self.digest(A), "best_bid": "0.34", "best_ask": "0.36"}
        told = {"market": f"0x{A[-4:]}", "price_changes": [entry], "timestamp": str(self.at_ms)}
        return encode(told, "price_change")


class _Instants:
    def __next__(self) -> int:
        return LoopClock().now_ns()


@asynccontextmanager
async def watched(*tokens: str) -> AsyncIterator[tuple[Feed, FeedSetting, Truth, list[Event]]]:
    """Run a feed of the rain market with a witness, current, and what its subscriber is told from then on."""
    truth, told = Truth(), list[Event]()
    async with a_feed(RAIN, evidence=truth) as (feed, setting):
        instants: Any = _Instants()
        setting.dial.instants = instants
        async with feed.subscribe(tokens=tokens or (A,), callback=told.append):
            await feed.until_current(*(tokens or (A,)))
            told.clear()
            yield feed, setting, truth, told


def turns(told: list[Event]) -> list[tuple[str, str]]:
    return [(event.was, event.now) for event in told if isinstance(event, FreshnessChanged)]


def witness(setting: FeedSetting) -> Any:
    return setting.status["statistics"]["witness"]


async def test_a_token_that_is_silent_and_as_rest_says_is_quiet_and_proven() -> None:
    async with watched() as (feed, setting, truth, told):
        await anyio.sleep(29)
        assert truth.asked == []
        await until(lambda: freshness(feed, A) == "quiet", 3)
        assert truth.asked == [(A,)]
        assert turns(told) == [("current", "quiet")]
        assert "REST shows the same book" in feed.books[A].reason
        assert feed.book(A, max_age=1.0).best_bid == 3_400
        assert witness(setting)["equal"] == 1


async def test_a_quiet_token_is_asked_about_again_and_again_and_speaks_as_current() -> None:
    async with watched() as (feed, setting, truth, told):
        await anyio.sleep(100)
        assert len(truth.asked) == 3
        setting.hear(change(A))
        await until(lambda: freshness(feed, A) == "current", 2)
        assert turns(told) == [("current", "quiet"), ("quiet", "current")]


async def test_a_silent_socket_whose_books_are_right_is_vouched_for_and_kept() -> None:
    async with watched() as (feed, setting, _, _):
        await anyio.sleep(600)
        assert len(setting.dial.sockets) == 1
        assert freshness(feed, A) == "quiet"


async def test_a_frozen_token_is_suspect_then_asked_for_anew_and_the_gap_reaches_back_to_its_last_proof() -> None:
    async with watched() as (feed, setting, truth, told):
        proven_ns = feed.books[A].verified_ns
        truth.size[A], truth.at_ms = 4_000_000, truth.at_ms + 60
        await until(lambda: len(turns(told)) == 3, 45)
        gaps = [event for event in told if isinstance(event, Gap)]
        assert [(gap.tokens, gap.from_ns) for gap in gaps] == [((A,), proven_ns)]
        assert turns(told) == [("current", "suspect"), ("suspect", "resyncing"), ("resyncing", "current")]
        assert setting.dial.last.asked[1:] == [("unsubscribe", (A,)), ("subscribe", (A,))]


async def test_a_token_of_which_no_socket_brings_anything_is_read_over_rest_and_says_so() -> None:
    async with watched() as (feed, setting, truth, told):
        setting.dial.withheld.add(A)
        truth.size[A], truth.at_ms = 4_000_000, truth.at_ms + 60
        await until(lambda: freshness(feed, A) == "quiet", 60)
        assert len(setting.dial.sockets) == 2  # asked anew first, then a new socket, then REST, twice the same
        assert "its socket brings nothing of it" in feed.books[A].reason
        assert feed.book(A).size_at("bid", 3_400) == 4_000_000
        truth.size[A], truth.at_ms = 3_000_000, truth.at_ms + 60
        told.clear()
        await until(lambda: freshness(feed, A) == "resyncing", 8)
        await until(lambda: freshness(feed, A) == "quiet", 8)
        assert feed.book(A).size_at("bid", 3_400) == 3_000_000
        assert len([event for event in told if isinstance(event, Gap)]) == 2


async def test_a_book_read_over_rest_whose_socket_speaks_again_is_read_once_more_and_current() -> None:
    async with watched() as (feed, setting, truth, told):
        setting.dial.withheld.add(A)
        setting.dial.last.lose()
        await until(lambda: freshness(feed, A) == "quiet", 20)
        asked = len(truth.asked)
        truth.deep, truth.at_ms = 8_000_000, 1_790_000_000_001  # moved unseen
        truth.size[A] = 7_000_000
        told.clear()
        setting.hear(change(A))
        await until(lambda: freshness(feed, A) == "current", 2.5)
        assert feed.book(A).size_at("bid", 3_300) == 8_000_000
        assert turns(told) == [("quiet", "suspect"), ("suspect", "current")]
        assert len([event for event in told if isinstance(event, Gap)]) == 1
        assert len(setting.dial.sockets) == 2
        await anyio.sleep(10)
        assert len(truth.asked) - asked <= 2


async def test_a_lost_change_deep_in_a_busy_book_is_found_within_the_minute() -> None:
    async with watched() as (_, setting, truth, told):
        truth.size[A], truth.at_ms = 7_000_000, 1_790_000_000_001
        for _ in range(70):
            setting.hear(change(A))
            await anyio.sleep(1)
        assert witness(setting)["equal"] >= 1
        truth.deep = 6_000_000
        told.clear()
        for _ in range(62):
            setting.hear(change(A))
            await anyio.sleep(1)
        assert ("current", "suspect") in turns(told)
        assert any(isinstance(event, Gap) for event in told)


async def know_the_hash(setting: FeedSetting, truth: Truth) -> None:
    """Let REST be asked what enters the hash of A's book, and the hash of a change be equal then."""
    truth.hashed = True
    for size in (8_000_000, 9_000_000):
        await anyio.sleep(2.5)
        setting.hear(truth.change(size))
    await anyio.sleep(2.5)
    assert (witness(setting)["asked"], witness(setting)["hashes_checked"]) == (1, 1)


async def test_a_loss_on_which_rest_and_the_hash_agree_is_mended_on_the_spot_and_the_socket_is_left_alone() -> None:
    async with watched() as (feed, setting, truth, told):
        await know_the_hash(setting, truth)
        proven_ns = feed.books[A].verified_ns
        truth.deep = 6_000_000
        told.clear()
        setting.hear(truth.change(7_000_000))
        await until(lambda: any(isinstance(event, Gap) for event in told), 4)
        assert feed.book(A).size_at("bid", 3_300) == 6_000_000
        assert [(gap.from_ns, turns(told)) for gap in told if isinstance(gap, Gap)] == [(proven_ns, [])]
        assert "and the last change's hash is its" in feed.books[A].reason
        assert setting.dial.last.asked == [("first", (A,))]
        assert (witness(setting)["differs"], witness(setting)["hashes_unequal"]) == (1, 1)


async def test_a_hash_that_rest_gives_the_lie_is_no_loss_and_is_asked_about_once() -> None:
    async with watched() as (feed, setting, truth, told):
        await know_the_hash(setting, truth)
        told.clear()
        for size, asked in ((7_000_000, 2), (6_000_000, 2)):
            setting.hear(truth.change(size, "f" * 40))
            await anyio.sleep(2.5)
            assert len(truth.asked) == asked
        assert not any(isinstance(event, Gap) for event in told)
        assert freshness(feed, A) == "current"


async def test_rest_that_wants_less_is_left_alone_for_as_long_as_it_says() -> None:
    async with watched() as (feed, setting, truth, _):
        truth.fault = TooOften("http://none.invalid", 40.0)
        await until(lambda: truth.asked, 40)
        truth.fault = None
        await anyio.sleep(38)
        assert len(truth.asked) == 1
        assert witness(setting)["refused_429"] == 1
        assert "asked too often" in witness(setting)["last_failure"]
        await until(lambda: freshness(feed, A) == "quiet", 5)


async def test_rest_that_does_not_answer_costs_nothing_but_the_knowledge() -> None:
    async with watched() as (feed, setting, truth, _):
        truth.fault = VenueUnreachable("http://none.invalid", "refused by the script")
        await anyio.sleep(60)
        assert freshness(feed, A) == "current"
        assert witness(setting)["failed"] >= 2
        truth.fault = None
        await until(lambda: freshness(feed, A) == "quiet", 20)


async def test_a_change_of_the_tick_that_the_stream_left_out_is_told_with_the_next_proof() -> None:
    async with watched() as (feed, _, truth, told):
        truth.tick = 10
        await until(lambda: freshness(feed, A) == "quiet", 45)
        assert [(event.old_tick, event.new_tick) for event in told if isinstance(event, TickSizeChanged)] == [(100, 10)]
        assert feed.book(A).tick == 10


async def test_what_many_books_want_is_asked_in_batches_within_the_budget() -> None:
    async with watched(A, B) as (_, _, truth, _):
        await until(lambda: truth.asked, 40)
        assert truth.asked == [(A, B)]


async def test_an_answer_that_comes_after_the_socket_was_lost_proves_nothing() -> None:
    async with watched() as (feed, setting, truth, _):
        truth.takes_s = 5.0
        await until(lambda: truth.asked, 40)
        setting.dial.refuses = True
        setting.dial.last.lose()
        await anyio.sleep(2.5)
        with pytest.raises(BookNotCurrent):
            feed.book(A)
        assert freshness(feed, A) == "resyncing"


async def test_while_no_socket_can_be_had_books_are_read_over_rest_and_answer_where_they_stand_still() -> None:
    async with watched() as (feed, setting, _, told):
        setting.dial.refuses = True
        setting.dial.last.lose()
        await until(lambda: freshness(feed, A) == "quiet", 15)
        assert "it is read over REST" in feed.books[A].reason
        assert {gap.tokens for gap in told if isinstance(gap, Gap)} == {(A,)}


async def test_a_token_that_nobody_follows_any_more_is_dropped_from_the_question() -> None:
    truth = Truth()
    async with a_feed(RAIN, evidence=truth) as (feed, setting):
        truth.takes_s = 5.0
        async with feed.subscribe(tokens=[A]):
            await until(lambda: truth.asked, 40)
        await anyio.sleep(10)
        assert A not in feed.books
        assert witness(setting)["equal"] == witness(setting)["differs"] == 0


async def test_a_book_the_venue_does_not_have_is_counted_and_asked_about_in_a_while() -> None:
    async with watched() as (feed, setting, truth, _):
        truth.unknown.add(A)
        await until(lambda: truth.asked, 40)
        await anyio.sleep(12)
        assert len(truth.asked) == 2
        assert witness(setting)["absent"] == 2
        assert feed.books[A].freshness is Freshness.CURRENT


async def test_a_quiet_market_on_a_socket_that_became_silent_is_open_again() -> None:
    async with watched() as (_, setting, truth, _):
        truth.fault = VenueUnreachable("http://none.invalid", "refused by the script")
        connection = setting.feed._connections.numbered[1]  # noqa: SLF001 - its phase is told nowhere else
        await until(lambda: connection.link.phase is Phase.SILENT, 90)
        truth.fault = None
        await until(lambda: connection.link.phase is Phase.OPEN, 20)
        assert len(setting.dial.sockets) == 1


async def test_a_market_whose_end_the_stream_left_out_is_told_of_once_and_its_book_waits_for_nothing() -> None:
    """The gap of a socket that was away meanwhile has an end too (rs-clob-client#226)."""
    async with watched() as (feed, setting, truth, told):
        condition = ConditionId(f"0x{A[-4:]}")
        truth.unknown.add(A)
        setting.dial.withheld.add(A)
        await anyio.sleep(3)
        truth.ended = MarketResolved(condition, "9", (A, B), B, "No", (), 0, LoopClock().now_ns(), recovered=True)
        setting.dial.last.lose()
        await until(lambda: freshness(feed, A) == "quiet", 20)
        assert [event for event in told if isinstance(event, MarketResolved)] == [truth.ended]
        assert len([event for event in told if isinstance(event, Gap)]) == 1
        assert feed.books[A].reason == "its market is resolved"
        sockets = len(setting.dial.sockets)
        await anyio.sleep(300)
        assert len(setting.dial.sockets) <= sockets + 3
        assert freshness(feed, A) == "quiet"
        setting.hear(resolved(A, B))
        assert len([event for event in told if isinstance(event, MarketResolved)]) == 1


async def test_a_market_that_nobody_follows_any_more_is_asked_about_no_more() -> None:
    truth = Truth()
    async with a_feed(RAIN, evidence=truth) as (feed, _):
        async with feed.subscribe(tokens=[A]):
            await until(lambda: truth.ends_asked, 40)
        asked = len(truth.ends_asked)
        await anyio.sleep(120)
        assert len(truth.ends_asked) == asked
        status: Any = feed.status()
        assert status["statistics"]["witness"]["resolutions"]["followed"] == 0


def test_the_scripted_truth_is_the_scripted_stream_s() -> None:
    """Else these tests would compare two fictions."""
    stated = read_rest_book(msgspec.json.encode(book(A)), 0, Tally()).book
    assert (stated.bids.sizes[-1], stated.venue_ms) == (AS_SCRIPTED, 1_790_000_000_000)
