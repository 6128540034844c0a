"""What has ended and need not be known by heart: its name alone is kept for a day, so that an echo is no news."""

from collections import OrderedDict
from typing import Final

DAY_NS: Final = 24 * 3_600 * 1_000_000_000
"""For which a name is kept, in nanoseconds."""


class Departed:
    """Names of what has ended, each for `keep_ns` after its end.

    Args:
        keep_ns: Nanoseconds.

    >>> departed = Departed(10)
    >>> departed.add("0x1", 5)
    >>> departed.expire(15)
    >>> "0x1" in departed
    True
    >>> departed.expire(16)
    >>> "0x1" in departed
    False
    """

    def __init__(self, keep_ns: int = DAY_NS) -> None:
        self._keep_ns = keep_ns
        self._ended_ns: OrderedDict[str, int] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        """Return whether this name is kept."""
        return name in self._ended_ns

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._ended_ns)

    def add(self, name: str, ended_ns: int) -> None:
        """Keep a name; those that ended earlier are to be added earlier."""
        self._ended_ns[name] = ended_ns

    def expire(self, now_ns: int) -> None:
        """Forget those whose time is over."""
        while self._ended_ns and next(iter(self._ended_ns.values())) < now_ns - self._keep_ns:
            self._ended_ns.popitem(last=False)
