"""Which books do not answer, and what of it is told: a book that comes and goes is told of once in a while."""

from collections.abc import Mapping

from polywire.model.units import TokenId

_PAUSE_MS = 10_000  # between two doubts of a token that are told


class Doubts:
    """Keeps the doubts of a watch.

    Of a token whose last doubt was told less than 10 s ago, the next is told only if it outlasts these 10 s: at the end
    what is told last is always how it stands.

    Attributes:
        reasons: The tokens in doubt, and why; those that are not told of yet too.
        due_ms: When a doubt that was held back is due; None: none was.
    """

    def __init__(self) -> None:
        self.reasons: dict[TokenId, str] = {}
        self.due_ms: int | None = None
        self._told_ms: dict[TokenId, int] = {}
        self._held: dict[TokenId, int] = {}  # until when

    def begin(self, token: TokenId, reason: str, now_ms: int) -> bool:
        """A book does not answer. Return whether that is to be told now."""
        new = token not in self.reasons
        self.reasons[token] = reason
        if not new:
            return False
        again_ms = self._told_ms.get(token, now_ms - _PAUSE_MS) + _PAUSE_MS
        if now_ms >= again_ms:
            self._told_ms[token] = now_ms
            return True
        self._held[token] = again_ms
        self.due_ms = again_ms if self.due_ms is None else min(self.due_ms, again_ms)
        return False

    def end(self, token: TokenId, now_ms: int) -> bool:
        """A book answers. Return whether that is to be told: whether its doubt was."""
        if self.reasons.pop(token, None) is None:
            return False
        if self._held.pop(token, None) is not None:
            self.due_ms = min(self._held.values(), default=None)
            return False
        self._told_ms[token] = now_ms  # one that doubts and answers without end is told of each 10 s
        return True

    def due(self, now_ms: int) -> list[tuple[TokenId, str]]:
        """Return the doubts that were held back and have lasted; they are told with this."""
        if self.due_ms is None or now_ms < self.due_ms:
            return []
        lasting = [token for token, until_ms in self._held.items() if until_ms <= now_ms]
        for token in lasting:
            del self._held[token]
            self._told_ms[token] = now_ms
        self.due_ms = min(self._held.values(), default=None)
        return [(token, self.reasons[token]) for token in lasting]

    @property
    def state(self) -> dict[TokenId, str]:
        """The doubts that were told, for a restart: their end is to be told too."""
        return {token: reason for token, reason in self.reasons.items() if token not in self._held}

    def restore(self, state: Mapping[TokenId, str]) -> None:
        """Go on from a state."""
        self.reasons.update(state)
