"""Who a request comes from: a wallet's signature (L1), or a key's HMAC (L2). Source: docs/protocol.md, "Signing in"."""

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from polywire.exchange.answers import Refused
from polywire.exchange.trading.keys import Keys
from polywire.exchange.trading.records import ApiKey
from polywire.exchange.trading.recovery import Recovery
from polywire.io.signing import login_digest

STALE_S: Final = 120
"""How far a request's time may lie from ours. What the venue allows is not documented. Clients reuse headers for all
pages of a list, and while they wait for a settlement (30 s)."""

_BAD_LOGIN: Final = "Invalid L1 Request headers"
_BAD_KEY: Final = "Unauthorized/Invalid api key"
_ADDRESS_SIGNS: Final = 42
_LONGEST_NUMBER: Final = 20
_LONGEST_SIGNATURE: Final = 132


class Authenticator:
    """Tells clients apart.

    A request's time is compared with the real time and with the venue's, which may be scaled: clients take either,
    their own clock's or that of `GET /time`.

    Args:
        keys: The keys there are.
        recovery: Says who signed.
        chain_id: That logins are signed for.
        wall_s: The real time, Unix seconds.
        venue_s: The venue's.
    """

    def __init__(
        self,
        keys: Keys,
        recovery: Recovery,
        chain_id: int,
        *,
        wall_s: Callable[[], float],
        venue_s: Callable[[], float],
    ) -> None:
        self._keys, self._recovery, self._chain_id = keys, recovery, chain_id
        self._clocks = wall_s, venue_s

    async def l1(self, headers: Mapping[str, str]) -> tuple[str, int]:
        """Return the wallet (lower case) that signed a login, and the nonce it named.

        Raises:
            Refused: The headers are not all there, are stale, or somebody else signed.
        """
        address, signature = headers.get("poly_address", ""), headers.get("poly_signature", "")
        timestamp, nonce = headers.get("poly_timestamp", ""), headers.get("poly_nonce", "")
        raw = _hex(address) if len(address) == _ADDRESS_SIGNS else None
        signed = _hex(signature) if len(signature) <= _LONGEST_SIGNATURE else None
        if raw is None or signed is None or not _is_number(nonce) or not self._is_fresh(timestamp):
            raise Refused(401, _BAD_LOGIN)
        signer = await self._recovery.signer(login_digest(raw, timestamp, int(nonce), self._chain_id), signed)
        if signer != address.lower():
            raise Refused(401, _BAD_LOGIN)
        return signer, int(nonce)

    def l2(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> ApiKey:
        """Return the key that signed a request.

        Args:
            method: Upper case.
            path: Without the prefix of the service, and without a query.
            body: As it was sent.
            headers: By name in any spelling of capitals.

        Raises:
            Refused: The headers are not all there, are stale, or name no good key, or the signature is another's.
        """
        timestamp = headers.get("poly_timestamp", "")
        key = self._keys.get(headers.get("poly_api_key", ""))
        if key is None or not self._is_fresh(timestamp):
            raise Refused(401, _BAD_KEY)
        wanted = self._keys.signature(key, timestamp.encode() + method.encode() + path.encode() + body)
        right = hmac.compare_digest(wanted.encode(), headers.get("poly_signature", "").encode())
        right &= headers.get("poly_address", "").lower() == key.address
        right &= self._keys.proves(key, passphrase=headers.get("poly_passphrase", ""))
        if not right:
            raise Refused(401, _BAD_KEY)
        return key

    def credentials(self, key_id: str, secret: str, passphrase: str) -> ApiKey | None:
        """Return the key that somebody shows all of; None where anything of it is wrong."""
        key = self._keys.get(key_id)
        if key is None or not self._keys.proves(key, secret=secret, passphrase=passphrase):
            return None
        return key

    def _is_fresh(self, timestamp: str) -> bool:
        if not _is_number(timestamp):
            return False
        return any(abs(clock() - int(timestamp)) <= STALE_S for clock in self._clocks)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER


def _hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text[2:]) if text[:2] == "0x" and text[2:].isalnum() else None
    except ValueError:
        return None
