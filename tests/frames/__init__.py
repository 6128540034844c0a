"""Frames written by hand from the field tables in docs/protocol.md, every value invented: one file per kind.

A file is named `<channel>.<kind>[.<form>].json` and holds one frame, byte for byte as a socket would bring it.
"""

from pathlib import Path

from polywire.model.units import ConditionId, TokenId

_FOLDER = Path(__file__).parent

YES = TokenId("31" * 38)
NO = TokenId("42" * 38)
CONDITION = ConditionId("0x" + "5e" * 32)


def frame(name: str) -> bytes:
    """Return the frame called `name`, such as `market.book.first`."""
    return (_FOLDER / f"{name}.json").read_bytes().rstrip(b"\n")


def names(channel: str) -> list[str]:
    """Return the names of a channel's frames: `market`, `live`, `rest` or `request`."""
    return sorted(path.stem for path in _FOLDER.glob(f"{channel}.*.json"))
