"""How the feed is, in the shape people know it by: connections, subscriptions, statistics."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from polywire.core.lag import Lag, combined
from polywire.services.feed.books import FeedBooks
from polywire.services.feed.connections import Connections
from polywire.services.feed.subscription import Subscription
from polywire.services.line_status import connected, socket_status
from polywire.wire.tally import Tally

_SECOND_NS: Final = 1_000_000_000
_SAMPLES: Final = 8
_SAMPLE_LETTERS: Final = 200


def status_of(
    connections: Connections,
    subscriptions: Collection[Subscription],
    tally: Tally,
    books: FeedBooks,
    *,
    url: str,
    now_s: float,
    former_last_ns: int,
    former_errors: int,
    others: Mapping[str, Mapping[str, object]] | None = None,
    witness: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the status, JSON-ready.

    Args:
        connections: The sockets of the market channel.
        subscriptions: Every subscription that is open.
        tally: What was decoded.
        books: The books of all sockets.
        url: The market channel.
        now_s: Our monotonic clock.
        former_last_ns: When the last event was seen by subscriptions that are no more; 0: never.
        former_errors: Exceptions of their callbacks.
        others: The other channels by name, each as `services.line_status.channel_status` makes it.
        witness: What the comparison with REST says of itself.
    """
    sockets = connections.numbered.values()
    freshness = Counter(book.freshness for book in books.values())
    last_ns = max((former_last_ns, *(one.last_ns for one in subscriptions)))
    return {
        "connections": {
            "clob": {
                "connected": connected(sockets),
                "url": url,
                "tokens": len(books),
                "freshness": {str(state): count for state, count in freshness.items()},
                "sockets": [
                    socket_status(one, now_s) | {"tokens": len(one.tokens), "role": connections.role(one)}
                    for one in sockets
                ],
            },
            **(others or {}),
        },
        "subscriptions": {"total": len(subscriptions), "active": [_subscription(one) for one in subscriptions]},
        "statistics": {
            "frames": connections.total("frames"),
            "bytes": connections.total("bytes"),
            "total_events": tally.decoded,
            "events_by_type": tally.messages,
            "undecoded": dict(tally.undecoded),
            "undecoded_samples": _samples(tally),
            "unknown_fields": {f"{kind}.{field}": count for (kind, field), count in tally.unknown_fields.items()},
            "connection_errors": connections.total("failed"),
            "reconnect_count": connections.total("reconnects"),
            "last_event_at": _time(last_ns),
            "lag": _lag(one.lag for one in sockets),
            "best_price_checks": books.total("best_checks"),
            "best_price_mismatches": books.total("best_mismatches"),
            "pruned_levels": books.total("pruned_levels"),
            "book_checks": books.total("book_checks"),
            "book_mismatches": books.total("book_mismatches"),
            "reader_errors": books.total("reader_errors") + former_errors + sum(one.errors for one in subscriptions),
            **({} if witness is None else {"witness": witness}),
        },
        "background_task": "running" if connections.running else "ended",
    }


def _samples(tally: Tally) -> dict[str, str]:
    """Return the first input of each kind that could not be read, of a few kinds, cut."""
    kinds = tuple(tally.samples)[:_SAMPLES]
    return {kind: _text(tally.samples[kind][0]) for kind in kinds}


def _text(sample: bytes) -> str:
    text = sample.decode(errors="backslashreplace")
    return text if len(text) <= _SAMPLE_LETTERS else f"{text[:_SAMPLE_LETTERS]}…"


def _lag(lags: Iterable[Lag]) -> dict[str, object]:
    figures = combined(lags)
    return {**figures._asdict(), "our_clock_behind_ms": figures.behind_ms}


def _subscription(one: Subscription) -> dict[str, object]:
    return {
        "id": one.id,
        "targets": list(one.targets),
        "tokens": len(one.tokens),
        "created_at": _time(one.created_ns),
        "events_received": one.received,
        "last_event_at": _time(one.last_ns),
        "waiting": one.waiting,
        "dropped": one.dropped,
        "callback_errors": one.errors,
    }


def _time(unix_ns: int) -> str | None:
    """Return a time as ISO 8601 in UTC, to the millisecond; None for 0."""
    if not unix_ns:
        return None
    return datetime.fromtimestamp(unix_ns / _SECOND_NS, UTC).isoformat(timespec="milliseconds")
