"""How sockets are, JSON-ready: the same shape for every channel."""

from collections.abc import Collection

from polywire.services.line import Line


def channel_status(url: str, lines: Collection[Line], now_s: float) -> dict[str, object]:
    """Return how a channel is: whether every socket that it needs is there, and each of them.

    Args:
        url: Where the channel is.
        lines: Its sockets.
        now_s: Our monotonic clock.
    """
    return {"connected": connected(lines), "url": url, "sockets": [socket_status(one, now_s) for one in lines]}


def connected(lines: Collection[Line]) -> bool:
    """Return whether there are sockets, and every one of them may bring data."""
    return bool(lines) and all(one.connected for one in lines)


def socket_status(one: Line, now_s: float) -> dict[str, object]:
    """Return how one socket is. Ages in seconds; None: it never was.

    Args:
        one: The socket.
        now_s: Our monotonic clock.
    """
    return {
        "number": one.number,
        "state": one.link.phase.value,
        "local": one.socket_address,
        "age_s": ago(one.opened_s, now_s),
        "last_data_s": ago(one.last_data_s, now_s),
        "last_pong_s": ago(one.last_pong_s, now_s),
        "frames": one.frames,
        "bytes": one.bytes,
        "bytes_per_second": round(one.bytes_a_second(now_s), 1),
        "opened": one.opened,
        "reconnects": one.reconnects,
        "failed_dials": one.failed,
        "next_try_s": _rounded(one.next_try_s(now_s)),
        "reasons": [{"seconds_ago": ago(at, now_s), "reason": reason} for at, reason in one.reasons],
    }


def ago(at_s: float | None, now_s: float) -> float | None:
    """Return how many seconds ago something was, to the millisecond; None: it never was."""
    return None if at_s is None else _rounded(now_s - at_s)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
