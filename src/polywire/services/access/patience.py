"""How long the venue may take for its part of an answer, and since when it says nothing, told to whoever waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import anyio

from polywire.errors import CredentialsRefused, TooOften, VenueUnreachable
from polywire.ports import Clock

ANSWER_S: Final = 4.5
"""Seconds for one answer, so that it is on its way within 5."""

_SECOND_NS: Final = 1_000_000_000


class Patience:
    """Remembers when the venue last said anything.

    Args:
        clock: Our time.
        url: Where the venue is, for questions that end without an answer.
        heard_ns: Returns when anything last came of it unasked, Unix nanoseconds; 0: never.
    """

    def __init__(self, clock: Clock, url: str, heard_ns: Callable[[], int]) -> None:
        self._clock, self._url, self._heard_ns = clock, url, heard_ns
        self._answered_ns, self._began_ns = 0, clock.now_ns()

    @contextmanager
    def asking(self, within_s: float = ANSWER_S) -> Iterator[None]:
        """Ask the venue something in this block, which ends when the time is over.

        Raises:
            VenueUnreachable: It failed, or took too long; the sentence says since when nothing came of the venue.
            TooOften: As it is: the venue does answer.
        """
        try:
            with self.told(), anyio.fail_after(max(0.0, within_s)):
                yield
        except TimeoutError:
            raise self._unreachable(self._url, f"no answer within {max(0.0, within_s):.1f} s", None) from None
        self._answered_ns = self._clock.now_ns()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say of a `VenueUnreachable` that leaves the block since when nothing came of the venue."""
        try:
            yield
        except (TooOften, CredentialsRefused):
            raise
        except VenueUnreachable as fault:
            raise self._unreachable(fault.url, fault.reason, fault.status) from fault

    def _unreachable(self, url: str, reason: str, status: int | None) -> VenueUnreachable:
        last_ns = max(self._answered_ns, self._heard_ns())
        at_ns = last_ns or self._began_ns
        at = f"{datetime.fromtimestamp(at_ns // _SECOND_NS, UTC):%Y-%m-%d %H:%M:%S} UTC"
        ago_s = max(0.0, (self._clock.now_ns() - at_ns) / _SECOND_NS)
        what = "the last that came of it was" if last_ns else "nothing came of it since Polywire started"
        return VenueUnreachable(url, f"{reason}; {what} at {at}, {ago_s:,.0f} s ago", status=status)
