"""The sockets of live data: one that is told, and in a renewal a second that is open before the first is closed."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from polywire.core.renewal import Broadcast, Overlap
from polywire.model.live import LiveRefused, PricesBackfilled
from polywire.ports import Clock
from polywire.services.line import Keep
from polywire.services.live.connection import LiveConnection
from polywire.services.live.topics import Topics

_SHORTEST_OVERLAP_S: Final = 2.0  # for what is on its way to the first, of topics that say too little to tell
_LONGEST_OVERLAP_S: Final = 15.0  # in which the two must meet
_OPENING_S: Final = 20.0  # in which the second must have subscribed
_AFTERMATH_S: Final = 30.0  # for which the second may still bring what the first was ahead with
_FIRST_RETRY_S: Final = 10.0
_LONGEST_RETRY_S: Final = 120.0
_JITTER: Final = 0.1  # of a socket's age


class LiveSockets:
    """At most two sockets of one service, of which one is told.

    A planned renewal, and one because a topic went silent, open the second first (`core.renewal`). A socket that is
    lost is dialled again by its `Line`; where a second is there already, that one is told from then on.

    Args:
        make: Returns a new connection that has this number, and belongs to this owner.
        topics: What is read.
        clock: Our time.
        roll: Returns a number in [0, 1), for jitter.
        renewal_s: Seconds after which a socket is renewed, about.
        tell: Called with each event, once, in order, with its topic.
        answer: Called with what answers a request.
        stir: Called where something is to be looked at at once.

    Attributes:
        current: The socket that is told.
        second: The one that will be.
        why: Why it is renewed, or was last.
        renew_at: When the current one is to be renewed, monotonic seconds.
        renewals: How often one was.
    """

    def __init__(
        self,
        make: Callable[[int, "LiveSockets"], LiveConnection],
        topics: Topics,
        clock: Clock,
        roll: Callable[[], float],
        renewal_s: float,
        *,
        tell: Callable[[str, Broadcast], None],
        answer: Callable[[PricesBackfilled | LiveRefused], None],
        stir: Callable[[], None],
    ) -> None:
        self._make, self._topics, self._clock, self._roll, self._renewal_s = make, topics, clock, roll, renewal_s
        self._tell, self._answer, self._stir = tell, answer, stir
        self.current: LiveConnection | None = None
        self.second: LiveConnection | None = None
        self.why, self.renew_at, self.renewals = "", 0.0, 0
        self._overlap: Overlap | None = None  # of the current and the second
        self._former: Overlap | None = None  # of the one before the current and the current
        self._stale, self._lost_before = frozenset[str](), frozenset[str]()
        self._opened_second_s = self._former_until = 0.0
        self._broken = False
        self._failures = self._made = 0
        self._tasks: dict[LiveConnection, asyncio.Task[NoReturn]] = {}
        self._keep: Keep | None = None

    # ------------------------------------------------------------ what their owner calls

    def __iter__(self) -> Iterator[LiveConnection]:
        """Return those that there are, the one that is told first."""
        return iter([one for one in (self.current, self.second) if one is not None])

    def record(self, keep: Keep | None) -> None:
        """Hand everything that comes to `keep`; None: no more."""
        self._keep = keep
        for connection in self:
            connection.keep = keep

    def turn(self, now: float, group: asyncio.TaskGroup) -> None:
        """Do what is due. New sockets run in `group`."""
        if self.current is None:
            self.current = self._new(group)
            self.renew_at = now + self._age_s()
        if now >= self._former_until:
            self._former = None
        if self.second is not None and self._overlap is not None:
            self._look_at_second(now, self.current, self.second, self._overlap)
        elif self.current.carrying:
            self._look_at_current(now, group)

    def end(self) -> None:
        """Close them all."""
        for connection in self:
            self._tasks.pop(connection).cancel()
        self.current = self.second = self._overlap = self._former = None

    # ------------------------------------------------------------ renewal

    def _look_at_current(self, now: float, group: asyncio.TaskGroup) -> None:
        late = self._topics.late(now)
        if late and (now >= self.renew_at or not self._failures):
            worst = max(sorted(late), key=lambda topic: self._topics.silent_s(topic, now))
            self._open_second(f"{worst} said nothing for {self._topics.silent_s(worst, now):.0f} s", late, now, group)
        elif now >= self.renew_at:
            self._open_second("it was old enough to be renewed", late, now, group)

    def _open_second(self, why: str, stale: frozenset[str], now: float, group: asyncio.TaskGroup) -> None:
        self._overlap, self._broken = Overlap(self._former), False
        self.why, self._stale = why, stale
        self._doubt(stale)
        self._opened_second_s = now
        self.second = self._new(group)

    def _look_at_second(self, now: float, first: LiveConnection, second: LiveConnection, overlap: Overlap) -> None:
        """Switch to the second socket, give it up, or wait."""
        if first.carrying and (late := self._topics.late(now) - self._stale):
            self._stale |= late
            self._doubt(late)
        if self._broken or overlap.full:  # even where the first is lost too: what was held has a hole
            why = "it brought more than can be held" if overlap.full else "it was lost"
            self._give_up(now, first, second, why)
        elif not first.carrying:
            self._switch(now, first, second, overlap)
        elif second.failed:
            self._give_up(now, first, second, "it could not be opened")
        elif not second.carrying or second.carrying_s is None:
            if now >= self._opened_second_s + _OPENING_S:
                self._give_up(now, first, second, f"it was not open after {_OPENING_S:g} s")
        else:
            self._compare(now, first, second, overlap, now - second.carrying_s)

    def _doubt(self, stale: frozenset[str]) -> None:
        """Count topics as lost from when they were heard last, even should the first speak again before the second."""
        self._topics.lose(self.why, but=frozenset(self._topics) - stale)
        self._lost_before = frozenset(self._topics.losses.pending)

    def _compare(
        self, now: float, first: LiveConnection, second: LiveConnection, overlap: Overlap, lasted_s: float
    ) -> None:
        lively = self._topics.lively(now) - self._stale
        if (lively | overlap.heard) - self._stale <= overlap.joined and self._stale <= overlap.heard:
            if lasted_s >= _SHORTEST_OVERLAP_S or (self._stale and not lively):
                self._switch(now, first, second, overlap)
        elif lasted_s >= _LONGEST_OVERLAP_S:
            missing = lively - overlap.heard
            if missing:
                self._give_up(now, first, second, f"it brought nothing of {', '.join(sorted(missing))}")
            else:
                self._switch(now, first, second, overlap)

    def _switch(self, now: float, first: LiveConnection, second: LiveConnection, overlap: Overlap) -> None:
        """Tell the second socket from now on, and close the first."""
        whole = frozenset(overlap.joined)
        if second.carrying and second.carrying_s is not None and now - second.carrying_s >= _SHORTEST_OVERLAP_S:
            whole |= frozenset(self._topics) - self._topics.lively(now) - self._stale - overlap.heard
        self._topics.pass_on(whole, self._lost_before, self.why, now)
        self._topics.bear(self._stale - overlap.heard)
        self.current, self.second = second, None
        self._overlap, self._former = None, overlap
        self._failures = 0
        self.renewals += 1
        self.renew_at, self._former_until = now + self._age_s(), now + _AFTERMATH_S
        for topic, event in overlap.switch():
            self._tell(topic, event)
        self._tasks.pop(first).cancel()

    def _give_up(self, now: float, first: LiveConnection, second: LiveConnection, why: str) -> None:
        first.reasons.append((now, f"kept: {self.why}, another socket was opened, and {why}"))
        self._tasks.pop(second).cancel()
        self.second = self._overlap = None
        self._topics.bear(self._stale)
        self.renew_at = now + min(_FIRST_RETRY_S * 2.0 ** min(self._failures, 8), _LONGEST_RETRY_S)
        self._failures += 1

    # ------------------------------------------------------------ what the sockets say; see `Listening`

    def begun(self, connection: LiveConnection) -> None:
        """Listen anew, where it is the one that is told."""
        if connection is self.current:
            self._topics.listen(self._clock.monotonic_s())
        self._stir()

    def heard(self, connection: LiveConnection, topic: str, event: Broadcast) -> None:
        """Tell an event, hold it, or pass it over."""
        overlap = self._overlap
        if connection is self.current:
            if self._former is not None and not self._former.new(topic, event):
                return
            if overlap is not None:
                overlap.old(topic, event)
            self._tell(topic, event)
        elif connection is self.second and overlap is not None:
            awaited = topic in self._stale and topic not in overlap.heard
            overlap.new(topic, event)
            if awaited:
                self._stir()

    def answered(self, connection: LiveConnection, event: PricesBackfilled | LiveRefused) -> None:  # noqa: ARG002 - of either
        """Hand on what answers a request."""
        self._answer(event)

    def ended(self, connection: LiveConnection) -> None:
        """Take note that a stream has a hole."""
        if connection is self.current:
            self._topics.lose(connection.reasons[-1][1])
        elif connection is self.second:
            self._broken = True
        self._stir()

    # ------------------------------------------------------------ inside

    def _new(self, group: asyncio.TaskGroup) -> LiveConnection:
        self._made += 1
        connection = self._make(self._made, self)
        connection.keep = self._keep
        self._tasks[connection] = group.create_task(connection.run(), name=f"polywire live socket {self._made}")
        return connection

    def _age_s(self) -> float:
        """Return how old a socket becomes; not all clients of a service renew theirs in the same second."""
        return self._renewal_s * (1.0 + _JITTER * (2.0 * self._roll() - 1.0))
