"""What truly happened, and what each client was sent of it: what tests compare a subscriber's tale with."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from polywire.exchange.messages import Message
from polywire.model.units import TokenId

Counts = dict[tuple[TokenId, str], int]
"""By token and kind. A `price_change` counts once for each entry, an event that names two tokens once for each."""

CLOSED_KEPT: Final = 256


class Account:
    """What one connection was due, and what it was sent.

    Attributes:
        due: What was meant for it while it was subscribed; snapshots that answer its subscriptions too.
        sent: What went to its socket. Less than `due`: a fault dropped it; more: one invented it or sent it twice.
        channel: Which channel it is on.
        frames, bytes: Text messages of any kind that went to its socket, and their payloads with the headers.
    """

    __slots__ = ("bytes", "channel", "closed_ms", "due", "ended", "frames", "opened_ms", "peer", "sent")

    def __init__(self, peer: str, opened_ms: int, channel: str = "market") -> None:
        self.peer, self.opened_ms, self.channel = peer, opened_ms, channel
        self.due: Counts = {}
        self.sent: Counts = {}
        self.frames = self.bytes = self.closed_ms = 0
        self.ended = ""


class Ledger:
    """Every account, and the truth.

    Attributes:
        happened: What happened, whoever was there to be told.
        slow_dropped: Connections dropped because they did not read.
    """

    def __init__(self) -> None:
        self.happened: Counts = {}
        self.slow_dropped = 0
        self._gone: Counts = {}  # sent on connections that have ended
        self._open: dict[Account, None] = {}
        self._closed: deque[Account] = deque(maxlen=CLOSED_KEPT)

    def note(self, message: Message) -> None:
        """Count what happened."""
        add(self.happened, message.kind, message.counts)

    def count(self, kind: str, about: TokenId, times: int) -> None:
        """Count what happened where no message was made of it, because nobody would have heard it."""
        add(self.happened, kind, ((about, times),))

    def open(self, account: Account) -> None:
        """Keep a new connection's account."""
        self._open[account] = None

    def close(self, account: Account, now_ms: int, ended: str) -> None:
        """Close an account; the last few stay readable, all stay in the sum."""
        self._open.pop(account, None)
        account.closed_ms, account.ended = now_ms, ended
        self._closed.append(account)
        for key, count in account.sent.items():
            self._gone[key] = self._gone.get(key, 0) + count

    @property
    def sent(self) -> Counts:
        """What was sent on all connections together, those that have ended included."""
        total = dict(self._gone)
        for account in self._open:
            for key, count in account.sent.items():
                total[key] = total.get(key, 0) + count
        return total

    @property
    def accounts(self) -> tuple[list[Account], list[Account]]:
        """The open accounts, and the last closed ones, oldest first."""
        return list(self._open), list(self._closed)

    def busiest(self) -> TokenId | None:
        """Return the token of which most has happened; None where nothing has."""
        sums: dict[TokenId, int] = {}
        for (token, _), count in self.happened.items():
            sums[token] = sums.get(token, 0) + count
        return max(sums, key=sums.__getitem__, default=None)


def add(counts: Counts, kind: str, stated: Iterable[tuple[TokenId, int]]) -> None:
    """Count what a message of this kind states of each token."""
    for token, count in stated:
        key = token, kind
        counts[key] = counts.get(key, 0) + count


def by_token(counts: Counts) -> dict[str, Any]:
    """Return counts as `{token: {kind: n}}`."""
    nested: dict[str, Any] = {}
    for (token, kind), count in counts.items():
        nested.setdefault(token, {})[kind] = count
    return nested
