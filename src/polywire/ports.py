"""What services need from the world, as protocols; `polywire.io` implements them, tests bring their own."""

from typing import Protocol


class Clock(Protocol):
    """Our own time: for pacing and patience, never for what the venue's time decides."""

    def now_ns(self) -> int:
        """Return Unix nanoseconds."""

    def monotonic_s(self) -> float:
        """Return seconds that only ever grow; their zero means nothing."""

    def sleep(self, seconds: float) -> None:
        """Return after that long."""
