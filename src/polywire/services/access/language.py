"""What can be asked of an owner beside its streams, and what it answers: structs that go through a pipe as JSON.

`Access` is implemented twice: by `local.LocalAccess` in the owner itself, and by `remote.RemoteAccess` in every process
that is attached to it.
"""

from typing import Any, Protocol

import msgspec

from polywire.model.journal import EntryKind, Page
from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId, TokenId
from polywire.model.watch import Condition, Delivery, Watch
from polywire.services.views import View


class WatchWanted(msgspec.Struct, frozen=True):
    """A watch that is to be made."""

    condition: Condition
    targets: tuple[str, ...] = ()  # token ids, condition ids, slugs, URLs
    id: str = ""  # chosen by whoever asks, so that asking twice makes one; "": the owner chooses
    label: str = ""
    cooldown_s: float = 0.0
    budget: int = 60
    for_s: float = 0.0  # venue seconds until it expires; 0: never
    delivery: Delivery = "notification"
    maker: str = ""


class WatchMade(msgspec.Struct, frozen=True):
    """A watch that stands, and what its subject is at this moment: confirmed by data, not by hope."""

    watch: Watch
    cursor: str  # entries of the watch come after this
    views: tuple[View, ...] = ()  # of its tokens, with up to `depth` levels where it is of books
    markets: tuple[MarketListed, ...] = ()
    resolved: dict[ConditionId, str] = {}  # of its markets, those that are resolved: the winner's name
    waiting: dict[TokenId, str] = {}  # tokens whose book does not answer yet, and why
    existed: bool = False  # it stood already: the same `id` was asked for before


class WatchStatus(msgspec.Struct, frozen=True):
    """A watch, and how it fares."""

    watch: Watch
    entries: int = 0  # written since the owner started
    last_ms: int = 0  # our clock of the last; 0: none
    in_doubt: tuple[TokenId, ...] = ()  # tokens whose book does not answer
    budget_left: int = 0


class EntriesWanted(msgspec.Struct, frozen=True):
    """A page of the journal that is to be read."""

    since: str = ""  # a cursor; "": what comes from now on
    watches: tuple[str, ...] = ()  # of these alone; (): of all, and of none
    kinds: tuple[EntryKind, ...] = ()  # (): all
    limit: int = 100  # 1 to 1,000
    wait_s: float = 0.0  # seconds to wait for a first one, 0 to 300


class MarketSeen(msgspec.Struct, frozen=True):
    """A market as it is listed, and its books as far as they are followed or could be had."""

    listed: MarketListed
    views: tuple[View, ...] = ()


class BookSeen(msgspec.Struct, frozen=True):
    """One token's book, followed for the purpose if need be."""

    view: View
    source: str = "feed"  # or "rest": a book that the feed does not answer for, asked of the venue just now
    age_s: float = 0.0


class PricePoint(msgspec.Struct, frozen=True):
    """One point of a price history."""

    at_s: int  # Unix seconds
    price: str  # decimal text, as the venue wrote it


class HistoryWanted(msgspec.Struct, frozen=True):
    """A price history that is to be had of the venue."""

    target: str  # a token; of a market, slug or URL: the first outcome's
    interval: str = "1d"  # 1h, 6h, 1d, 1w, 1m, max
    points: int = 200  # at most; thinned evenly


class History(msgspec.Struct, frozen=True):
    """What the venue tells of a token's prices."""

    token: TokenId
    listed: MarketListed | None
    points: tuple[PricePoint, ...]


class Access(Protocol):
    """What interfaces ask. Every question is answered within 5 s, or `wait_s` more, whatever the venue does.

    Each may raise `OwnerGone` where the owner is another process and cannot be reached or started, and
    `VenueUnreachable` where the venue is needed for the answer and does not give it.
    """

    async def add_watch(self, wanted: WatchWanted) -> WatchMade:
        """Make a watch, wait a little for its first data, and return it.

        Raises:
            UnknownTarget: A target means none; `.nearest` names some that come near.
            NoCredentials: It is of own orders or trades, and there are no credentials.
            TooMany: More targets, tokens or watches than the limits allow.
            Misuse: A number is out of its range, or the condition needs targets and there are none.
        """

    async def drop_watch(self, watch: str) -> Watch:
        """End a watch and return it. Its entries stay.

        Raises:
            Misuse: There is none of that id; the words name those that there are.
        """

    async def watches(self) -> list[WatchStatus]:
        """Return every watch, the oldest first."""

    async def entries(self, wanted: EntriesWanted) -> Page:
        """Return entries after a cursor; wait for a first one if there are none and it is asked to.

        Raises:
            Misuse: `since` is no cursor, or a number is out of its range.
        """

    async def newest(self) -> str:
        """Return the cursor of the newest entry."""

    async def status(self) -> dict[str, Any]:
        """Return the feed's status, as `polywire status --json` has it, with `watches` and `journal` added."""

    async def search(self, text: str, limit: int = 10) -> list[MarketListed]:
        """Return markets that the venue's search finds, the best first; of an empty text those that are open."""

    async def market(self, target: str) -> list[MarketSeen]:
        """Return what a target means: one market, or all of an event's. Raises UnknownTarget."""

    async def book(self, target: str, depth: int = 10) -> list[BookSeen]:
        """Return the books of what a target means, each with up to `depth` levels a side. Raises UnknownTarget."""

    async def history(self, wanted: HistoryWanted) -> History:
        """Return a token's price history. Raises UnknownTarget, Misuse."""
