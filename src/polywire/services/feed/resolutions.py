"""Resolutions that arrive although the stream left them out: `core.resolving` says when to ask, this asks and tells."""

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import NoReturn

from polywire.core.resolving import Look, Resolving, ResolvingPolicy
from polywire.errors import TooOften, VenueUnreachable
from polywire.model.market import MarketResolved
from polywire.model.units import ConditionId, TokenId
from polywire.ports import Clock, Evidence

_MS = 1_000_000


class Resolutions:
    """Asks the venue which of the followed markets are resolved, and tells of each that nobody told of before.

    Args:
        evidence: Asks.
        clock: Our time.
        tell: Handed each resolution, once a market for as long as it is followed.
        every_s: Seconds between two looks at a market.
        requests_s: Requests a second, at most; where more markets are followed than that allows, each is looked at
            less often.
    """

    def __init__(
        self,
        evidence: Evidence,
        clock: Clock,
        tell: Callable[[MarketResolved], object],
        *,
        every_s: float = 30.0,
        requests_s: float = 4.0,
    ) -> None:
        self._evidence, self._clock, self._tell = evidence, clock, tell
        self._resolving = Resolving(ResolvingPolicy(every_s=every_s, requests_s=requests_s))
        self._tokens: dict[ConditionId, set[TokenId]] = {}
        self._resolved: set[ConditionId] = set()  # of those followed
        self._stirred = asyncio.Event()
        self._looks = self._recovered = self._failed = self._foreign = 0
        self._last_error = ""

    # ------------------------------------------------------------ what the feed calls

    def follow(self, condition: ConditionId, tokens: Iterable[TokenId], ends_ms: int | None = None) -> None:
        """Tell of this market's resolution.

        Args:
            condition: The market.
            tokens: Those of its tokens that somebody reads; they are added to those named before.
            ends_ms: Unix milliseconds from when on it may be resolved any moment, where that is known.
        """
        self._tokens.setdefault(condition, set()).update(tokens)
        if condition in self._resolved:
            return
        now = self._clock.monotonic_s()
        ends_at = None if ends_ms is None else now + (ends_ms - self._clock.now_ns() // _MS) / 1_000
        self._resolving.follow(condition, now, ends_at)
        self._stirred.set()

    def release(self, condition: ConditionId) -> None:
        """Ask about this market no more."""
        self._tokens.pop(condition, None)
        self._resolved.discard(condition)
        self._resolving.release(condition)

    def heard(self, condition: ConditionId) -> None:
        """Take note that the stream has told of this market's resolution."""
        self._resolving.release(condition)
        if condition in self._tokens:
            self._resolved.add(condition)

    def urgent(self, condition: ConditionId) -> None:
        """Ask about this market at the next chance: it fell silent, or the venue has no book of it any more."""
        self._resolving.press(condition, self._clock.monotonic_s())
        self._stirred.set()

    def status(self) -> dict[str, object]:
        """Return how the asking goes; JSON-ready, newly made."""
        next_s = self._resolving.wake_at - self._clock.monotonic_s()
        return {
            "followed": len(self._tokens),
            "resolved": len(self._resolved),
            "urgent": self._resolving.pressing,
            "looks": self._looks,
            "recovered": self._recovered,
            "failed": self._failed,
            "failures_in_a_row": self._resolving.failures,
            "foreign": self._foreign,
            "last_error": self._last_error,
            "next_look_s": None if math.isinf(next_s) else round(max(0.0, next_s), 3),
        }

    # ------------------------------------------------------------ its run

    async def run(self) -> NoReturn:
        """Ask until cancelled; a venue that does not answer is asked again, ever less often."""
        while True:
            self._stirred.clear()
            now = self._clock.monotonic_s()
            look = self._resolving.look(now)
            if look is None:
                await self._rest(self._resolving.wake_at - now)
            else:
                await self._ask(look)

    async def _ask(self, look: Look) -> None:
        self._looks += 1
        try:
            found = await self._evidence.resolutions(look.conditions, fresh=look.fresh)
        except VenueUnreachable as fault:
            self._failed += 1
            self._last_error = str(fault)
            wait_s = fault.retry_after_s if isinstance(fault, TooOften) else 0.0
            self._resolving.failed(look, self._clock.monotonic_s(), wait_s)
            return
        self._resolving.answered()
        for event in found:
            self._take(event)

    def _take(self, event: MarketResolved) -> None:
        condition = event.condition
        if condition not in self._resolving:
            return  # told of by the stream meanwhile, or given up
        if not self._tokens[condition] <= set(event.tokens):
            self._foreign += 1  # whoever reads those tokens could not be told by it
            return
        self.heard(condition)
        self._recovered += 1
        self._tell(event)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else max(0.0, seconds)):
                await self._stirred.wait()
        except TimeoutError:
            pass
