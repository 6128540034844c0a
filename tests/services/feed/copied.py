"""A stream that two scripted sockets carry, each as far as a test says: messages with the digests of its book."""

from typing import Any

import msgspec

from polywire.model.events import Event
from polywire.model.health import FreshnessChanged, Gap
from polywire.model.market import LevelChanged, Traded
from polywire.model.units import TokenId
from services.feed.scripted import encode


class Stream:
    """What the venue says of one token, message by message.

    Attributes:
        messages: All that were said.
    """

    def __init__(self, token: TokenId) -> None:
        self.token, self.messages = token, list[bytes]()
        self.size = 10

    def change(self, size: int | None = None) -> int:
        """Move the best bid; return the number of the message."""
        self.size = len(self.messages) + 11 if size is None else size
        entry = {"asset_id": self.token, "price": "0.34", "size": str(self.size), "side": "BUY", "hash": self.digest}
        stated = {"best_bid": "0.34", "best_ask": "0.36"}
        return self._say({"market": "0x1", "price_changes": [entry | stated]}, "price_change")

    def trade(self, transaction: str = "0xabc") -> int:
        """Trade; return the number of the message."""
        told = {"price": "0.36", "size": "1", "side": "BUY", "fee_rate_bps": "0", "transaction_hash": transaction}
        return self._say({"asset_id": self.token, "market": "0x1"} | told, "last_trade_price")

    @property
    def digest(self) -> str:
        return f"{len(self.messages):040x}"

    def snapshot(self, digest: str = "") -> bytes:
        """Return the book as it is now, with a digest of this moment that no message has, unless one is given."""
        bids = [{"price": "0.33", "size": "5"}, {"price": "0.34", "size": str(self.size)}]
        asks = [{"price": "0.37", "size": "5"}, {"price": "0.36", "size": "10"}]
        told: dict[str, Any] = {"market": "0x1", "asset_id": self.token, "timestamp": self._time, "hash": digest}
        return msgspec.json.encode([told | {"bids": bids, "asks": asks, "tick_size": "0.01", "event_type": "book"}])

    @property
    def _time(self) -> str:
        return str(1_790_000_000_000 + len(self.messages))

    def _say(self, message: dict[str, Any], kind: str) -> int:
        self.messages.append(encode(message | {"timestamp": self._time}, kind))
        return len(self.messages) - 1


def sizes(told: list[Event]) -> list[int]:
    """Return the size of each level change, in shares."""
    return [event.size // 1_000_000 for event in told if isinstance(event, LevelChanged)]


def trades(told: list[Event]) -> list[tuple[str, bool]]:
    """Return each trade's transaction, and whether it is marked as perhaps repeated."""
    return [(event.transaction, event.repeated) for event in told if isinstance(event, Traded)]


def health(told: list[Event]) -> list[str]:
    """Return what the feed said of its own truth."""
    return [
        "gap" if isinstance(event, Gap) else str(event.now)
        for event in told
        if isinstance(event, Gap | FreshnessChanged)
    ]
