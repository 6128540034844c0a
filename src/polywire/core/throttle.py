"""How often somebody may be wrong before nobody listens to him for a while. Pure: time is handed in."""

from typing import Final

_FORGET: Final = 10_000  # whoever was wrong, remembered at once at most


class Throttle:
    """Counts failures by key. `most` of them within `within_s` close the door to that key for `closed_s`.

    >>> door = Throttle(most=2, within_s=60.0, closed_s=30.0)
    >>> door.failed("a", 0.0), door.failed("a", 1.0)
    (0.0, 30.0)
    >>> door.closed_s("a", 11.0), door.closed_s("a", 31.0), door.closed_s("b", 11.0)
    (20.0, 0.0, 0.0)
    """

    def __init__(self, *, most: int = 10, within_s: float = 60.0, closed_s: float = 60.0) -> None:
        self._most, self._within_s, self._closed_s = most, within_s, closed_s
        self._failures: dict[str, tuple[float, int]] = {}  # since when, how many; the longest untouched first
        self._closed: dict[str, float] = {}  # until when

    def closed_s(self, key: str, now_s: float) -> float:
        """Return for how many seconds more a key is not listened to; 0.0 where it is."""
        until = self._closed.get(key)
        if until is None:
            return 0.0
        if until <= now_s:
            del self._closed[key]
            return 0.0
        return until - now_s

    def failed(self, key: str, now_s: float) -> float:
        """Count a failure, and return for how many seconds the key is not listened to now."""
        since, count = self._failures.pop(key, (now_s, 0))
        if now_s - since > self._within_s:
            since, count = now_s, 0
        if count + 1 >= self._most:
            _bound(self._closed)
            self._closed[key] = now_s + self._closed_s
            return self._closed_s
        _bound(self._failures)
        self._failures[key] = since, count + 1
        return 0.0


def _bound(kept: dict[str, tuple[float, int]] | dict[str, float]) -> None:
    """Make room for one more: what was touched the longest ago is forgotten."""
    while len(kept) >= _FORGET:
        del kept[next(iter(kept))]
