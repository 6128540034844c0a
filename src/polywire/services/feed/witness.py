"""Asks the venue over REST about books that want evidence: batched, within a budget, and what follows from the answer.

`core.freshness` says whose book wants evidence, `core.hearing` what the answer proves. A book that differs is suspect:
its socket is asked anew (`Mender`), then replaced; one for which no snapshot comes is read over REST, again and again
until its socket speaks, and says so.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Final, NoReturn

from polywire.core.freshness import Want, Why
from polywire.core.hearing import Finding, Hearing, Verdict
from polywire.core.link import Phase
from polywire.errors import TooOften, VenueUnreachable
from polywire.model.health import ANSWERING, Freshness
from polywire.model.market import BookReplaced
from polywire.model.units import TokenId
from polywire.ports import Clock, Evidence
from polywire.services.feed.connection import Connection
from polywire.services.feed.hashes import CHECKS_A_SECOND

BOOKS_A_SECOND: Final = 400
BOOKS_A_REQUEST: Final = 100

_TICK_S: Final = 0.2
_AT_ONCE: Final = 10  # books weighed before frames have their turn
_UNREACHABLE_S: Final = 5.0  # before it is tried again
_NO_SOCKET: Final = "its socket brings nothing of it: it is read over REST, and answers while it stands still there"
_COUNTS: Final = ("asked", "equal", "differs", "stale", "absent", "read", "failed", "refused_429")


class Witness:
    """Compares books with REST.

    Args:
        evidence: Asks the venue.
        connections: Returns the sockets there are.
        clock: Our time.
        urgent: Told of a token of which the venue has no book: its market may be resolved.
        books_a_second: The budget.
    """

    def __init__(
        self,
        evidence: Evidence,
        connections: Callable[[], Iterable[Connection]],
        clock: Clock,
        urgent: Callable[[TokenId], object],
        *,
        books_a_second: float = BOOKS_A_SECOND,
    ) -> None:
        self._evidence, self._connections, self._clock, self._urgent = evidence, connections, clock, urgent
        self._rate = books_a_second
        self._budget, self._filled_s = float(BOOKS_A_REQUEST), clock.monotonic_s()
        self._not_before_s = 0.0
        self._hearings: dict[TokenId, tuple[Connection, Why, Hearing]] = {}
        self._counts = dict.fromkeys(_COUNTS, 0)
        self._last_failure = ""

    async def run(self) -> NoReturn:
        """Look and ask for ever. Ends only by cancellation."""
        try:
            while True:
                await asyncio.sleep(_TICK_S)
                self._share_hashes()
                self._weigh()
                await self._ask()
        finally:
            for token in tuple(self._hearings):
                self._close(token)

    def _share_hashes(self) -> None:
        """Give each socket its part of the hashes that may be compared a second."""
        sockets = tuple(self._connections())
        for one in sockets:
            one.hashes_a_second = max(1, CHECKS_A_SECOND // len(sockets))

    def status(self) -> dict[str, object]:
        """Return how it stands, JSON-ready."""
        now_s = self._clock.monotonic_s()
        return {
            **self._counts,
            "hashes_checked": sum(one.hashes.checked for one in self._connections()),
            "hashes_unequal": sum(one.hashes.unequal for one in self._connections()),
            "hashes_unknown": sum(one.hashes.unknown for one in self._connections()),
            "budget_left": int(self._budget),
            "budget_a_second": self._rate,
            "waiting": Counter(want.why.name.lower() for one in self._connections() for want, _ in self._wanted(one)),
            "paused_s": round(max(0.0, self._not_before_s - now_s), 1),
            "last_failure": self._last_failure,
        }

    # ------------------------------------------------------------ asking

    async def _ask(self) -> None:
        chosen = self._choose()
        if not chosen:
            return
        now_ns = self._clock.now_ns()
        for token, (connection, want) in chosen.items():
            self._open(token, connection, want.why, now_ns)
        self._budget -= len(chosen)
        self._counts["asked"] += len(chosen)
        try:
            stated = await self._evidence.books(tuple(chosen))
        except TooOften as refusal:
            self._counts["refused_429"] += 1
            self._failed(chosen, str(refusal), refusal.retry_after_s)
            return
        except VenueUnreachable as fault:
            self._counts["failed"] += 1
            self._failed(chosen, str(fault), _UNREACHABLE_S)
            return
        answered_ns = self._clock.now_ns()
        for count, (token, (connection, _)) in enumerate(chosen.items()):
            if count and not count % _AT_ONCE:
                await asyncio.sleep(0)  # frames must not wait for a hundred books
            kept = self._hearings.get(token)
            if kept is None:
                continue
            if token in stated:
                kept[2].answered(stated[token], answered_ns)
                connection.hashes.learn(stated[token])
                self._weigh_one(token)
            else:
                self._absent(token)

    def _choose(self) -> dict[TokenId, tuple[Connection, Want]]:
        """Return whom to ask about now: the most urgent, as far as the budget goes."""
        now_s = self._clock.monotonic_s()
        self._budget = min(self._rate, self._budget + (now_s - self._filled_s) * self._rate)
        self._filled_s = now_s
        most = min(int(self._budget), BOOKS_A_REQUEST)
        if now_s < self._not_before_s or most < 1:
            return {}
        queues = map(self._wanted, self._connections())  # each by urgency; they may be thousands, and few are taken
        chosen = {want.token: (one, want) for want, one in islice(merge(*queues, key=_by_urgency), most)}
        for one in {one for one, _ in chosen.values()}:  # they look anew but once a second
            one.wants = [want for want in one.wants if want.token not in chosen]
        return chosen

    def _wanted(self, one: Connection) -> Iterator[tuple[Want, Connection]]:
        return ((want, one) for want in one.wants if want.token not in self._hearings and want.token in one.books)

    def _failed(self, chosen: Iterable[TokenId], reason: str, pause_s: float) -> None:
        """Ask nothing for a while: what was asked waits for its next turn."""
        self._last_failure = reason
        self._not_before_s = self._clock.monotonic_s() + pause_s
        for token in chosen:
            self._close(token)

    def _absent(self, token: TokenId) -> None:
        """The venue has no such book: its market may be resolved. The vigil asks again in a while."""
        self._counts["absent"] += 1
        self._close(token)
        self._urgent(token)

    # ------------------------------------------------------------ weighing

    def _weigh(self) -> None:
        """Come to a verdict about every book of which there is one."""
        for token in tuple(self._hearings):
            self._weigh_one(token)

    def _weigh_one(self, token: TokenId) -> None:
        connection, why, hearing = self._hearings[token]
        if token not in connection.books or connection.books[token] is not hearing.book:
            self._close(token)  # followed no more, or by another socket
            return
        trusted = hearing.book.freshness in ANSWERING
        # Its snapshot came meanwhile, or its socket was lost: it was asked about too early.
        if (trusted and why is Why.MISSING) or (not trusted and why not in {Why.MISSING, Why.POLLED}):
            self._close(token)
            connection.vigil.answered(token)
            return
        finding = hearing.finding(self._clock.now_ns(), trusted=trusted)
        if finding.verdict is not Verdict.WAIT:
            self._close(token)
            read = connection.vigil.is_polled(token) or not trusted
            self._follow(token, connection, hearing, finding, read=read)

    def _follow(
        self, token: TokenId, connection: Connection, hearing: Hearing, finding: Finding, *, read: bool
    ) -> None:
        """Do what follows from a verdict."""
        books, vigil, now_ns = connection.books, connection.vigil, self._clock.now_ns()
        if finding.book is not None and (read or finding.verdict is Verdict.EQUAL):
            books.learn_tick(finding.book)
        match finding.verdict:
            case Verdict.EQUAL:
                self._counts["equal"] += 1
                if hearing.book.disproven_ns == hearing.book.heard_ns:  # nothing came since its hash was another
                    connection.hashes.misled(token)
                books.prove(token, hearing.asked_ns)
                if vigil.is_silent(token, now_ns) and not hearing.spoken:
                    books.turn(token, Freshness.QUIET, _quiet(hearing, now_ns), now_ns)
                    if connection.link.phase in {Phase.OPEN, Phase.SILENT}:
                        connection.vouch()
                vigil.answered(token)
            case Verdict.DIFFERS if read and finding.book is not None:
                self._counts["read"] += 1
                self._read(token, connection, hearing, finding.book)
            case Verdict.DIFFERS if finding.book is not None and connection.hashes.makes_up(hearing.book, finding.book):
                self._counts["differs"] += 1  # both witnesses say the same: the socket need not be asked
                books.read_over(finding.book, Freshness.CURRENT, f"{finding.reason}, and the last change's hash is its")
                vigil.answered(token)
            case Verdict.DIFFERS:
                self._counts["differs"] += 1
                silent = "" if hearing.spoken else f", and it has been silent for {_silent_s(hearing, now_ns):.0f} s"
                books.doubt((token,), Freshness.SUSPECT, finding.reason + silent, now_ns)
                vigil.answered(token)
                connection.mend_soon()
            case _:
                self._counts["stale"] += 1

    def _read(self, token: TokenId, connection: Connection, hearing: Hearing, stated: BookReplaced) -> None:
        """Take a book from REST, and say how far it can be believed until the next time."""
        books, vigil = connection.books, connection.vigil
        if hearing.spoken or vigil.is_doubted(token):
            books.read_over(stated, Freshness.CURRENT, "read over REST, and its changes come")
        else:
            same = vigil.is_polled(token) and hearing.book.bare_levels() == (stated.bids, stated.asks)
            freshness = Freshness.QUIET if same else Freshness.RESYNCING
            books.read_over(stated, freshness, _NO_SOCKET)
            vigil.restated(token, stated.seen_ns)
        vigil.answered(token)

    def _open(self, token: TokenId, connection: Connection, why: Why, now_ns: int) -> None:
        if why is Why.MISSING:
            connection.books.expect_changes(token)
        hearing = Hearing(connection.books[token], now_ns)
        connection.books.read(token, hearing.take)
        connection.vigil.asked(token, now_ns)
        self._hearings[token] = (connection, why, hearing)

    def _close(self, token: TokenId) -> None:
        connection, _, hearing = self._hearings.pop(token)
        connection.books.leave(token, hearing.take)


def _by_urgency(asked: tuple[Want, Connection]) -> tuple[int, float]:
    return asked[0].why, -asked[0].overdue_s


def _silent_s(hearing: Hearing, now_ns: int) -> float:
    return (now_ns - hearing.book.heard_ns) / 1e9


def _quiet(hearing: Hearing, now_ns: int) -> str:
    return f"silent for {_silent_s(hearing, now_ns):.0f} s, and REST shows the same book"
