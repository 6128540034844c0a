"""What a slow reader has not read yet: bounded, prices conflated, and everything lost told as a `Gap`."""

from collections import deque
from typing import Final

from polywire.model.aggregate import BookAggregated
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.live import CryptoPriced, EquityPriced
from polywire.model.market import BestChanged, BookReplaced, LevelChanged, MarketCreated, MarketResolved, Traded
from polywire.model.units import TokenId

FEWEST: Final = 16
"""The smallest bound that makes sense: a message of a few entries fits."""

_LATEST: Final = (BestChanged, BookReplaced, BookAggregated)
_LOSABLE: Final = (LevelChanged, Traded)
_NO_TOKEN: Final = TokenId("")
_REASON: Final = "this reader fell behind: events were not handed on"


class Backlog:
    """The events between the feed and one reader, oldest first.

    Up to `limit` events wait as they came. What comes while that many wait is *behind*: of the top of a book, of a
    snapshot and of a reference price only the latest is kept; level changes and trades are dropped, and the span
    they came in is told as one `Gap` a token; all other events are kept, up to `limit` of them, and become part of a
    gap beyond it. Once the waiting are read, what is behind follows, each where the last of its kind came: a gap is
    told before a snapshot that ends it, and after one that misses what came later.

    After a gap the reader's own copy of a book is void: the feed's is not. Read `feed.book(token)`, or wait for the
    token's next snapshot.

    Args:
        limit: How many events may wait, at least `FEWEST`.

    Attributes:
        ready: The events that wait; whoever reads takes them from the left, and calls `catch_up` when it is empty.
        behind: Whether anything is behind.
        dropped: Events never handed on because a later one took their place, or a gap.
    """

    __slots__ = ("_behind", "_kept", "_news_lost", "behind", "dropped", "limit", "ready")

    def __init__(self, limit: int) -> None:
        self.limit = max(limit, FEWEST)
        self.ready: deque[Event] = deque()
        self.behind = False
        self.dropped = 0
        self._behind: dict[tuple[type, str] | int, Event] = {}
        self._kept = 0  # events behind that nothing takes the place of
        self._news_lost = 0  # of markets, which may be ever new ones

    def __len__(self) -> int:
        """Return how many events wait or are behind; a gap counts as one."""
        return len(self.ready) + len(self._behind)

    def push(self, event: Event) -> None:
        """Take one event."""
        if not self.behind and len(self.ready) < self.limit:
            self.ready.append(event)
        else:
            self.behind = True
            self._fall_behind(event)

    def _fall_behind(self, event: Event) -> None:
        if isinstance(event, _LOSABLE):
            self._lose((event.token,), event)
        elif isinstance(event, _LATEST):
            self._supersede((type(event), event.token), event)
        elif isinstance(event, CryptoPriced):
            self._supersede((CryptoPriced, f"{event.source} {event.symbol} {event.window_s}"), event)
        elif isinstance(event, EquityPriced):
            self._supersede((EquityPriced, event.symbol), event)
        elif self._kept < self.limit:
            self._kept += 1
            self._behind[self._kept] = event
        else:
            self._lose(self._concerned(event), event)

    def catch_up(self) -> bool:
        """Make what is behind wait; return whether there was any."""
        if not self.behind:
            return False
        self.ready.extend(self._behind.values())
        self._behind.clear()
        self._kept = self._news_lost = 0
        self.behind = False
        return True

    def _supersede(self, key: tuple[type, str], event: Event) -> None:
        self.dropped += self._behind.pop(key, None) is not None
        self._behind[key] = event

    def _lose(self, tokens: tuple[TokenId, ...], event: Event) -> None:
        self.dropped += 1
        since = event.from_ns if isinstance(event, Gap) else event.seen_ns
        for token in tokens:
            told = self._behind.pop((Gap, token), None)
            from_ns = min(since, told.from_ns) if isinstance(told, Gap) else since
            venue_ms = getattr(event, "venue_ms", 0)
            concerned = (token,) if token else ()
            self._behind[Gap, token] = Gap(concerned, from_ns, event.seen_ns, _REASON, venue_ms, event.seen_ns)

    def _concerned(self, event: Event) -> tuple[TokenId, ...]:
        """Return the tokens an event is about: a loss is told for each of them. Of no token: one that is empty."""
        if isinstance(event, MarketCreated | MarketResolved):
            self._news_lost += 1
            return event.tokens if event.tokens and self._news_lost <= self.limit else (_NO_TOKEN,)
        if isinstance(event, Gap):
            return event.tokens or (_NO_TOKEN,)
        return (getattr(event, "token", _NO_TOKEN),)
