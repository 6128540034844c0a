"""What a feed says of itself: each socket, how late messages come, what could not be read, and who else is there."""

import asyncio
import json
from typing import Any

import pytest

from polywire.services.feed.status import status_of
from polywire.services.line_status import channel_status
from services.feed.feeds import A, B, FeedSetting, a_feed, until
from services.feed.scripted import change

pytestmark = pytest.mark.anyio

MS_NS = 1_000_000
SENT_MS = 1_790_000_000_001
"""The venue's time in `scripted.change`."""


def socket(venue: FeedSetting) -> Any:
    (one,) = venue.status["connections"]["clob"]["sockets"]
    return one


async def test_a_socket_says_its_state_its_age_and_when_it_last_heard_what() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A, B]):
        await feed.until_current(A, B)
        await asyncio.sleep(30)  # PINGs have been answered; the data has been looked at
        one = socket(venue)
        assert (one["number"], one["state"], one["tokens"], one["local"]) == (1, "open", 2, "127.0.0.1:1")
        assert 29 < one["age_s"] < 31
        assert 28 < one["last_data_s"] < 31
        assert one["last_pong_s"] < 11
        assert one["frames"] == 1 + sum(frame == b"PING" for frame in venue.dial.last.sent)
        assert one["bytes"] > 400
        assert (one["opened"], one["reconnects"], one["failed_dials"], one["reasons"]) == (1, 0, 0, [])
        assert one["next_try_s"] is None


async def test_a_socket_that_was_lost_says_why_and_how_often() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A]):
        await feed.until_current(A)
        for reason in ("the cable was cut", "and cut again"):
            venue.dial.last.lose(reason)
            await feed.until_current(A)
        one = socket(venue)
        assert (one["opened"], one["reconnects"]) == (3, 2)
        assert [told["reason"] for told in one["reasons"]] == ["the cable was cut", "and cut again"]
        assert one["reasons"][0]["seconds_ago"] > one["reasons"][1]["seconds_ago"] > 0


async def test_a_socket_that_never_was_has_no_ages() -> None:
    async with a_feed() as (feed, venue):
        venue.dial.open.clear()
        async with feed.subscribe(tokens=[A]):
            await asyncio.sleep(1)
            one = socket(venue)
            assert (one["state"], one["local"]) == ("dialing", None)
            assert one["age_s"] is one["last_data_s"] is one["last_pong_s"] is None
            venue.dial.open.set()
            await feed.until_current(A)


async def test_frames_and_bytes_of_sockets_that_are_no_more_still_count() -> None:
    async with a_feed(spare_s=1.0) as (feed, venue):
        async with feed.subscribe(tokens=[A]):
            await feed.until_current(A)
            before = venue.status["statistics"]
            assert (before["frames"], before["bytes"]) == (socket(venue)["frames"], socket(venue)["bytes"])
        await asyncio.sleep(5)
        after = venue.status
        assert after["connections"]["clob"]["sockets"] == []
        assert (after["statistics"]["frames"], after["statistics"]["bytes"]) == (before["frames"], before["bytes"])
        assert before["frames"] > 0


async def test_the_lag_is_sampled_once_a_second_of_each_token_that_spoke() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A, B]):
        await feed.until_current(A, B)
        await asyncio.sleep(2)
        assert venue.status["statistics"]["lag"] == {
            "p50_ms": None, "p99_ms": None, "least_ms": None, "samples": 0, "our_clock_behind_ms": 0.0,
        }, "the time of a snapshot may be that of an old change"  # fmt: skip
        for late_ms in range(100):
            venue.dial.last.hear(change(A), (SENT_MS + late_ms) * MS_NS)
        venue.dial.last.hear(change(B), (SENT_MS + 12) * MS_NS)
        await until(lambda: venue.status["statistics"]["lag"]["samples"])
        lag = venue.status["statistics"]["lag"]
        assert (lag["samples"], lag["least_ms"], lag["p99_ms"]) == (2, 12.0, 99.0)
        await asyncio.sleep(5)
        assert venue.status["statistics"]["lag"] == lag, "a token that is silent says nothing new"


async def test_a_clock_of_ours_that_is_behind_the_venues_is_said_so() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A]):
        await feed.until_current(A)
        venue.dial.last.hear(change(A), (SENT_MS - 250) * MS_NS)
        await until(lambda: venue.status["statistics"]["lag"]["samples"])
        assert venue.status["statistics"]["lag"]["our_clock_behind_ms"] == 250.0


async def test_what_could_not_be_read_is_shown_a_few_kinds_of_it_cut_and_never_as_bytes() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A]):
        await feed.until_current(A)
        venue.hear(b"\xff\x1b[31m neither JSON nor a word, and long" + b"!" * 5_000)
        for number in range(20):
            venue.hear(b'{"event_type":"news_%d","timestamp":"1"}' % number)
        statistics = json.loads(json.dumps(feed.status()))["statistics"]
        samples = statistics["undecoded_samples"]
        assert sum(statistics["undecoded"].values()) == 21
        assert len(samples) == 8
        assert samples["not-json"].startswith(r"\xff")
        assert len(samples["not-json"]) == 201
        assert samples["unknown:news_3"] == '{"event_type":"news_3","timestamp":"1"}'


async def test_other_channels_and_the_comparison_with_rest_have_their_place() -> None:
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A]):
        await feed.until_current(A)
        lines = list(feed._connections.numbered.values())  # noqa: SLF001 - stands for another channel's sockets
        now_s = asyncio.get_running_loop().time()
        status: Any = status_of(
            feed._connections,  # noqa: SLF001 - as above
            (),
            feed.tally,
            feed.books,
            url="ws://none.invalid",
            now_s=now_s,
            former_last_ns=0,
            former_errors=0,
            others={"rtds": channel_status("ws://rtds.invalid", lines, now_s)},
            witness={"asked": 3, "budget_left": 97},
        )
        assert list(status["connections"]) == ["clob", "rtds"]
        rtds = status["connections"]["rtds"]
        assert (rtds["connected"], rtds["url"]) == (True, "ws://rtds.invalid")
        assert set(rtds["sockets"][0]) == set(status["connections"]["clob"]["sockets"][0]) - {"tokens", "role"}
        assert status["statistics"]["witness"] == {"asked": 3, "budget_left": 97}
        assert channel_status("ws://rtds.invalid", (), now_s)["connected"] is False
        assert venue.status["background_task"] == "running"
