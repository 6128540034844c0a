"""How the feed is, in the shape people know it by: connections, subscriptions, statistics."""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime

from polywire.services.feed.books import FeedBooks
from polywire.services.feed.connection import Connection
from polywire.services.feed.connections import Connections
from polywire.services.feed.subscription import Subscription
from polywire.wire.tally import Tally

_SECOND_NS = 1_000_000_000


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
) -> dict[str, object]:
    """Return the status, JSON-ready.

    Args:
        connections: The sockets.
        subscriptions: Every subscription that is open.
        tally: What was decoded.
        books: The books of all sockets.
        url: The market channel.
        now_s: Our monotonic clock.
        former_last_ns: When the last event was seen by subscriptions that are no more; 0: never.
        former_errors: Exceptions of their callbacks.
    """
    sockets = connections.numbered.values()
    freshness = Counter(str(book.freshness) for book in books.values())
    last_ns = max((former_last_ns, *(one.last_ns for one in subscriptions)))
    return {
        "connections": {
            "clob": {
                "connected": bool(sockets) and all(one.connected for one in sockets),
                "url": url,
                "tokens": len(books),
                "freshness": dict(freshness),
                "sockets": [_socket(one, now_s) for one in sockets],
            }
        },
        "subscriptions": {"total": len(subscriptions), "active": [_subscription(one) for one in subscriptions]},
        "statistics": {
            "total_events": tally.decoded,
            "events_by_type": tally.messages,
            "undecoded": dict(tally.undecoded),
            "unknown_fields": {f"{kind}.{field}": count for (kind, field), count in tally.unknown_fields.items()},
            "connection_errors": connections.total("failed"),
            "reconnect_count": connections.total("reconnects"),
            "last_event_at": _time(last_ns),
            "best_price_checks": books.total("best_checks"),
            "best_price_mismatches": books.total("best_mismatches"),
            "pruned_levels": books.total("pruned_levels"),
            "book_checks": books.total("book_checks"),
            "book_mismatches": books.total("book_mismatches"),
            "reader_errors": books.total("reader_errors") + former_errors + sum(one.errors for one in subscriptions),
        },
        "background_task": "running" if connections.running else "ended",
    }


def _socket(one: Connection, now_s: float) -> dict[str, object]:
    age_s = None if one.opened_s is None else now_s - one.opened_s
    return {
        "number": one.number,
        "state": one.link.phase.value,
        "local": one.socket_address,
        "tokens": len(one.tokens),
        "age_s": _rounded(age_s),
        "last_data_s": _ago(one.last_data_s, now_s),
        "last_pong_s": _ago(one.last_pong_s, now_s),
        "frames": one.frames,
        "bytes": one.bytes,
        "bytes_per_second": round(one.bytes_a_second(now_s), 1),
        "opened": one.opened,
        "failed_dials": one.failed,
        "next_try_s": _rounded(one.next_try_s(now_s)),
        "reasons": [{"seconds_ago": _ago(at, now_s), "reason": reason} for at, reason in one.reasons],
    }


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


def _ago(at_s: float | None, now_s: float) -> float | None:
    return None if at_s is None else _rounded(now_s - at_s)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
