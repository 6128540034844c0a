"""The feed of live data, as its users meet it: read trades with their wallets, prices and comments.

One socket carries all that is read (`services.live.sockets`). What may have been missed is told as a `Gap` once its
topic is heard again; prices are then asked for, and those that were missed told as `PricesBackfilled`.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final, NoReturn

from polywire.core.link import Policy
from polywire.core.once import Once
from polywire.core.pulse import SILENT_S
from polywire.core.renewal import Broadcast
from polywire.errors import Misuse, VenueUnreachable
from polywire.model.live import CryptoPriced, EquityPriced, LiveRefused, PricesBackfilled
from polywire.ports import Clock, Dial
from polywire.services.line import Keep
from polywire.services.line_status import channel_status
from polywire.services.live.connection import LiveConnection
from polywire.services.live.history import ask_history
from polywire.services.live.losses import untold
from polywire.services.live.readers import Interest, LiveReaders, Reader
from polywire.services.live.sockets import LiveSockets
from polywire.services.live.streams import BACKFILLED
from polywire.services.live.topics import Topics
from polywire.wire.tally import Tally

RENEWAL_S: Final = 600.0
"""How old a socket becomes: freezes have been seen from 14 minutes on."""

SPARE_S: Final = 5.0
"""For which a socket that nobody reads is kept."""

LIVE_POLICY: Final = Policy(ping_s=5.0, pong_s=15.0)
"""How patient the link of a live-data socket is. Source: docs/protocol.md, "Live data"."""

_LOOK_S: Final = 1.0
_PRICES_REMEMBERED: Final = 16_384
_SHOWN: Final = 200


class LiveFeed:
    """Live data of one venue.

    Args:
        url: The service, `Venue.urls.rtds_ws`.
        dial: Opens sockets.
        clock: Our time.
        roll: Returns a number in [0, 1), for jitter.
        policy: How patient a link is.
        silent_s: Seconds of a busy topic's silence after which another socket is taken, at most.
        renewal_s: Seconds after which another is taken in any case, about.
        spare_s: For which a socket that nobody reads is kept.

    Attributes:
        tally: What was decoded, and what was not.
    """

    def __init__(
        self,
        url: str,
        dial: Dial,
        clock: Clock,
        roll: Callable[[], float],
        policy: Policy = LIVE_POLICY,
        *,
        silent_s: float = SILENT_S,
        renewal_s: float = RENEWAL_S,
        spare_s: float = SPARE_S,
    ) -> None:
        self._url, self._dial, self._clock, self._roll, self._policy = url, dial, clock, roll, policy
        self._spare_s = spare_s
        self.tally = Tally()
        self._readers, self._told_prices = LiveReaders(), Once(_PRICES_REMEMBERED)
        self._topics = Topics(silent_s, renewal_s)
        self._stir = asyncio.Event()
        self._sockets = LiveSockets(
            self._connection,
            self._topics,
            clock,
            roll,
            renewal_s,
            tell=self._hear,
            answer=self._answer,
            stir=self._stir.set,
        )
        self._backfills = self._unfilled = self._refusals = 0
        self._refusal = ""
        self._unread_since: float | None = None
        self._asking: asyncio.Task[None] | None = None

    def _connection(self, number: int, owner: LiveSockets) -> LiveConnection:
        made = LiveConnection(number, self._url, self._dial, self._clock, self._policy, self._roll, owner, self.tally)
        made.want(self._readers.streams)
        return made

    # ------------------------------------------------------------ for its users

    def read(self, reader: Reader, interest: Interest) -> None:
        """Tell `reader` what it is interested in, and of every gap in what carries it, until it leaves.

        Before the feed runs there is nothing to tell; who reads by then is told from its start.
        """
        self._readers.add(reader, interest)
        self._settle()

    def leave(self, reader: Reader) -> None:
        """Tell `reader` nothing any more."""
        if self._readers.remove(reader):
            self._settle()

    def renew(self) -> None:
        """Take another socket: the second is opened first, and the old one closed when the new one is told."""
        self._sockets.renew_at = self._clock.monotonic_s()
        self._stir.set()

    def record(self, keep: Keep | None) -> None:
        """Hand every frame of the stream's own sockets to `keep` as it comes; None: no more."""
        self._sockets.record(keep)

    async def history(self, symbols: Mapping[str, Collection[str]]) -> list[PricesBackfilled]:
        """Return the last two minutes of prices, as far as the service tells them.

        Args:
            symbols: Those wanted, by topic: `crypto_prices` (`btcusdt`), `crypto_prices_chainlink` (`btc/usd`),
                `equity_prices` (`AAPL`).

        Raises:
            VenueUnreachable: The service could not be reached.
            Misuse: A topic that has no history.
        """
        if strange := symbols.keys() - BACKFILLED:
            raise Misuse(f"there is no history of {', '.join(sorted(strange))}; of {', '.join(sorted(BACKFILLED))} is")
        return await ask_history(self._dial, self._url, symbols, self.tally)

    def status(self) -> dict[str, object]:
        """Return how it is, JSON-ready: its sockets, and each topic that is read."""
        now, sockets = self._clock.monotonic_s(), self._sockets
        topics = self._topics.status(now, self._clock.now_ns())
        return channel_status(self._url, list(sockets), now) | {
            "topics": {name: {"readers": self._readers.reading(name)} | topic for name, topic in topics.items()},
            "renewals": sockets.renewals,
            "renewing": "" if sockets.second is None else sockets.why,
            "next_renewal_s": None if sockets.current is None else round(max(0.0, sockets.renew_at - now), 3),
            "gaps": self._topics.gaps,
            "backfills": self._backfills,
            "backfills_failed": self._unfilled,
            "refused": self._refusals,
            "last_refusal": self._refusal,
            "events_by_type": self.tally.messages,
            "undecoded": dict(self.tally.undecoded),
        }

    # ------------------------------------------------------------ its run

    async def run(self) -> NoReturn:
        """Keep a socket while anybody reads. Ends only by cancellation, and the sockets with it."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._stir.clear()
                    self._turn(self._clock.monotonic_s(), group)
                    await self._rest()
        finally:
            self._sockets.end()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(None if self._sockets.current is None else _LOOK_S):
                await self._stir.wait()
        except TimeoutError:
            pass

    def _turn(self, now: float, group: asyncio.TaskGroup) -> None:
        """Do what is due."""
        if not self._readers:
            self._let_go(now)
            return
        self._unread_since = None
        self._sockets.turn(now, group)
        current = self._sockets.current
        if current is not None and current.carrying:
            for topic, gap in self._topics.quiet_gaps(self._clock.now_ns()):
                self._readers.tell_of(topic, gap)
        wished = self._topics.losses.wished
        if wished and (self._asking is None or self._asking.done()):
            self._asking = group.create_task(self._back_fill(dict(wished)), name="polywire price back-fill")
            wished.clear()

    def _let_go(self, now: float) -> None:
        if self._unread_since is None:
            self._unread_since = now
        elif now >= self._unread_since + self._spare_s:
            self._sockets.end()
            self._topics.read((), now, self._clock.now_ns())

    async def _back_fill(self, wished: dict[str, dict[str, int]]) -> None:
        """Ask for the prices since a loss, and tell those that were not told."""
        after_ms = {symbol: at_ms for last in wished.values() for symbol, at_ms in last.items()}
        try:
            came = await ask_history(self._dial, self._url, wished, self.tally)
        except VenueUnreachable:
            came = []  # the gap is told, and the status counts what was not filled in
        self._unfilled += len(after_ms) - len(came)
        for event in came:
            first = self._first_told(event.symbol)
            left = untold(event, after_ms[event.symbol], first)
            if left is not None:
                self._backfills += 1
                self._readers.tell(left)

    def _first_told(self, symbol: str) -> Callable[[int], bool]:
        return lambda at_ms: self._told_prices.first((symbol, 0, at_ms))

    # ------------------------------------------------------------ what the sockets bring

    def _hear(self, topic: str, event: Broadcast) -> None:
        gap = self._topics.hear(topic, event, self._clock.monotonic_s())
        if gap is not None:
            self._readers.tell_of(topic, gap)
            self._stir.set()
        if isinstance(event, CryptoPriced | EquityPriced):
            window_s = event.window_s if isinstance(event, CryptoPriced) else 0
            if not self._told_prices.first((event.symbol, window_s, event.venue_ms)):
                return
        self._readers.tell(event)

    def _answer(self, event: PricesBackfilled | LiveRefused) -> None:
        if isinstance(event, LiveRefused):
            self._refusals += 1
            self._refusal = event.message[:_SHOWN]
        self._readers.tell(event)

    def _settle(self) -> None:
        """Carry the topics that are read; those that nobody reads any more until the socket is let go."""
        streams = self._readers.streams
        if streams:
            names = (one.topic for one in streams)
            self._topics.read(names, self._clock.monotonic_s(), self._clock.now_ns())
            for connection in self._sockets:
                connection.want(streams)
        self._stir.set()
