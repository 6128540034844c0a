"""What arrived, held against what the venue says it sent: per token and kind, to the last one."""

from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

import msgspec

from polywire.model.events import Event
from polywire.model.health import Freshness
from polywire.model.market import (
    BestChanged,
    BookReplaced,
    LevelChanged,
    MarketCreated,
    MarketResolved,
    TickSizeChanged,
    Traded,
)
from polywire.model.units import TokenId
from polywire.services.views import View

KINDS: Final[dict[type[Event], str]] = {
    BookReplaced: "book",
    LevelChanged: "price_change",
    Traded: "last_trade_price",
    BestChanged: "best_bid_ask",
    TickSizeChanged: "tick_size_change",
}
"""The venue's name for each event that concerns one token; a `price_change` counts by its entries."""

NEWS: Final[dict[type[Event], str]] = {MarketCreated: "new_market", MarketResolved: "market_resolved"}
"""News of a market, which every socket carries and a reader is told once: it is compared whether, not how often."""

Counts = dict[str, dict[str, int]]
"""Token → the venue's kind → how many."""


class Shortfall(msgspec.Struct, frozen=True):
    """One kind of one token of which another number arrived than was sent."""

    token: str
    kind: str
    sent: int
    received: int


class Row(msgspec.Struct, frozen=True):
    """One token at the end: how its book stands, and how many events were sent and came."""

    view: View
    sent: int | None  # None where the venue does not say
    received: int


class Balance(msgspec.Struct, frozen=True):
    """Everything at the end. `undecoded`: messages that arrived and could not be read."""

    rows: list[Row]
    shortfalls: list[Shortfall]
    undecoded: int

    @property
    def sent(self) -> int | None:
        """Events sent in all; None where the venue does not say."""
        known = [row.sent for row in self.rows if row.sent is not None]
        return sum(known) if known else None

    @property
    def received(self) -> int:
        """Events received in all."""
        return sum(row.received for row in self.rows)

    @property
    def current(self) -> int:
        """Books that are `current`."""
        return sum(row.view.freshness is Freshness.CURRENT for row in self.rows)


class Reckoning:
    """Counts what a subscriber is handed.

    Attributes:
        received: Of each token, how many of each kind.
    """

    def __init__(self) -> None:
        self.received: Counts = {}

    def heed(self, event: Event) -> None:
        """Count an event of a token; others are passed over. Runs inside the socket's callback."""
        kind = KINDS.get(type(event))
        if kind is not None:
            self._count(event.token, kind)  # type: ignore[union-attr]  # every type in KINDS has one
        elif isinstance(event, MarketCreated | MarketResolved):
            for token in event.tokens:
                self._count(token, NEWS[type(event)])

    def _count(self, token: TokenId, kind: str) -> None:
        counts = self.received.get(token)
        if counts is None:
            counts = self.received[token] = {}
        counts[kind] = counts.get(kind, 0) + 1

    def total(self, token: str) -> int:
        """Return how many events of a token arrived."""
        return sum(self.received.get(token, {}).values())

    def balance(
        self, views: Iterable[View], sent: Mapping[str, Mapping[str, int]] | None, undecoded: int, late: Container[str]
    ) -> Balance:
        """Return how it stands at the end.

        Args:
            views: Of every token that counts.
            sent: What the venue says it sent us (see `sent_to`); None where it does not say.
            undecoded: Messages that could not be read.
            late: Tokens of which something was sent before we counted: no difference of theirs is held against us.
        """
        rows = [
            Row(view, None if sent is None else sum(sent.get(view.token, {}).values()), self.total(view.token))
            for view in views
        ]
        counted = [row.view.token for row in rows if row.view.token not in late]
        return Balance(rows, [] if sent is None else self.differences(sent, counted), undecoded)

    def differences(self, sent: Mapping[str, Mapping[str, int]], tokens: Iterable[str]) -> list[Shortfall]:
        """Return every kind of these tokens of which sent and received differ; [] if all of it arrived."""
        found = []
        for token in tokens:
            out, came = sent.get(token, {}), self.received.get(token, {})
            for kind in _EVERY_KIND:
                numbers = out.get(kind, 0), came.get(kind, 0)
                if numbers[0] != numbers[1] and not (kind in _NEWS_KINDS and all(numbers)):
                    found.append(Shortfall(token, kind, *numbers))
        return found


def sent_to(venue: Mapping[str, Any], peers: Iterable[str]) -> Counts:
    """Return what a venue says it sent on the connections from these addresses, closed ones too, summed up.

    Args:
        venue: What `GET /venue` answers.
        peers: `host:port`, as the venue sees us.
    """
    ours = set(peers)
    kinds = {*KINDS.values(), *NEWS.values()}
    counts: Counts = {}
    for connection in (*venue.get("connections", ()), *venue.get("closed", ())):
        if connection.get("peer") not in ours:
            continue
        for token, by_kind in connection.get("sent", {}).items():
            mine = counts.setdefault(token, {})
            for kind, count in by_kind.items():
                if kind in kinds:
                    mine[kind] = mine.get(kind, 0) + count
    return counts


_NEWS_KINDS: Final = frozenset(NEWS.values())
_EVERY_KIND: Final = tuple(sorted({*KINDS.values(), *NEWS.values()}))
