"""The tape: what was received, byte for byte, with when and where. Only the format; files are `polywire.io.tapes`.

    file    = MAGIC block*
    block   = head body            a block is whole or is not there: a tape may be cut off anywhere
    head    = "PWBK" stored:u32 plain:u32 records:u32 first_ns:i64 last_ns:i64 body_crc:u32 head_crc:u32
    body    = zstd(sources record*)
    sources = count:u8 (length:u8 name)*
    record  = seen_ns:i64 connection:u32 length:u32 source:u8 kind:u8 bytes

All little-endian; `seen_ns` is Unix nanoseconds, our clock. A block names its own sources, so it can be read
without the ones before it. Frames we sent are never on a tape: a subscription can hold credentials.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

MAGIC: Final = b"PWTAPE\x01\n"
"""The first bytes of a tape; the seventh is the format's version."""

HEAD_BYTES: Final = 40
"""Length of a block's head."""

BLOCK_MAGIC: Final = b"PWBK"
"""The first bytes of a head: what a reader looks for behind a damaged block."""

BLOCK_BYTES: Final = 1 << 20
"""Plain bytes after which a block is written."""

LARGEST_BLOCK: Final = 64 << 20
"""A head that claims more is no head."""

_HEAD: Final = struct.Struct("<4sIIIqqI")
_CRC: Final = struct.Struct("<I")
_RECORD: Final = struct.Struct("<qIIBB")


class RecordKind(IntEnum):
    """What a record tells."""

    FRAME = 0  # a frame that arrived
    OPENED = 1  # a connection opened; no bytes
    CLOSED = 2  # it ended; the bytes are the reason, UTF-8


class Record(NamedTuple):
    """One thing that was received."""

    seen_ns: int  # Unix nanoseconds, our clock; 0 where a recording did not keep it
    source: str  # "clob-market", "live-data", or the name a recorder gave
    connection: int  # numbered from 1 within a tape; 0 where unknown
    kind: RecordKind
    data: bytes


class Head(NamedTuple):
    """What a block says of itself."""

    stored: int  # bytes that follow the head
    plain: int  # bytes they expand to
    records: int
    first_ns: int
    last_ns: int
    body_crc: int


def pack_body(records: list[Record]) -> bytes:
    """Return a block's plain body.

    Raises:
        ValueError: It names more than 255 sources, or one with more than 255 bytes.
    """
    names = list(dict.fromkeys(record.source for record in records))
    encoded = [name.encode() for name in names]
    if len(names) > 255 or any(len(name) > 255 for name in encoded):  # noqa: PLR2004 - one byte holds each
        raise ValueError(
            f"{len(names)} sources of up to {max(map(len, encoded))} bytes; a block names at most 255 of 255"
        )
    codes = {name: code for code, name in enumerate(names)}
    parts = [bytes([len(names)]), *(bytes([len(name)]) + name for name in encoded)]
    for seen_ns, source, connection, kind, data in records:
        parts += (_RECORD.pack(seen_ns, connection, len(data), codes[source], kind), data)
    return b"".join(parts)


def unpack_body(body: bytes) -> Iterator[Record]:
    """Yield the records of a plain body, in order.

    Raises:
        ValueError: It is not what `pack_body` returns.

    >>> record = Record(7, "clob-market", 1, RecordKind.FRAME, b"PONG")
    >>> list(unpack_body(pack_body([record]))) == [record]
    True
    """
    try:
        at, names = 1, []
        for _ in range(body[0]):
            end = at + 1 + body[at]
            names.append(body[at + 1 : end].decode())
            at = end
        while at < len(body):
            seen_ns, connection, length, source, kind = _RECORD.unpack_from(body, at)
            at += _RECORD.size
            if at + length > len(body):
                raise ValueError(f"a record of {length} bytes where {len(body) - at} are left")
            yield Record(seen_ns, names[source], connection, RecordKind(kind), body[at : at + length])
            at += length
    except (IndexError, struct.error) as fault:
        raise ValueError(f"the records end in the middle of one: {fault}") from fault


def pack_head(head: Head) -> bytes:
    """Return a head's bytes, its own checksum last."""
    packed = _HEAD.pack(BLOCK_MAGIC, *head)
    return packed + _CRC.pack(zlib.crc32(packed))


def unpack_head(data: bytes) -> Head | None:
    """Return the head that `data` begins with; None where it begins with none that is whole and right."""
    if len(data) < HEAD_BYTES or data[: len(BLOCK_MAGIC)] != BLOCK_MAGIC:
        return None
    packed = data[: _HEAD.size]
    if _CRC.unpack_from(data, _HEAD.size)[0] != zlib.crc32(packed):
        return None
    head = Head(*_HEAD.unpack(packed)[1:])
    return head if max(head.stored, head.plain) <= LARGEST_BLOCK else None


def describe(records: list[Record], body: bytes, stored: bytes) -> Head:
    """Return the head of a block.

    Args:
        records: At least one.
        body: Their plain body.
        stored: That body, compressed.
    """
    times = [record.seen_ns for record in records]
    return Head(len(stored), len(body), len(records), min(times), max(times), zlib.crc32(stored))
