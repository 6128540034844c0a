"""What a feed does to prove what its stream says: the witness of its books, and the asking after markets that end."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from polywire.model.listing import MarketListed
from polywire.model.units import TokenId
from polywire.ports import Clock, Evidence
from polywire.services.feed.connection import Connection
from polywire.services.feed.markets import Markets
from polywire.services.feed.news import News
from polywire.services.feed.resolutions import Resolutions
from polywire.services.feed.witness import Witness

RESOLUTIONS_S: Final = 30.0


class Proof:
    """Both, and the tasks they run in.

    Args:
        evidence: Asks the venue.
        connections: Returns the sockets there are.
        clock: Our time.
        listed: What the catalogue has said of tokens.
        news: Tells of resolutions, heard or read back, once.
        books_a_second: The witness' budget.
        resolutions_s: Seconds between two looks whether a market is resolved.

    Attributes:
        markets: Which markets are followed.
    """

    def __init__(
        self,
        evidence: Evidence,
        connections: Callable[[], Iterable[Connection]],
        clock: Clock,
        listed: Mapping[TokenId, MarketListed],
        news: News,
        books_a_second: float,
        resolutions_s: float,
    ) -> None:
        self._resolutions = Resolutions(evidence, clock, news.tell, every_s=resolutions_s)
        self.markets = Markets(self._resolutions, connections, listed)
        self._witness = Witness(evidence, connections, clock, self.markets.urgent, books_a_second=books_a_second)
        news.resolved = self._resolutions.heard

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run in this group from now on."""
        group.create_task(self._witness.run(), name="polywire witness")
        group.create_task(self._resolutions.run(), name="polywire resolutions")
        group.create_task(self.markets.run(), name="polywire markets")

    def status(self) -> dict[str, object]:
        """Return how both stand, JSON-ready: the witness' counts, and `resolutions`."""
        return {**self._witness.status(), "resolutions": self._resolutions.status()}
