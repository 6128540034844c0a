"""`.env`: names and values in a file, read into nothing but what we return. The environment stays as it is."""

import io
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec
from dotenv.parser import parse_stream

FILE: Final = ".env"
"""Its name, in the working directory and in the data directory."""

_LARGEST: Final = 65_536
_OTHERS: Final = 0o177


class DotEnv(msgspec.Struct, frozen=True):
    """What one file said."""

    values: dict[str, str]
    warnings: tuple[str, ...]  # one line each, without a value

    def __repr__(self) -> str:
        return f"DotEnv(values of {', '.join(self.values) or 'nothing'})"


def read_dotenv(path: Path, names: Collection[str]) -> DotEnv:
    """Return what a file gives some names; nothing where it does not exist or cannot be trusted.

    Values are taken as they stand: `$NAME` in them is not replaced. A name without a value is none.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return DotEnv({}, ())
    except OSError as fault:
        return DotEnv({}, (f"{path} cannot be read ({fault.strerror}), so nothing is taken from it",))
    try:
        found = os.fstat(descriptor)
        wrong, content = _wrong_with(found), b""
        if not wrong:
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(_LARGEST)
    finally:
        os.close(descriptor)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as refusal:
        wrong = f"is no text (byte {refusal.start} is no UTF-8)"
        text = ""
    if wrong:
        return DotEnv({}, (f"{path} {wrong}, so nothing is taken from it",))
    values, warnings = dict[str, str](), list[str]()
    for line in parse_stream(io.StringIO(text)):
        if line.error:
            warnings.append(f"{path} cannot be read at line {line.original.line}, which is skipped")
        elif line.key and line.key in names and line.value:
            values[line.key] = line.value  # the last one of a name counts, as in a shell
    mode = stat.S_IMODE(found.st_mode)
    if mode & _OTHERS and values:
        warnings.append(f"{path} holds secrets and has mode {mode:04o}; run: chmod 600 {path}")
    return DotEnv(values, tuple(warnings))


def _wrong_with(found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "is no plain file"
    if found.st_uid not in {os.geteuid(), 0}:
        return f"belongs to user {found.st_uid} and not to us"
    if found.st_size > _LARGEST:
        return f"has {found.st_size:,} bytes, more than any .env"
    return ""
