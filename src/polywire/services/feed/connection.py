"""One socket of the market channel: its tokens and their books.

Frames never wait: the socket's callback decodes them, applies them to the books and hands events to readers, all before
it returns.
"""

from collections.abc import Callable, Iterable
from typing import ClassVar, Final, assert_never

from polywire.core.books import Books
from polywire.core.freshness import Vigil, Vigilance, Want
from polywire.core.lag import Lag
from polywire.core.link import Policy, Signal
from polywire.core.mending import Mend, MendPolicy
from polywire.model.units import TokenId
from polywire.ports import Clock, Dial
from polywire.services.feed.hashes import CHECKS_A_SECOND, Hashes, Told
from polywire.services.feed.mender import Mender
from polywire.services.feed.requests import Requests
from polywire.services.line import Keep, Line
from polywire.wire.channels import Channel
from polywire.wire.market import MarketDecoder
from polywire.wire.sink import Heard, MarketSink
from polywire.wire.tally import Tally
from polywire.wire.tape import Record, RecordKind

__all__ = ["Connection", "Keep"]

_DATA: Final = Heard.DATA
_LOOK_S: Final = 1.0


class Connection(Line):
    """One socket of the market channel, and the books of the tokens it carries.

    Args:
        number, url, dial, clock, policy, roll: See `Line`.
        sink: Makes the decoder's sink of the connection's books.
        tally: Where frames are counted, shared by all connections.
        mending: How patient the mending of suspect books is.
        vigilance: How much silence of a token is borne.

    Attributes:
        books: The books of its tokens, and of no others: another socket may carry a market's other outcome, and its
            messages name both.
        vigil: Looks at them once a second.
        wants: Those that want evidence, as of its last look.
        losing: Told that the stream has ended, before the books stop answering.
        hashes: Proves busy books by the venue's own hash.
        hashes_a_second: How many of them may be compared.
        lag: How late its messages come: once a second, of each token that spoke.
    """

    channel: ClassVar[Channel] = Channel.MARKET

    def __init__(
        self,
        number: int,
        url: str,
        dial: Dial,
        clock: Clock,
        policy: Policy,
        roll: Callable[[], float],
        sink: Callable[[Books], MarketSink],
        tally: Tally,
        mending: MendPolicy | None = None,
        vigilance: Vigilance | None = None,
    ) -> None:
        super().__init__(number, url, dial, clock, policy, roll)
        self.books = Books()
        self._suspects = self.books.suspects
        self._mender = Mender(self.books, mending or MendPolicy())
        self.vigil, self.wants = Vigil(self.books, vigilance or Vigilance()), list[Want]()
        self.hashes, self.hashes_a_second = Hashes(), CHECKS_A_SECOND
        self.losing: Callable[[Connection], None] | None = None
        self._looked_s = clock.monotonic_s() - roll() * _LOOK_S  # fifty sockets are not looked at all at once
        self.lag, self._sampled_ns = Lag(), 0
        self._requests = Requests()
        self._decode = MarketDecoder(sink(self.books), tally).feed

    # ------------------------------------------------------------ what the feed calls

    @property
    def tokens(self) -> dict[TokenId, None]:
        """The tokens it carries, in the order they were wanted; not to be changed."""
        return self._requests.tokens

    def want(self, tokens: Iterable[TokenId]) -> None:
        """Carry these tokens too."""
        new = self._requests.want(tokens)
        for token in new:
            self.books.follow(token)
        self.books.await_snapshots(new, "subscribed, its snapshot is awaited", self._clock.now_ns())
        self._stir.set()

    def release(self, tokens: Iterable[TokenId]) -> None:
        """Carry these tokens no more; their books are forgotten."""
        for token in self._requests.release(tokens):
            self.books.forget(token)
            self.hashes.forget(token)
        self._stir.set()

    def next_try_s(self, now: float) -> float | None:
        """Return in how many seconds the next dial or the next mending of suspect books is due; None: none is."""
        dial_s = super().next_try_s(now)
        return max(0.0, self._mender.next_at - now) if dial_s is None and self._suspects else dial_s

    def mend_soon(self) -> None:
        """Have the suspect books asked for anew."""
        self._mender.noticed = True
        self._stir.set()

    def vouch(self) -> None:
        """Learn that the silence of this socket is real: its books were compared."""
        self._signal(Signal.VOUCHED)

    # ------------------------------------------------------------ what it does beside the link

    @property
    def _may_be_silent(self) -> bool:
        return not self.tokens  # nothing is asked for but news, of which there may be none for hours

    def _begin(self) -> Iterable[bytes]:
        self.books.await_snapshots(tuple(self.tokens), "subscribed, its snapshot is awaited", self._clock.now_ns())
        return self._requests.begin()

    def _work(self, now: float) -> None:
        self._send(self._requests.changes())
        self._mend(now)
        if now >= self._looked_s + _LOOK_S:
            self._looked_s = max(self._looked_s + _LOOK_S, now - _LOOK_S / 2)  # in step, but never twice in a row
            self._check_hashes()
            self.wants = self.vigil.look(self._clock.now_ns())
            self._note_lag()

    def _check_hashes(self) -> None:
        for token, told in self.hashes.check(self.books.values(), self.hashes_a_second):
            match told:
                case Told.EQUAL:  # proven for the change that stated it: what was lost since, no hash tells
                    self.books.prove(token, self.books[token].heard_ns)
                case Told.LOST:
                    self.books.disprove(token)
                    self.vigil.doubted(token)
                case Told.DOUBTFUL:
                    self.vigil.doubted(token)
                case Told.UNKNOWN:
                    self.vigil.unlearnt(token)
                case _:
                    assert_never(told)

    def _note_lag(self) -> None:
        """Take a sample of each token that spoke since the last look; a snapshot's time may be an old change's."""
        since = self._sampled_ns
        for book in self.books.values():
            if book.heard_ns > max(since, book.verified_ns):
                self.lag.note(book.heard_ms, book.heard_ns)
                self._sampled_ns = max(self._sampled_ns, book.heard_ns)

    def _work_at(self, now: float) -> float:
        return min(self._mender.wake_at(now), self._looked_s + _LOOK_S)

    def _mend(self, now: float) -> None:
        """Ask anew for the books that became suspect."""
        if not self._requests.begun:
            self._mender.rest()
            return
        do, tokens = self._mender.look(now)
        if do is Mend.RENEW:
            self.renew("snapshots that were asked for anew did not come")
        elif do is Mend.RESUBSCRIBE:
            self.books.await_snapshots(tokens, "suspect, its snapshot was asked for anew", self._clock.now_ns())
            self._requests.ask_again(tokens)
            self._send(self._requests.changes())

    def _interrupt(self) -> None:
        """End the stream of this socket: no book of it answers until its next snapshot."""
        self._requests.end()
        if self.losing is not None:
            self.losing(self)
        reason = f"connection lost: {self.reasons[-1][1]}"
        self.books.await_snapshots(tuple(self.tokens), reason, self._clock.now_ns())

    # ------------------------------------------------------------ what the socket calls

    def _heard(self, frame: bytes, seen_ns: int) -> None:
        self.frames += 1  # as `_count`, spelled out: this is run for every frame
        self.bytes += len(frame)
        if self.keep is not None:
            self.keep(Record(seen_ns, Channel.MARKET, self.number, RecordKind.FRAME, frame))
        heard = self._decode(frame, seen_ns)
        if heard is not _DATA:
            self._heard_other(heard)
        if self._suspects and not self._mender.noticed:
            self._mender.noticed = True
            self._stir.set()
