"""What services need from the world, as protocols; `polywire.io` implements them, tests bring their own."""

from collections.abc import Callable, Sequence
from typing import Protocol

from polywire.model.listing import MarketListed
from polywire.model.market import BookStated, MarketResolved
from polywire.model.own import OwnOrderChanged, OwnTradeChanged
from polywire.model.units import ConditionId, TokenId


class Clock(Protocol):
    """Our own time: for pacing and patience, never for what the venue's time decides."""

    def now_ns(self) -> int:
        """Return Unix nanoseconds."""

    def monotonic_s(self) -> float:
        """Return seconds that only ever grow; their zero means nothing."""

    def sleep(self, seconds: float) -> None:
        """Return after that long."""


class Socket(Protocol):
    """One open WebSocket. Its owner is told of its end by the `lost` it handed to `Dial`, once, however it ends."""

    @property
    def local(self) -> str:
        """Our own address on it, `host:port`."""

    def send(self, text: bytes) -> None:
        """Write one text frame; on a socket that is closing or gone, do nothing."""

    def close(self) -> None:
        """Start the closing handshake; nothing more is delivered."""

    def drop(self) -> None:
        """End it at once, without a word; nothing more is delivered."""


class Dial(Protocol):
    """Opens sockets."""

    async def __call__(self, url: str, heard: Callable[[bytes, int], None], lost: Callable[[str], None]) -> Socket:
        """Return an open socket.

        Args:
            url: `ws://` or `wss://`.
            heard: Called in the socket's own callback with each whole message and the Unix nanoseconds at which
                it was seen. It must be quick and must not raise.
            lost: Called once when the socket is gone, with the reason in one sentence.

        Raises:
            VenueUnreachable: It could not be opened.
        """


class Catalogue(Protocol):
    """The venue's list of markets."""

    async def of_token(self, token: str) -> MarketListed | None:
        """Return the market an outcome token belongs to; None: the venue knows no such token."""

    async def of_condition(self, condition: str) -> MarketListed | None:
        """Return a market by its condition id."""

    async def of_slug(self, slug: str) -> MarketListed | None:
        """Return a market by its slug."""

    async def of_event(self, slug: str) -> list[MarketListed]:
        """Return the markets of an event by the event's slug; [] where there is none."""

    async def open_markets(self, limit: int) -> list[MarketListed]:
        """Return up to `limit` markets that are open, in the venue's own order."""

    async def search(self, text: str, limit: int) -> list[MarketListed]:
        """Return up to `limit` markets that the venue's search finds for a text, the best first."""


class Evidence(Protocol):
    """What the venue says of its books and markets when it is asked, beside its stream."""

    async def books(self, tokens: Sequence[TokenId]) -> dict[TokenId, BookStated]:
        """Return the books of these tokens; those of which the venue has none are absent.

        Raises:
            VenueUnreachable: It could not be asked.
            TooOften: It wants to be asked less; `.retry_after_s` says for how long not at all.
        """

    async def resolutions(self, conditions: Sequence[ConditionId], *, fresh: bool = False) -> list[MarketResolved]:
        """Return those of these markets that are resolved, with their winners.

        Args:
            conditions: Which markets.
            fresh: Ask also, with one request a market, of those that the catalogue does not list as closed: its answers
                may be minutes old.

        Raises:
            VenueUnreachable: It could not be asked.
            TooOften: It wants to be asked less.
        """


class Account(Protocol):
    """What the venue tells an account of itself when it is asked. Every event is marked as recovered.

    Each question may raise `VenueUnreachable`, where it could not be asked, `TooOften`, where it wants to be asked
    less, and `CredentialsRefused`, where it does not take the API key.
    """

    async def time_s(self) -> int:
        """Return the venue's time, Unix seconds."""

    async def open_orders(self) -> list[OwnOrderChanged]:
        """Return every order that rests."""

    async def order(self, order: str) -> OwnOrderChanged | None:
        """Return one order; None: the venue knows none of that id, or tells no more of one that rests no more."""

    async def trades(self, after_s: int) -> list[OwnTradeChanged]:
        """Return the trades that were matched after a second of the venue's time."""

    async def trade(self, trade: str) -> OwnTradeChanged | None:
        """Return one trade; None: the venue knows none of that id."""
