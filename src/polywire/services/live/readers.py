"""Who reads which live events, and is told each that it wants."""

from collections.abc import Callable
from dataclasses import dataclass

from polywire.core.renewal import Broadcast
from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.live import (
    ActivityMatched,
    Commented,
    CryptoPriced,
    EquityPriced,
    LiveRefused,
    PricesBackfilled,
    Reacted,
)
from polywire.model.units import TokenId
from polywire.services.live.streams import STREAMS, kinds_of
from polywire.wire.requests import LiveSubscription

Reader = Callable[[Event], None]
"""Called with each event, inside the socket's callback: it must be quick and must not raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What a reader wants: these kinds, and of each only what a filter that is not empty names.

    Attributes:
        kinds: Types of live events; `PricesBackfilled` comes with prices where it is among them.
        tokens: Trades of these outcome tokens.
        markets: Trades of these markets, by slug. A trade that any of `tokens`, `markets` and `events` names is wanted.
        events: Trades of these events' markets, by slug.
        symbols: Prices of these symbols, as their source spells them.
    """

    kinds: frozenset[type]
    tokens: frozenset[TokenId] = frozenset()
    markets: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()

    def wants(self, event: Broadcast | PricesBackfilled | LiveRefused) -> bool:
        """Return whether an event of one of its kinds passes its filters."""
        match event:
            case ActivityMatched():
                named = event.token in self.tokens or event.slug in self.markets or event.event_slug in self.events
                return named or not (self.tokens or self.markets or self.events)
            case CryptoPriced() | EquityPriced() | PricesBackfilled():
                return not self.symbols or event.symbol in self.symbols
            case Commented() | Reacted() | LiveRefused():  # pragma: no branch - mypy knows that these are all
                return True


class LiveReaders:
    """The readers of all live events."""

    def __init__(self) -> None:
        self._interests: dict[Reader, Interest] = {}
        self._by_kind: dict[type, tuple[tuple[Reader, Interest], ...]] = {}
        self._by_token: dict[TokenId, tuple[Reader, ...]] = {}  # of trades, those that name tokens and nothing else

    def __len__(self) -> int:
        """Return how many readers there are."""
        return len(self._interests)

    def add(self, reader: Reader, interest: Interest) -> None:
        """Tell `reader` what it is interested in; one that reads already, that instead."""
        if reader in self._interests:
            self.remove(reader)
        self._interests[reader] = interest
        for kind in interest.kinds:
            if kind is ActivityMatched and _by_token_alone(interest):
                for token in interest.tokens:
                    self._by_token[token] = (*self._by_token.get(token, ()), reader)
            else:
                self._by_kind[kind] = (*self._by_kind.get(kind, ()), (reader, interest))

    def remove(self, reader: Reader) -> bool:
        """Tell `reader` nothing any more; return whether it was told anything."""
        interest = self._interests.pop(reader, None)
        if interest is None:
            return False
        for kind in interest.kinds:
            if kind is ActivityMatched and _by_token_alone(interest):
                for token in interest.tokens:
                    left = tuple(one for one in self._by_token[token] if one != reader)
                    if left:
                        self._by_token[token] = left
                    else:
                        del self._by_token[token]
            else:
                self._by_kind[kind] = tuple(entry for entry in self._by_kind[kind] if entry[0] != reader)
        return True

    def tell(self, event: Broadcast | PricesBackfilled | LiveRefused) -> None:
        """Hand an event to those who want it."""
        for reader, interest in self._by_kind.get(type(event), ()):
            if interest.wants(event):
                reader(event)
        if isinstance(event, ActivityMatched):
            for reader in self._by_token.get(event.token, ()):
                reader(event)

    def tell_of(self, topic: str, gap: Gap) -> None:
        """Hand a gap to those who read anything that a topic carries."""
        carried = kinds_of(topic)
        for reader, interest in tuple(self._interests.items()):
            if interest.kinds & carried:
                reader(gap)

    def reading(self, topic: str) -> int:
        """Return how many read anything that a topic carries."""
        carried = kinds_of(topic)
        return sum(bool(interest.kinds & carried) for interest in self._interests.values())

    @property
    def streams(self) -> tuple[LiveSubscription, ...]:
        """What must be subscribed to for them."""
        wanted = {kind for interest in self._interests.values() for kind in interest.kinds}
        return tuple(stream for kind, streams in STREAMS.items() if kind in wanted for stream in streams)


def _by_token_alone(interest: Interest) -> bool:
    return bool(interest.tokens) and not interest.markets and not interest.events
