"""Other people's recordings: JSON lines, a frame a line or an object that holds one.

A line is a bare frame (an object, an array, a word like `PONG`), or an object with the frame under `raw` or
`message` (a string, or the frame itself) and, if known, `recv_ms` or `recv_ns` and `source`.
"""

from decimal import Decimal
from typing import Final

import msgspec

from polywire.wire.tape import Record, RecordKind

_line = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_number = msgspec.json.Decoder(Decimal).decode
_HOLDERS: Final = ("raw", "message")
_STAMPS: Final = (("recv_ns", 1), ("recv_ms", 1_000_000))


def read_line(line: bytes) -> Record | None:
    """Return what one line of a recording holds; None for a blank one.

    A line that is no JSON object is a frame as it stands, whatever it is: the decoder will count it. A line
    whose envelope is broken is a frame too.

    >>> record = read_line(b'{"raw":"PONG","recv_ms":1777428643288,"source":"polymarket_clob"}')
    >>> record.seen_ns, record.source, record.data
    (1777428643288000000, 'polymarket_clob', b'PONG')
    """
    line = line.strip()
    if not line:
        return None
    bare = Record(0, "", 0, RecordKind.FRAME, line)
    if not line.startswith(b"{"):
        return bare
    try:
        fields = _line(line)
        holder = next((name for name in _HOLDERS if name in fields), None)
        # The live-data service's refusal has a `message` too, and is itself the frame.
        if holder is None or "connectionId" in fields or "event_type" in fields or "topic" in fields:
            return bare
        held = bytes(fields[holder])
        data = _text(held).encode() if held.startswith(b'"') else held
        source = _text(fields["source"]) if "source" in fields else ""
        return Record(_seen_ns(fields), source, 0, RecordKind.FRAME, data)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ArithmeticError):
        return bare


def _seen_ns(fields: dict[str, msgspec.Raw]) -> int:
    for name, scale in _STAMPS:
        if name in fields:
            return int(_number(fields[name]) * scale)  # a Decimal: nanoseconds do not fit a double
    return 0
