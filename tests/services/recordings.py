"""Recordings for tests, made by the project's own rehearsal."""

from itertools import islice

from polywire.exchange.rehearsal import Rehearsal
from polywire.wire.channels import Channel
from polywire.wire.tape import Record, RecordKind


def rehearsal(frames: int, seed: int = 7, markets: int = 3) -> list[Record]:
    """Return the first frames of a rehearsal, each seen at the venue's own time."""
    timed = islice(Rehearsal(seed, markets=markets).frames(), frames)
    return [Record(ms * 1_000_000, Channel.MARKET, 1, RecordKind.FRAME, data) for ms, data in timed]


def frame(data: bytes, seen_ns: int = 0, source: str = "") -> Record:
    """Return one frame as a recording holds it."""
    return Record(seen_ns, source, 0, RecordKind.FRAME, data)
