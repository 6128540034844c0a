"""Watching books: their spread, their depth, and what all outcomes cost together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from polywire.core.book import Book
from polywire.core.conditions.limits import Latch
from polywire.core.conditions.observer import Finding
from polywire.core.conditions.sets import Edge, Top, best_edge
from polywire.model.events import Event
from polywire.model.health import ANSWERING
from polywire.model.journal import EntryKind
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.units import PRICE_ONE, TokenId, price_text, size_text
from polywire.model.watch import Depth, Opportunity, Spread

_KINDS: Final = frozenset({BookReplaced, LevelChanged})
_STANDS_MS: Final = 100  # both outcomes of a trade have been told by then
_TICK: Final = 10  # 1e-4 USDC: no spread is narrower in most markets


class BookObserver:
    """See `Observer`. It judges after each change of a book that answers.

    Args:
        new_latch: Makes what judges a number, one for each subject.
    """

    def __init__(self, new_latch: Callable[[], Latch]) -> None:
        self._new_latch = new_latch
        self.of_feed = True
        self.kinds: frozenset[type] = _KINDS
        self.moved = False
        self.due_ms: int | None = None
        self._latches: dict[str, Latch] = {}

    def look(self, event: Event, book: Book | None, now_ms: int) -> Finding | None:  # noqa: ARG002 - see `Observer`
        """See `Observer`."""
        if book is None or book.freshness not in ANSWERING or book.ended:
            return None  # of a resolved market the book is empty, which is news to nobody
        return self.judge(book, now_ms)

    def judge(self, book: Book, now_ms: int) -> Finding | None:
        """Look at a book that answers; as it stands here it finds nothing."""

    def tick(self, now_ms: int) -> Iterable[Finding]:  # noqa: ARG002 - see `Observer`
        """See `Observer`."""
        return ()

    def doubt(self, token: TokenId, now_ms: int) -> None:
        """See `Observer`."""

    @property
    def state(self) -> dict[str, Any]:
        """See `Observer`: the subjects of which the condition is true."""
        return {key: True for key, latch in self._latches.items() if latch.beyond}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Observer`."""
        for key, beyond in state.items():
            self.latch(key).beyond = bool(beyond)

    def latch(self, key: str) -> Latch:
        """Return what remembers whether the condition is true of a subject."""
        latch = self._latches.get(key)
        if latch is None:
            latch = self._latches[key] = self._new_latch()
        return latch

    def came_true(self, key: str, value: int) -> bool:
        """Return whether the condition has come true of a subject with this number."""
        latch = self.latch(key)
        was = latch.beyond
        true = latch.look(value)
        if was is not latch.beyond:
            self.moved = True
        return true


class SpreadObserver(BookObserver):
    """See `Spread`."""

    def __init__(self, wanted: Spread) -> None:
        super().__init__(lambda: Latch(wanted.bound, wanted.limit, _reachable(wanted)))
        self._wanted = wanted

    def judge(self, book: Book, now_ms: int) -> Finding | None:  # noqa: ARG002 - see `BookObserver`
        """See `BookObserver`."""
        spread = book.spread
        value = PRICE_ONE if spread is None else spread
        if not self.came_true(book.token, value):
            return None
        told = "a side is empty" if spread is None else f"it is {price_text(spread)}"
        limit = price_text(self._wanted.limit)
        data = {"value": price_text(value), "limit": limit, "bound": self._wanted.bound}
        return Finding(book.token, EntryKind.ALERT, f"the spread is {self._wanted.bound} {limit}: {told}", data)


class DepthObserver(BookObserver):
    """See `Depth`."""

    def __init__(self, wanted: Depth) -> None:
        super().__init__(lambda: Latch(wanted.bound, wanted.limit, wanted.hysteresis))
        self._wanted = wanted

    def judge(self, book: Book, now_ms: int) -> Finding | None:  # noqa: ARG002 - see `BookObserver`
        """See `BookObserver`."""
        wanted = self._wanted
        shares = book.depth(wanted.side, wanted.within)
        if not self.came_true(book.token, shares):
            return None
        near = "" if wanted.within >= PRICE_ONE else f" within {price_text(wanted.within)} of the best {wanted.side}"
        limit = size_text(wanted.limit)
        data = {"value": size_text(shares), "limit": limit, "bound": wanted.bound, "side": wanted.side}
        text = f"{size_text(shares)} shares rest on the {wanted.side} side{near}, which is {wanted.bound} {limit}"
        return Finding(book.token, EntryKind.ALERT, text, data)


class _Standing(NamedTuple):
    """An edge that is not told yet."""

    due_ms: int  # when it has stood for long enough
    tops: Sequence[Top]  # as they are now
    edge: Edge


class SetObserver(BookObserver):
    """See `Opportunity`. It judges only while the books of all outcomes answer.

    Args:
        wanted: What is asked for.
        sets: Outcomes that together are worth one USDC, whichever comes true.
    """

    def __init__(self, wanted: Opportunity, sets: Iterable[Sequence[TokenId]]) -> None:
        super().__init__(lambda: Latch("over", wanted.by - 1, wanted.hysteresis))
        self._wanted = wanted
        self._sets: dict[TokenId, list[Sequence[TokenId]]] = {}
        for one in sets:
            for token in one:
                self._sets.setdefault(token, []).append(one)
        self._tops: dict[TokenId, Top] = {}
        self._standing: dict[Sequence[TokenId], _Standing] = {}

    def look(self, event: Event, book: Book | None, now_ms: int) -> Finding | None:
        """See `Observer`. With a set of which one outcome is resolved nobody can trade any more."""
        if book is not None and book.ended:
            self.doubt(book.token, now_ms)
        return super().look(event, book, now_ms)

    def doubt(self, token: TokenId, now_ms: int) -> None:  # noqa: ARG002 - see `Observer`
        """See `Observer`. An edge that was not told yet has to stand anew; one that was told still is."""
        self._tops.pop(token, None)
        for tokens in self._sets.get(token, ()):
            self._standing.pop(tokens, None)
        self._plan()

    def judge(self, book: Book, now_ms: int) -> Finding | None:
        """See `BookObserver`. An edge is told once it has stood: outcomes of one trade come one after the other."""
        bid, ask = book.best_bid, book.best_ask
        top = Top(bid, book.size_at("bid", bid), ask, book.size_at("ask", ask))
        if self._tops.get(book.token) != top:
            self._tops[book.token] = top
            for tokens in self._sets.get(book.token, ()):
                self._weigh(tokens, now_ms)
            self._plan()
        return None

    def tick(self, now_ms: int) -> Iterable[Finding]:
        """See `Observer`."""
        found = []
        for tokens in [tokens for tokens, standing in self._standing.items() if standing.due_ms <= now_ms]:
            standing = self._standing.pop(tokens)
            self.came_true(tokens[0], standing.edge.edge)
            found.append(self._found(tokens[0], tokens, standing.tops, standing.edge))
        self._plan()
        return found

    def _weigh(self, tokens: Sequence[TokenId], now_ms: int) -> None:
        tops = [self._tops[token] for token in tokens if token in self._tops]
        if len(tops) < len(tokens):
            return  # not known, as after a restart: what was told is neither over nor told again
        edge = best_edge(tops, self._wanted.fee_rate_bps, self._wanted.least_size)
        if edge is None or edge.edge < self._wanted.by:
            # An edge that is gone is one that is back under the limit, however wide the books are.
            self._standing.pop(tokens, None)
            self.came_true(tokens[0], -PRICE_ONE if edge is None else edge.edge)
        elif not self.latch(tokens[0]).beyond:
            before = self._standing.get(tokens)
            due_ms = now_ms + _STANDS_MS if before is None else before.due_ms
            self._standing[tokens] = _Standing(due_ms, tops, edge)

    def _plan(self) -> None:
        self.due_ms = min((standing.due_ms for standing in self._standing.values()), default=None)

    def _found(self, token: TokenId, tokens: Sequence[TokenId], tops: Sequence[Top], edge: Edge) -> Finding:
        verb = "cost" if edge.way == "buy" else "bring"
        legs = [
            {"token": one, "price": price_text(top.ask if edge.way == "buy" else top.bid)}
            for one, top in zip(tokens, tops, strict=True)
        ]
        text = (
            f"one of each of {len(tokens)} outcomes would {verb} {price_text(edge.total)}: {price_text(edge.edge)} "
            f"a set after fees of {self._wanted.fee_rate_bps} bps, for {size_text(edge.size)} sets"
        )
        data = {
            "way": edge.way,
            "edge": price_text(edge.edge),
            "total": price_text(edge.total),
            "size": size_text(edge.size),
            "fee_rate_bps": self._wanted.fee_rate_bps,
            "legs": legs,
        }
        return Finding(token, EntryKind.ALERT, text, data)


def _reachable(wanted: Spread) -> int:
    """Return the hysteresis, so much of it that a narrow limit can come true more than once."""
    return min(wanted.hysteresis, max(0, wanted.limit - _TICK)) if wanted.bound == "over" else wanted.hysteresis
