"""What a recording holds, in numbers, without judging it: rates, sizes, silences."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from polywire.model.market import LevelChanged, Traded
from polywire.services.replay import Replay
from polywire.wire.tape import Record, RecordKind

_SECOND_NS: Final = 1_000_000_000
_BUSIEST_KEPT: Final = 5
_SECONDS_KEPT: Final = 240


class Stats(msgspec.Struct, frozen=True):
    """Numbers of one recording. Times are of the recording (the venue's where it kept none of its own)."""

    records: int
    bytes: int
    by_source: dict[str, int]
    by_type: dict[str, int]
    unknown_fields: dict[str, int]
    starts_ns: int
    seconds: float
    longest_silence_s: float
    busiest_second: int  # messages in it
    events: int
    trades: int
    tokens: int
    busiest_tokens: list[tuple[str, int]]  # with their level changes


def stats(records: Iterable[Record]) -> Stats:
    """Return the numbers of a recording, in constant memory but for a count a token."""
    replay = Replay()
    sources: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    seconds: Counter[int] = Counter()
    busiest = 0
    size = events = trades = 0
    first_ns = last_ns = longest_ns = 0
    for record, told in replay.run(records):
        if record.kind is RecordKind.FRAME:
            sources[record.source or "(unnamed)"] += 1
            size += len(record.data)
        events += len(told)
        for event in told:
            if isinstance(event, LevelChanged):
                changes[event.token] += 1
            trades += isinstance(event, Traded)
        if replay.now_ns > 1:
            first_ns = first_ns or replay.now_ns
            longest_ns = max(longest_ns, replay.now_ns - (last_ns or replay.now_ns))
            last_ns = replay.now_ns
            second = last_ns // _SECOND_NS
            seconds[second] += 1
            busiest = max(busiest, seconds[second])
            if len(seconds) > _SECONDS_KEPT:  # messages come a little out of order, not by minutes
                seconds = Counter({at: count for at, count in seconds.items() if at > second - _SECONDS_KEPT // 2})
    return Stats(
        records=sum(sources.values()),
        bytes=size,
        by_source=dict(sources.most_common()),
        by_type=dict(sorted(replay.messages.items())),
        unknown_fields={
            f"{kind}.{field}": count
            for tally in (replay.market, replay.live, replay.user)
            for (kind, field), count in sorted(tally.unknown_fields.items())
        },
        starts_ns=first_ns,
        seconds=round((last_ns - first_ns) / _SECOND_NS, 3),
        longest_silence_s=round(longest_ns / _SECOND_NS, 3),
        busiest_second=busiest,
        events=events,
        trades=trades,
        tokens=len(replay.tokens),
        busiest_tokens=changes.most_common(_BUSIEST_KEPT),
    )
