"""What is signed to say who one is: the digest of a login, and the HMAC of a request. The exchange checks the same.

Source: docs/protocol.md, "Signing in"; EIP-712.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from Crypto.Hash import keccak as _keccak

from polywire.errors import Misuse


def keccak256(data: bytes) -> bytes:
    """Return the keccak-256 of bytes: Ethereum's, not SHA3-256."""
    return _keccak.new(digest_bits=256, data=data).digest()


_DOMAIN: Final = keccak256(b"EIP712Domain(string name,string version,uint256 chainId)")
_DOMAIN_NAME: Final = keccak256(b"ClobAuthDomain")
_DOMAIN_VERSION: Final = keccak256(b"1")
_LOGIN: Final = keccak256(b"ClobAuth(address address,string timestamp,uint256 nonce,string message)")
_MESSAGE: Final = keccak256(b"This message attests that I control the given wallet")


def login_digest(address: bytes, timestamp: str, nonce: int, chain_id: int) -> bytes:
    """Return what a wallet signs to make an API key, or to have it told again (L1).

    Args:
        address: The wallet, 20 bytes.
        timestamp: Unix seconds, as text.
        nonce: Which of its keys.
        chain_id: Where.
    """
    domain = keccak256(_DOMAIN + _DOMAIN_NAME + _DOMAIN_VERSION + _word(chain_id))
    login = keccak256(_LOGIN + address.rjust(32, b"\0") + keccak256(timestamp.encode()) + _word(nonce) + _MESSAGE)
    return keccak256(b"\x19\x01" + domain + login)


def checksummed(address: bytes) -> str:
    """Return an address as EIP-55 spells it: capitals where its own hash says so.

    >>> checksummed(bytes.fromhex("19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"))
    '0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A'
    """
    text = address.hex()
    wanted = keccak256(text.encode()).hex()
    return "0x" + "".join(
        sign.upper() if int(nibble, 16) > 7 else sign  # noqa: PLR2004 - the upper half of a nibble
        for sign, nibble in zip(text, wanted, strict=False)
    )


def hmac_of(secret: bytes, message: bytes) -> str:
    """Return the HMAC-SHA256 of a message as it stands in a header: url-safe base64, padded."""
    return base64.urlsafe_b64encode(hmac.digest(secret, message, hashlib.sha256)).decode()


def secret_bytes(secret: str) -> bytes:
    """Return an API key's secret as bytes; it is written as url-safe base64, with or without its padding.

    Raises:
        Misuse: It is not, or nothing. The reason does not show it.
    """
    try:
        text = secret.rstrip("=").encode("ascii")
        decoded = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Misuse(f"its {len(secret)} signs are no url-safe base64; copy it again, whole") from None
    if not decoded:
        raise Misuse("it is empty; copy it again, whole")
    return decoded


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
