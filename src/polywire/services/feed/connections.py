"""Every socket of a feed: as many as its tokens need, doubled where a standby is wanted, renewed when they are old."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

from polywire.core.shards import Shards
from polywire.model.units import TokenId
from polywire.ports import Clock
from polywire.services.feed.connection import Connection, Keep
from polywire.services.feed.handover import Handover, Waiting
from polywire.services.feed.renewal import Renewals

SPARE_S: Final = 5.0
"""For which a socket without tokens is kept: somebody who resubscribes need not dial."""

BEHIND_S: Final = 3.0
"""For which an authoritative socket may lack what its standby brought."""

_COUNTS: Final = ("opened", "failed", "reconnects", "frames", "bytes")
_LOOK_S: Final = 1.0


class Shard:
    """The sockets of some tokens: one, or two of which one is authoritative.

    Attributes:
        handover: Between the two, where there are two.
        renewing: Whether an old socket is being replaced.
    """

    def __init__(self, connection: Connection) -> None:
        self._only = connection
        self.handover: Handover | None = None
        self.renewing = False

    @property
    def lead(self) -> Connection:
        """The authoritative one."""
        return self._only if self.handover is None else self.handover.lead

    @property
    def sockets(self) -> tuple[Connection, ...]:
        """All of them, the authoritative one first."""
        return (self._only,) if self.handover is None else (self.handover.lead, self.handover.other)

    def part(self, stays: Connection) -> None:
        """Have one socket only."""
        if self.handover is not None:
            self.handover.close()
        self._only, self.handover = stays, None


class Connections:
    """The sockets.

    Args:
        make: Returns a new connection that has this number.
        size: Tokens a socket carries at most.
        spare_s: For which a socket without tokens is kept.
        clock: Our time; without it there is neither standby nor renewal.
        roll: Returns a number in [0, 1), for the jitter of renewals.
        standby: Whether each socket has a second one that carries the same.
        renew_after_s: How old a socket gets; 0: as old as it will.

    Attributes:
        numbered: Those that there are, by number.
        carriers: At which of them the readers of a token stand.
        waits: Readers of tokens between two of them.
        ended: Told of each that is no more.
    """

    def __init__(
        self,
        make: Callable[[int], Connection],
        size: int,
        spare_s: float = SPARE_S,
        *,
        clock: Clock | None = None,
        roll: Callable[[], float] = float,
        standby: bool = False,
        renew_after_s: float = 0.0,
    ) -> None:
        self._make, self._spare_s, self._clock, self._standby = make, spare_s, clock, standby
        self.numbered: dict[int, Connection] = {}
        self.carriers: dict[TokenId, Connection] = {}
        self.waits: dict[TokenId, Waiting] = {}
        self.ended: Callable[[Connection], None] | None = None
        self._shards = Shards(size)
        self._on: dict[int, Shard] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._leaving: dict[int, asyncio.TimerHandle] = {}
        self._made = 0
        self._former = Counter[str]()  # of connections that are no more
        self._news = False
        self._keep: Keep | None = None
        self._group: asyncio.TaskGroup | None = None
        self._renewals = Renewals(renew_after_s, roll)

    # ------------------------------------------------------------ their run

    @property
    def running(self) -> bool:
        """Whether sockets can be opened."""
        return self._group is not None

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run connections in this group from now on."""
        self._group = group
        if self._clock is not None and (self._standby or self._renewals.wanted):
            group.create_task(self._tend(self._clock), name="polywire standby and renewal")

    def stop(self) -> None:
        """Open none any more; those that there are end with the group."""
        self._group = None
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()
        for shard in self._on.values():
            shard.part(shard.lead)

    # ------------------------------------------------------------ what they carry

    def want(self, tokens: Iterable[TokenId]) -> None:
        """Carry these tokens too. `running` must hold."""
        for number, placed in self._shards.place(tokens).items():
            shard = self._on.get(number)
            if shard is None:
                shard = self._on[number] = Shard(self._free() or self._new())
            self.carriers.update(dict.fromkeys(placed, shard.lead))
            if shard.handover is not None:
                shard.handover.follow(placed)
            for connection in shard.sockets:
                connection.want(placed)
            self._stand_by(shard)
        self._settle()

    def release(self, tokens: Iterable[TokenId]) -> None:
        """Carry these tokens no more."""
        for number, released in self._shards.release(tokens).items():
            shard = self._on[number]
            if shard.handover is not None:
                shard.handover.forget(released)
            for token in released:
                del self.carriers[token]
                if token in self.waits:  # of a handover that is over already
                    self.waits[token].give_up()
            for connection in shard.sockets:
                connection.release(released)
            if not shard.lead.tokens:  # and the shard's number is not used again
                del self._on[number]
                shard.part(shard.lead)
        self._settle()

    def carry_news(self, wanted: bool) -> None:  # noqa: FBT001 - it is what is said
        """Keep at least one socket while news of markets are wanted: every socket carries them."""
        self._news = wanted
        if wanted and not self.numbered:
            self._new()
        self._settle()

    # ------------------------------------------------------------ all of them

    def renew(self, reason: str) -> None:
        """Take new sockets for all, the old ones first closed."""
        for connection in tuple(self.numbered.values()):
            connection.renew(reason)

    def renew_softly(self, number: int, reason: str) -> bool:
        """Have another socket do what this one does, then close it; return whether that was begun.

        It is not where the socket is down, carries nothing, or is being replaced already.
        """
        shard = next((shard for shard in self._on.values() if self.numbered.get(number) in shard.sockets), None)
        if shard is None or self._group is None or self._clock is None or shard.renewing:
            return False
        old = self.numbered[number]
        if old is not shard.lead:  # nobody stands at a standby
            old.renew(reason)
            return True
        if not old.connected:
            return False
        shard.renewing = True
        self._group.create_task(self._replace(shard, old, reason), name=f"polywire renewal of socket {number}")
        return True

    def record(self, keep: Keep | None) -> None:
        """Hand everything that comes to `keep`; None: no more."""
        self._keep = keep
        for connection in self.numbered.values():
            connection.keep = keep

    def total(self, count: str) -> int:
        """Return a count of all there are and ever were: `opened`, `failed`, `reconnects`, `frames`, `bytes`."""
        return self._former[count] + sum(int(getattr(one, count)) for one in self.numbered.values())

    def role(self, connection: Connection) -> str:
        """Return `authoritative`, or `standby` for a socket that nobody is told anything from while another lives."""
        handovers = (shard.handover for shard in self._on.values())
        standby = any(one is not None and one.other is connection for one in handovers)
        return "standby" if standby else "authoritative"

    @property
    def moved(self) -> int:
        """Tokens whose readers were moved between the sockets there are."""
        return sum(shard.handover.moved for shard in self._on.values() if shard.handover is not None)

    # ------------------------------------------------------------ standby and renewal

    async def _tend(self, clock: Clock) -> NoReturn:
        """See once a second to standbys, to sockets that fall behind theirs, and to the old. Ends by cancellation."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for shard in tuple(self._on.values()):
                self._stand_by(shard)
                handover = shard.handover
                if handover is None or shard.renewing:
                    continue
                handover.return_ready()
                if handover.behind_s() > BEHIND_S and handover.hot:
                    old = handover.lead
                    handover.cut_all()
                    old.renew(f"it lacked for {BEHIND_S:g} s what its standby brought")
            if not any(shard.renewing for shard in self._on.values()):
                old_one = self._renewals.due(self.numbered.values(), clock.monotonic_s())
                if old_one is not None:
                    connection, reason = old_one
                    self.renew_softly(connection.number, reason)

    def _stand_by(self, shard: Shard) -> None:
        """Give a shard its standby, where one is wanted."""
        if self._standby and shard.handover is None and not shard.renewing:
            self._second(shard)

    def _second(self, shard: Shard) -> Handover:
        """Give a shard a second socket."""
        assert self._clock is not None  # noqa: S101 - there would be neither standby nor renewal
        lead, other = shard.lead, self._free() or self._new()
        shard.handover = Handover(lead, other, self.carriers, self.waits, self._clock)
        other.want(tuple(lead.tokens))
        self._settle()
        return shard.handover

    async def _replace(self, shard: Shard, old: Connection, reason: str) -> None:
        """Have a shard's other socket, or a new one, do what its authoritative one does, and end that one."""
        standby = shard.handover is not None
        handover = shard.handover or self._second(shard)
        await self._renewals.move(handover, old)
        shard.renewing = False
        if shard not in self._on.values():
            return  # nobody follows its tokens any more: both sockets are spare
        if standby:
            if handover.lead is not old:
                old.renew(reason)
            return
        handover.bring_home()
        goes = handover.other
        shard.part(handover.lead)
        goes.release(tuple(goes.tokens))
        self._end(goes.number)

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
                self._leaving[number] = asyncio.get_running_loop().call_later(self._spare_s, self._end_spare, number)

    def _end_spare(self, number: int) -> None:
        del self._leaving[number]
        if self._news and len(self.numbered) == 1:
            return  # the last one that news are read from
        self._end(number)

    def _end(self, number: int) -> None:
        connection = self.numbered.pop(number)
        self._former.update({name: getattr(connection, name) for name in _COUNTS})
        self._tasks.pop(number).cancel()
        if self.ended is not None:
            self.ended(connection)
