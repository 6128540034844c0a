"""Which socket carries which token: few enough a socket that the venue serves them all, as few sockets as possible."""

from collections.abc import Iterable
from typing import Final

from polywire.model.units import TokenId

TOKENS_A_SOCKET: Final = 200
"""More have been seen to get no data (docs/protocol.md, "Silence")."""


class Shards:
    """Tokens on numbered sockets.

    Tokens placed together stay together where there is room, so that a market's two outcomes share a socket. A token
    stays where it is until it is released.

    Args:
        size: Tokens a socket carries at most.

    >>> shards = Shards(size=2)
    >>> shards.place([TokenId("1"), TokenId("2"), TokenId("3")])
    {1: ['1', '2'], 2: ['3']}
    >>> shards.release([TokenId("1"), TokenId("2")])
    {1: ['1', '2']}
    >>> shards.place([TokenId("4")])
    {2: ['4']}
    """

    def __init__(self, size: int = TOKENS_A_SOCKET) -> None:
        self._size = size
        self._of: dict[TokenId, int] = {}
        self._load: dict[int, int] = {}
        self._next = 1

    def place(self, tokens: Iterable[TokenId]) -> dict[int, list[TokenId]]:
        """Give each token that has none a socket; return the new ones by socket number, in the order given."""
        new = [token for token in dict.fromkeys(tokens) if token not in self._of]
        placed: dict[int, list[TokenId]] = {}
        while new:
            number = self._roomiest_for(len(new))
            room = self._size - self._load.get(number, 0)
            self._put(number, new[:room], placed)
            new = new[room:]
        return placed

    def release(self, tokens: Iterable[TokenId]) -> dict[int, list[TokenId]]:
        """Take tokens off their sockets; return them by socket number. A socket with none left is forgotten."""
        released: dict[int, list[TokenId]] = {}
        for token in tokens:
            number = self._of.pop(token, None)
            if number is not None:
                released.setdefault(number, []).append(token)
                self._load[number] -= 1
                if not self._load[number]:
                    del self._load[number]
        return released

    def of(self, token: TokenId) -> int | None:
        """Return the number of the socket that carries a token."""
        return self._of.get(token)

    def __len__(self) -> int:
        """Return how many sockets carry tokens."""
        return len(self._load)

    def _roomiest_for(self, count: int) -> int:
        """Return the fullest socket that takes all of them, else the one with the most room, else a new one."""
        fullest_first = sorted(self._load, key=self._load.__getitem__, reverse=True)
        whole = next((number for number in fullest_first if self._load[number] + count <= self._size), None)
        if whole is not None:
            return whole
        if fullest_first and self._load[fullest_first[-1]] < self._size:
            return fullest_first[-1]
        self._next += 1
        return self._next - 1

    def _put(self, number: int, tokens: list[TokenId], placed: dict[int, list[TokenId]]) -> None:
        placed.setdefault(number, []).extend(tokens)
        self._load[number] = self._load.get(number, 0) + len(tokens)
        self._of.update(dict.fromkeys(tokens, number))
