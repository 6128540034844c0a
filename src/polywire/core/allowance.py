"""How much a watch may say: a pause after each alert of a token, and so many alerts an hour. Time is handed in."""

from typing import Any, Final, NamedTuple

_HOUR_MS: Final = 3_600_000


class Digest(NamedTuple):
    """What was held back in an hour."""

    alerts: int
    first: str  # what the first would have said
    last: str
    since_ms: int


class Allowance:
    """Counts alerts.

    Args:
        budget: Alerts an hour. The hour begins with the first alert after the last one has ended.
        cooldown_ms: After an alert of a token, milliseconds without another of it.

    Attributes:
        spent: Whether the budget has just been used up by the last refusal, for the first time in this hour.
    """

    def __init__(self, budget: int, cooldown_ms: int) -> None:
        self._budget, self._cooldown_ms = budget, cooldown_ms
        self._hour_ms, self._used = 0, 0
        self._held: Digest | None = None
        self._cool: dict[str, int] = {}  # token: until when
        self._hushed: dict[str, int] = {}  # token: alerts that fell into its pause
        self.spent = False

    def admits(self, token: str, text: str, now_ms: int) -> bool:
        """Return whether an alert may be told now; one that may not is counted."""
        self.spent = False
        if now_ms < self._cool.get(token, 0):
            self._hushed[token] = self._hushed.get(token, 0) + 1
            return False
        if now_ms >= self._hour_ms + _HOUR_MS and self._held is None:
            self._hour_ms, self._used = now_ms, 0
        if self._used >= self._budget:
            self.spent = self._held is None
            count, first, since_ms = (0, text, now_ms) if self._held is None else (self._held[0], *self._held[1::2])
            self._held = Digest(count + 1, first, text, since_ms)
            return False
        self._used += 1
        if self._cooldown_ms:
            self._cool[token] = now_ms + self._cooldown_ms
        return True

    def hushed(self, token: str) -> int:
        """Return how many alerts of a token fell into its last pause, and begin to count anew."""
        return self._hushed.pop(token, 0)

    def digest(self, now_ms: int, *, at_once: bool = False) -> Digest | None:
        """Return what was held back, once its hour is over, or at once; None before, and where nothing was."""
        held = self._held
        if held is None or (now_ms < self._hour_ms + _HOUR_MS and not at_once):
            return None
        self._held = None
        return held

    @property
    def due_ms(self) -> int | None:
        """When a digest is due; None where nothing was held back."""
        return None if self._held is None else self._hour_ms + _HOUR_MS

    def left(self, now_ms: int) -> int:
        """Return how many alerts are left in this hour."""
        return self._budget if now_ms >= self._hour_ms + _HOUR_MS else self._budget - self._used

    @property
    def state(self) -> list[Any]:
        """What is to be remembered over a restart."""
        return [self._hour_ms, self._used, self._held, self._cool, self._hushed]

    def restore(self, state: list[Any]) -> None:
        """Go on from a state."""
        self._hour_ms, self._used, held, self._cool, self._hushed = state
        self._held = None if held is None else Digest(*held)
