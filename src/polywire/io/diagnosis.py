"""What can be found out about the machine Polywire runs on. Each look changes nothing that stays."""

import os
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final, NamedTuple

_NEEDED: Final = (3, 11)


class Package(NamedTuple):
    """A package that Polywire needs. `installed`: its version; None: it is missing."""

    name: str
    installed: str | None


def python_version() -> tuple[str, bool]:
    """Return this Python's version, and whether Polywire runs on it."""
    return sys.version.split()[0], sys.version_info >= _NEEDED


def packages() -> list[Package]:
    """Return what Polywire's own metadata requires, extras left out, by name."""
    names = []
    for requirement in requires("polywire") or ():
        text, _, marker = requirement.partition(";")
        if "extra" not in marker:
            names.append("".join(letter if letter.isalnum() or letter in "-_." else " " for letter in text).split()[0])
    return [Package(name, _version(name)) for name in sorted(names)]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def why_not_writable(folder: Path) -> str | None:
    """Return why files cannot be made in a folder, or where it would have to be made; None: they can."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as fault:
        return f"{there}: {fault.strerror}"


def is_private(folder: Path) -> bool:
    """Return whether nobody else may look into a folder; one that is not there yet will be."""
    return not folder.exists() or not folder.stat().st_mode & 0o077


def owner_name(folder: Path) -> str:
    """Return the name of the user a folder belongs to, its number where it has none."""
    return folder.owner() if folder.exists() else str(os.getuid())


def clock_drift_s(over_s: float) -> float:
    """Return by how much the wall clock and the monotonic clock differ over a span, in seconds."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(over_s)
    return (time.time() - wall) - (time.monotonic() - steady)
