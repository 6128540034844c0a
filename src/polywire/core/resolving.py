"""When to ask the venue which markets are resolved: all of them in turn, those that are due at once first.

The stream's word of it is known to fail (docs/protocol.md, "Resolution"). Whoever follows thousands of markets must not
ask for each by itself, and a venue that does not answer must not be asked all the time.
"""

import heapq
import math
from dataclasses import dataclass
from typing import Final

from polywire.model.units import ConditionId

_STALE: Final = 64
"""Entries of the heap that may be old beside as many as hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvingPolicy:
    """How often to ask."""

    every_s: float = 30.0  # between two looks at a market
    requests_s: float = (
        4.0  # requests a second at most, on the long run; more markets than that are looked at less often
    )
    markets: int = 50  # in a look
    fresh_markets: int = 8  # in a look that takes a request for each
    soon_s: float = 1.0  # for which those that become due wait for others
    longest_every_s: float = 900.0  # between two fresh looks at a market that has ended and is not resolved
    first_delay_s: float = 1.0  # after a failure, then twice as long each time
    longest_delay_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """Markets to ask for now.

    Attributes:
        conditions: Which; at least one.
        fresh: Whether to ask for each by itself, as the venue's list may lag.
    """

    conditions: tuple[ConditionId, ...]
    fresh: bool


class Resolving:
    """The markets that are followed and not known to be resolved. Times are monotonic seconds that never go back.

    >>> markets = Resolving(ResolvingPolicy())
    >>> markets.follow(ConditionId("0x1"), now=0.0)
    >>> markets.look(now=29.0), markets.wake_at
    (None, 30.0)
    >>> markets.look(now=30.0)
    Look(conditions=('0x1',), fresh=False)

    Args:
        policy: How often to ask.

    Attributes:
        failures: Looks in a row that failed.
    """

    def __init__(self, policy: ResolvingPolicy) -> None:
        self._policy = policy
        self._due: dict[ConditionId, float] = {}  # the soonest first: each goes to the end with its next turn
        self._pressing: dict[ConditionId, float] = {}  # the longest waiting first, since when
        self._ends: dict[ConditionId, tuple[float, float]] = {}  # when to press it, and in how long again after that
        self._ending: list[tuple[float, ConditionId]] = []  # the same as a heap, with entries that hold no more
        self._free_at = 0.0  # before which nothing is asked
        self._fresh_last = False
        self.failures = 0

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, condition: object) -> bool:
        return condition in self._due

    @property
    def pressing(self) -> int:
        """How many are to be asked for by themselves."""
        return len(self._pressing)

    def follow(self, condition: ConditionId, now: float, ends_at: float | None = None) -> None:
        """Look at a market from now on.

        Args:
            condition: Which.
            now: The time.
            ends_at: From when on it may be resolved any moment, as far as that is known.
        """
        self._due.setdefault(condition, now + self._policy.every_s)
        if ends_at is not None and condition not in self._ends:
            self._ends_at(condition, ends_at, self._policy.every_s)

    def release(self, condition: ConditionId) -> None:
        """Look at a market no more."""
        self._due.pop(condition, None)
        self._pressing.pop(condition, None)
        self._ends.pop(condition, None)

    def press(self, condition: ConditionId, now: float) -> None:
        """Look at a market at the next chance, by itself: something says that it has ended."""
        if condition in self._due:
            self._pressing.setdefault(condition, now)

    def look(self, now: float) -> Look | None:
        """Return what to ask now; None: nothing before `wake_at`. What is returned counts as asked."""
        self._press_ended(now)
        if now < self._free_at:
            return None
        policy, due = self._policy, self._first_due(now)
        ready = self._pressing and now >= next(iter(self._pressing.values())) + policy.soon_s
        if ready and not (due and self._fresh_last):  # in turns, so that neither waits for ever
            asked = tuple(self._pressing)[: policy.fresh_markets]
            for condition in asked:
                del self._pressing[condition]
            return self._asked(asked, now, fresh=True)
        return self._asked(due, now, fresh=False) if due else None

    def answered(self) -> None:
        """Take note that a look was answered."""
        self.failures = 0

    def failed(self, look: Look, now: float, wait_s: float = 0.0) -> None:
        """Take note that a look was not answered: its markets stay due, and nothing is asked for a while.

        Args:
            look: The look.
            now: The time.
            wait_s: For how long the venue is not to be asked at least, as it said.
        """
        delay_s = min(self._policy.longest_delay_s, self._policy.first_delay_s * 2.0 ** min(self.failures, 32))
        self.failures += 1
        self._free_at = max(self._free_at, now + max(delay_s, wait_s))
        first = {condition: now for condition in look.conditions if condition in self._due}
        if look.fresh:
            self._pressing = first | self._pressing
        self._due = first | {condition: at for condition, at in self._due.items() if condition not in first}

    @property
    def wake_at(self) -> float:
        """When there may be something to ask; `inf`: not before something is followed."""
        times = [math.inf]
        if self._due:
            times.append(next(iter(self._due.values())))
        if self._pressing:
            times.append(next(iter(self._pressing.values())) + self._policy.soon_s)
        if self._ending:
            times.append(self._ending[0][0])
        return max(self._free_at, min(times))

    def _first_due(self, now: float) -> tuple[ConditionId, ...]:
        due: list[ConditionId] = []
        for condition, at in self._due.items():
            if at > now or len(due) == self._policy.markets:
                break
            due.append(condition)
        return tuple(due)

    def _asked(self, conditions: tuple[ConditionId, ...], now: float, *, fresh: bool) -> Look:
        cost = 1 + len(conditions) if fresh else 1
        self._free_at, self._fresh_last = now + cost / self._policy.requests_s, fresh
        for condition in conditions:
            del self._due[condition]
            self._due[condition] = now + self._policy.every_s
            at, pause_s = self._ends.get(condition, (math.inf, 0.0))
            if fresh and at <= now:
                self._ends_at(condition, now + pause_s, min(2.0 * pause_s, self._policy.longest_every_s))
        return Look(conditions, fresh)

    def _ends_at(self, condition: ConditionId, at: float, pause_s: float) -> None:
        self._ends[condition] = at, pause_s
        heapq.heappush(self._ending, (at, condition))
        if len(self._ending) > 2 * len(self._ends) + _STALE:
            self._ending = [(at, condition) for condition, (at, _) in self._ends.items()]
            heapq.heapify(self._ending)

    def _press_ended(self, now: float) -> None:
        while self._ending and self._ending[0][0] <= now:
            at, condition = heapq.heappop(self._ending)
            if self._ends.get(condition, (math.inf, 0.0))[0] == at:
                self._pressing.setdefault(condition, now)
