"""Wallets that sign, by the official client's own means: what the exchange has to understand."""

import base64
import hashlib
import hmac
import itertools
import time
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_typed_data

from polywire.exchange.trading.keys import Credentials
from polywire.exchange.trading.typed_data import CHAIN_ID, Contract

ZERO: Final = "0x" + 64 * "0"
_FIELDS: Final = [
    ("salt", "uint256"),
    ("maker", "address"),
    ("signer", "address"),
    ("tokenId", "uint256"),
    ("makerAmount", "uint256"),
    ("takerAmount", "uint256"),
    ("side", "uint8"),
    ("signatureType", "uint8"),
    ("timestamp", "uint256"),
    ("metadata", "bytes32"),
    ("builder", "bytes32"),
]
_salts = itertools.count(1)


class Signer:
    """A key, and what a client does with it."""

    def __init__(self, number: int) -> None:
        self.key = f"0x{number:064x}"
        self.account = Account.from_key(self.key)
        self.address: str = self.account.address

    def login(self, *, timestamp: int | None = None, nonce: int = 0, chain_id: int = CHAIN_ID) -> dict[str, str]:
        """Return the four headers of L1."""
        stamp = str(int(time.time()) if timestamp is None else timestamp)
        message = {
            "address": self.address,
            "timestamp": stamp,
            "nonce": nonce,
            "message": "This message attests that I control the given wallet",
        }
        types = {
            "ClobAuth": [
                {"name": "address", "type": "address"},
                {"name": "timestamp", "type": "string"},
                {"name": "nonce", "type": "uint256"},
                {"name": "message", "type": "string"},
            ]
        }
        domain = {"name": "ClobAuthDomain", "version": "1", "chainId": chain_id}
        signed = self.account.sign_message(encode_typed_data(domain, types, message))
        return {
            "POLY_ADDRESS": self.address,
            "POLY_SIGNATURE": "0x" + signed.signature.hex(),
            "POLY_TIMESTAMP": stamp,
            "POLY_NONCE": str(nonce),
        }

    def order(
        self,
        *,
        contract: Contract = Contract.STANDARD,
        chain_id: int = CHAIN_ID,
        **changes: Any,
    ) -> dict[str, Any]:
        """Return a signed order as it stands in a body: 10 shares bought at 0.40 unless told otherwise."""
        fields: dict[str, Any] = {
            "salt": next(_salts),
            "maker": self.address,
            "signer": self.address,
            "tokenId": "71",
            "makerAmount": "4000000",
            "takerAmount": "10000000",
            "side": "BUY",
            "signatureType": 0,
            "timestamp": str(time.time_ns() // 1_000_000),
            "metadata": ZERO,
            "builder": ZERO,
        } | changes
        message = fields | {"side": int(fields["side"] == "SELL")}
        for name in ("tokenId", "makerAmount", "takerAmount", "timestamp"):
            message[name] = int(fields[name])
        types = {"Order": [{"name": name, "type": kind} for name, kind in _FIELDS]}
        domain = {
            "name": "Polymarket CTF Exchange",
            "version": contract.version,
            "chainId": chain_id,
            "verifyingContract": contract.address,
        }
        signed = self.account.sign_message(encode_typed_data(domain, types, message))
        return fields | {"expiration": "0", "signature": "0x" + signed.signature.hex()}


def signed_headers(
    address: str, credentials: Credentials, method: str, path: str, body: bytes = b"", *, timestamp: int | None = None
) -> dict[str, str]:
    """Return the five headers of L2."""
    stamp = str(int(time.time()) if timestamp is None else timestamp)
    message = stamp.encode() + method.encode() + path.encode() + body
    digest = hmac.digest(base64.urlsafe_b64decode(credentials.secret), message, hashlib.sha256)
    return {
        "POLY_ADDRESS": address,
        "POLY_API_KEY": credentials.id,
        "POLY_PASSPHRASE": credentials.passphrase,
        "POLY_SIGNATURE": base64.urlsafe_b64encode(digest).decode(),
        "POLY_TIMESTAMP": stamp,
    }
