"""API keys that were made here, one for each venue: in the vault where one is open, else in a file of our own."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from polywire.errors import PolywireError
from polywire.io.credentials import Sources
from polywire.io.identities import file_name_of
from polywire.io.private_files import LockTimeout, locked, private_folder, read_private, write_private
from polywire.model.credentials import ApiCredentials

FOLDER: Final = "credentials"
"""Where they are in the data directory, while there is no vault."""

_PATIENCE_S: Final = 10.0


class _Kept(msgspec.Struct, frozen=True):
    identity: str  # the venue's
    address: str
    key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return f"_Kept({self.identity!r}, {self.key!r})"


class KeptKeys:
    """The key of one venue.

    Args:
        sources: Where to keep it.
        identity: Which venue's.
    """

    def __init__(self, sources: Sources, identity: str) -> None:
        self._vault, self._identity = sources.vault, identity
        self._name = f"api-key.{file_name_of(identity)}"
        self._path: Path = sources.data / FOLDER / f"{file_name_of(identity)}.json"

    @property
    def where(self) -> str:
        """Where it is kept, for people."""
        return f"the vault as {self._name}" if self._vault is not None else f"{self._path} (0600), in clear"

    def read(self, say: Callable[[str], None]) -> ApiCredentials | None:
        """Return the key of an earlier start; None where there is none that can be read, which is said.

        Raises:
            FileExposed: Its file is not ours alone.
            VaultError: The vault cannot be used.
        """
        content = self._content()
        if content is None:
            return None
        try:
            kept = msgspec.json.decode(content, type=_Kept)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # its own words would show a piece of it
            say(f"what is kept in {self.where} is no API key; it is replaced")
            return None
        if kept.identity != self._identity:
            say(f"what is kept in {self.where} is another venue's API key; it is replaced")
            return None
        return ApiCredentials(kept.key, kept.secret, kept.passphrase, kept.address)

    def write(self, made: ApiCredentials) -> None:
        """Keep a key in place of the one before.

        Raises:
            PolywireError: It cannot be kept.
            VaultError: The vault cannot be used.
        """
        content = msgspec.json.encode(_Kept(self._identity, made.address, made.key, made.secret, made.passphrase))
        if self._vault is not None:
            self._vault.set(self._name, content.decode())
            self._path.unlink(missing_ok=True)  # from before there was a vault: no copy in clear stays
            return
        private_folder(private_folder(self._path.parent.parent) / FOLDER)
        try:
            with locked(self._path, _PATIENCE_S):
                write_private(self._path, content + b"\n")
        except LockTimeout:
            raise PolywireError(
                f"{self._path} has been in use by another process for {_PATIENCE_S:g} s; try again"
            ) from None

    def _content(self) -> bytes | None:
        if self._vault is None:
            return read_private(self._path)
        value = self._vault.get(self._name)
        return None if value is None else value.encode()
