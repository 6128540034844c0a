"""The last minutes of prices, asked for by symbol on a socket of their own.

A subscription with a filter is what the service answers with a back-fill. On the stream's own socket it might narrow
what comes there, and could not be ended without ending the stream: both are known by topic and type alone.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from polywire.model.events import Event
from polywire.model.live import PricesBackfilled
from polywire.ports import Dial
from polywire.wire.live import LiveDecoder
from polywire.wire.requests import LiveSubscription, live_request
from polywire.wire.tally import Tally

WITHIN_S: Final = 6.0
"""For which answers are waited for."""

_LISTED: Final = (
    "crypto_prices"  # its filter is a list of symbols to some, JSON to others: what goes unanswered is asked twice
)


async def ask_history(
    dial: Dial, url: str, symbols: Mapping[str, Collection[str]], tally: Tally, within_s: float = WITHIN_S
) -> list[PricesBackfilled]:
    """Return the back-fills that came, one a symbol at most, in the order they came.

    Args:
        dial: Opens sockets.
        url: The service.
        symbols: Those wanted, by topic, as their source spells them.
        tally: Where the answers are counted.
        within_s: How long to wait for them.

    Raises:
        VenueUnreachable: The service could not be reached.
    """
    wanted = {symbol for some in symbols.values() for symbol in some}
    found: dict[str, PricesBackfilled] = {}
    over = asyncio.Event()

    def take(event: Event) -> None:
        if isinstance(event, PricesBackfilled) and event.symbol in wanted:
            found.setdefault(event.symbol, event)
            if len(found) == len(wanted):
                over.set()

    decoder = LiveDecoder(take, tally)

    def hear(frame: bytes, seen_ns: int) -> None:
        decoder.feed(frame, seen_ns)

    def lose(_reason: str) -> None:
        over.set()

    if not wanted:
        return []
    socket = await dial(url, hear, lose)
    try:
        for topic, some in symbols.items():
            if some:
                socket.send(live_request("subscribe", _by_json(topic, some)))
        if not await _is_set(over, within_s / 2):
            left = [symbol for symbol in symbols.get(_LISTED, ()) if symbol not in found]
            if left:
                socket.send(live_request("subscribe", [LiveSubscription(_LISTED, "*", ",".join(left))]))
            await _is_set(over, within_s / 2)
    finally:
        socket.close()
    return list(found.values())


def _by_json(topic: str, symbols: Iterable[str]) -> Iterable[LiveSubscription]:
    for symbol in symbols:
        yield LiveSubscription(topic, "*", msgspec.json.encode({"symbol": symbol}).decode())


async def _is_set(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
