"""A recording in other forms: its frames, its events, or one row per change and trade."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from polywire.model.market import LevelChanged, Traded
from polywire.model.units import price_text, size_text
from polywire.services.replay import Replay
from polywire.wire.event_json import as_json
from polywire.wire.tape import Record, RecordKind

COLUMNS: Final = ("seen_ns", "venue_ms", "kind", "token", "side", "price", "size", "best_bid", "best_ask")
"""Columns of a row; prices and sizes are decimal texts, "" where there is none."""

_encode = msgspec.json.Encoder().encode


def as_frames(records: Iterable[Record]) -> Iterator[bytes]:
    """Yield one JSON line a frame, in the form every reader of recordings here understands.

    A frame that is not UTF-8 is written with its bad bytes as U+FFFD: JSON cannot hold it.
    """
    for record in records:
        if record.kind is RecordKind.FRAME:
            line = {"recv_ns": record.seen_ns, "source": record.source, "raw": record.data.decode(errors="replace")}
            yield _encode(line)


def as_events(records: Iterable[Record]) -> Iterator[bytes]:
    """Yield one JSON line an event."""
    for _, events in Replay().run(records):
        yield from map(as_json, events)


def as_rows(records: Iterable[Record]) -> Iterator[tuple[str, ...]]:
    """Yield one row a level change and a trade, in the order of `COLUMNS`."""
    for _, events in Replay().run(records):
        for event in events:
            if isinstance(event, LevelChanged):
                bests = ("" if best is None else price_text(best) for best in (event.best_bid, event.best_ask))
                kind, side, size = "level", event.side, event.size
                yield (*_start(event, kind, side), price_text(event.price), size_text(size), *bests)
            elif isinstance(event, Traded):
                traded = "" if event.size is None else size_text(event.size)
                yield (*_start(event, "trade", event.side), price_text(event.price), traded, "", "")


def _start(event: LevelChanged | Traded, kind: str, side: str) -> tuple[str, str, str, str, str]:
    return str(event.seen_ns), str(event.venue_ms), kind, event.token, side
