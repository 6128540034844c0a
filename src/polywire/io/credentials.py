"""The owner's credentials: looked for in the vault, the environment and `.env`, checked, and told of in one line each.

The first source that has a name counts: the vault, then the environment, then `.env` in the working directory, then
`.env` in the data directory. What is told never holds a secret, nor a piece of one.
"""

import ctypes
import os
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from polywire.errors import Misuse
from polywire.io.dotenv import FILE, read_dotenv
from polywire.io.signing import secret_bytes
from polywire.io.vault import Vault
from polywire.io.wallet import read_address, read_wallet_key
from polywire.model.credentials import ApiCredentials, WalletKey
from polywire.model.venue import POLYMARKET, Venue

PRIVATE_KEY: Final = "POLYGON_PRIVATE_KEY"
ADDRESS: Final = "POLYGON_ADDRESS"
API_KEY: Final = "POLYMARKET_API_KEY"
API_SECRET: Final = "POLYMARKET_API_SECRET"  # noqa: S105 - a name
PASSPHRASE: Final = "POLYMARKET_PASSPHRASE"  # noqa: S105 - a name
CHAIN_ID: Final = "POLYMARKET_CHAIN_ID"

NAMES: Final = (PRIVATE_KEY, ADDRESS, API_KEY, API_SECRET, PASSPHRASE, CHAIN_ID)
"""What is looked for, in the order it is told of."""

_TRIO: Final = (API_KEY, API_SECRET, PASSPHRASE)
_LONGEST_CHAIN: Final = 10
_Read = TypeVar("_Read")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where credentials are kept here, and what the owner has given. Its text shows no secret.

    The owner's own are for production alone: at any other venue a throw-away wallet is used.
    """

    data: Path  # the data directory
    vault: Vault | None = None  # an open one
    wallet: WalletKey | None = None
    address: str | None = None  # checksummed; a proxy or a deposit wallet may have another than the key
    api: ApiCredentials | None = None  # only where all three are there and good
    api_from: str = ""  # "the vault", "the environment", or a file
    chain_id: int | None = None  # None: nobody says
    lines: tuple[str, ...] = ()  # what is there, from where, what is wrong with it
    faults: tuple[str, ...] = ()  # of these lines, those about what cannot be used

    def __repr__(self) -> str:
        return f"Sources({str(self.data)!r}, {len(self.lines)} lines, {len(self.faults)} faults)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return what rich shows."""
        return [("data", str(self.data)), ("lines", self.lines)]


class _Found(msgspec.Struct, frozen=True):
    value: str
    source: str

    def __repr__(self) -> str:
        return f"_Found(***, {self.source!r})"


def read_credentials(
    data: Path,
    *,
    vault: Vault | None = None,
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Sources:
    """Return what the owner has given, checked. What is wrong is told, and not used.

    Args:
        data: The data directory.
        vault: An open one.
        environment: As `os.environ`; `forget_in_environment` is to be called next.
        folder: Whose `.env` is read before the data directory's; None: the working directory.

    Raises:
        VaultError: The vault cannot be used.
    """
    told = _Told()
    found = _found(data, vault, environment, Path.cwd() if folder is None else folder, told)
    wallet = told.checked(found, PRIVATE_KEY, read_wallet_key, lambda key: f"wallet {key.address}")
    address = told.checked(found, ADDRESS, read_address, str)
    if wallet and address and wallet.address != address:
        told.lines.append(
            f"{ADDRESS}: it is not the key's own address {wallet.address}, which is as it should be only where it is "
            "a proxy or a deposit wallet of that key"
        )
    api, api_from = _trio(found, wallet.address if wallet else address, told)
    chain_id = told.checked(found, CHAIN_ID, _read_chain_id, str)
    return Sources(
        data=data,
        vault=vault,
        wallet=wallet,
        address=address,
        api=api,
        api_from=api_from,
        chain_id=chain_id,
        lines=tuple(told.lines),
        faults=tuple(told.faults),
    )


def chain_of(venue: Venue, sources: Sources) -> int:
    """Return the chain id that a venue's logins are signed for: its own.

    Raises:
        Misuse: The owner states one that contradicts it.
    """
    stated = sources.chain_id
    # Production's is no contradiction elsewhere: whoever has it in his .env may still trade on paper.
    if stated is None or stated == venue.chain_id:
        return venue.chain_id
    if stated == POLYMARKET.chain_id and venue.identity != POLYMARKET.identity:
        return venue.chain_id
    raise Misuse(
        f"{CHAIN_ID} says {stated}, and {venue.identity} is on chain {venue.chain_id}; "
        f"remove it: a venue states its own, and production is on {POLYMARKET.chain_id}"
    )


def forget_in_environment(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take the owner's credentials out of the environment, so that no child inherits them.

    What the system shows of this process's own (`/proc/PID/environ`, `ps -E`) is overwritten too.
    """
    for name in NAMES:
        if environment is os.environ and name in environment:
            _overwrite(name)
        environment.pop(name, None)


def _overwrite(name: str) -> None:
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    libc.getenv.argtypes = [ctypes.c_char_p]
    at = libc.getenv(name.encode())
    if at:
        ctypes.memset(at, ord("*"), len(ctypes.string_at(at)))


# ---------------------------------------------------------------- looking


def _found(
    data: Path, vault: Vault | None, environment: Mapping[str, str], folder: Path, told: "_Told"
) -> dict[str, _Found]:
    """Return each name's value from the first source that has one; the same file is read once."""
    files = [(path, read_dotenv(path, NAMES)) for path in dict.fromkeys((folder / FILE, data / FILE))]
    for _, file in files:
        told.lines += file.warnings
    kept = {entry.name for entry in vault.entries()} if vault else set()
    found = dict[str, _Found]()
    for name in NAMES:
        if vault is not None and name in kept:
            found[name] = _Found(vault.get(name) or "", "the vault")
        elif environment.get(name, "").strip():
            found[name] = _Found(environment[name], "the environment")
        else:
            given = next(((path, file.values[name]) for path, file in files if name in file.values), None)
            if given is not None:
                found[name] = _Found(given[1], str(given[0]))
    return found


# ---------------------------------------------------------------- checking


class _Told:
    """What is said of the names, in order."""

    def __init__(self) -> None:
        self.lines, self.faults = list[str](), list[str]()

    def checked(
        self, found: Mapping[str, _Found], name: str, read: Callable[[str], _Read], show: Callable[[_Read], str]
    ) -> _Read | None:
        """Return what a name's value is read as, and tell of it; None where there is none, or it is wrong."""
        given = found.get(name)
        if given is None:
            return None
        try:
            value = read(given.value)
        except Misuse as refusal:
            self.refuse(f"{name}: from {given.source}, not used: {refusal}")
            return None
        self.lines.append(f"{name}: from {given.source}, {show(value)}")
        return value

    def refuse(self, line: str) -> None:
        """Tell of something that cannot be used."""
        self.lines.append(line)
        self.faults.append(line)


def _trio(found: Mapping[str, _Found], address: str | None, told: _Told) -> tuple[ApiCredentials | None, str]:
    """Return an API key that is there whole and good, and from where."""
    key = told.checked(found, API_KEY, _read_key, lambda key: f"key {key}")
    secret = told.checked(found, API_SECRET, _read_secret, lambda _: "not shown")
    passphrase = told.checked(found, PASSPHRASE, _read_passphrase, lambda _: "not shown")
    missing = [name for name in _TRIO if name not in found]
    if len(missing) == len(_TRIO):
        return None, ""
    if missing:
        told.refuse(f"{', '.join(missing)}: missing, so the API key is not used: it needs {', '.join(_TRIO)}")
    if key is None or secret is None or passphrase is None:
        return None, ""
    if address is None:
        told.refuse(f"{API_KEY}: not used, for nobody says whose it is: set {ADDRESS}, or {PRIVATE_KEY}")
        return None, ""
    return ApiCredentials(key, secret, passphrase, address), found[API_KEY].source


def _read_key(text: str) -> str:
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        raise Misuse(f"its {len(text.strip())} signs are no UUID; copy it again") from None


def _read_secret(text: str) -> str:
    secret_bytes(text.strip())
    return text.strip()


def _read_passphrase(text: str) -> str:
    text = text.strip()
    if not text or not all("!" <= sign <= "~" for sign in text):  # it stands in a header
        raise Misuse("it holds signs that cannot be sent in a header; copy it again")
    return text


def _read_chain_id(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_CHAIN):
        raise Misuse(f"it is no chain id: a number is, and production's is {POLYMARKET.chain_id}")
    return int(text)
