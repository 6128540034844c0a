"""A tape written on a thread of its own: whoever records never waits for the disk or the compressor."""

import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final

from polywire.errors import TapeError
from polywire.io.tapes import TapeWriter
from polywire.wire.tape import Record

FLUSH_S: Final = 1.0
"""What a process that is killed may lose, in seconds of recording."""

MOST_BYTES: Final = 256 << 20
"""Bytes that may wait to be written, unless told otherwise."""


class ThreadedTape:
    """Takes records at once and writes them in order.

    `put` may be called from one thread at a time. A context manager would hide the point at which writing ends:
    call `close`, which returns when all is with the system.

    Args:
        path: The tape; continued where it exists.
        most_bytes: Bytes that may wait for a slow disk.

    Attributes:
        records: Records taken.
        bytes: Bytes of their frames.
        fault: Why writing has stopped; None: it has not. What was written until then is whole.

    Raises:
        TapeError: The file cannot be written, or is no tape.
    """

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._path, self._most_bytes = path, most_bytes
        self._tape = TapeWriter(path)
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._written_bytes = 0
        self.records = self.bytes = 0
        self.fault: TapeError | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="polywire tape", daemon=True)
        self._thread.start()

    def put(self, record: Record) -> None:
        """Take one record; does nothing once writing has stopped, or been told to."""
        if self.fault is not None or self._closed:
            return
        waiting = self.bytes - self._written_bytes
        if waiting > self._most_bytes:
            self.fault = TapeError(
                f"{self._path} is written too slowly: {waiting:,} bytes wait (limit {self._most_bytes:,}), and it ends "
                "here; record fewer markets, or to another disk"
            )
            return
        self.records += 1
        self.bytes += len(record.data)
        self._queue.put(record)

    def close(self) -> None:
        """Write what was taken, close the file, and return when that is done. Twice is once.

        Raises:
            TapeError: Something could not be written.
        """
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        if self.fault is not None:
            raise self.fault

    def _run(self) -> None:
        try:
            with self._tape as tape:
                self._write(tape)
        except OSError as fault:
            self.fault = TapeError(
                f"{self._path} cannot be written any more: {fault.strerror}; what was written before is whole; "
                "make room, or choose another file"
            )
        except Exception as fault:  # noqa: BLE001 - a thread that ends in silence would lose all that follows
            self.fault = TapeError(f"{self._path} cannot be written any more: {type(fault).__name__}: {fault}")

    def _write(self, tape: TapeWriter) -> None:
        """Write until told to end. What is held goes out each `FLUSH_S`, however much comes."""
        flush_at = monotonic() + FLUSH_S
        while True:
            try:
                record = self._queue.get(timeout=max(0.0, flush_at - monotonic()))
            except Empty:
                pass
            else:
                if record is None:
                    return
                tape.append(record)
                self._written_bytes += len(record.data)
            if monotonic() >= flush_at:
                tape.flush()
                flush_at = monotonic() + FLUSH_S
