"""What proves to a venue who we are. Texts and representations never show a secret."""

from typing import Any

import msgspec

_HIDDEN = "***"


class ApiCredentials(msgspec.Struct, frozen=True):
    """The trio that opens the private half of a CLOB. Source: docs/protocol.md, "Signing in".

    >>> ApiCredentials("7f1a", "c2VjcmV0", "open sesame", "0x12")
    ApiCredentials(key='7f1a', secret=***, passphrase=***, address='0x12')
    """

    key: str  # UUID, no secret
    secret: str  # url-safe base64
    passphrase: str
    address: str  # of the wallet whose key made it, 0x and 40 hex digits

    def __repr__(self) -> str:
        return f"ApiCredentials(key={self.key!r}, secret={_HIDDEN}, passphrase={_HIDDEN}, address={self.address!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return what rich shows, in tracebacks too; left to msgspec it would be every field."""
        return [("key", self.key), ("secret", _HIDDEN), ("passphrase", _HIDDEN), ("address", self.address)]


class WalletKey(msgspec.Struct, frozen=True):
    """A wallet's private key."""

    hex: str  # 64 hex digits, without 0x
    address: str  # what it signs for, checksummed

    def __repr__(self) -> str:
        return f"WalletKey(hex={_HIDDEN}, address={self.address!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return what rich shows."""
        return [("hex", _HIDDEN), ("address", self.address)]
