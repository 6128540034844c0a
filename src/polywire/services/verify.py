"""The verdict on a recording: every frame decoded, every book proven against what the venue itself said."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from polywire.ports import Clock
from polywire.services.replay import Replay
from polywire.wire.tape import Record

_SECOND_NS: Final = 1_000_000_000
_ROUND: Final = 4_096


class Verdict(msgspec.Struct, frozen=True):
    """What a recording holds and how it checks out: the last line of `polywire tape verify`.

    `tokens` counts those that books and level changes named. `gaps` counts the spans in which changes may be
    missing: one a reconnect, one a message with levels that could not be read. `events_per_second` is how fast
    this run was: events decoded, divided by the time it took.
    """

    frames: int
    messages: int
    by_type: dict[str, int]
    undecoded: int
    foreign: dict[str, int]
    tokens: int
    best_price_checks: int
    best_price_mismatches: int
    pruned_levels: int
    book_checks: int
    book_mismatches: int
    reconnects: int
    gaps: int
    events_per_second: float

    @property
    def clean(self) -> bool:
        """Whether nothing is undecoded and nothing mismatches: what `--strict` asks for."""
        return not (self.undecoded or self.best_price_mismatches or self.book_mismatches)


def verify(
    records: Iterable[Record],
    clock: Clock,
    *,
    from_empty_s: float | None = None,
    replay: Replay | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Verdict:
    """Return the verdict on a recording.

    Args:
        records: The recording, in order.
        clock: Times this run.
        from_empty_s: None: a token without a snapshot is not checked. Else it starts empty, and checks count
            from this many seconds after the recording's first message on.
        replay: What the records are run through; a fresh one if not given.
        progress: Called every few thousand records.
    """
    replay = Replay(from_empty=from_empty_s is not None) if replay is None else replay
    warm_up_ns = None if from_empty_s is None else round(from_empty_s * _SECOND_NS)
    starts_ns = 0
    began = clock.monotonic_s()
    for count, record in enumerate(records):
        if warm_up_ns is not None:
            replay.books.start_checks()
        replay.feed(record)
        if warm_up_ns is not None:
            starts_ns = starts_ns or (replay.now_ns if replay.tokens else 0)
            if starts_ns and replay.now_ns - starts_ns >= warm_up_ns:
                warm_up_ns = None
        replay.events.clear()
        if count % _ROUND == 0:
            progress()
    if warm_up_ns is not None:
        replay.books.start_checks()
    took_s = max(clock.monotonic_s() - began, 1e-9)
    books = replay.books
    return Verdict(
        frames=replay.frames,
        messages=sum(replay.messages.values()),
        by_type=dict(sorted(replay.messages.items())),
        undecoded=sum(replay.undecoded.values()),
        foreign=dict(sorted(replay.foreign.items())),
        tokens=len(replay.tokens),
        best_price_checks=books.best_checks,
        best_price_mismatches=books.best_mismatches,
        pruned_levels=books.pruned_levels,
        book_checks=books.book_checks,
        book_mismatches=books.book_mismatches,
        reconnects=replay.reconnects,
        gaps=replay.reconnects + replay.losses,
        events_per_second=round(replay.decoded / took_s, 1),
    )
