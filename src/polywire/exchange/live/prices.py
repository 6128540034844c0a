"""The reference prices as the world is told them: one quote of an asset a second, and the last two minutes of them."""

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

KEPT: Final = 120
"""Quotes that are kept of each asset: about two minutes, which is what a back-fill of the venue holds."""

_SECOND_MS: Final = 1_000


class Quote(msgspec.Struct, frozen=True):
    """What an asset costs at a whole second. Prices are ints of 1e-2 USD."""

    asset: str  # as in slugs: `btc`
    chainlink: int  # the reference itself: what windows are decided by
    binance: int  # the same a little off
    at_ms: int  # Unix milliseconds of venue time, a multiple of 1,000


class Prices:
    """Every asset's quotes, and the seam where they are observed."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[Quote]] = {}
        self._observers: tuple[Callable[[Quote], None], ...] = ()

    def observe(self, observer: Callable[[Quote], None]) -> None:
        """Tell `observer` of every quote from now on."""
        self._observers += (observer,)

    def assume(self, asset: str, price: int, now_ms: int) -> None:
        """Take it that an asset that nobody was told of has cost `price`, 1e-2 USD, until now. Nobody is told.

        So a back-fill has something to hold from the start, and a window that began before has the price it began at.
        """
        last = now_ms // _SECOND_MS
        past = (
            Quote(asset, price, price, second * _SECOND_MS)
            for second in range(last - KEPT, last + 1)
            if second * _SECOND_MS < now_ms
        )
        self._kept[asset] = deque(past, maxlen=KEPT)

    def tell(self, quote: Quote) -> None:
        """Publish a quote: later than the asset's last."""
        self._kept.setdefault(quote.asset, deque(maxlen=KEPT)).append(quote)
        for observer in self._observers:
            observer(quote)

    def last(self, asset: str) -> tuple[Quote, ...]:
        """Return the quotes that are kept of an asset, oldest first; none where it has none."""
        return tuple(self._kept.get(asset, ()))

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset that has quotes, in the order they came."""
        return tuple(self._kept)
