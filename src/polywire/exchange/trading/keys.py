"""API keys: made once for a wallet and a nonce, told again to whoever signs again, and proved with every request."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Iterable

import msgspec

from polywire.exchange.trading.records import ApiKey
from polywire.exchange.trading.store import Store
from polywire.io.signing import hmac_of


class Credentials(msgspec.Struct, frozen=True):
    """What a client needs to use a key. Its text shows the id only."""

    id: str
    secret: str  # url-safe base64 of 32 bytes
    passphrase: str  # 64 hex digits

    def __repr__(self) -> str:
        return f"Credentials({self.id!r}, secret and passphrase not shown)"


class Keys:
    """Every key. Ids, secrets and passphrases follow from the store's secret, so none of them is kept.

    Args:
        store: Where keys go.
        kept: Those of earlier runs, deleted ones too.
        now_ms: Venue time.
    """

    def __init__(self, store: Store, kept: Iterable[ApiKey], now_ms: Callable[[], int]) -> None:
        self._store, self._now_ms = store, now_ms
        self._by_id: dict[str, ApiKey] = {}
        self._latest: dict[tuple[str, int], ApiKey] = {}
        self._of: dict[str, dict[str, ApiKey]] = {}
        for key in kept:
            self._note(key)

    def create(self, address: str, nonce: int) -> Credentials | None:
        """Make a key for a wallet (lower case) and a nonce; None where there is a good one."""
        latest = self._latest.get((address, nonce))
        if latest is not None and not latest.deleted_ms:
            return None
        generation = 0 if latest is None else latest.generation + 1
        key_id = uuid.UUID(bytes=self._derived("id", f"{address}/{nonce}/{generation}")[:16], version=4)
        key = ApiKey(str(key_id), address, nonce, self._now_ms(), generation)
        self._note(key)
        self._store.put(key)
        return self._credentials(key)

    def derive(self, address: str, nonce: int) -> Credentials | None:
        """Return a wallet's good key of a nonce, or None where there is none."""
        latest = self._latest.get((address, nonce))
        return None if latest is None or latest.deleted_ms else self._credentials(latest)

    def get(self, key_id: str) -> ApiKey | None:
        """Return a good key, or None."""
        key = self._by_id.get(key_id)
        return None if key is None or key.deleted_ms else key

    def of(self, address: str) -> list[ApiKey]:
        """Return a wallet's keys, deleted ones too, oldest first: their orders and trades stay its own."""
        return list(self._of.get(address, {}).values())

    def delete(self, key: ApiKey) -> None:
        """Make a key good for nothing."""
        deleted = msgspec.structs.replace(key, deleted_ms=self._now_ms())
        self._note(deleted)
        self._store.put(deleted)

    def proves(self, key: ApiKey, *, secret: str | None = None, passphrase: str) -> bool:
        """Return whether somebody who says so knows a key's passphrase, and its secret where one is given."""
        known = self._credentials(key)
        right = hmac.compare_digest(known.passphrase.encode(), passphrase.encode())
        if secret is not None:
            right &= hmac.compare_digest(known.secret.rstrip("=").encode(), secret.rstrip("=").encode())
        return right

    def signature(self, key: ApiKey, message: bytes) -> str:
        """Return the HMAC of a message under a key's secret."""
        return hmac_of(self._secret(key), message)

    def _credentials(self, key: ApiKey) -> Credentials:
        secret = base64.urlsafe_b64encode(self._secret(key)).decode()
        return Credentials(key.id, secret, self._derived("passphrase", _name(key)).hex())

    def _secret(self, key: ApiKey) -> bytes:
        return self._derived("secret", _name(key))

    def _derived(self, what: str, name: str) -> bytes:
        return hmac.digest(self._store.secret, f"{what} {name}".encode(), hashlib.sha256)

    def _note(self, key: ApiKey) -> None:
        self._by_id[key.id] = key
        self._of.setdefault(key.address, {})[key.id] = key
        latest = self._latest.get((key.address, key.nonce))
        if latest is None or latest.generation <= key.generation:
            self._latest[key.address, key.nonce] = key


def _name(key: ApiKey) -> str:
    return f"{key.address}/{key.nonce}/{key.generation}"
