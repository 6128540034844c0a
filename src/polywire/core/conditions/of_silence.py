"""Watching for nothing: that no event of a token comes for so long."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from polywire.core.book import Book
from polywire.core.conditions.observer import Finding
from polywire.model.events import Event
from polywire.model.health import FreshnessChanged
from polywire.model.journal import EntryKind
from polywire.model.market import BestChanged, BookReplaced, LevelChanged, TickSizeChanged, Traded
from polywire.model.units import TokenId
from polywire.model.watch import Silent

_KINDS: Final = frozenset({BookReplaced, LevelChanged, Traded, BestChanged, TickSizeChanged})


class SilenceObserver:
    """See `Observer` and `Silent`. A token is heard for the first time when the watch begins."""

    def __init__(self, wanted: Silent, tokens: Iterable[TokenId]) -> None:
        self._for_ms = round(1_000 * wanted.for_s)
        self._unheard = set(tokens)  # until the time is known
        self._heard_ms: dict[TokenId, int] = {}
        self._silent: set[TokenId] = set()  # told
        self.of_feed = True
        self.kinds: frozenset[type] = _KINDS
        self.moved = False
        self.due_ms: int | None = 0  # at once: to learn the time

    def look(self, event: Event, book: Book | None, now_ms: int) -> Finding | None:  # noqa: ARG002 - see `Observer`
        """See `Observer`. What the feed says of itself is no sign of life."""
        if type(event) is FreshnessChanged:
            return None
        token: TokenId = event.token  # type: ignore[union-attr]  # every kind that is shown here has one
        self._heard_ms[token] = now_ms
        if token in self._silent:
            self._silent.discard(token)
            due_ms = now_ms + self._for_ms
            self.due_ms = due_ms if self.due_ms is None else min(self.due_ms, due_ms)
            self.moved = True
        return None

    def tick(self, now_ms: int) -> Iterable[Finding]:
        """See `Observer`."""
        if self.due_ms is None or now_ms < self.due_ms:
            return ()
        for token in self._unheard:
            self._heard_ms.setdefault(token, now_ms)
        self._unheard.clear()
        found = []
        for token, heard_ms in self._heard_ms.items():
            silent_ms = now_ms - heard_ms
            if silent_ms >= self._for_ms and token not in self._silent:
                self._silent.add(token)
                self.moved = True
                data = {"silent_s": silent_ms / 1_000, "for_s": self._for_ms / 1_000}
                text = f"nothing came for {silent_ms / 1_000:.1f} s"
                found.append(Finding(token, EntryKind.ALERT, text, data))
        speaking = [heard_ms for token, heard_ms in self._heard_ms.items() if token not in self._silent]
        self.due_ms = min(speaking) + self._for_ms if speaking else None
        return found

    def doubt(self, token: TokenId, now_ms: int) -> None:
        """See `Observer`: it goes on counting, for silence is what it is about."""

    @property
    def state(self) -> dict[str, Any]:
        """See `Observer`: the tokens whose silence was told."""
        return {"silent": sorted(self._silent)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Observer`."""
        self._silent = self._unheard & {TokenId(token) for token in state.get("silent", ())}
