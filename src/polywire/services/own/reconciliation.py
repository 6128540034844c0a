"""One look at what REST says of the user's orders and trades, compared with what the stream has told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from polywire.core.own import OwnOrders
from polywire.model.own import OwnEvent, OwnOrderChanged, OwnTradeChanged
from polywire.ports import Account, Clock

MARGIN_S: Final = 120
"""Seconds of the venue's time before the last look for which trades are read again."""

OLD_S: Final = 3_600
"""Seconds after which a trade that is not settled is asked for by its id, lest all that came since be read too."""

ASKED: Final = 50
"""Orders, and old trades, asked for one by one in one look."""

_AT_ONCE: Final = 8  # requests
_LATE_MS: Final = 5_000  # for which the stream may be behind REST and has lost nothing

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found.

    Attributes:
        events: What was missed, marked as recovered.
        lost: How many, of these or of what looks before have recovered, the stream should have told by now: they
            happened `_LATE_MS` before the look or earlier.
        awaited: How many the stream may still bring.
        asked_ns: When it began, Unix nanoseconds, our clock: the stream's own word since then is newer.
        to_ns: When it ended.
    """

    events: list[OwnEvent]
    lost: int
    awaited: int
    asked_ns: int
    to_ns: int


class Reconciliation:
    """Looks, each time from where the last look ended.

    Args:
        account: Asks the venue.
        own: What is known.
        sound: Returns when everything is heard that the venue wrote on the stream before: then nothing is taken for
            missed that was on its way.
        clock: Our time.
    """

    def __init__(self, account: Account, own: OwnOrders, sound: Callable[[], Awaitable[object]], clock: Clock) -> None:
        self._account, self._own, self._sound, self._clock = account, own, sound, clock
        self._since_s: int | None = None  # the venue's time at the last look
        self._awaited: dict[str, int] = {}  # orders and trades that REST told first: when, venue's milliseconds

    def heard(self, event: OwnEvent) -> None:
        """Learn that the stream brings an order or trade: it was only behind REST."""
        if self._awaited:
            self._awaited.pop(_name(event), None)

    def covered(self) -> None:
        """Learn that a gap was told of all that the stream has not brought up to the last look."""
        self._awaited.clear()

    async def look(self) -> Found:
        """Return what was missed.

        Raises:
            VenueUnreachable: The venue could not be asked. Nothing was changed; the next look covers this one's time.
        """
        account, own = self._account, self._own
        venue_s = await account.time_s()
        asked_ns = self._clock.now_ns()
        listed = await account.open_orders()
        trades = await self._trades(venue_s)
        asked = own.to_ask(listed, asked_ns, ASKED)
        stated = dict(zip(asked, await _each(account.order, asked), strict=True))
        await self._sound()
        now_ns = self._clock.now_ns()
        events = own.restate(listed, stated, trades, asked_ns, now_ns)
        first, self._since_s = self._since_s is None, venue_s
        if not first:
            for event in events:  # of an order, REST says when only where trades do
                self._awaited.setdefault(_name(event), event.venue_ms or venue_s * 1_000)
        lost = sum(at_ms <= venue_s * 1_000 - _LATE_MS for at_ms in self._awaited.values())
        return Found(events, lost, len(self._awaited) - lost, asked_ns, now_ns)

    async def _trades(self, venue_s: int) -> list[OwnTradeChanged]:
        """Return what was matched since the last look, and what was not settled then; after the list of open orders."""
        since_s = venue_s if self._since_s is None else min(venue_s, self._since_s)  # its clock may be put back
        unsettled = self._own.unsettled()
        young = [matched_s - 1 for matched_s in unsettled.values() if matched_s > venue_s - OLD_S]
        after_s = min([since_s - MARGIN_S, *young])
        trades = await self._account.trades(after_s)
        read = {trade.trade for trade in trades}
        old = (name for name, matched_s in unsettled.items() if matched_s <= after_s and name not in read)
        asked = await _each(self._account.trade, list(islice(old, ASKED)))
        return trades + [trade for trade in asked if trade is not None]


async def _each(ask: Callable[[str], Awaitable[_Answer]], names: list[str]) -> list[_Answer]:
    """Return the answer about each of these names, a few of them at a time.

    Raises:
        VenueUnreachable: What the first that failed said.
    """
    answers: list[_Answer] = []
    for start in range(0, len(names), _AT_ONCE):
        asked = [asyncio.ensure_future(ask(name)) for name in names[start : start + _AT_ONCE]]
        try:
            answers += await asyncio.gather(*asked)
        finally:
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
    return answers


def _name(event: OwnEvent) -> str:
    return event.order if isinstance(event, OwnOrderChanged) else event.trade
