"""Who reads which of the user's own events."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from polywire.model.events import Event
from polywire.model.health import Gap
from polywire.model.own import OwnEvent, OwnOrderChanged, OwnTradeChanged
from polywire.model.units import ConditionId, TokenId

Reader = Callable[[Event], None]
"""Called with each event, inside the socket's callback: it must be quick."""

OWN: Final[frozenset[type]] = frozenset({OwnOrderChanged, OwnTradeChanged})
"""Every kind of own event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnInterest:
    """What a reader wants.

    Attributes:
        kinds: Kinds of own events.
        tokens: Those that concern one of these outcome tokens, a maker's leg on the complementary one included.
        conditions: Those of these markets. Neither: all of the account's.
    """

    kinds: frozenset[type] = OWN
    tokens: frozenset[TokenId] = frozenset()
    conditions: frozenset[ConditionId] = frozenset()

    def wants(self, event: OwnEvent, tokens: frozenset[TokenId]) -> bool:
        """Return whether an event that concerns these tokens is wanted."""
        if type(event) not in self.kinds:
            return False
        everything = not self.tokens and not self.conditions
        return everything or event.condition in self.conditions or not self.tokens.isdisjoint(tokens)


class OwnReaders:
    """The readers of own events.

    Args:
        tokens_of: Returns the tokens that an event concerns.

    Attributes:
        errors: Exceptions that readers raised.
    """

    def __init__(self, tokens_of: Callable[[OwnEvent], frozenset[TokenId]]) -> None:
        self._tokens_of = tokens_of
        self._interests: dict[Reader, OwnInterest] = {}
        self.errors = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._interests)

    def add(self, reader: Reader, interest: OwnInterest) -> None:
        """Tell `reader` what it is interested in; one that reads already, that instead."""
        self._interests[reader] = interest

    def remove(self, reader: Reader) -> None:
        """Tell `reader` nothing any more."""
        self._interests.pop(reader, None)

    def tell(self, event: OwnEvent) -> None:
        """Hand an event to those who want it."""
        if self._interests:
            tokens = self._tokens_of(event)
            for reader, interest in tuple(self._interests.items()):
                if interest.wants(event, tokens):
                    self._hand(reader, event)

    def tell_of(self, gap: Gap) -> None:
        """Hand a gap to all of them."""
        for reader in tuple(self._interests):
            self._hand(reader, gap)

    def _hand(self, reader: Reader, event: Event) -> None:
        try:
            reader(event)
        except Exception:  # noqa: BLE001 - foreign code inside the socket's callback; counted, and kept from the others
            self.errors += 1
