"""Where results go: a file written whole or not at all, standard output, Parquet."""

import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import zstandard

from polywire.errors import Misuse, PolywireError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Hand out a temporary name beside `path`, and rename it to `path` if the block ends well.

    Raises:
        PolywireError: The folder cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(descriptor)
    except OSError as fault:
        raise PolywireError(f"{path} cannot be written: {fault.strerror}; choose another place") from fault
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _opened(target: str) -> Iterator[BinaryIO]:
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with written_whole(Path(target)) as temporary, temporary.open("wb") as file:
        if target.endswith(".zst"):
            with zstandard.ZstdCompressor().stream_writer(file) as compressed:
                yield compressed
        else:
            yield file


def write_lines(target: str, lines: Iterable[bytes]) -> int:
    """Write lines to a file, or to standard output for `-`; return how many. A file named `.zst` is compressed."""
    count = 0
    with _opened(target) as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
    return count


def write_csv(target: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> int:
    """Write rows as CSV with a header; return how many."""

    def lines() -> Iterator[bytes]:
        yield ",".join(columns).encode()
        for row in rows:
            yield ",".join(row).encode()  # numbers, ids and fixed words: nothing to quote

    return write_lines(target, lines()) - 1


def write_parquet(target: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> int:
    """Write rows as Parquet, sorted by token and time, exact decimals; return how many.

    Raises:
        Misuse: The extra `analytics` is not installed, or the target is standard output.
    """
    if target == "-":
        raise Misuse("Parquet cannot go to standard output; name a file")
    try:
        import duckdb  # noqa: PLC0415 - an extra, needed nowhere else
    except ImportError as missing:
        raise Misuse("Parquet needs DuckDB: pip install 'polywire[analytics]', or use --format csv") from missing
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rows.csv"
        with table.open("w", newline="") as file:
            count = _fill(file, columns, rows)
        types = dict.fromkeys(columns, "VARCHAR") | {"seen_ns": "BIGINT", "venue_ms": "BIGINT"}
        types |= dict.fromkeys(("price", "best_bid", "best_ask"), "DECIMAL(6,4)") | {"size": "DECIMAL(18,6)"}
        with written_whole(Path(target)) as temporary, duckdb.connect() as database:
            source = database.read_csv(str(table), header=True, dtype=types, na_values=[""])
            source.order("token, seen_ns").write_parquet(str(temporary), compression="zstd")
    return count


def _fill(file: TextIO, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> int:
    writer = csv.writer(file)
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count
