"""Vaults whose passphrase costs a millisecond, for tests that open many."""

import hashlib
from pathlib import Path
from typing import Final

from polywire.io.vault import Vault
from polywire.io.vault_file import Cost

CHEAP: Final = Cost(log_n=10)
PASSPHRASE: Final = "correct horse battery"  # noqa: S105 - it opens nothing


def made(path: Path, **entries: str) -> Vault:
    """Return a new vault that holds these."""
    vault = Vault.create(path, PASSPHRASE, cost=CHEAP)
    for name, value in entries.items():
        vault.set(name, value)
    return vault


def opened(path: Path, passphrase: str = PASSPHRASE) -> Vault:
    """Return the vault that is there."""
    return Vault.open(path, passphrase, patience_s=0.05)


def resealed(data: bytes) -> bytes:
    """Return a file with the checksum of what it holds, as somebody would write it who alters it on purpose."""
    return data[:-32] + hashlib.sha256(data[:-32]).digest()
