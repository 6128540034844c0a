"""What was told before: several sockets carry the same broadcast, and a reader wants it once."""

from collections import OrderedDict
from collections.abc import Hashable


class Once:
    """Remembers the last `limit` keys.

    >>> once = Once(2)
    >>> once.first("a"), once.first("a"), once.first("b"), once.first("c"), once.first("a")
    (True, False, True, True, True)
    """

    def __init__(self, limit: int = 4_096) -> None:
        self._limit = limit
        self._keys: OrderedDict[Hashable, None] = OrderedDict()

    def first(self, key: Hashable) -> bool:
        """Return whether this key is new among the last `limit` ones, and remember it."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return True
