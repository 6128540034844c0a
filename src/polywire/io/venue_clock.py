"""The venue's time: our own for Polymarket, learned from `GET /venue` for an exchange, whose clock can be steered."""

import contextlib
import math
from typing import Any, Final, NoReturn

import anyio

from polywire.errors import VenueUnreachable
from polywire.io.venue_desk import VenueDesk
from polywire.ports import Clock

EVERY_S: Final = 2.0
"""Seconds between two questions for the time."""

_PATIENCE_S: Final = 5.0
_MS: Final = 1_000_000
_ROUNDED_MS: Final = 2.0  # answers are whole milliseconds


class VenueClock:
    """What time it is at the venue. It does not go back, unless the venue's own clock did, as in another run of it.

    Between two answers the venue's time is reckoned with the speed it last told. Somebody who steps, pauses or speeds
    its clock meanwhile is noticed with the next answer, `every_s` later at most: until then this clock is wrong by
    what was steered. Where it had run ahead, it stands until the venue has caught up.

    Args:
        clock: Our time.
        desk: Asks the exchange; None: the venue's time is ours, as it is Polymarket's.
        every_s: Seconds between two questions.
    """

    def __init__(self, clock: Clock, desk: VenueDesk | None, *, every_s: float = EVERY_S) -> None:
        self._clock, self._desk, self._every_s = clock, desk, every_s
        self._base_ms, self._base_s, self._speed = clock.now_ns() / _MS, clock.monotonic_s(), 1.0
        self._told_ms = 0
        self._wrong_by_ms = 0.0 if desk is None else math.inf

    def now_ms(self) -> int:
        """Return the venue's time, Unix milliseconds."""
        if self._desk is None:
            return self._clock.now_ns() // _MS
        now_ms = math.floor(self._reckoned_ms(self._clock.monotonic_s()))
        self._told_ms = max(self._told_ms, now_ms)
        return self._told_ms

    @property
    def speed(self) -> float:
        """Venue seconds a second of ours, as the venue last told; 0: its time stands."""
        return self._speed

    @property
    def wrong_by_ms(self) -> float:
        """How wrong the last answer may be, milliseconds of the venue's; infinite until there was one.

        What is steered after an answer comes on top. 0 where the venue's time is ours.
        """
        return self._wrong_by_ms

    async def learn(self) -> None:
        """Ask now.

        Raises:
            VenueUnreachable: There is no answer, or none that names a time.
        """
        if self._desk is None:
            return
        asked_s = self._clock.monotonic_s()
        try:
            with anyio.fail_after(_PATIENCE_S):
                told = await self._desk.describe(ledger=False)
        except TimeoutError:
            raise VenueUnreachable(self._desk.url, f"it did not tell the time within {_PATIENCE_S:g} s") from None
        heard_s = self._clock.monotonic_s()
        self._take(told.get("clock"), asked_s, heard_s, self._desk.url)

    async def run(self) -> NoReturn:
        """Ask for ever; while there is no answer, time goes on as it did. Ends only by cancellation."""
        while True:
            with contextlib.suppress(VenueUnreachable):  # whoever needs the venue hears of it
                await self.learn()
            await anyio.sleep(self._every_s)

    def _take(self, told: Any, asked_s: float, heard_s: float, url: str) -> None:
        """Reckon from an answer: it was true at some moment between question and answer."""
        now_ms, speed, paused = (told.get(name) if isinstance(told, dict) else None for name in _NAMES)
        if not isinstance(now_ms, int) or not isinstance(speed, int | float) or not 0 < speed < math.inf:
            raise VenueUnreachable(url, f"it answered {str(told)[:80]!r} instead of a time and its speed")
        former_ms, former_speed, former_s = self._reckoned_ms(heard_s), self._speed, self._base_s
        former_wrong_ms, half_s = self.wrong_by_ms, (heard_s - asked_s) / 2
        self._speed = 0.0 if paused else float(speed)
        self._base_ms, self._base_s = now_ms + half_s * 1_000 * self._speed, heard_s
        self._wrong_by_ms = half_s * 1_000 * float(speed)
        steered_ms = (heard_s - former_s) * 1_000 * former_speed + _ROUNDED_MS  # what a pause meanwhile explains
        if math.isinf(former_wrong_ms) or former_ms - self._base_ms > steered_ms + former_wrong_ms + self._wrong_by_ms:
            self._told_ms = 0  # another run of the exchange, with a time of its own

    def _reckoned_ms(self, at_s: float) -> float:
        return self._base_ms + (at_s - self._base_s) * 1_000 * self._speed


_NAMES: Final = ("now_ms", "speed", "paused")
