"""An event loop in which time passes only when everybody waits: minutes of patience are tested in microseconds."""

import asyncio
import selectors
from typing import Any

_BEGAN_NS = 1_790_000_000_000_000_000
_PATIENT = 1_000  # looks in a row at which no time passed; more than anything but a wait that is too short needs
_HAIR_S = 1e-8


class _Selector(selectors.DefaultSelector):
    """Waits for nobody: what would be waited for is over at once, on the loop's own clock."""

    passed_s = 1_000.0
    _looks = 0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits, and nothing will ever happen")
        if not ready and timeout:
            self.passed_s += timeout
            self._looks = 0
        else:
            # A timer goes off up to a nanosecond early, and who waits for the rest may wait for less than a float can
            # tell. A real clock moves on while he does; here it has to be pushed, or he would wait for ever.
            self._looks += 1
            if self._looks > _PATIENT:
                self.passed_s += _HAIR_S
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._passing = _Selector()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.passed_s


class LoopClock:
    """The running loop's time. See `polywire.ports.Clock`."""

    def now_ns(self) -> int:
        return _BEGAN_NS + round(self.monotonic_s() * 1e9)

    def monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError(f"nothing here may block, and {seconds} s were asked for")
