"""One stream heard twice, from two sources: which of its messages is told, so that each is told once."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

KEYS_KEPT: Final = 65_536
"""Different messages remembered; of what is older than that, a repeat is told again, and nothing is ever lost."""


class Echoes:
    """Counts what each of two sources has brought, as multisets: a message is new if its source is ahead with it.

    Two equal trades of one transaction are two; the same two from the other source are those again.

    >>> echoes = Echoes()
    >>> [echoes.first(source, "a trade") for source in (0, 0, 1, 1, 1)]
    [True, True, False, False, True]
    """

    __slots__ = ("_counts", "_limit")

    def __init__(self, limit: int = KEYS_KEPT) -> None:
        self._limit = limit
        self._counts: OrderedDict[Hashable, list[int]] = OrderedDict()

    def first(self, source: int, key: Hashable) -> bool:
        """Return whether this is the first that is heard of one message, and count it.

        Args:
            source: 0 or 1.
            key: What the message says, without when and where it was heard.
        """
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0, 0]
            if len(self._counts) > self._limit:
                self._counts.popitem(last=False)
        counts[source] += 1
        return counts[source] > counts[1 - source]

    def as_one(self) -> "Echoes":
        """Return a new one in which source 0 has brought all that either has, and source 1 nothing."""
        one = Echoes(self._limit)
        one._counts = OrderedDict((key, [max(counts), 0]) for key, counts in self._counts.items())
        return one

    def heard(self, source: int, key: Hashable) -> bool:
        """Return whether a source has brought this."""
        counts = self._counts.get(key)
        return counts is not None and counts[source] > 0
