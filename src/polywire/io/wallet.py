"""A wallet's key: read, drawn, kept, and the two things done with it: telling its address and signing a login."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eth_keys.datatypes import PrivateKey

from polywire.errors import Misuse, PolywireError
from polywire.io.identities import file_name_of
from polywire.io.private_files import LockTimeout, locked, private_folder, read_private, write_private
from polywire.io.signing import checksummed, keccak256, login_digest
from polywire.model.credentials import WalletKey

try:
    import coincurve
except ImportError:  # it has no wheel for this Python; eth-keys takes some 7 ms instead, once a login
    coincurve = None  # type: ignore[assignment]

FOLDER: Final = "wallets"
"""Where throw-away keys are, in the data directory."""

_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HEX: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F]*)")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_DIGITS: Final = 64
_FIRST_V: Final = 27
_PATIENCE_S: Final = 10.0


def read_wallet_key(text: str) -> WalletKey:
    """Return a private key with its address.

    Args:
        text: 64 hex digits, with or without 0x before them.

    Raises:
        Misuse: It is no key. The reason does not show it.
    """
    match = _HEX.fullmatch(text.strip())
    if match is None:
        raise Misuse("it holds signs that are no hex digits; a key is 64 of them, with or without 0x")
    digits = match[1].lower()
    if len(digits) != _DIGITS:
        raise Misuse(f"it has {len(digits)} hex digits, and a key has {_DIGITS}")
    if not 0 < int(digits, 16) < _ORDER:
        raise Misuse("it is no number that secp256k1 takes as a key; draw another")
    return WalletKey(digits, _address_of(bytes.fromhex(digits)))


def read_address(text: str) -> str:
    """Return an address, checksummed.

    Raises:
        Misuse: It is none, or its capitals do not fit: a digit of it is wrong.
    """
    text = text.strip()
    if not _ADDRESS.fullmatch(text):
        raise Misuse(f"its {len(text)} signs are no address: 0x and 40 hex digits are")  # a key may stand there
    address = checksummed(bytes.fromhex(text[2:]))
    if text[2:] not in {text[2:].lower(), text[2:].upper()} and text != address:
        raise Misuse(f"the capitals of {text} do not fit its digits (EIP-55), so one of them is wrong; copy it again")
    return address


def l1_headers(wallet: WalletKey, chain_id: int, now_s: int, nonce: int = 0) -> dict[str, str]:
    """Return the headers that make an API key, or have it told again.

    Args:
        wallet: Whose.
        chain_id: Where.
        now_s: Unix seconds.
        nonce: Which of its keys.

    Source: docs/protocol.md, "Signing in".
    """
    digest = login_digest(bytes.fromhex(wallet.address[2:]), str(now_s), nonce, chain_id)
    return {
        "POLY_ADDRESS": wallet.address,
        "POLY_SIGNATURE": "0x" + _signature(bytes.fromhex(wallet.hex), digest).hex(),
        "POLY_TIMESTAMP": str(now_s),
        "POLY_NONCE": str(nonce),
    }


def throw_away_wallet(data: Path, identity: str, say: Callable[[str], None]) -> WalletKey:
    """Return the key we trade with at a venue that is not production: the one of last time, or a new one.

    Args:
        data: The data directory. The key is kept in `DATA/wallets`, 0600.
        identity: The venue's.
        say: Told where a new one is.

    Raises:
        PolywireError: It cannot be kept, or what is kept is no key; that is never overwritten.
        FileExposed: What is kept is not ours alone.
    """
    path = private_folder(private_folder(data) / FOLDER) / f"{file_name_of(identity)}.key"
    known = _kept(path)
    if known is not None:
        return known
    try:
        with locked(path, _PATIENCE_S):
            known = _kept(path)  # another process may have been first
            if known is not None:
                return known
            drawn = _drawn()
            write_private(path, f"{drawn.hex}\n".encode())
    except LockTimeout:
        raise PolywireError(f"{path} has been in use by another process for {_PATIENCE_S:g} s; try again") from None
    say(f"a throw-away wallet {drawn.address} was made for {identity}; its key is in {path} (0600), in clear")
    return drawn


def _kept(path: Path) -> WalletKey | None:
    content = read_private(path)
    if content is None:
        return None
    try:
        return read_wallet_key(content.decode("ascii"))
    except (Misuse, UnicodeDecodeError):
        raise PolywireError(f"{path} holds no wallet key; move it away, and a new wallet is made") from None


def _drawn() -> WalletKey:
    return read_wallet_key(f"{1 + secrets.randbelow(_ORDER - 1):064x}")


def _address_of(key: bytes) -> str:
    if coincurve is None:
        point = PrivateKey(key).public_key.to_bytes()
    else:
        point = coincurve.PrivateKey(key).public_key.format(compressed=False)[1:]
    return checksummed(keccak256(point)[12:])


def _signature(key: bytes, digest: bytes) -> bytes:
    """Return r, s and v (27 or 28), 65 bytes: the same ones for the same digest (RFC 6979)."""
    if coincurve is None:
        signature = PrivateKey(key).sign_msg_hash(digest).to_bytes()
    else:
        signature = coincurve.PrivateKey(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes((signature[64] + _FIRST_V,))
