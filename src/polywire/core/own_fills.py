"""What the user's orders were filled with: each order's part of each trade once, and undone where the trade fails."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from polywire.model.own import MakerLeg, OwnTradeChanged
from polywire.model.units import TokenId, TradeSide


@dataclass(frozen=True, slots=True)
class OwnFill:
    """What one order had of one trade, in the order's own terms."""

    trade: str
    order: str
    token: TokenId
    side: TradeSide
    price: int
    size: int


@dataclass(slots=True)
class _Total:
    gross: int = 0  # of all trades, those that failed later too: so the venue counts `size_matched`
    net: int = 0  # of those that stand
    trades: int = 0  # that are still known by heart
    seen_ns: int = 0  # of the last that was heard of
    venue_ms: int = 0


_NOTHING = _Total()


class OwnFills:
    """Fills by trade and by order.

    Args:
        key: The API key whose fills these are.
        knows: Returns whether an order is one of the user's.
        pays: Returns whether a wallet is one that the user's orders came from.
    """

    def __init__(self, key: str, knows: Callable[[str], bool], pays: Callable[[str], bool]) -> None:
        self._key, self._knows, self._pays = key.lower(), knows, pays
        self._of_trade: dict[str, dict[str, OwnFill]] = {}
        self._of_order: dict[str, _Total] = {}
        self._failed: set[str] = set()  # trades that are known by heart

    def of(self, event: OwnTradeChanged) -> list[OwnFill]:
        """Return the user's fills in a trade: the taker's, or one for each of its own orders among the makers."""
        legs = self._legs(event.makers)
        if event.role == "TAKER" or (not event.role and not legs):
            whole = OwnFill(event.trade, event.taker_order, event.token, event.side, event.price, event.size)
            return [whole, *_fills(event.trade, legs)]
        if not legs:
            legs = [leg for leg in event.makers if self._pays(leg.maker)]
        return _fills(event.trade, legs)

    def apply(self, event: OwnTradeChanged) -> None:
        """Count a trade's fills, each once, however often the trade is told of."""
        known = self._of_trade.setdefault(event.trade, {})
        for fill in self.of(event):
            total = self._of_order.setdefault(fill.order, _Total())
            total.seen_ns = max(total.seen_ns, event.seen_ns)
            if fill.order not in known:
                known[fill.order] = fill
                total.trades += 1
                total.gross += fill.size
                total.net += 0 if event.trade in self._failed else fill.size
                total.venue_ms = max(total.venue_ms, event.venue_ms)

    def fail(self, trade: str) -> None:
        """Undo what a trade filled, once; what else is heard of it fills nothing."""
        if trade not in self._failed:
            self._failed.add(trade)
            for fill in self._of_trade.get(trade, {}).values():
                if fill.order in self._of_order:
                    self._of_order[fill.order].net -= fill.size

    def forget_trade(self, trade: str) -> None:
        """Forget a trade's fills one by one; the totals of orders that are known stay."""
        self._failed.discard(trade)
        for order in self._of_trade.pop(trade, {}):
            total = self._of_order.get(order)
            if total is not None:
                total.trades -= 1
                if not total.trades and not self._knows(order):
                    del self._of_order[order]

    def forget_order(self, order: str) -> None:
        """Forget an order's totals."""
        self._of_order.pop(order, None)

    # ------------------------------------------------------------ what is asked

    def filled(self, order: str) -> int:
        """Return what an order has had of trades that stand, 1e-6 shares."""
        return self._of_order.get(order, _NOTHING).net

    def matched(self, order: str) -> int:
        """Return what an order has had of all trades, those that failed too, 1e-6 shares."""
        return self._of_order.get(order, _NOTHING).gross

    def seen_ns(self, order: str) -> int:
        """Return when a trade of an order was heard of last; 0: never."""
        return self._of_order.get(order, _NOTHING).seen_ns

    def venue_ms(self, order: str) -> int:
        """Return when its last fill was told, Unix milliseconds of the venue's clock; 0: it has had none."""
        return self._of_order.get(order, _NOTHING).venue_ms

    def standing(self) -> list[OwnFill]:
        """Return every fill that is known by heart and stands, the trade first heard of first."""
        return [fill for trade, fills in self._of_trade.items() if trade not in self._failed for fill in fills.values()]

    def _legs(self, legs: Iterable[MakerLeg]) -> list[MakerLeg]:
        return [leg for leg in legs if leg.owner.lower() == self._key or self._knows(leg.order)]


def _fills(trade: str, legs: Iterable[MakerLeg]) -> list[OwnFill]:
    """Return one fill an order: one that stands in two legs has had both."""
    found: dict[str, OwnFill] = {}
    for leg in legs:
        before = found[leg.order].size if leg.order in found else 0
        side: TradeSide = "BUY" if leg.side == "bid" else "SELL"
        found[leg.order] = OwnFill(trade, leg.order, leg.token, side, leg.price, before + leg.size)
    return list(found.values())
