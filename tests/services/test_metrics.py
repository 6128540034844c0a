"""The status as Prometheus reads it: its own reader parses what is written, and finds what the feed says."""

import asyncio
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from polywire.services.metrics import prometheus_text
from polywire.services.owner_protocol import PROTOCOL, Hello
from services.feed.feeds import A, B, a_feed
from services.feed.scripted import change, trade
from services.feed.virtual import VirtualLoop

pytestmark = pytest.mark.anyio

HELLO = Hello(PROTOCOL, "1.2.3", 4, 'the "paper"\nvenue', "http://127.0.0.1:1", background=False)
WITNESS = {
    "asked": 40, "differs": 2, "refused_429": 1, "budget_left": 360, "budget_a_second": 400.0, "paused_s": 2.5,
    "waiting": {"quiet": 5, "crossed": 1}, "last_failure": "HTTP 429",
}  # fmt: skip


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Samples:
    """Return every sample by name and labels, each of which may stand there once."""
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith("."), family.name
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples, key
            samples[key] = sample.value
    return samples


def at(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"polywire_{name}", tuple(sorted(labels.items()))]


def names(samples: Samples) -> set[str]:
    return {name for name, _ in samples}


async def status_after_a_while(**also: Any) -> dict[str, Any]:
    """Return the status of a feed that has seen most of what can happen."""
    async with a_feed() as (feed, venue), feed.subscribe(tokens=[A, B]) as stream:
        await feed.until_current(A, B)
        venue.dial.last.lose("the cable was cut")
        await feed.until_current(A, B)
        for frame in (change(A, B), change(A), trade(A), b'not json "\\ \n' * 9):
            venue.hear(frame)
        await asyncio.sleep(5)  # its books were asked for anew
        venue.dial.last.hear(change(A), 1_790_000_000_021 * 1_000_000)
        await asyncio.sleep(26)
        assert stream.received
        status: Any = feed.status()
        status["statistics"] |= also
        return dict(status)


async def test_every_number_of_the_status_is_there_under_a_name_of_its_own() -> None:
    status = await status_after_a_while(witness=WITNESS)
    samples = parsed(prometheus_text(HELLO, status))
    told = status["statistics"]
    (socket,) = status["connections"]["clob"]["sockets"]
    assert at(samples, "connected", channel="clob") == 1
    assert at(samples, "sockets", channel="clob", state="open") == 1
    of_books = {dict(labels)["freshness"]: n for (name, labels), n in samples.items() if name == "polywire_books"}
    assert of_books == status["connections"]["clob"]["freshness"]
    assert at(samples, "socket_tokens", channel="clob", socket="1") == 2
    assert at(samples, "socket_frames_total", channel="clob", socket="1") == socket["frames"]
    assert at(samples, "socket_bytes_total", channel="clob", socket="1") == socket["bytes"]
    assert at(samples, "socket_reconnects_total", channel="clob", socket="1") == socket["reconnects"] >= 1
    assert at(samples, "socket_age_seconds", channel="clob", socket="1") == socket["age_s"]
    assert at(samples, "socket_since_pong_seconds", channel="clob", socket="1") == socket["last_pong_s"]
    assert at(samples, "frames_total") == told["frames"] > 5
    assert at(samples, "bytes_total") == told["bytes"]
    assert at(samples, "messages_total", kind="price_change") == 3
    assert at(samples, "undecoded_total", channel="clob", kind="not-json") == 1
    assert at(samples, "reconnects_total") == told["reconnect_count"] >= 1
    assert at(samples, "checks_total", of="best_price") == told["best_price_checks"]
    assert at(samples, "mismatches_total", of="book") == 0
    assert at(samples, "subscriptions") == 1
    assert at(samples, "events_waiting") == status["subscriptions"]["active"][0]["waiting"]
    assert at(samples, "lag_seconds", figure="p50") == told["lag"]["p50_ms"] / 1_000 == 0.02
    assert at(samples, "witness_total", outcome="differs") == 2
    assert at(samples, "witness_waiting", why="quiet") == 5
    assert at(samples, "witness_budget") == 360
    assert at(samples, "witness_paused_seconds") == 2.5
    assert at(samples, "info", version="1.2.3", venue='the "paper"\nvenue', address="http://127.0.0.1:1") == 1


async def test_watches_and_journal_are_told_where_the_owner_has_them() -> None:
    watches = {"count": 7, "in_doubt": {"w-1": ["2"]}, "unwritten": 0}
    journal = {"id": "0123456789ab", "newest": 1_200, "oldest": 201, "bytes": 4_096, "waiting": 3, "commits": 9}
    async with a_feed() as (_, venue):
        alone = parsed(prometheus_text(HELLO, venue.status))
        samples = parsed(prometheus_text(HELLO, {**venue.status, "watches": watches, "journal": journal}))
    assert {name for name in names(samples) if "watch" in name or "journal" in name}.isdisjoint(names(alone))
    assert at(samples, "watches") == 7
    assert at(samples, "watches_in_doubt") == 1
    assert at(samples, "watches_unwritten") == 0
    assert at(samples, "journal_entries_total") == 1_200
    assert at(samples, "journal_kept_entries") == 1_000
    assert at(samples, "journal_bytes") == 4_096
    assert at(samples, "journal_waiting") == 3
    assert at(samples, "journal_commits_total") == 9


async def test_a_feed_that_has_heard_nothing_yet_has_metrics_and_leaves_out_what_never_was() -> None:
    async with a_feed() as (feed, venue):
        samples = parsed(prometheus_text(HELLO, venue.status))
        assert at(samples, "frames_total") == 0
        assert at(samples, "connected", channel="clob") == 0
        venue.dial.open.clear()
        async with feed.subscribe(tokens=[A]):
            await asyncio.sleep(1)
            samples = parsed(prometheus_text(HELLO, venue.status))
            assert at(samples, "sockets", channel="clob", state="dialing") == 1
            absent = {"lag_seconds", "last_event_timestamp_seconds", "socket_age_seconds", "witness_total"}
            assert names(samples).isdisjoint(f"polywire_{name}" for name in absent)
            venue.dial.open.set()
            await feed.until_current(A)


async def test_other_channels_have_the_same_metrics_under_their_name() -> None:
    status = await status_after_a_while()
    one = {key: value for key, value in status["connections"]["clob"]["sockets"][0].items() if key != "tokens"}
    rtds = {"connected": False, "url": "ws://rtds.invalid", "sockets": [one], "undecoded": {"comments": 4}, "gaps": 2}
    status["connections"]["rtds"] = rtds
    samples = parsed(prometheus_text(HELLO, status))
    assert at(samples, "connected", channel="rtds") == 0
    assert at(samples, "socket_frames_total", channel="rtds", socket="1") == one["frames"]
    assert at(samples, "undecoded_total", channel="rtds", kind="comments") == 4
    assert at(samples, "undecoded_total", channel="clob", kind="not-json") == 1
    assert at(samples, "gaps_total", channel="rtds") == 2
    assert ("polywire_socket_tokens", (("channel", "rtds"), ("socket", "1"))) not in samples


async def test_a_number_that_only_grows_is_a_counter_and_the_others_are_gauges() -> None:
    text = prometheus_text(HELLO, await status_after_a_while(witness=WITNESS | {"waiting": 3}))
    types = {family.name: family.type for family in text_string_to_metric_families(text)}
    assert {name for name, kind in types.items() if kind == "counter"} == {
        f"polywire_{name}" for name in (
            "socket_frames", "socket_bytes", "socket_reconnects", "socket_failed_dials", "frames", "bytes", "messages",
            "undecoded", "gaps", "reconnects", "connection_errors", "reader_errors", "checks", "mismatches",
            "pruned_levels", "witness",
        )
    }  # fmt: skip
    assert set(types.values()) == {"counter", "gauge"}
    assert at(parsed(text), "witness_waiting", why="any") == 3
