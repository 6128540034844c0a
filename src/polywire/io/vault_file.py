"""The vault's file as bytes: what is written, what is read, and everything that is wrong with what is read.

    magic `pwvault`, version 1 · log2 of scrypt's n, r, p · salt (32) · length of the file (8)
    index: nonce (12), length (4), AES-256-GCM of MessagePack; sealed with it is all before the length of the file
    entries, in the order of the index: nonce (12), AES-256-GCM of the value, bound to its name and version
    SHA-256 of all of that (32)

The index names every entry with its version and the SHA-256 of its sealed bytes, so that none can be taken out, put
back or exchanged. The checksum at the end tells an accident from a wrong passphrase. An old copy of the whole file is a
good file: `polywire.io.vault` notices that only while it runs.
"""

import hashlib
import hmac
import os
import struct
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from polywire.errors import VaultDamaged, VaultForged, VaultLocked

_MAGIC: Final = b"pwvault"
_VERSION: Final = 1
_HEADER: Final = struct.Struct(">7sBBBB32sQ")
_SIZE: Final = struct.Struct(">I")
_BOUND: Final = _HEADER.size - 8  # of the header, what is sealed with the index
_SALT, _NONCE, _TAG, _SUM, _KEY = 32, 12, 16, 32, 32
_ENTRY_AAD: Final = b"polywire vault entry\0"
_INDEX_AAD: Final = b"polywire vault index\0"
_LOG_N: Final = range(10, 21)  # 1 MiB to 1 GiB of memory with r = 8: no file may ask for more
_R: Final = range(8, 17)
_P: Final = range(1, 5)


class Cost(msgspec.Struct, frozen=True):
    """What deriving the key from a passphrase takes: scrypt's parameters. The default is 128 MiB and some 0.4 s."""

    log_n: int = 17
    r: int = 8
    p: int = 1


class Entry(msgspec.Struct, frozen=True):
    """One sealed value."""

    version: int  # 1 for the first value of its name, and one more with each that is set
    changed_ms: int  # Unix milliseconds
    sealed: bytes


class Contents(msgspec.Struct, frozen=True):
    """What a vault holds."""

    generation: int  # one more with each write
    entries: dict[str, Entry]
    retired: dict[str, int]  # the last versions of names that were removed, which no new value of theirs may have


class Lock(msgspec.Struct, frozen=True):
    """What a key was derived with. The same file always has the same."""

    cost: Cost
    salt: bytes


class _Named(msgspec.Struct, frozen=True):
    name: str
    version: int
    changed_ms: int
    size: int
    sha256: bytes


class _Index(msgspec.Struct, frozen=True):
    generation: int
    entries: list[_Named]
    retired: dict[str, int]


def new_lock(cost: Cost) -> Lock:
    """Return the lock of a new vault, its salt drawn."""
    return Lock(cost, os.urandom(_SALT))


def derive(passphrase: bytes, lock: Lock) -> bytes:
    """Return the key that a passphrase gives: 32 bytes."""
    cost = lock.cost
    return Scrypt(salt=lock.salt, length=_KEY, n=1 << cost.log_n, r=cost.r, p=cost.p).derive(passphrase)


# ---------------------------------------------------------------- the whole file


def lock_of(data: bytes, where: str) -> Lock:
    """Return what the key of a file is derived with, once its bytes are known to be those that were written.

    Raises:
        VaultDamaged: They are not.
    """
    if len(data) < len(_MAGIC) or not data.startswith(_MAGIC):
        raise VaultDamaged(where, f"its {len(data):,} bytes do not begin as a vault does")
    if len(data) < _HEADER.size:
        raise VaultDamaged(where, f"it is cut off after {len(data):,} bytes, within its header")
    _, version, log_n, r, p, salt, length = _HEADER.unpack_from(data)
    if len(data) != length and version == _VERSION:
        fault = "it is cut off" if len(data) < length else "something was added to it"
        raise VaultDamaged(where, f"{fault}: it has {len(data):,} bytes of {length:,}")
    if len(data) < _HEADER.size + _SUM or hashlib.sha256(data[:-_SUM]).digest() != data[-_SUM:]:
        raise VaultDamaged(where, f"its {len(data):,} bytes do not have the checksum they were written with")
    if version != _VERSION:
        raise VaultDamaged(where, f"it has format {version}, and this version of Polywire knows format {_VERSION}")
    if log_n not in _LOG_N or r not in _R or p not in _P:
        raise VaultDamaged(where, f"no vault is locked with n = 2^{log_n}, r = {r}, p = {p}")
    return Lock(Cost(log_n, r, p), salt)


def unpacked(data: bytes, key: bytes, where: str) -> Contents:
    """Return what a file holds, every entry proved to be the one that its index means. `lock_of` has seen it.

    Raises:
        VaultLocked: The key does not open it.
        VaultForged: Its parts do not belong together.
    """
    body = data[_HEADER.size : -_SUM]
    start = _NONCE + _SIZE.size
    size = _SIZE.unpack_from(body, _NONCE)[0] if len(body) >= start else -1
    if not _TAG <= size <= len(body) - start:
        raise VaultForged(where, "its index is longer than the file")
    try:
        plain = AESGCM(key).decrypt(body[:_NONCE], body[start : start + size], _INDEX_AAD + data[:_BOUND])
    except InvalidTag:
        raise VaultLocked(where) from None
    index = msgspec.msgpack.decode(plain, type=_Index)
    return Contents(index.generation, _entries(index, body[start + size :], where), index.retired)


def packed(contents: Contents, key: bytes, lock: Lock) -> bytes:
    """Return a file that holds this."""
    named = [
        _Named(name, entry.version, entry.changed_ms, len(entry.sealed), hashlib.sha256(entry.sealed).digest())
        for name, entry in sorted(contents.entries.items())
    ]
    plain = msgspec.msgpack.encode(_Index(contents.generation, named, contents.retired))
    sealed = b"".join(contents.entries[one.name].sealed for one in named)
    size = len(plain) + _TAG
    length = _HEADER.size + _NONCE + _SIZE.size + size + len(sealed) + _SUM
    cost = lock.cost
    header = _HEADER.pack(_MAGIC, _VERSION, cost.log_n, cost.r, cost.p, lock.salt, length)
    nonce = os.urandom(_NONCE)
    index = AESGCM(key).encrypt(nonce, plain, _INDEX_AAD + header[:_BOUND])
    whole = header + nonce + _SIZE.pack(size) + index + sealed
    return whole + hashlib.sha256(whole).digest()


def _entries(index: _Index, sealed: bytes, where: str) -> dict[str, Entry]:
    stated = sum(one.size for one in index.entries)
    if stated != len(sealed):
        raise VaultForged(where, f"its entries have {len(sealed):,} bytes, and its index names {stated:,}")
    entries, at = dict[str, Entry](), 0
    for one in index.entries:
        part = sealed[at : at + one.size]
        at += one.size
        if not hmac.compare_digest(hashlib.sha256(part).digest(), one.sha256):
            raise VaultForged(where, f"what stands at {one.name} is not version {one.version} of it")
        entries[one.name] = Entry(one.version, one.changed_ms, part)
    return entries


# ---------------------------------------------------------------- one entry


def sealed_entry(name: str, value: str, version: int, now_ms: int, key: bytes) -> Entry:
    """Return a value, sealed: it opens under this name and version only."""
    nonce = os.urandom(_NONCE)
    return Entry(version, now_ms, nonce + AESGCM(key).encrypt(nonce, value.encode(), _bound_to(name, version)))


def opened_entry(name: str, entry: Entry, key: bytes, where: str) -> str:
    """Return the value of an entry.

    Raises:
        VaultForged: It was not sealed for this name and version.
    """
    try:
        plain = AESGCM(key).decrypt(entry.sealed[:_NONCE], entry.sealed[_NONCE:], _bound_to(name, entry.version))
    except (InvalidTag, ValueError):
        raise VaultForged(where, f"what stands at {name} was not sealed as version {entry.version} of it") from None
    return plain.decode()


def _bound_to(name: str, version: int) -> bytes:
    return _ENTRY_AAD + name.encode() + b"\0" + str(version).encode()
