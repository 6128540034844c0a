"""The vault: secrets in one sealed file, `DATA/vault`, opened by a passphrase and written by one process at a time.

The key is derived once, when a vault is opened. The file is read anew for each question and each change, so processes
that have it open at the same time lose nothing of each other's.
"""

import re
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import msgspec

from polywire.errors import Misuse, NoSuchEntry, VaultBusy, VaultError, VaultForged, VaultLocked
from polywire.io.private_files import LockTimeout, locked, private_folder, read_private, write_private
from polywire.io.vault_file import (
    Contents,
    Cost,
    Lock,
    derive,
    lock_of,
    new_lock,
    opened_entry,
    packed,
    sealed_entry,
    unpacked,
)

FILE: Final = "vault"
"""Its name in the data directory."""

SHORTEST_PASSPHRASE: Final = 8
"""Signs that a new vault's passphrase has at least."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LONGEST_VALUE: Final = 65_536
_LARGEST: Final = 8 << 20  # of the file: well below what `read_private` takes
_PATIENCE_S: Final = 10.0


class VaultEntry(msgspec.Struct, frozen=True):
    """What may be told of an entry."""

    name: str
    version: int  # 1 for the first value of its name, and one more with each that is set
    changed_ms: int  # Unix milliseconds


class Vault:
    """An open vault. `open` and `create` make one; its text shows where it is and nothing of what it holds.

    Every method raises `VaultError` or one of its children where the file cannot be used, and leaves it as it is then.
    """

    def __init__(self, path: Path, key: bytes, lock: Lock, *, patience_s: float) -> None:
        self.path, self._key, self._lock, self._patience_s = path, key, lock, patience_s
        self._generation = 0  # the newest that was seen

    def __repr__(self) -> str:
        return f"Vault({str(self.path)!r})"

    @classmethod
    def open(cls, path: Path, passphrase: str, *, patience_s: float = _PATIENCE_S) -> Self:
        """Return a vault that exists. Derives the key: 0.4 s and 128 MiB.

        Args:
            path: Its file.
            passphrase: As it was typed, in any Unicode form.
            patience_s: How long a change waits for another process that writes.

        Raises:
            VaultLocked: The passphrase does not open it.
            VaultDamaged: Its bytes are not what was written.
            VaultForged: Its parts do not belong together.
            VaultError: There is none.
            FileExposed: Its file is not ours alone.
        """
        lock = cls.look_at(path)
        vault = cls(path, derive(_typed(passphrase), lock), lock, patience_s=patience_s)
        vault._contents()
        return vault

    @classmethod
    def create(cls, path: Path, passphrase: str, *, cost: Cost | None = None, patience_s: float = _PATIENCE_S) -> Self:
        """Return a new vault that holds nothing, its file on disk.

        Raises:
            Misuse: The passphrase is too short.
            VaultError: There is one already; it was not touched.
            VaultBusy: Another process has been writing there for `patience_s`.
        """
        cls.check_passphrase(passphrase)
        private_folder(path.parent)
        lock = new_lock(cost or Cost())
        vault = cls(path, derive(_typed(passphrase), lock), lock, patience_s=patience_s)
        with vault._alone():
            if exists(path):
                raise VaultError(str(path), "is there already, and was not touched; open it instead")
            vault._write(Contents(1, {}, {}))
        return vault

    @staticmethod
    def look_at(path: Path) -> Lock:
        """Return what opens a file, which is whole as far as can be told without its passphrase.

        Raises:
            VaultError: There is none.
            VaultDamaged: Its bytes are not what was written.
            FileExposed: It is not ours alone.
        """
        return lock_of(_read(path), str(path))

    @staticmethod
    def check_passphrase(passphrase: str) -> None:
        """Return if a passphrase may lock a new vault.

        Raises:
            Misuse: It is too short.
        """
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise Misuse(
                f"a passphrase of {len(passphrase)} signs can be guessed; take {SHORTEST_PASSPHRASE} or more, "
                "such as five words"
            )

    # ------------------------------------------------------------ what it holds

    def entries(self) -> list[VaultEntry]:
        """Return what it holds, by name; never a value."""
        return [VaultEntry(name, entry.version, entry.changed_ms) for name, entry in self._contents().entries.items()]

    def get(self, name: str) -> str | None:
        """Return a value; None where there is none of that name."""
        entry = self._contents().entries.get(name)
        return None if entry is None else opened_entry(name, entry, self._key, str(self.path))

    def set(self, name: str, value: str) -> int:
        """Keep a value under a name, in place of the one that is there; return its version. On return it is on disk.

        Raises:
            Misuse: The name is none, or the value is empty or over 64 KiB.
            VaultBusy: Another process has been writing for too long.
        """
        check_name(name)
        if not value or len(value.encode()) > _LONGEST_VALUE:
            raise Misuse(
                f"a value has 1 to {_LONGEST_VALUE:,} bytes, and that of {name} has {len(value.encode()):,}; "
                "to take an entry out, use `polywire vault remove`"
            )
        with self._alone():
            now = self._contents()
            known = now.entries.get(name)
            version = (now.retired.get(name, 0) if known is None else known.version) + 1
            entry = sealed_entry(name, value, version, time.time_ns() // 1_000_000, self._key)
            retired = {one: last for one, last in now.retired.items() if one != name}
            self._write(Contents(now.generation + 1, {**now.entries, name: entry}, retired))
        return version

    def remove(self, name: str) -> None:
        """Take a value out; on return the file holds it no more.

        Raises:
            NoSuchEntry: There is none of that name.
            VaultBusy: Another process has been writing for too long.
        """
        with self._alone():
            now = self._contents()
            if name not in now.entries:
                raise NoSuchEntry(str(self.path), name)
            left = {one: entry for one, entry in now.entries.items() if one != name}
            self._write(Contents(now.generation + 1, left, {**now.retired, name: now.entries[name].version}))

    # ------------------------------------------------------------ its file

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with locked(self.path, self._patience_s):
                yield
        except LockTimeout:
            raise VaultBusy(str(self.path), self._patience_s) from None

    def _contents(self) -> Contents:
        where = str(self.path)
        data = _read(self.path)
        if lock_of(data, where) != self._lock:  # another vault was put in its place
            raise VaultLocked(where)
        contents = unpacked(data, self._key, where)
        if contents.generation < self._generation:
            raise VaultForged(
                where, f"an old copy was put back (write {contents.generation} after write {self._generation})"
            )
        self._generation = contents.generation
        return contents

    def _write(self, contents: Contents) -> None:
        data = packed(contents, self._key, self._lock)
        if len(data) > _LARGEST:
            raise VaultError(
                str(self.path), f"would have {len(data):,} bytes, and {_LARGEST:,} is the most; remove some"
            )
        write_private(self.path, data)
        self._generation = contents.generation


def exists(path: Path) -> bool:
    """Return whether there is anything where a vault would be, if only a link that leads nowhere."""
    return path.is_symlink() or path.exists()


def check_name(name: str) -> None:
    """Return if a name is one that an entry can have.

    Raises:
        Misuse: It is not.
    """
    if not _NAME.fullmatch(name):
        raise Misuse(f"its {len(name)} signs are no name of an entry: 1 to 64 of A-Z a-z 0-9 _ . - are")  # a key may be


def _read(path: Path) -> bytes:
    data = read_private(path)
    if data is None:
        raise VaultError(str(path), "is not there; `polywire vault set NAME` makes one")
    return data


def _typed(passphrase: str) -> bytes:
    """Return a passphrase as bytes: one accent is one, whichever keyboard made it."""
    return unicodedata.normalize("NFC", passphrase).encode()
