"""`services.feed.connection`: one socket, its link and its books, over a scripted dial and in virtual time."""

from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest

from polywire.core.book import Book
from polywire.core.link import Phase, Policy
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.market import BookReplaced, BookStated, LevelChanged
from polywire.wire.book_hash import BookTerms, book_hash
from polywire.wire.tape import Record, RecordKind
from services.feed.lone_connection import A, B, C, Setting, open_on, running
from services.feed.scripted import change, token, trade
from services.feed.virtual import LoopClock

pytestmark = pytest.mark.anyio


# ------------------------------------------------------------ what is written


async def test_the_first_frame_of_a_socket_is_the_whole_subscription() -> None:
    async with open_on(A, B) as it:
        assert it.dial.last.asked == [("first", (A, B))]
        assert it.dial.last.requests[0].custom is True
        assert it.dial.last.requests[0].initial_dump is True


async def test_two_hundred_and_fifty_tokens_are_subscribed_to_in_frames_of_a_hundred() -> None:
    async with open_on(*map(token, range(250))) as it:
        assert [(kind, len(tokens)) for kind, tokens in it.dial.last.asked] == [
            ("first", 100),
            ("subscribe", 100),
            ("subscribe", 50),
        ]


async def test_tokens_wanted_while_it_waits_or_dials_are_in_the_first_frame() -> None:
    async with running(A, dial=lambda dial: dial.open.clear()) as it:
        await it.until(lambda: it.dial.under_way)
        it.want(B)
        it.connection.release([A])
        it.dial.open.set()
        await it.until(lambda: it.phase is Phase.OPEN)
        assert it.dial.last.asked == [("first", (B,))]
        it.dial.last.lose()
        await it.until(lambda: it.phase is Phase.WAITING)
        it.want(C)
        await it.until(lambda: it.phase is Phase.OPEN)
        assert it.dial.last.asked == [("first", (B, C))]


async def test_tokens_wanted_and_released_on_an_open_socket_are_told_at_once() -> None:
    async with open_on(A) as it:
        it.want(B)
        assert it.freshness(B) == "syncing"
        await it.until(lambda: it.freshness(B) == "current")
        it.connection.release([A])
        assert A not in it.connection.books
        await it.pass_s(0.01)
        assert it.dial.last.asked == [("first", (A,)), ("subscribe", (B,)), ("unsubscribe", (A,))]
        assert it.freshness(B) == "current"


async def test_a_token_that_leaves_and_comes_back_in_one_turn_gets_its_snapshot() -> None:
    async with open_on(A) as it:
        it.connection.release([A])
        it.want(A)
        assert it.freshness() == "syncing"
        await it.until(lambda: it.freshness() == "current")
        assert it.dial.last.asked[1:] == [("unsubscribe", (A,)), ("subscribe", (A,))]


async def test_a_ping_is_written_only_after_the_subscription_and_then_every_so_often() -> None:
    async with running(A, dial=lambda dial: dial.open.clear(), policy=Policy(dial_s=60)) as it:
        await it.pass_s(30)
        it.dial.open.set()
        await it.pass_s(35)
        assert it.dial.last.sent[1:] == [b"PING"] * 3
        assert it.dial.last.sent[0].startswith(b'{"type":"market"')
        assert it.phase is Phase.OPEN
        assert it.connection.last_pong_s == pytest.approx(LoopClock().monotonic_s(), abs=10)


# ------------------------------------------------------------ a socket that is lost


async def test_books_stop_answering_the_moment_their_socket_is_lost_and_answer_with_their_next_snapshot() -> None:
    async with open_on(A, B) as it:
        it.want(C)
        it.dial.last.lose("the cable was cut")
        assert [it.freshness(one) for one in (A, B, C)] == ["resyncing", "resyncing", "syncing"]
        it.told.clear()
        it.dial.withheld.add(B)
        await it.until(lambda: it.phase is Phase.OPEN and it.freshness() == "current")
        assert it.freshness(B) == "resyncing"
        gaps = it.of(Gap)
        assert [gap.tokens for gap in gaps] == [(A,)]  # C never had a book to be lost
        assert "the cable was cut" in gaps[0].reason or "subscribed" in gaps[0].reason
        changes = [(change.token, change.was, change.now) for change in it.of(FreshnessChanged)]
        assert changes == [(A, "resyncing", "current"), (C, "syncing", "current")]


async def test_a_reader_is_told_of_the_loss_then_of_the_gap_and_the_snapshot() -> None:
    async with open_on(A) as it:
        it.told.clear()
        it.dial.last.lose()
        await it.until(lambda: it.freshness() == "current")
        assert [type(event) for event in it.told] == [FreshnessChanged, Gap, FreshnessChanged, BookReplaced]


async def test_delays_between_dials_grow_until_a_message_comes() -> None:
    async with running(A, roll=0.999, dial=lambda dial: setattr(dial, "refuses", True)) as it:
        await it.until(lambda: it.connection.failed == 7)
        failures = [at for at, _ in it.connection.reasons]
        waits = [round(later - sooner) for sooner, later in pairwise(failures)]
        assert waits == [1, 2, 4, 8, 16, 32]
        it.dial.refuses = False
        await it.until(lambda: it.freshness() == "current")
        it.dial.last.lose()
        began = LoopClock().monotonic_s()
        await it.until(lambda: it.freshness() == "current")
        assert LoopClock().monotonic_s() - began < 1.1


async def test_a_socket_that_is_lost_right_after_its_data_does_not_lengthen_the_delay() -> None:
    """Data is looked for once a second, so what came just before the end must still count."""
    async with running(A, roll=0.999) as it:
        for count in range(1, 6):
            await it.until(lambda: it.freshness() == "current")
            assert len(it.dial.sockets) == count
            it.dial.last.lose()
            await it.pass_s(0)
            assert it.connection.next_try_s(LoopClock().monotonic_s()) == pytest.approx(0.999)
            assert it.connection.link.attempt == 1


async def test_a_socket_that_opens_and_brings_no_data_lengthens_the_delay() -> None:
    async with running(A, roll=0.999, dial=lambda dial: setattr(dial, "serves", False)) as it:
        for attempt in range(1, 5):
            await it.until(lambda: it.phase is Phase.OPEN)
            it.dial.last.hear(b"PONG")
            it.dial.last.hear(b"NO NEW ASSETS")
            it.dial.last.hear(b'{"event_type":"nothing we know"}')
            it.dial.last.lose()
            await it.pass_s(0)
            assert it.connection.link.attempt == attempt


async def test_a_socket_without_pong_and_data_is_closed_and_replaced() -> None:
    async with open_on(A, dial=lambda dial: setattr(dial, "pongs", False)) as it:
        first = it.dial.last
        await it.until(lambda: first.closed)
        assert "neither PONG nor data for 20 s" in it.connection.reasons[-1][1]
        await it.until(lambda: len(it.dial.sockets) == 2 and it.freshness() == "current")


async def test_data_without_pong_keeps_a_socket_and_pong_without_data_does_not() -> None:
    async with open_on(A, dial=lambda dial: setattr(dial, "pongs", False)) as it:
        for _ in range(20):
            await it.pass_s(10)
            it.dial.last.hear(change(A))
        assert len(it.dial.sockets) == 1
    async with open_on(A) as it:
        await it.until(lambda: it.phase is Phase.SILENT)
        assert it.freshness() == "current"
        it.dial.last.hear(trade(A))
        await it.until(lambda: it.phase is Phase.OPEN)
        assert len(it.dial.sockets) == 1
        await it.until(lambda: len(it.dial.sockets) == 2)
        assert "no data for 90 s" in it.connection.reasons[-1][1]


async def test_a_socket_that_carries_news_alone_is_never_too_silent() -> None:
    async with running() as it:
        await it.pass_s(3_600)
        assert len(it.dial.sockets) == 1
        assert it.dial.last.sent[0] == (
            b'{"type":"market","assets_ids":[],"initial_dump":true,"custom_feature_enabled":true}'
        )
        it.dial.pongs = False
        await it.until(lambda: len(it.dial.sockets) == 2)


async def test_a_dial_that_takes_too_long_is_given_up_and_counted() -> None:
    async with running(A, dial=lambda dial: dial.open.clear()) as it:
        await it.until(lambda: it.dial.dials == 3)
        assert it.dial.under_way == 1
        assert it.connection.failed == 2
        assert it.connection.reasons[-1][1] == "dialing took more than 10 s"


async def test_a_peer_that_does_not_answer_a_close_is_dropped() -> None:
    async with open_on(A, dial=lambda dial: setattr(dial, "closes", False)) as it:
        first = it.dial.last
        it.connection.renew("a test wants it")
        await it.until(lambda: it.phase is Phase.CLOSING)
        await it.until(lambda: it.freshness() == "current")
        assert first.over == "dropped by us"
        assert len(it.dial.sockets) == 2


# ------------------------------------------------------------ renewal, and what comes late


async def test_a_renewal_makes_every_book_wait_for_the_new_sockets_snapshot_at_once() -> None:
    async with open_on(A, B) as it:
        it.connection.renew("a test wants it")
        assert (it.freshness(A), it.freshness(B)) == ("resyncing", "resyncing")
        await it.until(lambda: it.freshness(B) == "current")
        assert len(it.dial.sockets) == 2
        assert it.connection.reconnects == 1
        assert "a test wants it" in it.connection.reasons[-1][1]


async def test_a_snapshot_that_comes_between_a_renewal_and_the_close_is_not_believed_afterwards() -> None:
    async with open_on(A) as it:
        it.connection.renew("a test wants it")
        it.dial.open.clear()
        it.dial.last._serve(it.dial.last.requests[0])  # noqa: SLF001 - the venue sends a book of its own accord
        await it.until(lambda: it.dial.under_way)
        assert it.freshness() == "resyncing"
        it.dial.open.set()


async def test_a_renewal_while_it_waits_dials_at_once() -> None:
    async with running(A, roll=0.999, dial=lambda dial: setattr(dial, "refuses", True)) as it:
        await it.until(lambda: it.connection.failed == 7)
        assert (it.connection.next_try_s(LoopClock().monotonic_s()) or 0) > 50
        it.dial.refuses = False
        it.connection.renew("the network is back")
        await it.until(lambda: it.freshness() == "current", within_s=1)


async def test_a_dial_that_is_overtaken_by_a_renewal_is_given_up() -> None:
    async with running(A, dial=lambda dial: dial.open.clear()) as it:
        await it.until(lambda: it.dial.under_way)
        it.connection.renew("a test wants it")
        await it.until(lambda: it.dial.dials == 2)
        assert it.dial.under_way == 1
        it.dial.open.set()
        await it.until(lambda: it.freshness() == "current")
        assert len(it.dial.sockets) == 1


async def test_the_last_words_of_an_old_socket_change_nothing() -> None:
    async with open_on(A, dial=lambda dial: setattr(dial, "closes", False)) as it:
        old = it.dial.last
        it.connection.renew("a test wants it")
        await it.until(lambda: len(it.dial.sockets) == 2 and it.freshness() == "current")
        old._lost("said again")  # noqa: SLF001 - a socket that does not keep its promise
        old.hear(change(A, size="99"))
        await it.pass_s(1)
        assert (it.phase, it.freshness(), len(it.dial.sockets)) == (Phase.OPEN, "current", 2)
        assert it.of(LevelChanged) == []


async def test_a_socket_that_is_lost_before_its_dial_returns_is_dialled_again() -> None:
    async with running(A) as it:
        dial = it.dial

        async def lost_at_once(url: str, heard: Any, lost: Any) -> Any:
            it.connection._dial = dial  # noqa: SLF001 - the next dial is an ordinary one
            socket = await dial(url, heard, lost)
            socket.lose("gone before it was here")
            return socket

        it.connection._dial = lost_at_once  # noqa: SLF001 - the port, for one dial
        await it.until(lambda: it.freshness() == "current")
        assert len(dial.sockets) == 2
        assert dial.sockets[0].sent == []
        assert it.connection.reasons[-1][1] == "gone before it was here"


# ------------------------------------------------------------ suspects


async def test_books_that_garbage_made_suspect_get_their_snapshots_anew_and_the_others_go_on() -> None:
    async with open_on(A, B) as it:
        it.dial.last.hear(
            b'{"event_type":"price_change","market":"0x1","price_changes":[{"asset_id":"%b"}]}' % A.encode()
        )
        assert (it.freshness(A), it.freshness(B)) == ("suspect", "current")
        await it.until(lambda: it.freshness(A) == "current")
        assert it.dial.last.asked[1:] == [("unsubscribe", (A,)), ("subscribe", (A,))]
        assert [gap.tokens for gap in it.of(Gap)] == [(A,)]
        assert len(it.dial.sockets) == 1


async def test_a_venue_that_sends_garbage_all_the_time_is_asked_ever_more_seldom() -> None:
    async with open_on(A) as it:
        times: list[float] = []
        for _ in range(8):
            asked = len(it.dial.last.asked)
            it.dial.last.hear(b"{garbage" * 20)
            await it.until(lambda asked=asked: len(it.dial.last.asked) > asked)  # type: ignore[misc]
            await it.until(lambda: it.freshness() == "current")
            times.append(LoopClock().monotonic_s())
        waits = [later - sooner for sooner, later in pairwise(times)]
        assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4], abs=0.05)
        assert len(it.dial.sockets) == 1


async def test_a_snapshot_that_is_asked_for_anew_and_does_not_come_takes_a_new_socket() -> None:
    async with open_on(A, B) as it:
        it.dial.serves = False
        it.dial.last.hear(b"{garbage" * 20)
        await it.until(lambda: it.dial.sockets[0].closed, within_s=2)
        it.dial.serves = True
        await it.until(lambda: it.freshness(A) == it.freshness(B) == "current")
        assert len(it.dial.sockets) == 2
        assert it.dial.last.asked == [("first", (A, B))]
        assert "did not come" in it.connection.reasons[-1][1]


async def test_suspects_of_a_socket_that_is_being_replaced_are_not_asked_for_on_the_next() -> None:
    async with open_on(A) as it:
        it.dial.last.hear(b"{garbage" * 20)
        it.connection.renew("a test wants it")
        it.dial.last.hear(b"{garbage" * 20)
        await it.until(lambda: it.freshness() == "current")
        await it.pass_s(10)
        assert [socket.asked for socket in it.dial.sockets] == [[("first", (A,))]] * 2


# ------------------------------------------------------------ recording


async def test_a_recording_holds_each_opening_each_frame_in_order_and_each_end_with_its_reason() -> None:
    kept: list[Record] = []
    async with running(A, dial=lambda dial: setattr(dial, "closes", False)) as it:
        it.connection.keep = kept.append
        await it.until(lambda: it.freshness() == "current")
        it.dial.last.hear(change(A), seen_ns=77)
        it.dial.last.hear(b"no json at all {")
        it.dial.last.lose("the cable was cut")
        await it.until(lambda: len(it.dial.sockets) == 2 and it.freshness() == "current")
        it.connection.renew("a test wants it")
        await it.until(lambda: len(it.dial.sockets) == 3 and it.freshness() == "current")
    told = [(record.kind, record.data) for record in kept]
    frames = [data for kind, data in told if kind is RecordKind.FRAME]
    assert frames[1:3] == [change(A), b"no json at all {"]
    assert kept[2].seen_ns == 77
    assert [(kind, data.decode()) for kind, data in told if kind is not RecordKind.FRAME] == [
        (RecordKind.OPENED, ""),
        (RecordKind.CLOSED, "the cable was cut"),
        (RecordKind.OPENED, ""),
        (RecordKind.CLOSED, "closing took more than 2 s"),
        (RecordKind.OPENED, ""),
        (RecordKind.CLOSED, "not needed any more"),
    ]
    assert told[0][0] is RecordKind.OPENED


# ------------------------------------------------------------ its end


@pytest.mark.parametrize("moment", ["dialling", "open", "closing", "waiting"])
async def test_whenever_it_is_cancelled_no_task_and_no_socket_is_left(moment: str) -> None:
    async with running(A, policy=Policy(close_s=1_000)) as it:  # `running` holds the claim
        if moment == "dialling":
            it.dial.open.clear()
            await it.until(lambda: it.dial.under_way)
        else:
            await it.until(lambda: it.freshness() == "current")
        if moment == "closing":
            it.dial.closes = False
            it.connection.renew("a test wants it")
            await it.until(lambda: it.phase is Phase.CLOSING)
        elif moment == "waiting":
            it.dial.refuses = True
            it.dial.last.lose()
            await it.until(lambda: it.connection.failed)
    assert it.dial.under_way == 0


# ------------------------------------------------------------ proof by hash


async def test_an_equal_hash_proves_a_book_as_of_the_change_that_stated_it_and_no_later() -> None:
    """A socket may have frozen right after that change: a gap must not begin at the look that compared the hash."""
    async with open_on(A) as it:
        terms = BookTerms("5", "0.01", neg_risk=False, last_trade_price="")
        mine = it.connection.books[A]
        heard_ns = LoopClock().now_ns()

        def digest(at_ms: int) -> str:
            return book_hash(f"0x{A[-4:]}", A, at_ms, *mine.bare_levels(), terms)

        at_ms = mine.heard_ms
        bids, asks = mine.bare_levels()
        said = BookReplaced(A, mine.condition, bids, asks, 100, None, digest(at_ms), at_ms, heard_ns)
        it.connection.hashes.learn(BookStated(said, 5_000_000, neg_risk=False))
        it.dial.last.hear(change(A), heard_ns)
        plain = it.of(LevelChanged)[-1]
        it.connection.books.levels([msgspec.structs.replace(plain, digest=digest(plain.venue_ms))])
        await it.pass_s(10)
        assert it.connection.hashes.checked == 1
        assert mine.verified_ns == heard_ns


class Hashed:
    """A connection whose one book the venue states the hash of with every change; its fields are learnt from REST."""

    TERMS: Final = BookTerms("5", "0.01", neg_risk=False, last_trade_price="")

    def __init__(self, it: Setting) -> None:
        self.it, self.book = it, it.connection.books[A]
        it.connection.books.prove(A, LoopClock().now_ns() - 1)  # a scripted snapshot is seen at no hour of it
        self.truth = Book(A)
        self.truth.replace(self._stated("", self.book.heard_ms))
        self.now_ms = self.book.heard_ms

    def learn(self) -> None:
        """Let REST say what enters the hash."""
        said = self._stated(self._digest(self.now_ms), self.now_ms)
        self.it.connection.hashes.learn(BookStated(said, 5_000_000, neg_risk=False))

    def change(self, price: int, size: int, *, lost: bool = False) -> None:
        """Let a bid change at the venue, and be told unless it is lost."""
        self.now_ms += 10
        now_ns = LoopClock().now_ns()
        event = LevelChanged(A, self.book.condition, "bid", price, size, 3_400, 3_600, "", self.now_ms, now_ns)
        self.truth.change(event)
        if not lost:
            self.it.connection.books.levels([msgspec.structs.replace(event, digest=self._digest(self.now_ms))])

    def wants(self) -> list[str]:
        """What evidence its book wants."""
        return [want.why.name for want in self.it.connection.wants]

    def _digest(self, at_ms: int) -> str:
        return book_hash(self.book.condition, A, at_ms, *self.truth.bare_levels(), self.TERMS)

    def _stated(self, digest: str, at_ms: int) -> BookReplaced:
        levels = self.book.bare_levels()
        return BookReplaced(A, self.book.condition, *levels, 100, None, digest, at_ms, LoopClock().now_ns())


async def test_what_enters_a_moving_book_s_hash_is_asked_for_until_it_is_known() -> None:
    async with open_on(A) as it:
        hashed = Hashed(it)
        await it.pass_s(2)
        assert hashed.wants() == []
        hashed.change(3_200, 5_000_000)
        await it.pass_s(2)
        assert hashed.wants() == ["UNLEARNT"]
        hashed.learn()
        it.connection.vigil.answered(A)
        await it.pass_s(2)
        assert hashed.wants() == []


async def test_a_hash_that_shows_a_loss_asks_rest_at_once_and_the_gap_is_told_if_the_level_is_stated_anew() -> None:
    async with open_on(A) as it:
        hashed = Hashed(it)
        hashed.learn()
        hashed.change(3_200, 5_000_000)
        await it.pass_s(1.1)
        proven_ns = hashed.book.verified_ns
        hashed.change(3_200, 6_000_000, lost=True)
        hashed.change(3_100, 5_000_000)
        await it.pass_s(1.1)
        assert (hashed.wants(), it.of(Gap)) == (["DOUBTED"], [])
        hashed.change(3_200, 7_000_000)
        await it.pass_s(1.1)
        assert [(gap.from_ns, gap.to_ns) for gap in it.of(Gap)] == [(proven_ns, hashed.book.heard_ns)]
        assert hashed.book.verified_ns == hashed.book.heard_ns


async def test_a_hash_that_was_never_equal_shows_nothing_and_asks_rest_the_second_time() -> None:
    async with open_on(A) as it:
        hashed = Hashed(it)
        hashed.learn()
        hashed.change(3_200, 6_000_000, lost=True)
        for size in (5_000_000, 6_000_000):
            assert hashed.wants() == []
            hashed.change(3_100, size)
            await it.pass_s(1.1)
        assert (hashed.wants(), hashed.book.disproven_ns) == (["DOUBTED"], 0)
