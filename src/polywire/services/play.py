"""A recording at the pace it was received."""

from collections.abc import Iterable, Iterator
from typing import Final

from polywire.model.events import Event
from polywire.ports import Clock
from polywire.services.replay import Replay
from polywire.wire.tape import Record

_TICK_S: Final = 0.1
_SOON_S: Final = 0.000_1  # less is no wait, and may be less than a clock can tell
_SECOND_NS: Final = 1_000_000_000


def play(
    records: Iterable[Record],
    replay: Replay,
    clock: Clock,
    *,
    speed: float = 1.0,
    for_s: float | None = None,
    longest_wait_s: float = 5.0,
) -> Iterator[list[Event]]:
    """Yield the events of each record when it is due, and `[]` about ten times a second while nothing is.

    Args:
        records: The recording, in order.
        replay: What they are run through.
        clock: Tells and waits.
        speed: Recorded seconds in one of ours, > 0.
        for_s: End after that many of our seconds; None: with the recording.
        longest_wait_s: Longer silences of the recording are cut to this, in our seconds.
    """
    began = clock.monotonic_s()
    skipped_s = 0.0
    first_ns: int | None = None
    for _, events in replay.run(records):
        if first_ns is None and replay.now_ns > 1:
            first_ns = replay.now_ns
        due_s = 0.0 if first_ns is None else (replay.now_ns - first_ns) / _SECOND_NS / speed - skipped_s
        wait_s = due_s - (clock.monotonic_s() - began)
        if wait_s > longest_wait_s:
            skipped_s += wait_s - longest_wait_s
            due_s -= wait_s - longest_wait_s
        while (left_s := due_s - (passed_s := clock.monotonic_s() - began)) > _SOON_S:
            if for_s is not None and passed_s >= for_s:
                return
            clock.sleep(min(left_s, _TICK_S))
            yield []
        if for_s is not None and clock.monotonic_s() - began >= for_s:
            return
        yield events
