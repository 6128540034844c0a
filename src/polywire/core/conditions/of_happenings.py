"""Watching what happens at once: trades, ticks, resolutions, new markets, own orders and trades."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, assert_never

from polywire.core.book import Book
from polywire.core.conditions.observer import Finding
from polywire.model.journal import EntryKind
from polywire.model.market import MarketCreated, MarketResolved, TickSizeChanged, Traded
from polywire.model.own import OrderStep, OwnOrderChanged, OwnTradeChanged
from polywire.model.units import TokenId, price_text, size_text
from polywire.model.watch import Created, OrderChanges, OwnTrades, Resolves, TickChanges, TradeOver

Happening = TradeOver | TickChanges | Resolves | Created | OrderChanges | OwnTrades

_KINDS: Final[dict[type, type]] = {
    TradeOver: Traded,
    TickChanges: TickSizeChanged,
    Resolves: MarketResolved,
    Created: MarketCreated,
    OrderChanges: OwnOrderChanged,
    OwnTrades: OwnTradeChanged,
}
_NOBODY: Final = TokenId("")
_MOST_KNOWN: Final = 500


class HappeningObserver:
    """See `Observer`. What happens is told, whatever happened before; of a market's resolution it is told once."""

    def __init__(self, wanted: Happening) -> None:
        self._wanted = wanted
        self.kinds: frozenset[type] = frozenset({_KINDS[type(wanted)]})
        self.of_feed = isinstance(wanted, TradeOver | TickChanges | Resolves)
        self.moved = False
        self.due_ms: int | None = None
        self._resolved: set[str] = set()  # markets whose resolution was told
        self._known: dict[str, list[Any]] = {}  # of own orders and trades, as they were told last; the oldest first

    def look(self, event: Any, book: Book | None, now_ms: int) -> Finding | None:  # noqa: ARG002 - see `Observer`
        """See `Observer`."""
        if type(event) not in self.kinds:
            return None  # a book that answers again is nothing that happened
        match self._wanted:
            case TradeOver(size=least):
                return _traded(event, least)
            case TickChanges():
                return _ticked(event)
            case Resolves():
                return self._resolution(event)
            case Created(words=words):
                return _created(event, words.lower().split())
            case OrderChanges(on=on):
                return _ordered(event, on) if self._is_new(event.order, event, event.matched_size) else None
            case OwnTrades():
                return _own_traded(event) if self._is_new(event.trade, event, 0) else None
            case _:
                assert_never(self._wanted)

    def tick(self, now_ms: int) -> Iterable[Finding]:  # noqa: ARG002 - see `Observer`
        """See `Observer`."""
        return ()

    def doubt(self, token: TokenId, now_ms: int) -> None:
        """See `Observer`."""

    @property
    def state(self) -> dict[str, Any]:
        """See `Observer`: the markets whose resolution was told, and the newest own orders and trades."""
        return {"resolved": sorted(self._resolved), "known": self._known}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Observer`."""
        self._resolved = set(state.get("resolved", ()))
        self._known = dict(state.get("known", {}))

    def _is_new(self, name: str, event: Any, matched: int) -> bool:
        """Return whether an own order or trade was not told as it is: what is read back over REST may have been."""
        stands = [str(event.status), matched]
        if event.recovered and self._known.get(name) == stands:
            return False
        self._known.pop(name, None)
        while len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[name] = stands
        self.moved = True
        return True

    def _resolution(self, event: Any) -> Finding | None:
        if event.condition in self._resolved:
            return None  # heard on the stream and read back over REST, or known before the watch was made
        self._resolved.add(event.condition)
        self.moved = True
        return _resolved(event)


def _traded(event: Any, least: int) -> Finding | None:
    if event.size is None or event.size < least:
        return None
    size, price = size_text(event.size), price_text(event.price)
    text = f"{size} shares were traded at {price} (the taker {'bought' if event.side == 'BUY' else 'sold'})"
    data = {"size": size, "price": price, "side": event.side, "transaction": event.transaction}
    return Finding(event.token, EntryKind.ALERT, text, data | {"repeated": event.repeated})


def _ticked(event: Any) -> Finding:
    old, new = price_text(event.old_tick), price_text(event.new_tick)
    text = f"the tick changed from {old} to {new}; orders off the new grid are refused"
    return Finding(event.token, EntryKind.ALERT, text, {"old_tick": old, "new_tick": new})


def _resolved(event: Any) -> Finding:
    how = " (read back over REST)" if event.recovered else ""
    text = f"the market is resolved{how}" if event.winner else f"the market is resolved{how}: each outcome gets a half"
    data = {
        "condition": event.condition,
        "winner": event.winner,
        "outcome": event.outcome,
        "tokens": list(event.tokens),
    }
    return Finding(_NOBODY, EntryKind.RESOLUTION, text, data | {"recovered": event.recovered})


def _created(event: Any, words: list[str]) -> Finding | None:
    texts = f"{event.question} {event.slug} {event.event_title}".lower()
    if not all(word in texts for word in words):
        return None
    data = {
        "condition": event.condition,
        "slug": event.slug,
        "question": event.question,
        "event_title": event.event_title,
        "outcomes": list(event.outcomes),
        "tokens": list(event.tokens),
    }
    return Finding(_NOBODY, EntryKind.ALERT, "a market was made", data)


def _ordered(event: Any, on: str) -> Finding | None:
    filled = event.matched_size >= event.original_size
    if (on == "filled" and not filled) or (on == "cancelled" and event.step is not OrderStep.CANCELLED):
        return None
    matched, original = size_text(event.matched_size), size_text(event.original_size)
    price = price_text(event.price)
    text = f"own order to {event.side.lower()} {original} at {price}: {event.step.lower()}, {matched} matched"
    data = {
        "order": event.order,
        "step": event.step,
        "status": event.status,
        "side": event.side,
        "price": price,
        "original_size": original,
        "matched_size": matched,
        "filled": filled,
        "order_type": event.order_type,
        "recovered": event.recovered,
    }
    return Finding(event.token, EntryKind.ORDER, text, data)


def _own_traded(event: Any) -> Finding:
    size, price = size_text(event.size), price_text(event.price)
    text = f"own trade, {size} at {price} ({event.role.lower() or 'role unsaid'}): {event.status.lower()}"
    data = {
        "trade": event.trade,
        "status": event.status,
        "role": event.role,
        "side": event.side,
        "price": price,
        "size": size,
        "taker_order": event.taker_order,
        "maker_orders": [leg.order for leg in event.makers],
        "transaction": event.transaction,
        "recovered": event.recovered,
    }
    return Finding(event.token, EntryKind.TRADE, text, data)
