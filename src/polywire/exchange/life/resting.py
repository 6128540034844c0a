"""What a crowd has resting on one side of a book."""

import random
from typing import NamedTuple

from polywire.model.units import NO_ASK, NO_BID


class _Held(NamedTuple):
    price: int
    size: int
    place: int  # in the list of ids


class Resting:
    """Orders by id and by price."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._ids: list[str] = []
        self._at: dict[int, list[str]] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._ids)

    def sizes(self) -> dict[str, int]:
        """Return what is left of each order held, 1e-6 shares, by id."""
        return {order: held.size for order, held in self._held.items()}

    def add(self, order: str, price: int, size: int) -> None:
        """Hold an order of `size` shares (1e-6) at `price`, in terms of the first token."""
        self._held[order] = _Held(price, size, len(self._ids))
        self._ids.append(order)
        self._at.setdefault(price, []).append(order)

    def less(self, order: str, size: int) -> None:
        """Take `size` shares off an order, which is dropped with its last; nothing where it is not held."""
        held = self._held.get(order)
        if held is None:
            return
        if held.size <= size:
            self.drop(order)
        else:
            self._held[order] = held._replace(size=held.size - size)

    def drop(self, order: str) -> None:
        """Hold an order no longer; nothing where it is not held."""
        held = self._held.pop(order, None)
        if held is None:
            return
        last = self._ids.pop()
        if last != order:
            self._ids[held.place] = last
            self._held[last] = self._held[last]._replace(place=held.place)
        there = self._at[held.price]
        there.remove(order)
        if not there:
            del self._at[held.price]

    def highest(self) -> int:
        """Return the highest price held; `NO_BID` where none is."""
        return max(self._at, default=NO_BID)

    def lowest(self) -> int:
        """Return the lowest price held; `NO_ASK` where none is."""
        return min(self._at, default=NO_ASK)

    def at(self, price: int) -> str:
        """Return the newest order at a price that is held."""
        return self._at[price][-1]

    def any(self, rng: random.Random) -> str:
        """Return one of the orders held, each as likely."""
        return self._ids[int(rng.random() * len(self._ids))]
