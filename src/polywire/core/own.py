"""The user's orders and trades through their whole life: what is told of them once, and what was missed, found again.

The user channel repeats itself, tells late, and replays nothing. So each event is compared with what is known: only
what goes further is news. What REST says afterwards takes the same way, and is marked as recovered.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from polywire.core.departed import DAY_NS, Departed
from polywire.core.own_fills import OwnFill, OwnFills
from polywire.model.own import OrderStep, OwnEvent, OwnOrderChanged, OwnTradeChanged, TradeStatus
from polywire.model.units import TokenId

KEPT: Final = 20_000
"""Ended orders and trades known by heart; of those that ended before, the name is kept for a day."""

LOOKS: Final = 2
"""How many reconciliations in a row must miss an order, and the venue deny it, before it is told cancelled."""

UNSETTLED_NS: Final = 7 * DAY_NS
"""After which a trade that never came to an end is given up."""

_AT_ONCE: Final = frozenset({"FAK", "FOK", "IOC"})  # kinds of which nothing ever rests
_RANKS: Final = {
    TradeStatus.MATCHED: 0,
    TradeStatus.RETRYING: 1,
    TradeStatus.MINED: 1,
    TradeStatus.CONFIRMED: 2,
    TradeStatus.FAILED: 2,
}
_FINAL: Final = 2
_PURSES: Final = 64


@dataclass(slots=True)
class _Order:
    last: OwnOrderChanged  # as it was told
    ended: bool
    missed: int = 0  # reconciliations in a row that did not find it


@dataclass(slots=True)
class _Trade:
    last: OwnTradeChanged
    told: set[TradeStatus]


class OwnOrders:
    """Every order and trade of one API key.

    Args:
        key: The API key's id.
        kept: Ended ones known by heart.

    Attributes:
        doubtful: Orders that the last reconciliation missed and could not decide about, or did not come to: look again
            soon.
    """

    def __init__(self, key: str, kept: int = KEPT) -> None:
        self._key, self._kept = key.lower(), kept
        self._orders: dict[str, _Order] = {}
        self._trades: dict[str, _Trade] = {}
        self._open: dict[str, None] = {}  # orders that have not ended
        self._unsettled: dict[str, None] = {}  # trades that have not
        self._purses: dict[str, None] = {}  # wallets that its orders came from, lower case
        self._fills = OwnFills(key, self._orders.__contains__, lambda maker: maker.lower() in self._purses)
        self._ended: deque[tuple[int, bool, str]] = deque()  # when, whether it is an order, which
        self._departed = {True: Departed(), False: Departed()}
        self.doubtful = 0

    # ------------------------------------------------------------ how things stand

    def orders(self) -> dict[str, OwnOrderChanged]:
        """Return the orders known by heart, each as it was told last."""
        return {name: order.last for name, order in self._orders.items()}

    def open_orders(self) -> dict[str, OwnOrderChanged]:
        """Return those that have not ended."""
        return {name: self._orders[name].last for name in self._open}

    def trades(self) -> dict[str, OwnTradeChanged]:
        """Return the trades known by heart, each as it was told last."""
        return {name: trade.last for name, trade in self._trades.items()}

    def fills(self) -> list[OwnFill]:
        """Return the fills known by heart that stand: one for each order's part in a trade that has not failed."""
        return self._fills.standing()

    def filled(self, order: str) -> int:
        """Return what an order has had of trades that have not failed, 1e-6 shares."""
        return self._fills.filled(order)

    def tokens_of(self, event: OwnEvent) -> frozenset[TokenId]:
        """Return the tokens an event concerns: of a trade its own, and those of the user's legs."""
        if isinstance(event, OwnOrderChanged):
            return frozenset((event.token,))
        return frozenset((event.token, *(fill.token for fill in self._fills.of(event))))

    def unsettled(self) -> dict[str, int]:
        """Return the trades that have not come to an end, with the Unix seconds at which they were matched."""
        return {name: self._trades[name].last.matched_s for name in self._unsettled}

    def __len__(self) -> int:
        """Return how many orders and trades are known, by heart or by name."""
        return len(self._orders) + len(self._trades) + sum(map(len, self._departed.values()))

    # ------------------------------------------------------------ what the stream tells

    def take(self, event: OwnEvent) -> tuple[OwnEvent, ...]:
        """Return what is to be told of an event: nothing where it is an echo, or late.

        A status that comes late is not told, but its fill counts. An end stays an end; a larger `matched_size` is news
        even then.
        """
        told: OwnEvent | None
        if isinstance(event, OwnTradeChanged):
            told = self._trade(event)
        elif (told := self._order(event)) is not None:
            self._orders[event.order].missed = 0
        self._forget(event.seen_ns)
        return () if told is None else (told,)

    def _order(self, event: OwnOrderChanged) -> OwnOrderChanged | None:
        if event.order in self._departed[True]:
            return None
        if event.maker and len(self._purses) < _PURSES:
            self._purses[event.maker.lower()] = None
        known = self._orders.get(event.order)
        if known is None:
            known = self._orders[event.order] = _Order(event, ended=False)
            self._open[event.order] = None
            told = event
        elif not _is_news(known, event):
            return None
        else:
            told = _merged(known, event)
        known.last = told
        if not known.ended and _ends(told):
            known.ended = True
            del self._open[event.order]
            self._ended.append((event.seen_ns, True, event.order))
        return told

    def _trade(self, event: OwnTradeChanged) -> OwnTradeChanged | None:
        if event.trade in self._departed[False]:
            return None
        known = self._trades.get(event.trade)
        news = known is None or _is_further(known, event)
        if event.status is TradeStatus.FAILED and news:
            self._fills.fail(event.trade)
        self._fills.apply(event)
        if not news:
            return None
        if known is None:
            known = self._trades[event.trade] = _Trade(event, set())
            self._unsettled[event.trade] = None
        known.last = event
        known.told.add(event.status)
        if _RANKS[event.status] == _FINAL:
            del self._unsettled[event.trade]
            self._ended.append((event.seen_ns, False, event.trade))
        return event

    # ------------------------------------------------------------ what REST says

    def to_ask(self, open_orders: Iterable[OwnOrderChanged], asked_ns: int, limit: int) -> list[str]:
        """Return the orders that the venue is to be asked for one by one: they were open, and are not listed any more.

        Args:
            open_orders: All that the venue lists.
            asked_ns: When the list was asked for, Unix nanoseconds, our clock.
            limit: At most so many.
        """
        return list(islice(self._gone(open_orders, asked_ns), limit))

    def _gone(self, open_orders: Iterable[OwnOrderChanged], asked_ns: int) -> Iterator[str]:
        listed = {order.order for order in open_orders}
        return (name for name in self._open if name not in listed and self._orders[name].last.seen_ns < asked_ns)

    def restate(
        self,
        open_orders: Sequence[OwnOrderChanged],
        stated: Mapping[str, OwnOrderChanged | None],
        trades: Iterable[OwnTradeChanged],
        asked_ns: int,
        now_ns: int,
    ) -> list[OwnEvent]:
        """Return what was missed, as events marked as recovered.

        What the stream told after `asked_ns` is newer than these answers, and is not touched. An order that is listed
        no more has been matched where its trades say so. Else it was cancelled, which is told after `LOOKS`
        reconciliations in a row that missed it, for a venue's list may lag behind.

        Args:
            open_orders: All that the venue lists. What came with another API key is passed over.
            stated: What it answered about single orders (`to_ask`); None: it knows no such order that rests.
            trades: Those matched since the last reconciliation and some time before, asked for after the list.
            asked_ns: When the list was asked for, Unix nanoseconds, our clock.
            now_ns: Now.
        """
        mine = [trade for trade in trades if self._concerns(trade)]
        found: list[OwnEvent | None] = [self._trade(trade) for trade in mine]
        listed = [order for order in open_orders if order.owner.lower() in {"", self._key}]
        found += [self._restated(order, asked_ns) for order in listed]
        self.doubtful = sum(1 for name in self._gone(open_orders, asked_ns) if name not in stated)
        for name, order in stated.items():
            if order is not None:
                found.append(self._restated(order, asked_ns))
            elif name in self._orders:
                found.append(self._vanished(name, asked_ns, now_ns))
        filled = dict.fromkeys(fill.order for trade in mine for fill in self._fills.of(trade))
        found += [self._grown(name, asked_ns, now_ns) for name in filled if name in self._orders]
        self._give_up(now_ns)
        self._forget(now_ns)
        return [event for event in found if event is not None]

    def _concerns(self, trade: OwnTradeChanged) -> bool:
        """Return whether a trade that the wallet reads is this key's."""
        if trade.owner.lower() in {"", self._key}:
            return True
        return self._knows(trade.taker_order) or any(
            leg.owner.lower() == self._key or self._knows(leg.order) for leg in trade.makers
        )

    def _knows(self, order: str) -> bool:
        return order in self._orders or order in self._departed[True]

    def _restated(self, order: OwnOrderChanged, asked_ns: int) -> OwnOrderChanged | None:
        known = self._orders.get(order.order)
        if known is not None:
            if known.last.seen_ns >= asked_ns:
                return None
            known.missed = 0
        return self._order(order)

    def _vanished(self, name: str, asked_ns: int, now_ns: int) -> OwnOrderChanged | None:
        """Return how an order has ended that the venue lists no more; None: that cannot be said yet."""
        known = self._orders[name]
        if known.ended or known.last.seen_ns >= asked_ns:
            return None
        matched = self._fills.matched(name)
        if matched >= known.last.original_size:
            return self._ended_so(known, OrderStep.UPDATED, "MATCHED", now_ns)
        known.missed += 1
        if known.missed < LOOKS:
            self.doubtful += 1
            return None
        if matched and known.last.order_type in _AT_ONCE:
            return self._ended_so(known, OrderStep.UPDATED, "MATCHED", now_ns)
        return self._ended_so(known, OrderStep.CANCELLED, "CANCELED", now_ns)

    def _ended_so(self, known: _Order, step: OrderStep, status: str, now_ns: int) -> OwnOrderChanged | None:
        return self._order(self._as_read(known, step, status, now_ns))

    def _grown(self, name: str, asked_ns: int, now_ns: int) -> OwnOrderChanged | None:
        """Return an order of which trades say that it was matched further than its own events do."""
        known = self._orders[name]
        if self._fills.matched(name) <= known.last.matched_size:
            return None
        if max(known.last.seen_ns, self._fills.seen_ns(name)) >= asked_ns:  # its own event may be on the way
            return None
        whole = self._fills.matched(name) >= known.last.original_size
        step = known.last.step if known.ended else OrderStep.UPDATED
        return self._order(self._as_read(known, step, "MATCHED" if whole else known.last.status, now_ns))

    def _as_read(self, known: _Order, step: OrderStep, status: str, now_ns: int) -> OwnOrderChanged:
        name = known.last.order
        return msgspec.structs.replace(
            known.last,
            step=step,
            status=status,
            matched_size=max(known.last.matched_size, self._fills.matched(name)),
            recovered=True,
            venue_ms=self._fills.venue_ms(name),
            seen_ns=now_ns,
        )

    # ------------------------------------------------------------ what is forgotten

    def _give_up(self, now_ns: int) -> None:
        """Give up trades that nobody has said anything of for a week, and that never came to an end."""
        for name in tuple(self._unsettled):
            if self._trades[name].last.seen_ns < now_ns - UNSETTLED_NS:
                self._depart(now_ns, False, name)

    def _forget(self, now_ns: int) -> None:
        while self._ended and (len(self._ended) > self._kept or self._ended[0][0] < now_ns - DAY_NS):
            self._depart(*self._ended.popleft())
        for departed in self._departed.values():
            departed.expire(now_ns)

    def _depart(self, ended_ns: int, is_order: bool, name: str) -> None:  # noqa: FBT001 - as the queue has it
        if is_order:
            del self._orders[name]
            self._fills.forget_order(name)
        else:
            del self._trades[name]
            self._unsettled.pop(name, None)
            self._fills.forget_trade(name)
        self._departed[is_order].add(name, ended_ns)


def _ends(order: OwnOrderChanged) -> bool:
    """Return whether an order rests no more."""
    if order.step is OrderStep.CANCELLED or order.status.upper().startswith(("CANCEL", "INVALID")):
        return True
    whole = order.matched_size >= order.original_size
    return order.status.upper() == "MATCHED" and (whole or order.order_type in _AT_ONCE)


def _is_news(known: _Order, event: OwnOrderChanged) -> bool:
    last = known.last
    if event.matched_size > last.matched_size or (not known.ended and _ends(event)):
        return True
    if known.ended or event.matched_size < last.matched_size or event.status == last.status:
        return False
    if event.recovered:
        return True
    late = event.step is OrderStep.PLACED and last.step is not OrderStep.PLACED
    return not late and event.venue_ms > last.venue_ms


def _merged(known: _Order, event: OwnOrderChanged) -> OwnOrderChanged:
    """Return an event with what it leaves blank, and with the end that the order has had already."""
    last = known.last
    stays = known.ended and not _ends(event)
    return msgspec.structs.replace(
        event,
        step=last.step if stays else event.step,
        status=last.status if stays else event.status,
        outcome=event.outcome or last.outcome,
        matched_size=max(event.matched_size, last.matched_size),
        order_type=event.order_type or last.order_type,
        trades=tuple(dict.fromkeys((*last.trades, *event.trades))),
        owner=event.owner or last.owner,
        maker=event.maker or last.maker,
    )


def _is_further(known: _Trade, event: OwnTradeChanged) -> bool:
    last, now, before = known.last, _RANKS[event.status], _RANKS[known.last.status]
    if now != before or now == _FINAL or event.status is last.status:
        return now > before
    second = 1_000  # REST says no more than the second
    if event.recovered:
        return event.venue_ms // second >= last.venue_ms // second
    return event.venue_ms > last.venue_ms or (event.venue_ms == last.venue_ms and event.status not in known.told)
