"""The topics that are read: when each was heard, how long it may be silent, and what of it may have been lost."""

from collections.abc import Iterable, Iterator
from typing import Final

from polywire.core.pulse import Pulse
from polywire.core.renewal import Broadcast
from polywire.model.health import Gap
from polywire.model.live import CryptoPriced, EquityPriced
from polywire.services.line_status import ago
from polywire.services.live.losses import Losses
from polywire.services.live.streams import BUSY

_LIVELY: Final = 8  # messages that make a topic one of which a second socket must bring something too


class Topics:
    """Every topic that is read.

    Args:
        silent_s: Seconds for which a busy one may say nothing, at most.
        longest_s: The same where another socket does not help.

    Attributes:
        losses: What of them may have been lost.
        gaps: How many losses were told.
    """

    def __init__(self, silent_s: float, longest_s: float) -> None:
        self._silent_s, self._longest_s = silent_s, longest_s
        self._pulses: dict[str, Pulse] = {}
        self._last_ns: dict[str, int] = {}  # when it was heard last, or first listened to
        self._events: dict[str, int] = {}
        self.losses = Losses()
        self.gaps = 0

    def read(self, wanted: Iterable[str], now: float, now_ns: int) -> None:
        """Heed these, and no others."""
        names = dict.fromkeys(wanted)
        for topic in self._pulses.keys() - names:
            del self._pulses[topic], self._last_ns[topic], self._events[topic]
            self.losses.forget(topic)
        for topic in names:
            if topic not in self._pulses:
                self._pulses[topic] = Pulse(now, self._silent_s, self._longest_s)
                self._last_ns[topic], self._events[topic] = now_ns, 0

    def listen(self, now: float) -> None:
        """Begin to listen on a new socket."""
        for pulse in self._pulses.values():
            pulse.listen(now)

    def hear(self, topic: str, event: Broadcast, now: float) -> Gap | None:
        """Hear an event; return the gap that it ends."""
        pulse = self._pulses.get(topic)
        if pulse is None:
            return None  # it was given up, and the last of it was on its way
        pulse.beat(now)
        gap = self._end_gap(topic, event.seen_ns)
        if isinstance(event, CryptoPriced | EquityPriced):
            self.losses.priced(topic, event)
        self._last_ns[topic] = event.seen_ns
        self._events[topic] += 1
        return gap

    def quiet_gaps(self, now_ns: int) -> list[tuple[str, Gap]]:
        """Return the gaps of topics that may say nothing for hours, which end as they are listened to again."""
        ended = [(topic, self._end_gap(topic, now_ns)) for topic in sorted(self.losses.pending.keys() - BUSY)]
        return [(topic, gap) for topic, gap in ended if gap is not None]

    def late(self, now: float) -> frozenset[str]:
        """Return the busy ones that have been silent for too long."""
        return frozenset(topic for topic, pulse in self._pulses.items() if topic in BUSY and pulse.late(now))

    def silent_s(self, topic: str, now: float) -> float:
        """Return for how long one has been silent."""
        return now - self._pulses[topic].last_s

    def lively(self, now: float) -> frozenset[str]:
        """Return the busy ones that come, so that a second socket must bring them too."""
        return frozenset(
            topic
            for topic, pulse in self._pulses.items()
            if topic in BUSY and pulse.beats >= _LIVELY and not pulse.late(now)
        )

    def lose(self, reason: str, *, but: frozenset[str] = frozenset()) -> None:
        """Take note that all streams have a hole since they were heard last, but for some."""
        for topic, last_ns in self._last_ns.items():
            if topic not in but:
                self.losses.lose(topic, last_ns, reason)

    def pass_on(self, whole: frozenset[str], lost_before: frozenset[str], why: str, now: float) -> None:
        """Go from one socket to another.

        Args:
            whole: The topics of which nothing was lost.
            lost_before: Those of which something was, before the second socket was opened.
            why: Why there is another socket.
            now: Monotonic seconds.
        """
        self.lose(why, but=whole)
        for topic in whole - lost_before:
            self.losses.pending.pop(topic, None)
        self.listen(now)

    def bear(self, topics: Iterable[str]) -> None:
        """Learn that another socket did not end these topics' silence."""
        for topic in topics:
            if topic in self._pulses:
                self._pulses[topic].bear()

    def __iter__(self) -> Iterator[str]:
        """Return their names."""
        return iter(self._pulses)

    def status(self, now: float, now_ns: int) -> dict[str, dict[str, object]]:
        """Return how each is, JSON-ready."""
        return {
            topic: {
                "events": self._events[topic],
                "last_data_s": ago(pulse.last_s, now) if self._events[topic] else None,
                "silence_limit_s": pulse.limit_s if topic in BUSY else None,
                "lost_for_s": self._lost_for_s(topic, now_ns),
            }
            for topic, pulse in self._pulses.items()
        }

    def _lost_for_s(self, topic: str, now_ns: int) -> float | None:
        loss = self.losses.pending.get(topic)
        return None if loss is None else round((now_ns - loss.from_ns) / 1e9, 3)

    def _end_gap(self, topic: str, now_ns: int) -> Gap | None:
        gap = self.losses.end(topic, now_ns)
        self.gaps += gap is not None
        return gap
