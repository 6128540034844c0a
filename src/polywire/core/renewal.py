"""How a socket of a broadcast is replaced by a new one that is open already: nothing lost, nothing told twice.

While both are open the old one is told, and what the new one brings is held. At the switch, what the old one had not
brought yet follows; from then on the new one is told, but for what the old one had brought before it. So the order is
the stream's own. Two sockets overlap for certain (`joined`) once one message has come on both: then the old one was
followed beyond the point where the new one began.

This counts on a subscription beginning between two transactions: equal messages of one transaction are told in one go.
"""

from collections.abc import Hashable
from typing import Final

from polywire.core.echoes import Echoes
from polywire.model.live import ActivityMatched, Commented, CryptoPriced, EquityPriced, Reacted

MOST_HELD: Final = 50_000
"""Messages of the new socket that are held; more than come in a minute of the busiest hours."""

Broadcast = ActivityMatched | CryptoPriced | EquityPriced | Commented | Reacted
"""What every socket that subscribed to its topic is told alike."""

_OLD: Final = 0
_NEW: Final = 1


def key_of(event: Broadcast) -> Hashable:
    """Return what an event says, without when it was sent and seen: equal where two sockets brought the same."""
    match event:
        case ActivityMatched():
            trade = event.transaction, event.token, event.side, event.size, event.price, event.wallet
            return (*trade, event.venue_ms)
        case CryptoPriced():
            return (event.source, event.symbol, event.window_s, event.venue_ms)
        case EquityPriced():
            return ("equity", event.symbol, event.venue_ms)
        case Commented():
            return ("comment", event.comment, event.removed, event.body)
        case Reacted():  # pragma: no branch - mypy knows that these are all
            return ("reaction", event.reaction, event.removed, event.kind)


class Overlap:
    """Two sockets of one broadcast, from before the new one is dialled until what the old one was ahead with has come.

    Args:
        former: The overlap by which the old one came to be told, where it was not long ago: what was told then may
            come on the new one yet.

    Attributes:
        joined: The topics of which one message has come on both.
        heard: The topics that the new one has brought anything of.
        switched: Whether the new one is told.
        full: Whether the new one brought more than can be held; give it up.
    """

    __slots__ = ("_echoes", "_held", "_keys", "full", "heard", "joined", "switched")

    def __init__(self, former: "Overlap | None" = None) -> None:
        self.joined, self.heard = set[str](), set[str]()
        self.switched = self.full = False
        self._echoes: Echoes = Echoes() if former is None else former._echoes.as_one()  # noqa: SLF001 - one of its own kind
        self._held: list[tuple[str, Broadcast]] = []
        self._keys = set[Hashable]()  # of those

    def old(self, topic: str, event: Broadcast) -> None:
        """Learn what the old socket brought and is told."""
        key = key_of(event)
        self._echoes.first(_OLD, key)
        if key in self._keys:
            self.joined.add(topic)

    def new(self, topic: str, event: Broadcast) -> bool:
        """Take what the new socket brought; return whether to tell it now."""
        key = key_of(event)
        if self.switched:
            return self._echoes.first(_NEW, key)
        self.heard.add(topic)
        if self._echoes.heard(_OLD, key):
            self.joined.add(topic)
        if len(self._held) < MOST_HELD:
            self._held.append((topic, event))
            self._keys.add(key)
        else:
            self.full = True
        return False

    def switch(self) -> list[tuple[str, Broadcast]]:
        """Tell the new socket from now on; return what is to be told of it first, with its topics, in its order."""
        self.switched = True
        due = [(topic, event) for topic, event in self._held if self._echoes.first(_NEW, key_of(event))]
        self._held.clear()
        self._keys.clear()
        return due
