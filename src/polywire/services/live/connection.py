"""One socket of the live-data service: what it is subscribed to, and what it hears."""

from collections.abc import Callable, Iterable
from typing import ClassVar, Final, Protocol

from polywire.core.echoes import Echoes
from polywire.core.link import Policy
from polywire.core.renewal import Broadcast, key_of
from polywire.model.events import Event
from polywire.model.live import ActivityMatched, LiveRefused, PricesBackfilled
from polywire.ports import Clock, Dial
from polywire.services.line import Line
from polywire.wire.channels import Channel
from polywire.wire.live import LiveDecoder
from polywire.wire.requests import LiveSubscription, live_request
from polywire.wire.sink import Heard
from polywire.wire.tally import Tally

_DATA: Final = Heard.DATA
_TYPES: Final = {"activity.trades": 1}
_TRADES_REMEMBERED: Final = 8_192  # until they come under their other name, which takes seconds at most


class Listening(Protocol):
    """Who owns a connection, as far as it tells it anything."""

    def begun(self, connection: "LiveConnection") -> None:
        """Learn that the subscription is being written on a new socket."""

    def heard(self, connection: "LiveConnection", topic: str, event: Broadcast) -> None:
        """Take an event, inside the socket's callback."""

    def answered(self, connection: "LiveConnection", event: PricesBackfilled | LiveRefused) -> None:
        """Take what answers a request of ours."""

    def ended(self, connection: "LiveConnection") -> None:
        """Learn that the socket's stream has ended."""


class LiveConnection(Line):
    """One socket of the live-data service.

    One frame a subscription: what the service refuses, a topic that it has given up, costs no other topic.

    Args:
        number, url, dial, clock, policy, roll: See `Line`.
        owner: Told of what it hears.
        tally: Where frames are counted, shared by all connections.

    Attributes:
        carrying_s: Monotonic seconds of the last time a subscription was written on a new socket; None: never.
    """

    channel: ClassVar[Channel] = Channel.LIVE

    def __init__(
        self,
        number: int,
        url: str,
        dial: Dial,
        clock: Clock,
        policy: Policy,
        roll: Callable[[], float],
        owner: Listening,
        tally: Tally,
    ) -> None:
        super().__init__(number, url, dial, clock, policy, roll)
        self._owner = owner
        self._wanted: dict[LiveSubscription, None] = {}
        self._carried: dict[LiveSubscription, None] | None = None  # None: there is no socket that anything was asked on
        self._decoder = LiveDecoder(self._tell, tally)
        self._echoes = Echoes(_TRADES_REMEMBERED)
        self.carrying_s: float | None = None

    def want(self, streams: Iterable[LiveSubscription]) -> None:
        """Carry these, and no others."""
        self._wanted = dict.fromkeys(streams)
        self._stir.set()

    @property
    def carrying(self) -> bool:
        """Whether there is a socket on which what is wanted was asked for."""
        return self._carried is not None

    # ------------------------------------------------------------ what it does beside the link

    @property
    def _may_be_silent(self) -> bool:
        return True  # its owner listens to each topic's own rhythm

    def _begin(self) -> Iterable[bytes]:
        self._echoes = Echoes(_TRADES_REMEMBERED)
        self._carried = dict(self._wanted)
        self.carrying_s = self._clock.monotonic_s()
        self._owner.begun(self)
        return [live_request("subscribe", [one]) for one in self._carried]

    def _work(self, now: float) -> None:  # noqa: ARG002 - its work is due whenever there is some
        if self._carried is None or self._carried == self._wanted:
            return
        new = [one for one in self._wanted if one not in self._carried]
        free = [one for one in self._carried if one not in self._wanted]
        self._carried = dict(self._wanted)
        self._send(live_request("subscribe", [one]) for one in new)
        self._send(live_request("unsubscribe", [one]) for one in free)

    def _interrupt(self) -> None:
        self._carried = None
        self._owner.ended(self)

    # ------------------------------------------------------------ what the socket calls

    def _heard(self, frame: bytes, seen_ns: int) -> None:
        self._count(frame, seen_ns)
        heard = self._decoder.feed(frame, seen_ns)
        if heard is not _DATA:
            self._heard_other(heard)

    def _tell(self, event: Event) -> None:
        kind = self._decoder.kind
        if isinstance(event, ActivityMatched):
            if self._echoes.first(_TYPES.get(kind, 0), key_of(event)):
                self._owner.heard(self, "activity", event)
        elif isinstance(event, Broadcast):
            self._owner.heard(self, kind.partition(".")[0], event)
        elif isinstance(event, PricesBackfilled | LiveRefused):
            self._owner.answered(self, event)
