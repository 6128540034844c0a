"""How late the venue's messages come, by its clock and ours: the last samples of each socket, and their figures."""

from array import array
from collections.abc import Iterable
from typing import Final, NamedTuple

SAMPLES_KEPT: Final = 1_024
"""Samples that one socket keeps; a newer one takes the oldest one's place."""

SAMPLES_SORTED: Final = 16_384
"""About as many samples are percentiles made of: of more than that every so many-th, so that asking stays quick."""

_MS_NS: Final = 1_000_000
_PERCENT: Final = 100


class LagFigures(NamedTuple):
    """What the samples say, in milliseconds; None where there are none.

    A lag is our clock when a message was seen less the venue's own time of it, so it holds the way, the wait, and how
    far the clocks are apart. Nothing arrives before it is sent: a least lag below zero is a clock of ours that is
    behind the venue's, by at least that much.
    """

    p50_ms: float | None
    p99_ms: float | None
    least_ms: float | None
    samples: int

    @property
    def behind_ms(self) -> float:
        """By how many milliseconds, at least, our clock is behind the venue's; 0: nothing shows that it is."""
        return max(0.0, -(self.least_ms or 0.0))


class Lag:
    """The last samples of one socket. To be told now and then, as once a second a token, and not of every message.

    Args:
        kept: Samples kept at most.
    """

    __slots__ = ("_at", "_kept", "_samples")

    def __init__(self, kept: int = SAMPLES_KEPT) -> None:
        self._kept = kept
        self._samples = array("q")  # ns
        self._at = 0  # where the next one goes once there is no room

    def note(self, venue_ms: int, seen_ns: int) -> None:
        """Take one sample.

        Args:
            venue_ms: The venue's time of a message, Unix milliseconds; 0, where it said none, is passed over.
            seen_ns: When we saw it, Unix nanoseconds.
        """
        if venue_ms <= 0:
            return
        sample = seen_ns - venue_ms * _MS_NS
        if len(self._samples) < self._kept:
            self._samples.append(sample)
        else:
            self._samples[self._at] = sample
            self._at = (self._at + 1) % self._kept

    def figures(self) -> LagFigures:
        """Return what the kept samples say.

        >>> lag = Lag()
        >>> for late_ms in (3, 40, 5):
        ...     lag.note(1_000, (1_000 + late_ms) * 1_000_000)
        >>> lag.figures()
        LagFigures(p50_ms=5.0, p99_ms=40.0, least_ms=3.0, samples=3)
        """
        return combined((self,))


def combined(lags: Iterable[Lag], most: int = SAMPLES_SORTED) -> LagFigures:
    """Return what the samples of several sockets say together.

    Percentiles are nearest ranks: the least sample that so many in a hundred do not exceed. The least is the least of
    all samples; the percentiles are of some `most` of them, taken evenly from each socket.
    """
    told = [lag._samples for lag in lags if lag._samples]  # noqa: SLF001 - of this module's own class
    count = sum(map(len, told))
    if not count:
        return LagFigures(None, None, None, 0)
    every = -(-count // most)
    ranked = sorted(sample for samples in told for sample in samples[::every])
    return LagFigures(_ms(_ranked(ranked, 50)), _ms(_ranked(ranked, 99)), _ms(min(map(min, told))), count)


def _ranked(ranked: list[int], percent: int) -> int:
    return ranked[-(-len(ranked) * percent // _PERCENT) - 1]


def _ms(ns: int) -> float:
    return round(ns / _MS_NS, 3)
