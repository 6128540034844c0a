"""Looking for secrets wherever bytes may lie: in texts, files, tapes, and what the system shows of processes.

A secret is looked for in every form it is likely to be written in, and in pieces: whatever a cut, a quote or an
encoding left of it, a run of `SHORTEST_RUN` bytes of any form is found, wherever it begins.
"""

import base64
import binascii
import json
import os
import re
import threading
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

import pytest

from polywire.io.tapes import TapeReader
from polywire.wire import tape

PROC: Final = Path("/proc")
needs_proc: Final = pytest.mark.skipif(
    not (PROC / "self" / "task" / str(os.getpid()) / "children").exists(), reason="this system has no /proc"
)
SHORTEST_RUN: Final = 19
"""Bytes of a form that are always found; what is shorter may be an accident."""

_PIECE: Final = 16  # of hex digits or of decimals: no accident among a few megabytes of others
_STEP: Final = SHORTEST_RUN - _PIECE + 1
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_HEX: Final = re.compile("(?:0[xX])?([0-9a-fA-F]{2,})")
_LOOK_EVERY_S: Final = 0.01


# ---------------------------------------------------------------- the forms of a secret


def forms_of(secret: str) -> dict[str, bytes]:
    """Return how a secret may be written, by what that is called."""
    forms = {"as given": secret.encode(), "UTF-16": secret.encode("utf-16-le"), "repr": repr(secret)[1:-1].encode()}
    forms |= {
        "JSON": json.dumps(secret)[1:-1].encode(),
        "JSON, not ASCII": json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
    }
    for normal in ("NFC", "NFD"):
        forms[normal] = unicodedata.normalize(normal, secret).encode()
    raw = {"text": secret.encode()}
    digits = _HEX.fullmatch(secret)
    if digits and len(digits[1]) % 2 == 0:
        raw |= {"hex digits": digits[1].lower().encode(), "bytes of hex": bytes.fromhex(digits[1])}
        forms |= {"lower": digits[1].lower().encode(), "upper": digits[1].upper().encode()}
        forms["number"] = str(int(digits[1], 16)).encode()
    else:
        decoded = _decoded(secret)
        if decoded:
            raw["bytes of base64"] = decoded
    for name, content in raw.items():
        forms |= {f"{form} of {name}": written for form, written in _forms_of_bytes(content)}
    return {name: form for name, form in forms.items() if len(form) >= SHORTEST_RUN}


def _forms_of_bytes(content: bytes) -> Iterator[tuple[str, bytes]]:
    yield "bytes", content
    yield "hex", content.hex().encode()
    yield "upper hex", content.hex().upper().encode()
    yield "repr", repr(content)[2:-1].encode()
    yield "quoted", quote(content, safe="").encode()
    yield "quoted but for slashes", quote(content).encode()
    yield "quoted as a form", quote_plus(content).encode()
    for shift in range(3):  # where it begins within whatever was encoded together
        whole = base64.b64encode(bytes(shift) + content).rstrip(b"=")
        certain = whole[(0, 2, 3)[shift] : len(whole) - 1]  # the rest depends on its neighbours too
        yield f"base64 at {shift}", certain
        yield f"url-safe base64 at {shift}", certain.translate(bytes.maketrans(b"+/", b"-_"))


def _decoded(secret: str) -> bytes:
    try:
        text = secret.rstrip("=").encode("ascii")
        return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return b""


class Search:
    """Finds secrets.

    Args:
        secrets: By the name that is told where one is found. Each is long and drawn by chance: what is short, or all
            zeros, is found everywhere.
    """

    def __init__(self, secrets: dict[str, str]) -> None:
        self.secrets = secrets
        self._pieces: dict[bytes, str] = {}
        for name, secret in secrets.items():
            forms = forms_of(secret)
            assert "as given" in forms, f"{name} is shorter than {SHORTEST_RUN} bytes"
            for form in forms.values():
                for at in range(len(form) - _PIECE + 1):
                    known = self._pieces.setdefault(form[at : at + _PIECE], name)
                    assert known == name, f"{known} and {name} have a piece in common"

    def found_in(self, *contents: bytes | str) -> set[str]:
        """Return the names of the secrets of which there is a piece in one of these."""
        pieces, found = self._pieces, set[str]()
        for content in contents:
            data = content.encode() if isinstance(content, str) else content
            windows = (data[at : at + _PIECE] for at in range(0, len(data) - _PIECE + 1, _STEP))
            found.update(pieces[window] for window in windows if window in pieces)
        return found


# ---------------------------------------------------------------- files


def contents_of(path: Path) -> Iterator[bytes]:
    """Return what a file holds, and its name; of a tape, or of lines under zstd, what that expands to as well."""
    yield bytes(path)
    if path.is_symlink():
        yield bytes(path.readlink())
    if not path.is_file():
        return
    data = path.read_bytes()
    yield data
    if data.startswith((tape.MAGIC, _ZSTD)):
        reader = TapeReader(path)
        yield b"\n".join(record.source.encode() + b" " + record.data for record in reader)
        assert not reader.faults, reader.faults


def found_below(folder: Path, search: Search) -> dict[Path, set[str]]:
    """Return which files of a folder hold which secrets, and nothing of those that hold none."""
    found = {path: search.found_in(*contents_of(path)) for path in sorted(folder.rglob("*"))}
    return {path: names for path, names in found.items() if names}


# ---------------------------------------------------------------- processes


def shown_of(pid: int) -> dict[str, bytes]:
    """Return what the system shows of a process to others: its arguments and its environment; {} where it is gone."""
    shown = {}
    for name in ("cmdline", "environ"):
        try:
            shown[name] = (PROC / str(pid) / name).read_bytes()
        except OSError:
            return {}
    return shown


def descendants_of(pid: int) -> list[int]:
    """Return the processes that a process started, and those that these did."""
    found: list[int] = []
    for listed in _lists_of_children(pid):
        try:
            children = [int(child) for child in listed.read_text().split()]
        except OSError:  # that thread has ended
            continue
        for child in children:
            found += [child, *descendants_of(child)]
    return found


def _lists_of_children(pid: int) -> list[Path]:
    try:
        return [thread / "children" for thread in (PROC / str(pid) / "task").iterdir()]
    except OSError:  # it has ended
        return []


class Family:
    """What was ever seen of a process's descendants while it was watched.

    Attributes:
        seen: By process id, everything that the system showed of it.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.seen: dict[int, set[bytes]] = defaultdict(set)
        self._over = threading.Event()

    def look(self) -> None:
        """Look once."""
        for child in descendants_of(self.pid):
            self.seen[child].update(shown_of(child).values())

    def watch(self) -> None:
        """Look again and again until it is over."""
        while not self._over.wait(_LOOK_EVERY_S):
            self.look()

    def end(self) -> None:
        """Let `watch` return."""
        self._over.set()

    def found(self, search: Search) -> dict[int, set[str]]:
        """Return of which descendants which secrets were shown."""
        found = {child: search.found_in(*shown) for child, shown in self.seen.items()}
        return {child: names for child, names in found.items() if names}


@contextmanager
def watched(pid: int) -> Iterator[Family]:
    """Watch a process's descendants while the block runs."""
    family = Family(pid)
    thread = threading.Thread(target=family.watch, daemon=True)
    thread.start()
    try:
        yield family
    finally:
        family.end()
        thread.join(10)


def without(found: dict[Path, set[str]], may_hold: Iterable[tuple[Path, set[str]]]) -> dict[Path, set[str]]:
    """Return what was found where it does not belong. Files that may hold some must be their owner's alone."""
    left = {path: set(names) for path, names in found.items()}
    for path, names in may_hold:
        if path in left:
            assert path.stat().st_mode & 0o777 == 0o600, path
            left[path] -= names
    return {path: names for path, names in left.items() if names}
