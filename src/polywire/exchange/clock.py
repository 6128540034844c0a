"""The venue's time: scaled, paused and stepped, on top of a clock that only grows."""

import math
from collections.abc import Callable
from typing import Final

import anyio
import anyio.lowlevel

from polywire.errors import Misuse

Wall = Callable[[], float]
"""Seconds that only ever grow, such as `time.monotonic`; their zero means nothing."""

_LONGEST_WAIT_S: Final = 3_600.0  # a timer is set anew at least this often: some loops refuse very long ones


class VenueClock:
    """What time it is on the exchange. It never goes back.

    Args:
        wall: What it runs on.
        start_ms: Its first reading, Unix milliseconds.
        speed: Venue seconds a wall second, > 0.
    """

    def __init__(self, wall: Wall, *, start_ms: int, speed: float = 1.0) -> None:
        self.wall = wall
        self._speed = _checked(speed)
        self._paused = False
        self._since_s = wall()  # when the reading was `_base_ms`
        self._base_ms = float(start_ms)
        self._changed = anyio.Event()

    def now_ms(self) -> int:
        """Return the venue's time, Unix milliseconds."""
        return math.floor(self._reading())

    @property
    def speed(self) -> float:
        """Venue seconds a wall second; set it at any time. Raises `Misuse` where it is not above 0 and finite."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        speed = _checked(speed)
        self._rebase()
        self._speed = speed

    @property
    def paused(self) -> bool:
        """Whether the venue's time stands still."""
        return self._paused

    def pause(self) -> None:
        """Stop the venue's time. Twice is once."""
        self._rebase()
        self._paused = True

    def resume(self) -> None:
        """Let the venue's time run on from where it stopped."""
        self._rebase()
        self._paused = False

    def step(self, ms: int) -> None:
        """Put the venue's time forward, paused or not. Raises `Misuse` below 0: what has happened has happened."""
        if ms < 0:
            raise Misuse(f"the venue's clock cannot go back, and {ms} ms were asked for; step by 0 or more")
        self._rebase(ms)

    async def sleep_until(self, venue_ms: int) -> None:
        """Return once `now_ms()` has reached `venue_ms`, after at least one turn of the loop.

        It follows every change of speed, pause and step at once, and may be cancelled.
        """
        await anyio.lowlevel.checkpoint()
        while (left_ms := venue_ms - self._reading()) > 0:
            wait_s = math.inf if self._paused else min(left_ms / 1_000.0 / self._speed, _LONGEST_WAIT_S)
            with anyio.move_on_after(wait_s):
                await self._changed.wait()

    def _reading(self) -> float:
        if self._paused:
            return self._base_ms
        return self._base_ms + (self.wall() - self._since_s) * 1_000.0 * self._speed

    def _rebase(self, ahead_ms: int = 0) -> None:
        self._base_ms, self._since_s = self._reading() + ahead_ms, self.wall()
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


def _checked(speed: float) -> float:
    if not 0.0 < speed < math.inf:
        raise Misuse(f"a speed of {speed} was asked for; it is venue seconds a wall second, above 0; to stop, pause")
    return speed
