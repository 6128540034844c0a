"""What the venue has been asked for on one socket, and what it is still to be asked for."""

from collections.abc import Iterable, Iterator

from polywire.model.units import TokenId
from polywire.wire.requests import market_subscription, market_unsubscription


class Requests:
    """The tokens of one connection, as frames for its socket: all of them first, then what changes.

    Attributes:
        tokens: Those wanted.
        begun: Whether the socket there is has had its first subscription. Nothing may be written before it.
    """

    def __init__(self) -> None:
        self.tokens: dict[TokenId, None] = {}
        self.begun = False
        self._to_leave: dict[TokenId, None] = {}
        self._to_join: dict[TokenId, None] = {}

    def want(self, tokens: Iterable[TokenId]) -> tuple[TokenId, ...]:
        """Want these tokens too; return those that were not wanted before."""
        new = tuple(token for token in dict.fromkeys(tokens) if token not in self.tokens)
        for token in new:
            self.tokens[token] = self._to_join[token] = None
        return new

    def release(self, tokens: Iterable[TokenId]) -> tuple[TokenId, ...]:
        """Want these tokens no more; return those that were wanted."""
        released = tuple(token for token in dict.fromkeys(tokens) if token in self.tokens)
        for token in released:
            del self.tokens[token]
            if token in self._to_join:
                del self._to_join[token]  # never asked for, or asked to be left already
            else:
                self._to_leave[token] = None
        return released

    def ask_again(self, tokens: Iterable[TokenId]) -> None:
        """Have these tokens' snapshots sent anew; those still to be asked for come anyway."""
        again = dict.fromkeys(token for token in tokens if token in self.tokens and token not in self._to_join)
        self._to_leave |= again
        self._to_join |= again

    def begin(self) -> Iterator[bytes]:
        """Return the first frames of a new socket."""
        self.begun = True
        self._to_leave, self._to_join = {}, {}
        return market_subscription(self.tokens, first=True, custom=True)

    def end(self) -> None:
        """Learn that the socket takes no more frames: the next one begins anew."""
        self.begun = False

    def changes(self) -> Iterator[bytes]:
        """Yield the frames that make up for what has changed since; none before the first subscription."""
        if self.begun and (self._to_leave or self._to_join):
            leaving, joining = self._to_leave, self._to_join
            self._to_leave, self._to_join = {}, {}
            # Leaving first: a token that left and came back gets a snapshot only if the venue was told of both.
            yield from market_unsubscription(leaving)
            yield from market_subscription(joining, first=False, custom=True)
