"""The dead man's switch: a key that has sent heartbeats and goes silent has its orders cancelled.

Source: docs/protocol.md, "Order heartbeats": every 5 s; after 10 s of silence all open orders of the key are cancelled.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from polywire.exchange.trading.records import Beat

SILENCE_MS: Final = 10_000
"""Of venue time."""


class DeadMan:
    """Who has a switch, and when it goes off. It goes off once; the next beat sets it again.

    Args:
        secret: Ids of heartbeats follow from it.
        beats: Switches that were set when the exchange ended: they go off `SILENCE_MS` after `now_ms`.
        now_ms: Venue time.
    """

    def __init__(self, secret: bytes, beats: Iterable[Beat], now_ms: int) -> None:
        self._secret = secret
        self._beats = {beat.key: Beat(beat.key, beat.id, now_ms) for beat in beats if beat.at_ms}
        self._count = 0

    def expected(self, key: str) -> str:
        """Return the id that a key's next heartbeat must name; "" where it has no switch."""
        beat = self._beats.get(key)
        return "" if beat is None else beat.id

    def beat(self, key: str, now_ms: int) -> Beat:
        """Set a key's switch anew, and return what is to be kept; its `id` is what the next heartbeat names."""
        self._count += 1
        told = f"{key} {now_ms} {self._count}".encode()
        digest = hmac.digest(self._secret, told, hashlib.sha256).hex()
        beat = self._beats[key] = Beat(key, f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}", now_ms)
        return beat

    def next_ms(self) -> int | None:
        """Return when the next switch goes off, or None."""
        return min(beat.at_ms for beat in self._beats.values()) + SILENCE_MS if self._beats else None

    def silent(self, now_ms: int) -> list[Beat]:
        """Return what is to be kept of the keys whose switch has gone off, and forget them."""
        gone = [beat for beat in self._beats.values() if beat.at_ms + SILENCE_MS <= now_ms]
        for beat in gone:
            del self._beats[beat.key]
        return [Beat(beat.key, "", 0) for beat in gone]
