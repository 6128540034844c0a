"""The feed, as far as watches need it; `polywire.services.feed.feed.Feed` is one."""

from collections.abc import Callable, Iterable
from typing import Protocol

from polywire.core.book import Book
from polywire.model.events import Event
from polywire.model.listing import MarketListed
from polywire.model.market import MarketResolved
from polywire.model.units import TokenId
from polywire.model.venue import Venue


class Following(Protocol):
    """One subscription."""

    async def __aenter__(self) -> object:
        """Begin to be handed events."""

    def close(self) -> None:
        """End it; safe inside a callback."""


class BookShelf(Protocol):
    """Where the books stand."""

    def get(self, token: TokenId, /) -> Book | None:
        """Return a token's book; None where it is not followed."""

    def __contains__(self, token: object) -> bool:
        """Return whether a token is followed."""

    def __getitem__(self, token: TokenId, /) -> Book:
        """Return a followed token's book."""


class WatchFeed(Protocol):
    """Market data of one venue, and the account's own events where there are credentials."""

    @property
    def venue(self) -> Venue:
        """Whose."""

    @property
    def books(self) -> BookShelf:
        """Every book."""

    @property
    def listed(self) -> dict[TokenId, MarketListed]:
        """What is known of each token's market; it may be told more."""

    def subscribe(
        self, *, tokens: Iterable[str], kinds: Iterable[type], callback: Callable[[Event], object]
    ) -> Following:
        """Return a subscription. Raises NoCredentials, Misuse, TooMany; entering it also CredentialsRefused."""

    async def resolve(self, *targets: str) -> list[MarketListed]:
        """Return the markets that are meant. Raises UnknownTarget, VenueUnreachable."""

    async def resolved(self, *conditions: str) -> list[MarketResolved]:
        """Return those of these markets that are resolved. Raises VenueUnreachable."""

    async def until_current(self, *tokens: str, within_s: float) -> None:
        """Return once all of these books answer. Raises BookNotCurrent."""
