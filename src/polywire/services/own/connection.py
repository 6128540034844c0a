"""The socket of the user channel: who listens is said in its first frame, which is written and never shown or kept."""

import asyncio
from collections.abc import Callable, Iterable
from typing import ClassVar, Final, Protocol

from polywire.core.link import Policy
from polywire.model.credentials import ApiCredentials
from polywire.model.own import OwnEvent
from polywire.ports import Clock, Dial
from polywire.services.line import Line
from polywire.wire.channels import Channel
from polywire.wire.requests import PING, user_subscription
from polywire.wire.sink import Heard
from polywire.wire.tally import Tally
from polywire.wire.user import UserDecoder

_DATA: Final = Heard.DATA


class Owner(Protocol):
    """Who owns the connection, as far as it tells it anything."""

    def heard(self, event: OwnEvent) -> None:
        """Take an event, inside the socket's callback."""

    def begun(self) -> None:
        """Learn that the venue has taken the subscription of a new socket: what happens from now on will come."""

    def unreadable(self) -> None:
        """Learn that something came that could not be read."""

    def ended(self, reason: str, heard_ns: int) -> None:
        """Learn that a stream that had begun has ended; `heard_ns`: when it was heard of last."""


class UserConnection(Line):
    """The socket of the user channel.

    Nothing is answered to a subscription, so a PING follows it: requests are taken in order, and its PONG says that the
    subscription was taken too. Credentials that the venue does not take end the socket without a word, before that.

    Args:
        number, url, dial, clock, policy, roll: See `Line`.
        credentials: Whose events.
        owner: Told of what it hears.
        tally: Where frames are counted.

    Attributes:
        begun: Whether the venue has taken the subscription of this socket.
    """

    channel: ClassVar[Channel] = Channel.USER

    def __init__(
        self,
        number: int,
        url: str,
        dial: Dial,
        clock: Clock,
        policy: Policy,
        roll: Callable[[], float],
        credentials: ApiCredentials,
        owner: Owner,
        tally: Tally,
    ) -> None:
        super().__init__(number, url, dial, clock, policy, roll)
        self._credentials, self._owner = credentials, owner
        self._decoder = UserDecoder(owner.heard, tally)
        self.begun = False
        self._heard_ns = 0  # of the last frame of a stream that has begun
        self._sounding: set[asyncio.Future[bool]] = set()

    async def sound(self, within_s: float) -> bool:
        """Return once everything is heard that the venue wrote before now: whether it answered in time.

        Args:
            within_s: For which its answer is waited for.
        """
        if not self.begun:
            return False
        answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._sounding.add(answered)
        self._send((PING,))
        try:
            async with asyncio.timeout(within_s):
                return await answered
        except TimeoutError:
            return False
        finally:
            self._sounding.discard(answered)

    # ------------------------------------------------------------ what it does beside the link

    @property
    def _may_be_silent(self) -> bool:
        return True  # nothing happens to orders for hours; whether it lives, PONG says

    def _begin(self) -> Iterable[bytes]:
        return user_subscription(self._credentials), PING

    def _interrupt(self) -> None:
        if self.begun:
            self.begun = False
            self._answer(whole=False)
            self._owner.ended(self.reasons[-1][1], self._heard_ns)

    # ------------------------------------------------------------ what the socket calls

    def _heard(self, frame: bytes, seen_ns: int) -> None:
        self._count(frame, seen_ns)
        heard = self._decoder.feed(frame, seen_ns)
        self._heard_ns = seen_ns
        if heard is Heard.PONG and not self.begun and self.connected:
            # It counts as data, once: the venue has taken the subscription, and the next delay is a first one again.
            self.begun = True
            self.last_pong_s = self._clock.monotonic_s()
            self._owner.begun()
        elif heard is not _DATA:
            self._heard_other(heard)
            if heard is Heard.PONG:
                self._answer(whole=True)
            elif heard is Heard.UNREADABLE:
                self._owner.unreadable()

    def _answer(self, *, whole: bool) -> None:
        for answered in self._sounding:
            if not answered.done():
                answered.set_result(whole)
