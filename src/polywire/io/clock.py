"""The system's clock."""

import time


class SystemClock:
    """The real one. See `polywire.ports.Clock`."""

    def now_ns(self) -> int:
        """Return Unix nanoseconds."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Return seconds that only ever grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after that long."""
        time.sleep(seconds)
