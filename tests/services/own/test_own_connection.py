"""The socket of the user channel."""

import asyncio
import json

import pytest

from polywire.core.link import Phase
from polywire.wire.tape import Record, RecordKind
from services.own.accounts import CREDENTIALS, MARKED, own_feed

pytestmark = pytest.mark.anyio


async def test_the_first_frame_says_who_listens_and_a_ping_behind_it_asks_whether_it_was_taken() -> None:
    async with own_feed() as own:
        first, second = own.dial.last.sent[:2]
        auth = {"apiKey": CREDENTIALS.key, "secret": CREDENTIALS.secret, "passphrase": CREDENTIALS.passphrase}
        assert json.loads(first) == {"type": "user", "auth": auth, "markets": []}
        assert second == b"PING"
        assert own.feed.connection.begun


async def test_nothing_has_begun_before_the_answer() -> None:
    async with own_feed(begun=False) as own:
        own.dial.pongs = False
        await own.until(lambda: own.feed.connection.link.phase is Phase.OPEN)
        assert not own.feed.connection.begun
        assert not await own.feed.connection.sound(1.0)
        own.dial.last.hear(b"PONG")
        assert own.feed.connection.begun


async def test_credentials_that_are_not_taken_are_tried_ever_more_seldom_and_nothing_counts_as_lost() -> None:
    """The venue drops such a socket without a word. Source: docs/protocol.md, "User channel"."""
    async with own_feed(begun=False) as own:
        own.dial.pongs = False
        waits = []
        for number in range(1, 6):
            waits.append(await own.until(own.opened(number)))
            own.dial.last.lose("reset")
        assert waits == pytest.approx([0, 0.5, 1, 2, 4], abs=0.1)
        assert own.gaps == []


async def test_a_socket_that_was_taken_makes_the_next_delay_a_first_one_though_nothing_else_was_heard() -> None:
    async with own_feed() as own:
        for number in range(2, 6):
            await own.until(lambda: own.feed.connection.last_data_s)
            await asyncio.sleep(1.5)  # virtual: it looks for data once a second
            own.dial.last.lose("cut")
            assert await own.until(own.opened(number)) == pytest.approx(0.5, abs=0.1)
            await own.until(lambda: own.feed.connection.begun)


async def test_hours_without_an_event_are_no_fault_and_a_missing_pong_is() -> None:
    async with own_feed() as own:
        await asyncio.sleep(7_200)
        assert (own.feed.connection.opened, own.feed.connection.begun) == (1, True)
        own.dial.pongs = False
        assert await own.until(lambda: len(own.dial.sockets) == 2) < 35
        assert "neither PONG nor data" in own.feed.connection.reasons[-1][1]


async def test_what_was_written_before_is_heard_when_it_is_sounded() -> None:
    async with own_feed() as own:
        own.dial.last.hear_soon(b'{"event_type":"order"}')
        assert await own.feed.connection.sound(1.0)
        assert own.feed.connection.begun
        own.dial.pongs = False
        assert not await own.feed.connection.sound(1.0)
        sounding = asyncio.create_task(own.feed.connection.sound(1.0))
        also = asyncio.create_task(own.feed.connection.sound(1.0))
        await asyncio.sleep(0)
        own.dial.last.lose("cut")
        assert not await sounding
        assert not await also


async def test_a_recording_holds_what_came_and_nothing_that_was_sent() -> None:
    async with own_feed() as own:
        kept: list[Record] = []
        own.feed.record(kept.append)
        own.feed.renew("another, to be recorded whole")
        await own.until(lambda: len(own.dial.sockets) == 2 and own.feed.connection.begun)
        own.hear("order")
        kinds = {record.kind for record in kept}
        assert kinds == {RecordKind.CLOSED, RecordKind.OPENED, RecordKind.FRAME}
        assert {record.source for record in kept} == {"clob-user"}
        assert not [record for record in kept for mark in MARKED if mark.encode() in record.data]
        own.feed.record(None)
