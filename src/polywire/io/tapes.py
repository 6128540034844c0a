"""Tapes as files: written append-only, read whatever happened to them, in constant memory."""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import zstandard

from polywire.errors import TapeError, TapeFormatUnknown
from polywire.wire import jsonl, tape
from polywire.wire.tape import Record

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_LEVEL: Final = 3
_CHUNK: Final = 1 << 18
_PACKED: Final = 1 << 14  # what one read of a zstd stream expands to stays small
_LONGEST_LINE: Final = 64 << 20


class TapeWriter:
    """Appends records to a tape. A context manager; leaving it writes what is still held.

    A tape that was cut off (a crash, a full disk) is continued behind its last whole block.

    Args:
        path: The file; made if missing, mode 0600, for it can hold the user's own orders.

    Raises:
        TapeError: The file exists and is no tape, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: list[Record] = []
        self._held_bytes = 0
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._file: BinaryIO = os.fdopen(descriptor, "r+b")
            try:
                self._continue()
            except BaseException:
                self._file.close()
                raise
        except OSError as fault:
            raise TapeError(f"{path} cannot be written: {fault.strerror}; choose another file") from fault

    def _continue(self) -> None:
        """Stand behind the last whole block; what follows it was never finished."""
        start = self._file.read(len(tape.MAGIC))
        if start != tape.MAGIC:
            if not tape.MAGIC.startswith(start):
                raise TapeError(f"{self._path} exists and is no tape; choose another file")
            self._file.seek(0)
            self._file.write(tape.MAGIC)
        end = self._file.tell()
        size = os.fstat(self._file.fileno()).st_size
        while (head := tape.unpack_head(self._file.read(tape.HEAD_BYTES))) is not None:
            if end + tape.HEAD_BYTES + head.stored > size:
                break
            end += tape.HEAD_BYTES + head.stored
            self._file.seek(end)
        self._file.seek(end)
        self._file.truncate()

    def append(self, record: Record) -> None:
        """Hold one record; a block is written when 1 MiB of them is held."""
        self._held.append(record)
        self._held_bytes += len(record.data)
        if self._held_bytes >= tape.BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held as a block of its own and hand it to the system."""
        if not self._held:
            return
        held, self._held, self._held_bytes = self._held, [], 0  # never written twice, should the disk be full
        body = tape.pack_body(held)
        stored = self._compressor.compress(body)
        self._file.write(tape.pack_head(tape.describe(held, body, stored)) + stored)
        self._file.flush()

    def close(self) -> None:
        """Write what is held and close the file."""
        try:
            self.flush()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


class TapeReader:
    """Reads a recording: our tape, or JSON lines, plain or zstd. Iterate it once.

    Damage is passed over and told, never raised: a cut-off tail, a block whose checksum is wrong, a zstd
    stream that ends early.

    Args:
        path: The file.

    Attributes:
        bytes_in_all: The file's size.
        bytes_read: How far the reading is, for a progress bar.
        faults: What was passed over so far, one sentence each.

    Raises:
        TapeError: The file cannot be opened.
        TapeFormatUnknown: It is neither a tape nor text.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.faults: list[str] = []
        self.bytes_read = 0
        try:
            self.bytes_in_all = path.stat().st_size
            with path.open("rb") as file:
                start = file.read(_CHUNK)
        except OSError as fault:
            raise TapeError(f"{path} cannot be read: {fault.strerror}") from fault
        self._is_tape = start.startswith(tape.MAGIC)
        self._is_zstd = start.startswith(_ZSTD)
        if not (self._is_tape or self._is_zstd) and b"\x00" in start:
            raise TapeFormatUnknown(str(path), f"it begins with {start[:8]!r} and holds zero bytes")

    def __iter__(self) -> Iterator[Record]:
        with self._path.open("rb") as file:
            if self._is_tape:
                yield from self._blocks(file)
            else:
                for line in self._lines(file):
                    record = jsonl.read_line(line)
                    if record is not None:
                        yield record

    # ------------------------------------------------------------ our tapes

    def _blocks(self, file: BinaryIO) -> Iterator[Record]:
        decompressor = zstandard.ZstdDecompressor()
        at = len(tape.MAGIC)
        while at < self.bytes_in_all:
            file.seek(at)
            head = tape.unpack_head(file.read(tape.HEAD_BYTES))
            stored = file.read(head.stored) if head else b""
            if head is None or len(stored) < head.stored:
                following = self._next_head(file, at + 1)
                what = "is cut off in the middle of a block" if following is None else "holds no block"
                end = self.bytes_in_all if following is None else following
                self._pass_over(f"{self._path.name} {what} at byte {at:,}: {end - at:,} bytes passed over")
                at = end
                continue
            at += tape.HEAD_BYTES + head.stored
            self.bytes_read = at
            try:
                if zlib.crc32(stored) != head.body_crc:
                    raise ValueError("its checksum is wrong")
                records = list(tape.unpack_body(decompressor.decompress(stored, max_output_size=head.plain)))
            except (ValueError, zstandard.ZstdError) as fault:
                self._pass_over(
                    f"{self._path.name} has a damaged block before byte {at:,} ({head.records:,} records): {fault}"
                )
                continue
            yield from records

    def _next_head(self, file: BinaryIO, at: int) -> int | None:
        """Return where the next whole head begins; None: there is none."""
        overlap = tape.HEAD_BYTES - 1
        while at < self.bytes_in_all:
            file.seek(at)
            window = file.read(_CHUNK)
            found = window.find(tape.BLOCK_MAGIC)
            while found >= 0:
                file.seek(at + found)
                if tape.unpack_head(file.read(tape.HEAD_BYTES)) is not None:
                    return at + found
                found = window.find(tape.BLOCK_MAGIC, found + 1)
            at += max(len(window) - overlap, 1)
        return None

    # ------------------------------------------------------------ JSON lines

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        rest = b""
        for chunk in self._chunks(file):
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            if len(rest) > _LONGEST_LINE:
                self._pass_over(f"{self._path.name} has a line of over {_LONGEST_LINE:,} bytes; passed over")
                rest = b""
            yield from lines
        if rest:
            yield rest

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        if not self._is_zstd:
            while chunk := file.read(_CHUNK):
                self.bytes_read += len(chunk)
                yield chunk
            return
        # Not a stream reader: that one takes a stream which ends early for one that ends.
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            while packed := file.read(_PACKED):
                self.bytes_read += len(packed)
                while packed:
                    yield frame.decompress(packed)
                    packed = frame.unused_data if frame.eof else b""
                    if packed:  # several frames, one after another
                        frame = zstandard.ZstdDecompressor().decompressobj()
        except zstandard.ZstdError as fault:
            self._pass_over(f"{self._path.name} has a damaged zstd stream before byte {file.tell():,}: {fault}")
        else:
            if not frame.eof:
                self._pass_over(f"{self._path.name} is cut off: its zstd stream has no end")

    def _pass_over(self, fault: str) -> None:
        self.faults.append(fault)
