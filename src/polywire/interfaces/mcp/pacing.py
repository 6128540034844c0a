"""When something may be sent again: each thing at most once in a while, the newest state of it last. Pure."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Pacer(Generic[Key]):
    """Things that changed, and when each may be told of. Times are seconds of any clock that only grows.

    >>> pacer = Pacer[str](every_s=1.0)
    >>> pacer.mark("a")
    >>> pacer.due(10.0)
    ['a']
    >>> pacer.mark("a")
    >>> pacer.due(10.4), pacer.wait_s(10.5)
    ([], 0.5)
    >>> pacer.due(11.0)
    ['a']
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._marked: dict[Key, None] = {}
        self._told_s: dict[Key, float] = {}

    def mark(self, key: Key) -> None:
        """Say that a thing changed."""
        self._marked[key] = None

    def drop(self, keys: Iterable[Key]) -> None:
        """Forget things that nobody is to be told of any more."""
        for key in keys:
            self._marked.pop(key, None)

    def due(self, now_s: float) -> list[Key]:
        """Return what is to be told now, in the order it was marked in; it is held to have been told."""
        self._told_s = {key: told for key, told in self._told_s.items() if told + self._every_s > now_s}
        found = [key for key in self._marked if key not in self._told_s]
        for key in found:
            del self._marked[key]
            self._told_s[key] = now_s
        return found

    def wait_s(self, now_s: float) -> float | None:
        """Return in how many seconds something is due; None: nothing is marked."""
        if not self._marked:
            return None
        return max(0.0, min(self._told_s.get(key, -self._every_s) + self._every_s for key in self._marked) - now_s)
