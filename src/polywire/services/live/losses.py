"""What of the live-data service may have been lost, until it can be told as a gap."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from polywire.model.health import Gap
from polywire.model.live import CryptoPriced, EquityPriced, PricesBackfilled
from polywire.services.live.streams import BACKFILLED

_SYMBOLS_KEPT: Final = 512


@dataclass(frozen=True, slots=True)
class Loss:
    """One topic's."""

    from_ns: int  # when it was heard last, or was first listened to
    reason: str
    prices: dict[str, int]  # of each of its symbols, the time of its last price, Unix milliseconds of venue time


class Losses:
    """The losses that are not told yet, by topic, and what prices to ask for afterwards.

    Attributes:
        pending: The losses.
        wished: By topic and symbol, the time of the last price before a loss that is told: ask for those after it.
    """

    def __init__(self) -> None:
        self.pending: dict[str, Loss] = {}
        self.wished: dict[str, dict[str, int]] = {}
        self._last: dict[str, dict[str, int]] = {}  # of each topic's symbols, the time of the last price

    def priced(self, topic: str, event: CryptoPriced | EquityPriced) -> None:
        """Take note of a price that is told."""
        last = self._last.setdefault(topic, {})
        if event.symbol in last or len(last) < _SYMBOLS_KEPT:
            last[event.symbol] = max(event.venue_ms, last.get(event.symbol, 0))

    def lose(self, topic: str, from_ns: int, reason: str) -> None:
        """Take note that a topic's stream has a hole; one that it had already is only the longer for it."""
        if topic not in self.pending:
            self.pending[topic] = Loss(from_ns, reason, dict(self._last.get(topic, ())))

    def end(self, topic: str, now_ns: int) -> Gap | None:
        """Return the gap that ends where a topic is heard again; None: it has none."""
        loss = self.pending.pop(topic, None)
        if loss is None:
            return None
        if topic in BACKFILLED:
            self.wished.setdefault(topic, {}).update(loss.prices)
        return Gap((), loss.from_ns, now_ns, f"{topic}: {loss.reason}", 0, now_ns)

    def forget(self, topic: str) -> None:
        """Forget a topic that nobody reads any more."""
        self.pending.pop(topic, None)
        self.wished.pop(topic, None)
        self._last.pop(topic, None)


def untold(event: PricesBackfilled, after_ms: int, first: Callable[[int], bool]) -> PricesBackfilled | None:
    """Return a back-fill without what was told before; None where nothing is left.

    Args:
        event: As the service sent it.
        after_ms: The symbol's last price before the loss, Unix milliseconds of venue time.
        first: Returns whether the symbol's price of a time is not told yet.
    """
    points = tuple(point for point in event.points if point.venue_ms > after_ms and first(point.venue_ms))
    if not points:
        return None
    return PricesBackfilled(event.topic, event.symbol, points, points[-1].venue_ms, event.sent_ms, event.seen_ns)
