"""When a book that answers must be proven anew: silence against a token's own rhythm, age of proof, and crossing.

Nothing here knows what is true; it says whose book wants evidence, how urgently, and within which window each loss is
found (`DETECTORS`). `core.hearing` weighs the evidence. Source: docs/protocol.md, "Silence"; docs/reliability.md.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from polywire.core.book import Book
from polywire.core.books import Books
from polywire.model.health import ANSWERING, Freshness
from polywire.model.units import TokenId

_SECOND_NS: Final = 1_000_000_000
_WEIGHT: Final = 0.2  # of the latest pause in a token's rhythm


@dataclass(frozen=True, slots=True, kw_only=True)
class Vigilance:
    """How much silence is borne, all in seconds but `times`."""

    least_silence_s: float = 5.0  # shorter silence is none, however busy a token was
    longest_silence_s: float = 30.0  # nobody is silent for longer without being looked at
    times: float = 8.0  # as often its own mean pause may a token be silent
    proof_s: float = 60.0  # after the last proof of the whole book, that of a busy token too
    crossed_s: float = 3.0  # for which a book may be crossed
    missing_s: float = 3.0  # for which a snapshot may fail to come before the book is read over REST
    polled_s: float = 5.0  # between two reads of a token whose socket brings nothing
    again_s: float = 10.0  # after a question that got no answer


class Why(IntEnum):
    """Why a book wants evidence, the most urgent first."""

    MISSING = 0  # it does not answer, and no snapshot comes, or none would help
    POLLED = 1  # its socket brings nothing, so it is read
    DOUBTED = 2  # its hash is not the venue's
    SILENT = 3
    UNPROVEN = 4
    UNLEARNT = 5  # what enters its hash is not known, and REST says it


class Want(NamedTuple):
    """A book that wants evidence."""

    why: Why
    overdue_s: float  # for how long it has been wanting it
    token: TokenId


class Detector(NamedTuple):
    """What finds one kind of loss, and how soon. `window_s` None: not at all, or at once where `at_once` is set."""

    loss: str
    detector: str
    window_s: float | None
    setting: str  # of `Vigilance` or `Policy`; "" where none
    at_once: bool = False


DETECTORS: Final = (
    Detector("price_change lost, a best price with it", "stated best prices", None, "", at_once=True),
    Detector(
        "price_change lost, deeper in the book", "the hash of a later change, else proof over REST", 60.0, "proof_s"
    ),
    Detector("price_change lost, its level soon stated anew", "a hash compared meanwhile, or nothing", None, ""),
    Detector(
        "price_change lost that took from a best price",
        "healed by the next stated best or book; a trade looks the same",
        None,
        "",
    ),
    Detector("book lost after a trade", "stated best prices, the next book, then proof over REST", 60.0, "proof_s"),
    Detector("book lost on subscribing", "a snapshot that does not come", 3.0, "missing_s"),
    Detector("everything of a token (frozen)", "silence against its rhythm, then REST", 30.0, "longest_silence_s"),
    Detector("two frames out of order", "the venue's time goes back", None, "", at_once=True),
    Detector("two frames of one millisecond out of order", "proof over REST, or the hash", 60.0, "proof_s"),
    Detector("everything of a socket (frozen)", "silence of its tokens, then REST", 30.0, "longest_silence_s"),
    Detector("everything of a socket (dead, under load)", "early PING after data stops", 6.5, "hush_s + answer_s"),
    Detector("everything of a socket (dead, quiet, or before its first PONG)", "neither PONG nor data", 20.0, "pong_s"),
    Detector("a level left behind (crossed for good)", "a book that stays crossed", 3.0, "crossed_s"),
    Detector("tick_size_change lost", "the tick that REST states", 60.0, "proof_s"),
    Detector("market_resolved lost", "Gamma and CLOB asked in turn", 30.0, "resolutions_s"),
    Detector("best_bid_ask lost", "cannot be told from none; the book itself is proven", None, ""),
    Detector("last_trade_price lost, alone", "cannot be detected: there are no sequence numbers", None, ""),
    Detector("new_market lost", "cannot be detected on the stream; the catalogue lists it", None, ""),
)
"""Which loss is found by what, and within which time. docs/reliability.md prints it, and a test compares."""


class _Pulse:
    """What is known of one token's rhythm."""

    __slots__ = ("asked_ns", "crossed_ns", "doubted", "heard_ns", "missing_ns", "pause_s", "restated_ns", "unlearnt")

    def __init__(self) -> None:
        self.heard_ns = self.crossed_ns = self.missing_ns = self.asked_ns = self.restated_ns = 0
        self.pause_s = 0.0  # 0: not known yet
        self.doubted = self.unlearnt = False


class Vigil:
    """Looks at the books of one socket, about once a second.

    Args:
        books: Those of the socket.
        vigilance: How much silence is borne.
    """

    def __init__(self, books: Books, vigilance: Vigilance) -> None:
        self._books, self._vigilance = books, vigilance
        self._pulses: dict[TokenId, _Pulse] = {}

    def look(self, now_ns: int) -> list[Want]:
        """Return which books want evidence now, the most urgent first.

        A quiet token that spoke is `CURRENT` again, and a book that stays crossed becomes suspect.

        Args:
            now_ns: Our clock, Unix nanoseconds.
        """
        wants: list[Want] = []
        pulses, former = {}, self._pulses
        for book in self._books.values():
            pulse = pulses[book.token] = former.get(book.token) or _Pulse()
            want = self._look_at(book, pulse, now_ns)
            if want is not None:
                wants.append(want)
        self._pulses = pulses  # tokens that are followed no more are forgotten
        wants.sort(key=_by_urgency)
        return wants

    def silence_borne_s(self, token: TokenId) -> float:
        """Return for how long a token may be silent before its book wants evidence."""
        pulse = self._pulses.get(token)
        return self._vigilance.longest_silence_s if pulse is None else self._borne_s(pulse)

    def is_silent(self, token: TokenId, now_ns: int) -> bool:
        """Return whether a followed token has been silent for longer than its rhythm lets expect."""
        return now_ns - self._books[token].heard_ns >= self.silence_borne_s(token) * _SECOND_NS

    def is_polled(self, token: TokenId) -> bool:
        """Return whether a token's book is read over REST because its socket brings nothing."""
        pulse = self._pulses.get(token)
        return pulse is not None and pulse.restated_ns > 0

    def asked(self, token: TokenId, now_ns: int) -> None:
        """Learn that evidence about a token was asked for."""
        self._pulse(token).asked_ns = now_ns

    def is_doubted(self, token: TokenId) -> bool:
        """Return whether a token's socket speaks, but its book is doubted all the same."""
        pulse = self._pulses.get(token)
        return pulse is not None and pulse.doubted

    def answered(self, token: TokenId) -> None:
        """Learn that it came, or that it cannot be had: the token may be asked about anew when it wants to."""
        pulse = self._pulses.get(token)
        if pulse is not None:
            pulse.asked_ns = 0
            pulse.doubted = pulse.unlearnt = False

    def restated(self, token: TokenId, now_ns: int) -> None:
        """Learn that a token's book was read over REST at `now_ns`, in place of what its socket should have brought."""
        self._pulse(token).restated_ns = now_ns

    def doubted(self, token: TokenId) -> None:
        """Learn that a token's hash was not the venue's: evidence is wanted soon."""
        self._pulse(token).doubted = True

    def unlearnt(self, token: TokenId) -> None:
        """Learn that what enters a token's hash is not known: REST says it, when nothing is more urgent."""
        self._pulse(token).unlearnt = True

    # ------------------------------------------------------------ inside

    def _pulse(self, token: TokenId) -> _Pulse:
        return self._pulses.setdefault(token, _Pulse())

    def _borne_s(self, pulse: _Pulse) -> float:
        vigilance = self._vigilance
        if not pulse.pause_s:
            return vigilance.longest_silence_s
        return min(vigilance.longest_silence_s, max(vigilance.least_silence_s, vigilance.times * pulse.pause_s))

    def _look_at(self, book: Book, pulse: _Pulse, now_ns: int) -> Want | None:
        self._heed(book, pulse, now_ns)
        vigilance = self._vigilance
        if pulse.asked_ns and now_ns - pulse.asked_ns < vigilance.again_s * _SECOND_NS:
            return None
        if book.ended or book.freshness is Freshness.COLD:
            return None
        proven_s = (now_ns - book.verified_ns) / _SECOND_NS
        if pulse.restated_ns:
            return Want(Why.POLLED, proven_s, book.token) if proven_s >= vigilance.polled_s else None
        if book.freshness not in ANSWERING:
            missing_s = (now_ns - pulse.missing_ns) / _SECOND_NS
            due = pulse.doubted or missing_s >= vigilance.missing_s
            return Want(Why.MISSING, missing_s, book.token) if due else None
        if pulse.doubted:
            return Want(Why.DOUBTED, proven_s, book.token)
        silent_s = (now_ns - max(pulse.heard_ns, book.verified_ns)) / _SECOND_NS
        over_s = silent_s - self._borne_s(pulse)
        if over_s >= 0:
            return Want(Why.SILENT, over_s, book.token)
        if proven_s >= vigilance.proof_s:
            return Want(Why.UNPROVEN, proven_s, book.token)
        return Want(Why.UNLEARNT, proven_s, book.token) if pulse.unlearnt else None

    def _heed(self, book: Book, pulse: _Pulse, now_ns: int) -> None:
        """Take note of what a token did since the last look."""
        if book.freshness in ANSWERING:
            pulse.missing_ns = 0
        elif not pulse.missing_ns:
            pulse.missing_ns = now_ns
        if book.heard_ns not in {pulse.heard_ns, pulse.restated_ns}:
            if pulse.heard_ns:
                pause_s = max(0.001, (book.heard_ns - pulse.heard_ns) / _SECOND_NS)
                pulse.pause_s = pause_s if not pulse.pause_s else pulse.pause_s + (pause_s - pulse.pause_s) * _WEIGHT
            self._heed_speech(book, pulse)
            pulse.heard_ns, pulse.restated_ns = book.heard_ns, 0
        if not book.crossed:
            pulse.crossed_ns = 0
        elif not pulse.crossed_ns:
            pulse.crossed_ns = now_ns
        elif now_ns - pulse.crossed_ns >= self._vigilance.crossed_s * _SECOND_NS and book.freshness in ANSWERING:
            crossed_s = (now_ns - pulse.crossed_ns) / _SECOND_NS
            pulse.crossed_ns = 0
            self._books.doubt((book.token,), Freshness.SUSPECT, f"crossed for {crossed_s:.1f} s", now_ns)

    def _heed_speech(self, book: Book, pulse: _Pulse) -> None:
        """Take note that a token's socket brought something of it."""
        if pulse.restated_ns and book.verified_ns <= pulse.restated_ns:  # and no snapshot with it
            pulse.doubted = True
            why = "its socket speaks again, and what it left out since the book was read over REST is not known"
            self._books.doubt((book.token,), Freshness.SUSPECT, why, book.heard_ns, book.heard_ms)
            self._books.suspects.discard(book.token)  # REST is asked at once, and the socket left alone
        elif book.freshness is Freshness.QUIET and not book.ended:
            self._books.turn(book.token, Freshness.CURRENT, "it speaks again", book.heard_ns, book.heard_ms)


def _by_urgency(want: Want) -> tuple[int, float]:
    return want.why, -want.overdue_s
