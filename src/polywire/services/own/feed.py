"""The user's own orders and trades: heard on the user channel, reconciled over REST, told to whoever reads them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NoReturn

from polywire.core.link import Policy
from polywire.core.own import OwnOrders
from polywire.errors import CredentialsRefused, TooOften, VenueUnreachable
from polywire.model.credentials import ApiCredentials
from polywire.model.health import Gap
from polywire.model.own import OwnEvent
from polywire.ports import Account, Clock, Dial
from polywire.services.line import Keep
from polywire.services.line_status import ago, channel_status
from polywire.services.own.connection import UserConnection
from polywire.services.own.readers import OwnInterest, OwnReaders, Reader
from polywire.services.own.reconciliation import Found, Reconciliation
from polywire.wire.tally import Tally

EVERY_S: Final = 60.0
"""Seconds from one reconciliation to the next, while nothing asks for one."""

SOON_S: Final = 2.0
"""Seconds to the next where one could not decide about an order."""

AWAY_S: Final = 5.0
"""Seconds to the next while there is no stream: REST is all that is heard then."""

ON_ITS_WAY_NS: Final = 2_000_000_000
"""What was heard last may have been on its way for so long; what happened meanwhile came behind it, or was lost."""

_SOUND_S: Final = 2.0
_EVERYTHING: Final = OwnInterest()


@dataclass(frozen=True, slots=True)
class _Away:
    from_ns: int  # since when something may be missing
    noted_ns: int  # when that was noted last: a look that began before does not cover it
    reason: str


class OwnFeed:
    """Own orders and trades of one API key, as long as `run` runs.

    Each event is told once, whatever the stream repeats (`polywire.core.own`). After each new socket, when something
    could not be read, and every `every_s`, REST is asked what was missed. That is told as recovered, behind a `Gap` for
    the time that the stream was away, or in which it lost something without a word.

    Args:
        url: The user channel.
        dial: Opens sockets.
        account: Asks the venue over REST.
        credentials: Whose orders and trades.
        clock: Our time.
        policy: How patient the link is, and how it backs off where REST cannot be reached.
        roll: Returns a number in [0, 1), for jitter.
        every_s: Seconds from one reconciliation to the next.

    Attributes:
        orders: How everything stands.
        tally: What was decoded, and what was not.
        connection: The socket.
        refused: What the venue says of the credentials, where it does not take them.
        trouble: Why the last reconciliation failed; "": it did not.
        recovered: Events that were recovered.
        gaps: Gaps told.
        reconciliations: Those that succeeded.
    """

    def __init__(
        self,
        url: str,
        dial: Dial,
        account: Account,
        credentials: ApiCredentials,
        clock: Clock,
        policy: Policy,
        roll: Callable[[], float],
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._url, self._clock, self._policy, self._roll, self._every_s = url, clock, policy, roll, every_s
        self.orders, self.tally = OwnOrders(credentials.key), Tally()
        self.connection = UserConnection(1, url, dial, clock, policy, roll, credentials, self, self.tally)
        self._readers = OwnReaders(self.orders.tokens_of)
        sound = partial(self.connection.sound, _SOUND_S)
        self._reconciliation = Reconciliation(account, self.orders, sound, clock)
        self.refused: CredentialsRefused | None = None
        self.trouble = ""
        self.recovered = self.gaps = self.reconciliations = 0
        self._whole_ns: int | None = None  # up to here all that happened is told; None: nothing was compared yet
        self._begun_ns = 0  # when the socket's stream began
        self._away: _Away | None = None
        self._reconciled_s: float | None = None
        self._wanted = asyncio.Event()
        self._not_before_s = float("-inf")

    # ------------------------------------------------------------ for everybody

    def read(self, reader: Reader, interest: OwnInterest = _EVERYTHING) -> None:
        """Tell `reader` what it is interested in, and of every `Gap`, from now on.

        Args:
            reader: Called inside the socket's callback. What it raises is counted and kept from the others.
            interest: Everything, unless said otherwise.

        Raises:
            CredentialsRefused: The venue does not take the credentials, so nothing would ever come.
        """
        if self.refused is not None:
            raise self.refused
        self._readers.add(reader, interest)

    def leave(self, reader: Reader) -> None:
        """Tell `reader` nothing any more."""
        self._readers.remove(reader)

    def reconcile(self) -> None:
        """Ask REST soon, without waiting for the timer."""
        self._wanted.set()

    def renew(self, reason: str) -> None:
        """Take a new socket."""
        self.connection.renew(reason)

    def record(self, keep: Keep | None) -> None:
        """Hand every frame that comes to `keep`; what is sent, the credentials, never is. None: no more."""
        self.connection.keep = keep

    def status(self) -> dict[str, object]:
        """Return how it is, JSON-ready, without a secret."""
        now_s = self._clock.monotonic_s()
        return channel_status(self._url, [self.connection], now_s) | {
            "subscribed": self.connection.begun,
            "open_orders": len(self.orders.open_orders()),
            "unsettled_trades": len(self.orders.unsettled()),
            "reconciliations": self.reconciliations,
            "reconciled_s": ago(self._reconciled_s, now_s),
            "trouble": self.trouble,
            "recovered": self.recovered,
            "gaps": self.gaps,
            "undecoded": dict(self.tally.undecoded),
            "readers": len(self._readers),
            "reader_errors": self._readers.errors,
        }

    async def run(self) -> NoReturn:
        """Keep the socket open and reconcile. Ends only by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.connection.run(), name="polywire user socket")
            await self._reconcile_on()

    # ------------------------------------------------------------ what the socket tells

    def heard(self, event: OwnEvent) -> None:
        """Take an event of the stream."""
        self._reconciliation.heard(event)
        for told in self.orders.take(event):
            self._readers.tell(told)

    def begun(self) -> None:
        """Take note that a stream has begun."""
        self._begun_ns = self._clock.now_ns()
        self._wanted.set()

    def unreadable(self) -> None:
        """Take note that something came that could not be read: REST may say what it was."""
        self._lose(self._clock.now_ns(), "a message could not be read")
        self._wanted.set()

    def ended(self, reason: str, heard_ns: int) -> None:
        """Take note that the stream has ended."""
        self._lose(heard_ns - ON_ITS_WAY_NS, f"connection lost: {reason}")

    def _lose(self, from_ns: int, reason: str) -> None:
        now_ns = self._clock.now_ns()
        self._away = _Away(from_ns, now_ns, reason) if self._away is None else replace(self._away, noted_ns=now_ns)

    # ------------------------------------------------------------ reconciling

    async def _reconcile_on(self) -> NoReturn:
        attempt, delay_s = 0, AWAY_S
        while True:
            await self._rest(delay_s)
            self._wanted.clear()
            try:
                found = await self._reconciliation.look()
            except CredentialsRefused as refused:
                self.refused, self.trouble, delay_s = refused, str(refused), self._policy.longest_delay_s
                self._not_before_s = self._clock.monotonic_s() + delay_s
            except VenueUnreachable as fault:
                self.trouble = str(fault)
                delay_s, attempt = self._policy.delay_s(attempt, self._roll()), attempt + 1
                if isinstance(fault, TooOften):
                    delay_s = max(delay_s, fault.retry_after_s)
                    self._not_before_s = self._clock.monotonic_s() + delay_s
            else:
                attempt, self.refused, self.trouble = 0, None, ""
                self._tell(found)
                delay_s = SOON_S if self.orders.doubtful else self._every_s if self.connection.begun else AWAY_S

    async def _rest(self, seconds: float) -> None:
        """Return after that long, or as soon as a look is wanted and allowed."""
        try:
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        except TimeoutError:
            return
        await asyncio.sleep(max(0.0, self._not_before_s - self._clock.monotonic_s()))

    def _tell(self, found: Found) -> None:
        """Tell what a look found, behind the gap that it closes."""
        self.reconciliations += 1
        self._reconciled_s = self._clock.monotonic_s()
        self.recovered += len(found.events)
        away, whole_ns = self._away, found.asked_ns if self._whole_ns is None else self._whole_ns
        noted_ns = self._begun_ns if away is None else max(self._begun_ns, away.noted_ns)
        if self.connection.begun and noted_ns <= found.asked_ns:  # else what came meanwhile needs a look of its own
            if away is not None:
                self._tell_gap(away.from_ns, found.to_ns, away.reason)
            elif found.lost:
                reason = f"{found.lost} changes were never told on the stream, and were read over REST"
                self._tell_gap(whole_ns, found.to_ns, reason)
            if away is not None or found.lost or not found.awaited:  # else a gap may have to begin before this look
                whole_ns = found.asked_ns
            self._away = None
        self._whole_ns = whole_ns
        for event in found.events:
            self._readers.tell(event)

    def _tell_gap(self, from_ns: int, to_ns: int, reason: str) -> None:
        self.gaps += 1
        self._reconciliation.covered()
        self._readers.tell_of(Gap((), from_ns, to_ns, reason, 0, to_ns))
