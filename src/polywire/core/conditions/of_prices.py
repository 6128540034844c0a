"""Watching prices: that one crosses a level, that one moves."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from polywire.core.book import Book
from polywire.core.conditions.observer import Finding, half_text
from polywire.core.conditions.prices import Crossing, Moving
from polywire.model.events import Event
from polywire.model.health import ANSWERING
from polywire.model.journal import EntryKind
from polywire.model.market import BookReplaced, LevelChanged, Traded
from polywire.model.units import NO_ASK, NO_BID, TokenId, price_text
from polywire.model.watch import Crosses, Moves, Of

_OF_BOOKS: Final = frozenset({BookReplaced, LevelChanged})
_OF_TRADES: Final = frozenset({Traded})


class PriceObserver:
    """See `Observer`. Of a token whose side is empty there is no such price, and nothing is judged.

    Attributes:
        due_ms: None: time by itself moves no price.
    """

    def __init__(self, wanted: Crosses | Moves) -> None:
        self._wanted, self._of = wanted, wanted.of
        self._crossings: dict[TokenId, Crossing] = {}
        self._moves: dict[TokenId, Moving] = {}
        self._away: set[TokenId] = set()  # restored, and not looked at since
        self.of_feed = True
        self.kinds: frozenset[type] = _OF_TRADES if self._of is Of.LAST else _OF_BOOKS
        self.moved = False
        self.due_ms: int | None = None

    def look(self, event: Event, book: Book | None, now_ms: int) -> Finding | None:
        """See `Observer`."""
        value = self._value(event, book)
        if value is None:
            return None
        token: TokenId = event.token  # type: ignore[union-attr]  # every kind that is shown here has one
        if isinstance(self._wanted, Moves):
            return self._moved_so_far(self._wanted, token, value, now_ms)
        crossing = self._crossings.get(token)
        if crossing is None:
            crossing = self._crossings[token] = Crossing(self._wanted)
        armed = crossing.up, crossing.down, crossing.known
        way = crossing.look(value)
        if armed != (crossing.up, crossing.down, crossing.known):
            self.moved = True
        away = bool(self._away) and token in self._away
        if away:
            self._away.discard(token)
        if way is None:
            return None
        level = price_text(self._wanted.level)
        when = " while nobody looked, or its book did not answer" if away else ""
        text = f"the {self._of} crossed {level} {way}wards{when}: it is {half_text(value)}"
        return Finding(
            token, EntryKind.ALERT, text, {"value": half_text(value), "level": level, "way": way, "away": away}
        )

    def tick(self, now_ms: int) -> Iterable[Finding]:  # noqa: ARG002 - see `Observer`
        """See `Observer`."""
        return ()

    def doubt(self, token: TokenId, now_ms: int) -> None:
        """See `Observer`."""
        if token in self._crossings:
            self._away.add(token)
        elif token in self._moves:
            self._moves[token].lose(now_ms)

    @property
    def state(self) -> dict[str, Any]:
        """See `Observer`: of each token, for which ways it is armed."""
        return {token: [one.up, one.down] for token, one in self._crossings.items() if one.known}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Observer`."""
        if not isinstance(self._wanted, Crosses):
            return
        for token, armed in state.items():
            crossing = self._crossings[TokenId(token)] = Crossing(self._wanted)
            crossing.up, crossing.down = map(bool, armed)
            crossing.known = True
            self._away.add(TokenId(token))

    def _value(self, event: Event, book: Book | None) -> int | None:
        """Return the price, doubled."""
        if self._of is Of.LAST:
            return 2 * event.price if isinstance(event, Traded) else None
        if book is None or book.freshness not in ANSWERING or book.ended:
            return None
        if self._of is Of.MID:
            return book.doubled_mid
        price = book.best_bid if self._of is Of.BID else book.best_ask
        return None if price in {NO_BID, NO_ASK} else 2 * price

    def _moved_so_far(self, wanted: Moves, token: TokenId, value: int, now_ms: int) -> Finding | None:
        moving = self._moves.get(token)
        if moving is None:
            moving = self._moves[token] = Moving(wanted)
        moved = moving.look(value, now_ms)
        if moved is None:
            return None
        way, was = moved
        text = (
            f"the {self._of} moved {way} by {half_text(abs(value - was))} within {wanted.within_s:g} s: "
            f"from {half_text(was)} to {half_text(value)}"
        )
        return Finding(token, EntryKind.ALERT, text, {"value": half_text(value), "was": half_text(was), "way": way})
