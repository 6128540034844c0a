"""What services need from the world, as protocols; `polywire.io` implements them, tests bring their own."""

from collections.abc import Callable, Sequence
from typing import Protocol

from polywire.model.journal import Draft, Entry, EntryKind
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


class Prices(Protocol):
    """What the venue tells of former prices."""

    async def history(self, token: TokenId, interval: str) -> list[tuple[int, str]]:
        """Return Unix seconds and prices (decimal texts) of a span that ends now, the oldest first; [] if it has none.

        Args:
            token: Whose.
            interval: `1h`, `6h`, `1d`, `1w`, `1m` (a month) or `max`.

        Raises:
            VenueUnreachable: It could not be asked.
            TooOften: It wants to be asked less.
        """


class KeptWatch(Protocol):
    """What the journal keeps of a watch, written with the entries it caused: both are on disk, or neither."""

    @property
    def id(self) -> str:
        """Whose."""

    @property
    def body(self) -> bytes | None:
        """The watch itself, JSON; b"" to leave it as it is; None to forget the watch and its state."""

    @property
    def state(self) -> bytes:
        """What its condition has to remember, over restarts too."""


class Journal(Protocol):
    """The durable log: one writer, many readers, each from his own cursor."""

    @property
    def id(self) -> str:
        """Drawn when the journal was made; the first half of every cursor."""

    @property
    def newest(self) -> int:
        """The number of the newest entry that was written; 0 where there never was one. Retention does not move it."""

    @property
    def oldest(self) -> int:
        """The number of the oldest entry that is kept; one more than `newest` where there is none."""

    def put(self, drafts: Sequence[Draft], watch: KeptWatch | None = None) -> None:
        """Have these written soon, in one transaction and in this order, with what is to be kept of a watch.

        It never waits. Of `price` and `book` the newest of each watch and token is written, 200 a second in
        all at most; the others are all written.

        Raises:
            JournalFull: More waits to be written than may, as the disk does not keep up; nothing of this will be.
        """

    async def append(self, drafts: Sequence[Draft], watch: KeptWatch | None = None) -> list[Entry]:
        """Write these at once, as `put` does and without coalescing, and return them once they are on disk.

        Raises:
            JournalFault: They cannot be written.
        """

    async def read(
        self, after: int, *, limit: int, watches: Sequence[str] = (), kinds: Sequence[EntryKind] = ()
    ) -> list[Entry]:
        """Return up to `limit` entries with a number over `after`, in order; of these watches and kinds, if any are."""

    async def beyond(self, seq: int) -> None:
        """Return once there is an entry on disk with a number over `seq`."""

    async def kept(self) -> list[tuple[str, bytes, bytes]]:
        """Return every watch that is kept: its id, its body, its state; the oldest first."""
