"""Recordings: built here from files, replay and the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Final, Literal, assert_never

from rich.console import Console

from polywire.exchange.rehearsal import Rehearsal
from polywire.interfaces.terminal.board import Board, frames_a_second, shown
from polywire.interfaces.terminal.progress import file_progress
from polywire.io import outputs
from polywire.io.clock import SystemClock
from polywire.io.tapes import TapeReader, TapeWriter
from polywire.services import export
from polywire.services.play import play
from polywire.services.replay import Replay
from polywire.services.stats import Stats, stats
from polywire.services.verify import Verdict, verify
from polywire.wire.channels import Channel
from polywire.wire.event_json import as_json
from polywire.wire.tape import Record, RecordKind

Format = Literal["frames", "events", "csv", "parquet"]
"""What `polywire tape export` can write."""

_MS: Final = 1_000_000
_TOLD_EVERY: Final = 4_096


def verify_tape(path: Path, console: Console, *, from_empty_s: float | None) -> tuple[Verdict, Replay, list[str]]:
    """Return the verdict on a recording, what it was run through, and what the file's damage was."""
    replay = Replay(from_empty=from_empty_s is not None)
    with _reading(path, console, "verifying") as records:
        verdict = verify(records, SystemClock(), from_empty_s=from_empty_s, replay=replay)
        return verdict, replay, records.faults


def stats_of_tape(path: Path, console: Console) -> tuple[Stats, list[str]]:
    """Return the numbers of a recording, and what the file's damage was."""
    with _reading(path, console, "reading") as records:
        return stats(records), records.faults


def play_tape(path: Path, console: Console, *, title: str, speed: float, for_s: float | None, jsonl: bool) -> list[str]:
    """Show a recording at its own pace; return what the file's damage was.

    With `jsonl` every event goes to standard output, one a line, and nothing is drawn.
    """
    clock, replay, records = SystemClock(), Replay(), TapeReader(path)
    moments = play(records, replay, clock, speed=speed, for_s=for_s)
    if jsonl:
        outputs.write_lines("-", (as_json(event) for events in moments for event in events))
        return records.faults
    board = Board(replay, title)
    drawn_s = 0.0
    with shown(board, console) as live:
        for events in moments:
            board.heed(events)
            if live is not None and clock.monotonic_s() - drawn_s >= 1 / frames_a_second():
                drawn_s = clock.monotonic_s()
                live.refresh()
    return records.faults


def export_tape(path: Path, target: str, form: Format, console: Console) -> tuple[int, list[str]]:
    """Write a recording in another form; return how many lines or rows, and what the file's damage was."""
    with _reading(path, console, "exporting") as records:
        match form:
            case "frames":
                count = outputs.write_lines(target, export.as_frames(records))
            case "events":
                count = outputs.write_lines(target, export.as_events(records))
            case "csv":
                count = outputs.write_csv(target, export.COLUMNS, export.as_rows(records))
            case "parquet":
                count = outputs.write_parquet(target, export.COLUMNS, export.as_rows(records))
            case _:
                assert_never(form)
        return count, records.faults


def write_rehearsal(path: Path, *, seed: int, seconds: float) -> None:
    """Write a tape of the rehearsal's first seconds, replacing what stood there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    start_ms = SystemClock().now_ns() // _MS
    frames = Rehearsal(seed, start_ms=start_ms).frames()
    with outputs.written_whole(path) as temporary, TapeWriter(temporary) as tape:
        for venue_ms, frame in takewhile(lambda timed: timed[0] < start_ms + seconds * 1_000, frames):
            tape.append(Record(venue_ms * _MS, Channel.MARKET, 1, RecordKind.FRAME, frame))


class _Reading(TapeReader):
    """A reader that tells how far it is, now and then."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.tell: Callable[[int], None] = lambda _: None

    def __iter__(self) -> Iterator[Record]:
        for count, record in enumerate(super().__iter__()):
            if count % _TOLD_EVERY == 0:
                self.tell(self.bytes_read)
            yield record


@contextmanager
def _reading(path: Path, console: Console, what: str) -> Iterator[_Reading]:
    reading = _Reading(path)
    with file_progress(console, f"{what} {path.name}", reading.bytes_in_all) as tell:
        reading.tell = tell
        yield reading
