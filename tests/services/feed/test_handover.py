"""Standby and renewal: two sockets of one token, and readers who are moved from one to the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from polywire.errors import BookNotCurrent
from polywire.model.events import Event
from polywire.model.health import Freshness
from polywire.model.market import BookReplaced
from polywire.services.feed.connection import Connection
from polywire.services.feed.connections import Connections
from polywire.services.feed.feed import Feed
from services.feed.copied import Stream, health, sizes, trades
from services.feed.feeds import A, B, FeedSetting, a_feed, freshness, until
from services.feed.scripted import ScriptedSocket, resolved, trade

pytestmark = pytest.mark.anyio


class Twins:
    """A feed whose one token two sockets carry, and what its reader was told since both had their books."""

    def __init__(self, feed: Feed, setting: FeedSetting, told: list[Event]) -> None:
        self.feed, self.setting, self.told = feed, setting, told
        self.stream = Stream(A)

    @property
    def sockets(self) -> list[ScriptedSocket]:
        return self.setting.dial.alive

    def hear(self, socket: ScriptedSocket, *numbers: int) -> None:
        """Let messages of the stream arrive on one socket, now."""
        for number in numbers:
            socket.hear(self.stream.messages[number], round(now_ns()))

    def hear_both(self, *numbers: int) -> None:
        for socket in self.sockets:
            self.hear(socket, *numbers)

    @property
    def connections(self) -> Connections:
        return self.feed._connections  # noqa: SLF001 - sockets are no business of a feed's users

    def connection(self, number: int) -> Connection:
        return self.connections.numbered[number]

    def roles(self) -> dict[int, str]:
        every = self.connections
        return {number: every.role(one) for number, one in every.numbered.items()}


def now_ns() -> float:
    return 1_790_000_000_000_000_000 + asyncio.get_running_loop().time() * 1e9


@asynccontextmanager
async def twins(**options: Any) -> AsyncIterator[tuple[Twins, ScriptedSocket, ScriptedSocket]]:
    """Run a feed with a standby for its one token; both have met at the stream's first message."""
    told: list[Event] = []
    async with a_feed(standby=True, **options) as (feed, setting):
        setting.dial.serves = False
        both = Twins(feed, setting, told)
        async with feed.subscribe(tokens=[A], callback=told.append):
            await until(lambda: len(both.sockets) == 2 and all(socket.sent for socket in both.sockets))
            first, second = both.sockets
            for socket in (first, second):
                socket.hear(both.stream.snapshot(), round(now_ns()))
            both.hear_both(both.stream.change())
            told.clear()
            yield both, first, second


# ---------------------------------------------------------------- a socket is lost


async def test_readers_of_a_lost_socket_go_on_at_its_standby_and_hear_of_nothing_but_the_market() -> None:
    async with twins() as (both, first, second):
        both.hear_both(both.stream.change(20))
        first.lose()
        both.hear(second, both.stream.change(21))
        assert sizes(both.told) == [20, 21]
        assert health(both.told) == []
        assert both.feed.book(A).bids[-1].size == 21_000_000
        assert both.roles() == {1: "standby", 2: "authoritative"}


async def test_what_the_standby_had_brought_more_is_told_at_the_cut() -> None:
    async with twins() as (both, first, second):
        numbers = [both.stream.change(20), both.stream.trade(), both.stream.change(21)]
        both.hear(second, *numbers)
        assert sizes(both.told) == []  # nobody is told of it by the standby
        first.lose()
        assert (sizes(both.told), trades(both.told), health(both.told)) == ([20, 21], [("0xabc", False)], [])


async def test_what_the_lost_socket_had_brought_more_is_not_told_again() -> None:
    async with twins() as (both, first, second):
        numbers = [both.stream.change(20), both.stream.trade(), both.stream.change(21), both.stream.change(22)]
        both.hear(first, *numbers[:3])
        first.lose()
        assert freshness(both.feed, A) == "current"
        both.hear(second, *numbers)
        assert (sizes(both.told), trades(both.told), health(both.told)) == ([20, 21, 22], [("0xabc", False)], [])


async def test_a_trade_that_cannot_be_told_from_another_comes_again_marked() -> None:
    async with twins() as (both, first, second):
        numbers = [both.stream.change(20), both.stream.trade("")]
        both.hear(first, *numbers)
        first.lose()
        both.hear(second, *numbers)
        assert trades(both.told) == [("", False), ("", True)]


async def test_a_standby_that_does_not_come_to_the_same_place_hands_over_its_book_and_a_gap() -> None:
    async with twins() as (both, first, second):
        lost = both.stream.change(20)
        both.hear(first, lost)
        first.lose()
        both.hear(second, both.stream.change(21))
        assert health(both.told) == []
        await asyncio.sleep(2.1)
        assert health(both.told) == ["gap"]
        (book,) = (event for event in both.told if isinstance(event, BookReplaced))
        assert book.bids[-1].size == 21_000_000
        both.hear(second, both.stream.change(22))
        assert sizes(both.told) == [20, 22]


async def test_a_token_that_both_were_silent_about_crosses_at_once_with_its_readers() -> None:
    """Its snapshots have digests of their own moments: only the equal books say that the places are one."""
    told: list[Event] = []
    async with a_feed(standby=True) as (feed, setting), feed.subscribe(tokens=[A, B], callback=told.append):
        await until(lambda: len(setting.dial.alive) == 2 and all(socket.sent for socket in setting.dial.alive))
        await asyncio.sleep(0.1)
        told.clear()
        setting.dial.alive[0].lose()
        assert (told, freshness(feed, A), freshness(feed, B)) == ([], "current", "current")


async def test_the_lost_socket_is_dialled_again_and_is_the_standby_of_the_other() -> None:
    async with twins() as (both, first, second):
        both.setting.dial.serves = True
        first.lose()
        await until(lambda: len(both.sockets) == 2)
        await asyncio.sleep(1)
        both.hear_both(both.stream.change(20), both.stream.change(21))
        second.lose()
        both.hear(both.sockets[-1], both.stream.change(22))
        assert sizes(both.told) == [20, 21, 22]
        assert health(both.told) == []
        assert both.feed.status()["statistics"]["reconnect_count"] == 1  # type: ignore[index]


async def test_without_a_hot_standby_the_book_stops_answering_and_goes_on_where_a_book_comes_first() -> None:
    async with twins() as (both, first, second):
        second.lose()
        first.lose()
        with pytest.raises(BookNotCurrent):
            both.feed.book(A)
        assert health(both.told) == ["resyncing"]
        both.setting.dial.serves = True
        await both.feed.until_current(A, within_s=30)
        assert health(both.told) == ["resyncing", "gap", "current"]


async def test_the_status_says_which_socket_is_authoritative() -> None:
    async with twins() as (both, first, _):
        first.lose()
        await until(lambda: len(both.sockets) == 2)
        status: Any = both.feed.status()["connections"]
        assert [one["role"] for one in status["clob"]["sockets"]] == ["standby", "authoritative"]
        assert status["clob"]["tokens"] == 1
        assert both.connections.moved == 1


async def test_a_market_that_ends_ends_on_both_sockets() -> None:
    """Else its book on the standby would go on answering what was resting there."""
    async with twins() as (both, first, second):
        second.hear(resolved(A, B))
        first.lose()
        assert freshness(both.feed, A) == "quiet"
        assert len(both.feed.book(A).bids) == 0


async def test_a_standby_lost_is_nobodys_loss() -> None:
    async with twins() as (both, first, second):
        second.lose()
        both.hear(first, both.stream.change(20))
        assert (sizes(both.told), health(both.told)) == ([20], [])
        assert both.roles() == {1: "authoritative", 2: "standby"}


async def test_an_authoritative_socket_that_falls_silent_is_left_for_its_standby() -> None:
    async with twins() as (both, first, second):
        for _ in range(10):
            both.hear(second, both.stream.change())
            await asyncio.sleep(0.5)
        assert both.told  # within the seconds it may be behind
        assert (sizes(both.told), health(both.told)) == (list(range(12, 22))[: len(sizes(both.told))], [])
        assert first.closed


async def test_a_book_in_doubt_is_left_for_the_standbys() -> None:
    async with twins() as (both, _, _):
        both.connection(1).books.doubt((A,), Freshness.SUSPECT, "a test says so", 1)
        await asyncio.sleep(0.6)
        told = health(both.told)  # its own socket asks for it anew meanwhile
        assert (told[0], told[-2:]) == ("suspect", ["gap", "current"])
        assert freshness(both.feed, A) == "current"


async def test_who_left_a_book_in_doubt_comes_home_once_it_answers_and_hears_nothing_twice() -> None:
    """Nobody looks whether a standby falls behind: who stays there may miss what the other socket brings."""
    async with twins() as (both, first, _):
        both.setting.dial.withheld.add(A)
        both.connection(1).books.doubt((A,), Freshness.SUSPECT, "a test says so", 1)
        await asyncio.sleep(0.6)
        assert both.feed.books[A] is both.connection(2).books[A]
        first.hear(both.stream.snapshot(), round(now_ns()))
        both.told.clear()
        both.hear_both(both.stream.change(20), both.stream.change(21))
        await asyncio.sleep(1)
        assert both.feed.books[A] is both.connection(1).books[A]
        assert both.roles() == {1: "authoritative", 2: "standby"}
        both.hear_both(both.stream.change(22))
        assert (sizes(both.told), health(both.told)) == ([20, 21, 22], [])


# ---------------------------------------------------------------- subscribers meanwhile


async def test_readers_go_on_to_a_third_socket_before_they_have_arrived_at_the_second() -> None:
    async with twins() as (both, first, second):
        both.setting.dial.serves = True
        numbers = [both.stream.change(20), both.stream.change(21), both.stream.trade()]
        both.hear(first, *numbers)
        both.setting.dial.serves = False
        first.lose()
        await until(lambda: len(both.sockets) == 2 and both.sockets[1].sent)
        third = both.sockets[1]
        third.hear(both.stream.snapshot(), round(now_ns()))
        late: list[Event] = []
        async with both.feed.subscribe(tokens=[A], callback=late.append):
            second.lose()
            both.hear(third, both.stream.change(22))
            await asyncio.sleep(3)
            both.hear(third, both.stream.change(23))
            assert sizes(both.told)[:2] == [20, 21]
            assert sizes(both.told)[-1] == sizes(late)[-1] == 23
            assert "gap" in health(late)  # what the others heard of the first they have not
            assert both.feed.book(A).bids[-1].size == 23_000_000


async def test_who_leaves_while_the_standby_catches_up_is_told_nothing_more() -> None:
    async with twins() as (both, first, second):
        left: list[Event] = []
        leaving = both.feed.subscribe(tokens=[A], callback=left.append)
        await leaving.__aenter__()
        number = both.stream.change(20)
        both.hear(first, number)
        first.lose()
        leaving.close()
        both.hear(second, number, both.stream.change(21))
        assert (sizes(left), sizes(both.told)) == ([20], [20, 21])


async def test_who_comes_while_the_standby_catches_up_is_told_what_it_brings() -> None:
    async with twins() as (both, first, second):
        late: list[Event] = []
        number = both.stream.change(20)
        both.hear(first, number)
        first.lose()
        async with both.feed.subscribe(tokens=[A], callback=late.append):
            both.hear(second, number, both.stream.change(21))
            assert (sizes(late), sizes(both.told)) == ([20, 21], [20, 21])


async def test_a_reader_that_raises_at_the_cut_is_counted_and_the_others_are_told() -> None:
    async with twins() as (both, first, second):

        def fail(_: Event) -> None:
            raise ZeroDivisionError

        both.feed.books.read(A, fail)
        before = both.feed.books.total("reader_errors")
        both.hear(second, both.stream.change(20))
        first.lose()
        assert sizes(both.told) == [20]
        assert both.feed.books.total("reader_errors") == before + 1
        both.feed.books.leave(A, fail)


async def test_a_token_released_while_the_standby_catches_up_is_forgotten_on_both() -> None:
    async with twins() as (both, first, second):
        both.hear(first, both.stream.change(20))
        async with both.feed.subscribe(tokens=[B]):
            first.lose()
        assert B not in both.feed.books
        both.hear(second, 1)
        assert sizes(both.told) == [20]


async def test_both_sockets_are_asked_for_what_is_wanted_later_and_given_up() -> None:
    async with twins() as (both, first, second):
        both.setting.dial.serves = True
        async with both.feed.subscribe(tokens=[B]):
            await both.feed.until_current(B)
            assert [socket.asked[-1] for socket in (first, second)] == [("subscribe", (B,))] * 2
        await asyncio.sleep(0.1)
        assert [socket.asked[-1] for socket in (first, second)] == [("unsubscribe", (B,))] * 2
        assert len(both.feed.books) == len(both.feed.books.values()) == 1


# ---------------------------------------------------------------- a socket is renewed


@asynccontextmanager
async def old_socket(**options: Any) -> AsyncIterator[tuple[Twins, ScriptedSocket]]:
    """Run a feed with one socket that has its book."""
    told: list[Event] = []
    async with a_feed(**options) as (feed, setting):
        both = Twins(feed, setting, told)
        setting.dial.serves = False
        async with feed.subscribe(tokens=[A], callback=told.append):
            await until(lambda: both.sockets and both.sockets[0].sent)
            both.sockets[0].hear(both.stream.snapshot(), round(now_ns()))
            both.hear_both(both.stream.change())
            told.clear()
            yield both, both.sockets[0]


async def test_an_old_socket_is_closed_after_a_new_one_has_taken_its_place() -> None:
    async with old_socket() as (both, old):
        assert both.connections.renew_softly(1, "a test asked for it")
        await until(lambda: len(both.sockets) == 2 and both.sockets[1].sent)
        new = both.sockets[1]
        new.hear(both.stream.snapshot(), round(now_ns()))
        numbers = [both.stream.change(20), both.stream.trade(), both.stream.change(21)]
        both.hear(old, *numbers)
        both.hear(new, *numbers)
        await until(lambda: old.closed)
        both.hear(new, both.stream.change(22))
        assert (sizes(both.told), trades(both.told), health(both.told)) == ([20, 21, 22], [("0xabc", False)], [])
        status: Any = both.feed.status()
        assert [one["number"] for one in status["connections"]["clob"]["sockets"]] == [2]
        assert status["statistics"]["best_price_checks"] == 6  # two on the first socket are not forgotten


async def test_sockets_are_renewed_when_they_are_old_and_not_before() -> None:
    async with a_feed(renew_after_s=3_600) as (feed, setting), feed.subscribe(tokens=[A]):
        for _ in range(59):
            await asyncio.sleep(60)
            setting.hear(trade(A))
        assert len(setting.dial.sockets) == 1
        await asyncio.sleep(75)
        assert len(setting.dial.sockets) == 2
        assert setting.dial.sockets[0].over
        assert freshness(feed, A) == "current"


async def test_a_new_socket_that_brings_no_book_is_given_up_and_the_old_one_kept() -> None:
    async with old_socket() as (both, old):
        assert both.connections.renew_softly(1, "a test asked for it")
        assert not both.connections.renew_softly(1, "once is enough")
        await asyncio.sleep(11)
        assert both.sockets == [old]
        both.hear(old, both.stream.change(20))
        assert (sizes(both.told), health(both.told)) == ([20], [])


async def test_an_old_socket_lost_while_it_is_replaced_is_replaced_all_the_same() -> None:
    async with old_socket() as (both, old):
        both.connections.renew_softly(1, "a test asked for it")
        await until(lambda: len(both.sockets) == 2 and both.sockets[1].sent)
        new = both.sockets[1]
        new.hear(both.stream.snapshot(), round(now_ns()))
        both.hear_both(both.stream.change(20))
        old.lose()
        both.hear(new, both.stream.change(21))
        assert (sizes(both.told), health(both.told)) == ([20, 21], [])
        await asyncio.sleep(3)
        assert both.roles() == {2: "authoritative"}


async def test_a_new_socket_lost_in_the_middle_leaves_every_reader_at_the_old_one() -> None:
    async with old_socket() as (both, old):
        other = Stream(B)
        async with both.feed.subscribe(tokens=[B], callback=both.told.append):
            await until(lambda: len(old.asked) > 1)
            old.hear(other.snapshot(), round(now_ns()))
            both.connections.renew_softly(1, "a test asked for it")
            await until(lambda: len(both.sockets) == 2 and both.sockets[1].sent)
            new = both.sockets[1]
            for stream in (both.stream, other):
                new.hear(stream.snapshot(), round(now_ns()))
            both.hear_both(both.stream.change(20))
            await until(lambda: both.feed.books[A] is both.connection(2).books[A])
            assert both.feed.books[B] is both.connection(1).books[B]  # it is not known yet where that one is
            both.told.clear()
            new.lose()
            both.hear(old, both.stream.change(21))
            assert (sizes(both.told), health(both.told)) == ([21], [])
            await asyncio.sleep(3)
            assert both.roles() == {1: "authoritative"}


async def test_what_is_wanted_while_a_socket_is_replaced_is_carried_by_the_new_one_alone() -> None:
    async with old_socket() as (both, old):
        both.connections.renew_softly(1, "a test asked for it")
        await until(lambda: len(both.sockets) == 2 and both.sockets[1].sent)
        new = both.sockets[1]
        async with both.feed.subscribe(tokens=[B]):
            for stream in (both.stream, Stream(B)):
                new.hear(stream.snapshot(), round(now_ns()))
            await until(lambda: old.closed)
            assert freshness(both.feed, B) == "current"
            assert both.roles() == {2: "authoritative"}


async def test_tokens_given_up_while_their_socket_is_replaced_leave_two_sockets_that_close() -> None:
    async with old_socket() as (both, _):
        async with both.feed.subscribe(tokens=[B]):
            both.connections.renew_softly(1, "a test asked for it")
            await until(lambda: len(both.sockets) == 2)
        for one in both.feed._subscriptions.copy().values():  # noqa: SLF001 - whoever they are
            one.close()
        await asyncio.sleep(30)
        assert (both.sockets, len(both.feed.books)) == ([], 0)


async def test_a_socket_that_is_silent_about_a_token_is_replaced_with_a_gap() -> None:
    async with old_socket() as (both, old):
        both.stream.change(20)  # which it never brings
        both.connections.renew_softly(1, "a test asked for it")
        await until(lambda: len(both.sockets) == 2 and both.sockets[1].sent)
        new = both.sockets[1]
        new.hear(both.stream.snapshot(), round(now_ns()))
        await asyncio.sleep(5)
        assert health(both.told) == ["gap"]
        assert both.feed.book(A).bids[-1].size == 20_000_000
        assert old.closed


async def test_with_a_standby_the_old_socket_becomes_the_standby_anew() -> None:
    async with twins() as (both, first, second):
        both.setting.dial.serves = True
        assert both.connections.renew_softly(1, "a test asked for it")
        await until(lambda: first.closed)
        both.hear(second, both.stream.change(20))
        assert (sizes(both.told), health(both.told)) == ([20], [])
        assert both.roles() == {1: "standby", 2: "authoritative"}
        assert both.connections.renew_softly(1, "nobody stands there")
        assert not both.connections.renew_softly(9, "there is none")


async def test_reconnect_takes_new_sockets_and_nobody_believes_a_book_without_its_socket() -> None:
    async with twins() as (both, first, second):
        await both.feed.reconnect()
        assert health(both.told) == ["resyncing"]
        both.setting.dial.serves = True
        await both.feed.until_current(A, within_s=30)
        assert (first.closed, second.closed) == (True, True)
