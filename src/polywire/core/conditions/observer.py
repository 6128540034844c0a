"""What every condition is to a sentry: shown events and the time, it says what it found."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from polywire.core.book import Book
from polywire.model.events import Event
from polywire.model.journal import EntryKind
from polywire.model.units import TokenId, price_text


class Finding(NamedTuple):
    """A condition has come true, or what it is to tell has changed."""

    token: TokenId  # "" where it is of none
    kind: EntryKind
    text: str  # one sentence
    data: dict[str, Any]  # JSON-ready


class Observer(Protocol):
    """One condition, over all tokens of a watch."""

    of_feed: bool
    """Whether it depends on what the feed says of tokens, so that a doubt about their books has to be told."""

    kinds: frozenset[type]
    """The types of events it is shown."""

    moved: bool
    """Whether what it has to remember over a restart has changed; whoever reads `state` sets it back."""

    due_ms: int | None
    """When it wants to be told of time, the venue's; None: never."""

    def look(self, event: Event, book: Book | None, now_ms: int) -> Finding | None:
        """Take an event of one of its kinds, or a `FreshnessChanged` of a book that answers again.

        Args:
            event: What happened.
            book: Of the event's token as it stands afterwards; one that may be wrong is passed over.
            now_ms: The venue's time.
        """

    def tick(self, now_ms: int) -> Iterable[Finding]:
        """Take note that time passed."""

    def doubt(self, token: TokenId, now_ms: int) -> None:
        """A token's book does not answer any more, from this time of the venue's on."""

    @property
    def state(self) -> dict[str, Any]:
        """What is to be remembered over a restart, JSON-ready."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; what is not understood is as if it had not been there."""


def half_text(value: int) -> str:
    """Return a doubled price as a decimal text.

    >>> half_text(11_001), half_text(11_000)
    ('0.55005', '0.55')
    """
    text = price_text(value // 2)
    return text if value % 2 == 0 else f"{text}.00005" if "." not in text else f"{text:0<6}5"
