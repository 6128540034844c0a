"""Every socket of a feed: as many as its tokens need, kept a while when they are not needed any more."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from polywire.core.shards import Shards
from polywire.model.units import TokenId
from polywire.services.feed.connection import Connection, Keep

SPARE_S: Final = 5.0
"""For which a socket without tokens is kept: somebody who resubscribes need not dial."""

_COUNTS: Final = ("opened", "failed", "reconnects")


class Connections:
    """The sockets.

    Args:
        make: Returns a new connection that has this number.
        size: Tokens a socket carries at most.
        spare_s: For which a socket without tokens is kept.

    Attributes:
        numbered: Those that there are, by number.
        ended: Told of each that is no more.
    """

    def __init__(self, make: Callable[[int], Connection], size: int, spare_s: float = SPARE_S) -> None:
        self._make, self._spare_s = make, spare_s
        self.numbered: dict[int, Connection] = {}
        self.ended: Callable[[Connection], None] | None = None
        self._shards = Shards(size)
        self._on: dict[int, Connection] = {}  # shard to connection
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._leaving: dict[int, asyncio.TimerHandle] = {}
        self._made = 0
        self._former = Counter[str]()  # of connections that are no more
        self._news = False
        self._keep: Keep | None = None
        self._group: asyncio.TaskGroup | None = None

    # ------------------------------------------------------------ their run

    @property
    def running(self) -> bool:
        """Whether sockets can be opened."""
        return self._group is not None

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run connections in this group from now on."""
        self._group = group

    def stop(self) -> None:
        """Open none any more; those that there are end with the group."""
        self._group = None
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()

    # ------------------------------------------------------------ what they carry

    def want(self, tokens: Iterable[TokenId]) -> None:
        """Carry these tokens too. `running` must hold."""
        for shard, placed in self._shards.place(tokens).items():
            if shard not in self._on:
                self._on[shard] = self._free() or self._new()
            self._on[shard].want(placed)
        self._settle()

    def release(self, tokens: Iterable[TokenId]) -> None:
        """Carry these tokens no more."""
        for shard, released in self._shards.release(tokens).items():
            connection = self._on[shard]
            connection.release(released)
            if not connection.tokens:  # and the shard's number is not used again
                del self._on[shard]
        self._settle()

    def carry_news(self, wanted: bool) -> None:  # noqa: FBT001 - it is what is said
        """Keep at least one socket while news of markets are wanted: every socket carries them."""
        self._news = wanted
        if wanted and not self.numbered:
            self._new()
        self._settle()

    # ------------------------------------------------------------ all of them

    def renew(self, reason: str) -> None:
        """Take new sockets for all."""
        for connection in self.numbered.values():
            connection.renew(reason)

    def record(self, keep: Keep | None) -> None:
        """Hand everything that comes to `keep`; None: no more."""
        self._keep = keep
        for connection in self.numbered.values():
            connection.keep = keep

    def total(self, count: str) -> int:
        """Return a count of all there are and ever were: `opened`, `failed` or `reconnects`."""
        return self._former[count] + sum(int(getattr(one, count)) for one in self.numbered.values())

    # ------------------------------------------------------------ inside

    def _free(self) -> Connection | None:
        return next((one for one in self.numbered.values() if not one.tokens), None)

    def _new(self) -> Connection:
        assert self._group is not None  # noqa: S101 - the feed has refused otherwise
        self._made += 1
        connection = self.numbered[self._made] = self._make(self._made)
        connection.keep = self._keep
        self._tasks[self._made] = self._group.create_task(connection.run(), name=f"polywire socket {self._made}")
        return connection

    def _settle(self) -> None:
        """Let sockets without tokens go after a while."""
        for number, connection in self.numbered.items():
            if connection.tokens:
                if number in self._leaving:
                    self._leaving.pop(number).cancel()
            elif number not in self._leaving and self._group is not None:
                self._leaving[number] = asyncio.get_running_loop().call_later(self._spare_s, self._end, number)

    def _end(self, number: int) -> None:
        del self._leaving[number]
        if self._news and len(self.numbered) == 1:
            return  # the last one that news are read from
        connection = self.numbered.pop(number)
        self._former.update({name: getattr(connection, name) for name in _COUNTS})
        self._tasks.pop(number).cancel()
        if self.ended is not None:
            self.ended(connection)
