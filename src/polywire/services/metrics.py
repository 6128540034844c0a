"""An owner's status as Prometheus reads it: text in its exposition format, version 0.0.4."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from polywire.services.owner_protocol import Hello

_MS: Final = 1_000
_CHECKS: Final = ("best_price", "book")
_LAGS: Final = ("p50", "p99", "least")
_WITNESS_GAUGES: Final = {
    "budget_left": ("budget", "Books that may be asked for now"),
    "budget_a_second": ("budget_per_second", "Books by which that grows a second"),
    "paused_s": ("paused_seconds", "For which the venue is not asked, since it refused or failed"),
}
_SOCKET_COUNTS: Final = {
    "frames": "Frames heard on a socket",
    "bytes": "Bytes heard on a socket",
    "reconnects": "Times a socket was opened after the first",
    "failed_dials": "Dials of a socket that failed",
}
_SOCKET_AGES: Final = {
    "age_s": ("age", "Since a socket was last opened"),
    "last_data_s": ("since_data", "Since data last came on a socket"),
    "last_pong_s": ("since_pong", "Since the last PONG came on a socket"),
}


def prometheus_text(hello: Hello, status: Mapping[str, Any]) -> str:
    """Return a status as metrics, all named `polywire_…`.

    What never was (a PONG before the first) is left out. A socket's series end with it; what is counted of all sockets
    ever goes on.

    Args:
        hello: What its owner said first.
        status: As `polywire status --json` has it, or as `feed.status()` returns it.
    """
    registry = CollectorRegistry()
    registry.register(_Told(hello, status))
    return generate_latest(registry).decode()


class _Told(Collector):
    def __init__(self, hello: Hello, status: Mapping[str, Any]) -> None:
        self._hello, self._status = hello, status

    def collect(self) -> Iterator[Metric]:
        told = {"version": self._hello.polywire, "venue": self._hello.venue, "address": self._hello.address}
        yield InfoMetricFamily("polywire", "Which Polywire this is, and what it is connected to.", told)
        yield from _channels(self._status["connections"])
        yield from _sockets(self._status["connections"])
        yield from _subscriptions(self._status["subscriptions"])
        yield from _undecoded(self._status)
        yield from _decoding(self._status["statistics"])
        yield from _checking(self._status["statistics"])
        yield from _lag(self._status["statistics"])
        yield from _witness(self._status["statistics"].get("witness", {}))
        if "journal" in self._status:
            yield from _watches(self._status["watches"])
            yield from _journal(self._status["journal"])


def _channels(connections: Mapping[str, Any]) -> Iterator[Metric]:
    up = GaugeMetricFamily("polywire_connected", "Whether every socket of a channel is open (1).", labels=["channel"])
    states = GaugeMetricFamily("polywire_sockets", "Sockets, by state.", labels=["channel", "state"])
    books = GaugeMetricFamily("polywire_books", "Books, by freshness.", labels=["channel", "freshness"])
    for name, channel in connections.items():
        up.add_metric([name], float(channel["connected"]))
        found: dict[str, int] = {}
        for socket in channel["sockets"]:
            found[socket["state"]] = found.get(socket["state"], 0) + 1
        for state, count in sorted(found.items()):
            states.add_metric([name, state], count)
        for freshness, count in sorted(channel.get("freshness", {}).items()):
            books.add_metric([name, freshness], count)
    yield from (up, states, books)


def _sockets(connections: Mapping[str, Any]) -> Iterator[Metric]:
    labels = ["channel", "socket"]
    sockets = [
        ([name, str(socket["number"])], socket)
        for name, channel in connections.items()
        for socket in channel["sockets"]
    ]
    tokens = GaugeMetricFamily("polywire_socket_tokens", "Tokens that a socket carries.", labels=labels)
    for at, socket in sockets:
        if "tokens" in socket:
            tokens.add_metric(at, socket["tokens"])
    yield tokens
    for key, what in _SOCKET_COUNTS.items():
        counter = CounterMetricFamily(f"polywire_socket_{key}", f"{what}.", labels=labels)
        for at, socket in sockets:
            counter.add_metric(at, socket[key])
        yield counter
    for key, (name, what) in _SOCKET_AGES.items():
        age = GaugeMetricFamily(f"polywire_socket_{name}_seconds", f"{what}.", labels=labels)
        for at, socket in sockets:
            if socket[key] is not None:
                age.add_metric(at, socket[key])
        yield age


def _subscriptions(told: Mapping[str, Any]) -> Iterator[Metric]:
    active = told["active"]
    yield GaugeMetricFamily("polywire_subscriptions", "Subscriptions that are open.", told["total"])
    waiting = sum(one["waiting"] for one in active)
    yield GaugeMetricFamily("polywire_events_waiting", "Events that wait for slow readers.", waiting)
    dropped = sum(one["dropped"] for one in active)
    yield GaugeMetricFamily("polywire_events_conflated", "Events that open subscriptions never saw.", dropped)


def _undecoded(status: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield what each channel could not read, and what it says it missed; the market channel's is in the statistics."""
    undecoded = CounterMetricFamily("polywire_undecoded", "What could not be read.", labels=["channel", "kind"])
    gaps = CounterMetricFamily("polywire_gaps", "Gaps that a channel's readers were told of.", labels=["channel"])
    for name, channel in status["connections"].items():
        of_channel = channel.get("undecoded", status["statistics"]["undecoded"] if name == "clob" else {})
        for kind, count in of_channel.items():
            undecoded.add_metric([name, kind], count)
        if "gaps" in channel:
            gaps.add_metric([name], channel["gaps"])
    yield from (undecoded, gaps)


def _decoding(numbers: Mapping[str, Any]) -> Iterator[Metric]:
    yield CounterMetricFamily("polywire_frames", "Frames heard on all sockets ever.", numbers["frames"])
    yield CounterMetricFamily("polywire_bytes", "Bytes heard on all sockets ever.", numbers["bytes"])
    messages = CounterMetricFamily("polywire_messages", "Messages decoded, by kind.", labels=["kind"])
    for kind, count in numbers["events_by_type"].items():
        messages.add_metric([kind], count)
    yield messages
    yield CounterMetricFamily("polywire_reconnects", "Sockets opened after the first.", numbers["reconnect_count"])
    yield CounterMetricFamily("polywire_connection_errors", "Dials that failed.", numbers["connection_errors"])
    yield CounterMetricFamily("polywire_reader_errors", "Exceptions of callbacks.", numbers["reader_errors"])
    if numbers["last_event_at"] is not None:
        at = datetime.fromisoformat(numbers["last_event_at"]).timestamp()
        yield GaugeMetricFamily("polywire_last_event_timestamp_seconds", "When a reader was last told anything.", at)


def _checking(numbers: Mapping[str, Any]) -> Iterator[Metric]:
    made = CounterMetricFamily("polywire_checks", "Comparisons with what the venue states.", labels=["of"])
    failed = CounterMetricFamily("polywire_mismatches", "Of those, the ones that differed.", labels=["of"])
    for of in _CHECKS:
        made.add_metric([of], numbers[f"{of}_checks"])
        failed.add_metric([of], numbers[f"{of}_mismatches"])
    yield from (made, failed)
    yield CounterMetricFamily("polywire_pruned_levels", "Stale levels taken out.", numbers["pruned_levels"])


def _lag(numbers: Mapping[str, Any]) -> Iterator[Metric]:
    lag = numbers["lag"]
    family = GaugeMetricFamily(
        "polywire_lag_seconds", "Our clock when a message was seen less the venue's time of it.", labels=["figure"]
    )
    for name in _LAGS:
        if lag[f"{name}_ms"] is not None:
            family.add_metric([name], lag[f"{name}_ms"] / _MS)
    yield family


def _witness(told: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield what the comparison with REST counts; it may learn to count more without a change here."""
    for key, (name, what) in _WITNESS_GAUGES.items():
        if key in told:
            yield GaugeMetricFamily(f"polywire_witness_{name}", f"{what}.", told[key])
    counts = CounterMetricFamily(
        "polywire_witness", "Books compared with REST, by what came of it.", labels=["outcome"]
    )
    waiting = GaugeMetricFamily("polywire_witness_waiting", "Books that wait to be compared.", labels=["why"])
    for name, value in told.items():
        if name == "waiting":
            for why, count in (value if isinstance(value, Mapping) else {"any": value}).items():
                waiting.add_metric([why], count)
        elif isinstance(value, int) and name not in _WITNESS_GAUGES:
            counts.add_metric([name], value)
    if told:
        yield from (counts, waiting)


def _watches(told: Mapping[str, Any]) -> Iterator[Metric]:
    yield GaugeMetricFamily("polywire_watches", "Watches that stand.", told["count"])
    doubtful = len(told["in_doubt"])
    yield GaugeMetricFamily("polywire_watches_in_doubt", "Watches with tokens that are not judged now.", doubtful)
    unwritten = told["unwritten"]
    yield GaugeMetricFamily("polywire_watches_unwritten", "Entries that the journal did not take so far.", unwritten)


def _journal(told: Mapping[str, Any]) -> Iterator[Metric]:
    kept = told["newest"] - told["oldest"] + 1
    yield CounterMetricFamily("polywire_journal_entries", "Entries ever written.", told["newest"])
    yield GaugeMetricFamily("polywire_journal_kept_entries", "Entries that were not removed.", kept)
    yield GaugeMetricFamily("polywire_journal_bytes", "Size of the journal on disk.", told["bytes"])
    yield GaugeMetricFamily("polywire_journal_waiting", "Entries that wait for the disk.", told["waiting"])
    yield CounterMetricFamily("polywire_journal_commits", "Transactions since the owner started.", told["commits"])
