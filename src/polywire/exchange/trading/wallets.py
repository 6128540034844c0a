"""The wallets that follow from a key, without a chain: where each contract of it is or would be deployed (CREATE2).

Source: docs/protocol.md, "Wallets": factories and code as on Polygon; the recorded vectors.
"""

from functools import lru_cache
from typing import Final

import msgspec

from polywire.io.signing import checksummed, keccak256

_PROXY_FACTORY: Final = bytes.fromhex("aB45c5A4B0c941a2F231C04C3f49182e1A254052")
_PROXY_IMPLEMENTATION: Final = bytes.fromhex("44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f")
_SAFE_FACTORY: Final = bytes.fromhex("aacFeEa03eb1561C4e67d661e40682Bd20E3541b")
_SAFE_CODE_HASH: Final = bytes.fromhex("2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf")
_DEPOSIT_FACTORY: Final = bytes.fromhex("00000000000Fb5C9ADea0298D729A0CB3823Cc07")
_DEPOSIT_IMPLEMENTATION: Final = bytes.fromhex("58CA52ebe0DadfdF531Cde7062e76746de4Db1eB")
_DEPOSIT_BEACON: Final = bytes.fromhex("7A18EDfe055488A3128f01F563e5B479D92ffc3a")

# The code that each factory deploys, as its parts stand around the addresses above.
_PROXY_HEAD: Final = bytes.fromhex("3d3d606380380380913d393d73")
_PROXY_MIDDLE: Final = bytes.fromhex("5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73")
_PROXY_TAIL: Final = bytes.fromhex("5af43d82803e903d91602b57fd5bf352e831dd" + f"{32:064x}" + f"{0:064x}")
_UUPS_HEAD: Final = 0x61003D3D8160233D3973
_UUPS_TAIL: Final = bytes.fromhex(
    "6009"
    "5155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_HEAD: Final = 0x6100523D8160233D3973
_BEACON_TAIL: Final = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)
_LENGTH_SHIFT: Final = 56  # where a head holds how many bytes of arguments follow the code


class Wallets(msgspec.Struct, frozen=True):
    """Every wallet that a key can trade with, checksummed."""

    owner: str  # the key's own address
    proxy: str
    safe: str
    deposits: tuple[str, str]  # upgradable by itself, and by a beacon: clients look for the first one first


@lru_cache(maxsize=4_096)
def wallets_of(owner: str) -> Wallets:
    """Return the wallets of a key, by its address in any spelling."""
    key = bytes.fromhex(owner[2:])
    padded = key.rjust(32, b"\0")
    proxy_code = _PROXY_HEAD + _PROXY_FACTORY + _PROXY_MIDDLE + _PROXY_IMPLEMENTATION + _PROXY_TAIL
    arguments = _DEPOSIT_FACTORY.rjust(32, b"\0") + padded
    lengths = len(arguments) << _LENGTH_SHIFT
    uups = (_UUPS_HEAD + lengths).to_bytes(10, "big") + _DEPOSIT_IMPLEMENTATION + _UUPS_TAIL + arguments
    beacon = (_BEACON_HEAD + lengths).to_bytes(10, "big") + _DEPOSIT_BEACON + _BEACON_TAIL + arguments
    salt = keccak256(arguments)
    return Wallets(
        owner=checksummed(key),
        proxy=_deployed(_PROXY_FACTORY, keccak256(key), keccak256(proxy_code)),
        safe=_deployed(_SAFE_FACTORY, keccak256(padded), _SAFE_CODE_HASH),
        deposits=(
            _deployed(_DEPOSIT_FACTORY, salt, keccak256(uups)),
            _deployed(_DEPOSIT_FACTORY, salt, keccak256(beacon)),
        ),
    )


def _deployed(factory: bytes, salt: bytes, code_hash: bytes) -> str:
    return checksummed(keccak256(b"\xff" + factory + salt + code_hash)[12:])
