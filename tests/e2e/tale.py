"""What a subscriber of the feed was told, in the words of the witness."""

from collections import Counter, defaultdict

from e2e.reckoning import Fact, Span
from polywire.model.events import Event
from polywire.model.health import ANSWERING, FreshnessChanged, Gap
from polywire.model.market import BestChanged, BookReplaced, LevelChanged, MarketResolved, TickSizeChanged, Traded


class Tale:
    """What one subscriber was told.

    Attributes:
        told: Every fact, how often.
        gaps: What it was told may be missing, by token.
        doubts: When it was told not to believe a book any more, or that something is missing, by token; Unix ns.
        reasons: Why, how often.
        first_doubt_ns: The first of those since `listen`, or of a resolution; None: none.
    """

    def __init__(self) -> None:
        self.told: Counter[Fact] = Counter()
        self.gaps: defaultdict[str, list[Span]] = defaultdict(list)
        self.doubts: defaultdict[str, list[int]] = defaultdict(list)
        self.reasons: Counter[str] = Counter()
        self.first_doubt_ns: int | None = None

    def note(self, event: Event) -> None:
        """Put an event down."""
        fact = fact_of(event)
        if fact is not None:
            self.told[fact] += 1
            if isinstance(event, MarketResolved) and self.first_doubt_ns is None:
                self.first_doubt_ns = event.seen_ns
        elif isinstance(event, Gap):
            for token in event.tokens:
                self.gaps[token].append(Span(event.from_ns, event.to_ns, event.seen_ns))
                self._doubt(token, event.seen_ns, f"gap: {event.reason}")
        elif isinstance(event, FreshnessChanged) and event.now not in ANSWERING:
            self._doubt(event.token, event.seen_ns, f"{event.now}: {event.reason}")

    def _doubt(self, token: str, at_ns: int, reason: str) -> None:
        self.doubts[token].append(at_ns)
        self.reasons[reason] += 1
        if self.first_doubt_ns is None:
            self.first_doubt_ns = at_ns

    def begin(self) -> None:
        """Forget what came before: from now on it counts."""
        self.told.clear()
        self.reasons.clear()
        self.listen()

    def listen(self) -> None:
        """Note the next doubt as the first."""
        self.first_doubt_ns = None


def fact_of(event: Event) -> Fact | None:
    """Return what an event of the market channel says of a token; None: it says nothing of one."""
    match event:
        case BookReplaced():
            return Fact(event.token, "book", (event.digest, event.venue_ms))
        case LevelChanged():
            what = (event.side, event.price, event.size, event.best_bid, event.best_ask, event.digest, event.venue_ms)
            return Fact(event.token, "price_change", what)
        case Traded():
            what_traded = (event.side, event.price, event.size, event.transaction, event.venue_ms)
            return Fact(event.token, "last_trade_price", what_traded)
        case BestChanged():
            return Fact(event.token, "best_bid_ask", (event.best_bid, event.best_ask, event.venue_ms))
        case TickSizeChanged():
            return Fact(event.token, "tick_size_change", (event.old_tick, event.new_tick, event.venue_ms))
        case MarketResolved():
            return Fact(event.condition, "market_resolved", (event.winner,))
        case _:
            return None
