"""The vault of a data directory, opened with a passphrase that comes from wherever its owner says."""

from pathlib import Path

from polywire.errors import Misuse
from polywire.io.passphrase import Way, read_passphrase, read_value
from polywire.io.vault import FILE, Vault, VaultEntry, check_name, exists


def open_vault(data: Path, way: Way) -> Vault:
    """Return the vault of a data directory. It is asked for its passphrase once.

    Raises:
        VaultError: There is none, it cannot be used, or the passphrase does not open it.
        Misuse: No passphrase can be had.
        FileExposed: Its file, or that of the passphrase, is not ours alone.
    """
    path = data / FILE
    Vault.look_at(path)  # nobody is asked to open what cannot be opened
    return Vault.open(path, read_passphrase(way, f"Passphrase of {path}: "))


def set_entry(data: Path, name: str, way: Way) -> tuple[int, bool]:
    """Keep a value, which is read from whoever calls, and return its version, and whether the vault was made for it.

    Raises:
        Misuse: The name is none, or the value; or passphrase and value are to come from the same input.
        VaultError: The vault cannot be used.
    """
    check_name(name)
    if way.descriptor == 0:
        raise Misuse("the value is read from standard input, so the passphrase cannot be; use another descriptor")
    if exists(data / FILE):
        return open_vault(data, way).set(name, read_value(name)), False
    passphrase = read_passphrase(way, f"New passphrase for {data / FILE}: ", twice=True)
    Vault.check_passphrase(passphrase)
    value = read_value(name)  # before the vault is made: who gives up here has made nothing
    return Vault.create(data / FILE, passphrase).set(name, value), True


def entries_of(data: Path, way: Way) -> list[VaultEntry]:
    """Return what a vault holds, by name; never a value. Raises as `open_vault`."""
    return open_vault(data, way).entries()


def remove_entry(data: Path, name: str, way: Way) -> None:
    """Take an entry out. Raises as `open_vault`, and `NoSuchEntry`."""
    check_name(name)
    open_vault(data, way).remove(name)
