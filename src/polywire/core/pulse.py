"""The rhythm of a stream that is never silent for long, and when its silence is longer than it should be."""

from typing import Final

SILENT_S: Final = 30.0
"""A busy stream that says nothing for this long is taken for frozen, whatever its rhythm."""

_LEAST_S: Final = 15.0  # bursts after ten silent seconds have been seen of a service that was well
_TIMES_LONGEST: Final = 3.0
_FADES: Final = 0.98  # how much of its longest pause a stream keeps with each message
_KNOWN_AFTER: Final = 32  # messages after which there is a rhythm to speak of


class Pulse:
    """When one stream was heard, and how long it may be silent.

    At first and at most `silent_s`; where it has not paused for long lately, three times its longest pause, but not
    under 15 s. A silence that a new socket did not end is the service's own: it is borne twice as long each time,
    until something is heard.

    Args:
        now: Seconds of any monotonic clock, always the same.
        silent_s: The longest silence that is borne.
        longest_s: The same where new sockets do not help.

    Attributes:
        last_s: When it was heard last, or began to be listened to.
        beats: How often it was heard.
    """

    __slots__ = ("_longest_pause_s", "_longest_s", "_silent_s", "_times", "beats", "last_s")

    def __init__(self, now: float, silent_s: float = SILENT_S, longest_s: float = 600.0) -> None:
        self.last_s, self.beats = now, 0
        self._silent_s, self._longest_s = silent_s, max(silent_s, longest_s)
        self._longest_pause_s = 0.0
        self._times = 1.0

    def beat(self, now: float) -> None:
        """Hear it."""
        if self.beats:
            self._longest_pause_s = max(now - self.last_s, self._longest_pause_s * _FADES)
        self.beats += 1
        self.last_s = now
        self._times = 1.0

    def listen(self, now: float) -> None:
        """Begin to listen on a new socket: silence counts from now, and the pause before it is none of the stream's."""
        self.last_s = max(self.last_s, now)
        self.beats = 0

    def bear(self) -> None:
        """Learn that a new socket brought nothing either."""
        self._times *= 2.0

    @property
    def limit_s(self) -> float:
        """How long it may be silent."""
        limit_s = self._silent_s
        if self.beats >= _KNOWN_AFTER:
            limit_s = min(limit_s, max(_LEAST_S, _TIMES_LONGEST * self._longest_pause_s))
        return min(limit_s * self._times, self._longest_s)

    def late(self, now: float) -> bool:
        """Return whether it has been silent for too long.

        >>> pulse = Pulse(now=100.0)
        >>> pulse.late(129.9), pulse.late(130.0)
        (False, True)
        """
        return now >= self.last_s + self.limit_s
