"""A clock that a test turns itself."""


class HandClock:
    """Time passes only when somebody sleeps. See `polywire.ports.Clock`.

    Attributes:
        slept: Every sleep, in order, seconds.
    """

    def __init__(self) -> None:
        self._now_s = 100.0
        self.slept: list[float] = []

    def now_ns(self) -> int:
        """Return Unix nanoseconds."""
        return round(self._now_s * 1e9)

    def monotonic_s(self) -> float:
        """Return seconds."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Pass time."""
        self.slept.append(seconds)
        self._now_s += seconds
