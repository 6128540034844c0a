"""Which markets the followed tokens belong to, as their first messages say: what is asked about their resolution."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NoReturn

from polywire.model.listing import MarketListed
from polywire.model.units import ConditionId, TokenId
from polywire.services.feed.connection import Connection
from polywire.services.feed.resolutions import Resolutions

_EVERY_S: Final = 2.0  # between two looks for tokens whose market became known


class Markets:
    """Tells `Resolutions` which markets are followed, and which no more.

    Args:
        resolutions: Asks about them.
        connections: Returns the sockets there are.
        listed: What the catalogue has said of tokens; it may grow.
    """

    def __init__(
        self,
        resolutions: Resolutions,
        connections: Callable[[], Iterable[Connection]],
        listed: Mapping[TokenId, MarketListed],
    ) -> None:
        self._resolutions, self._connections, self._listed = resolutions, connections, listed
        self._of: dict[TokenId, ConditionId] = {}
        self._tokens: dict[ConditionId, set[TokenId]] = {}

    async def run(self) -> NoReturn:
        """Look for ever. Ends only by cancellation."""
        while True:
            for connection in tuple(self._connections()):
                self._look(connection)
                await asyncio.sleep(0)  # frames have their turn between two sockets
            await asyncio.sleep(_EVERY_S)

    def release(self, tokens: Iterable[TokenId]) -> None:
        """Forget tokens that nobody follows any more."""
        for token in tokens:
            condition = self._of.pop(token, None)
            if condition is None:
                continue
            followed = self._tokens[condition]
            followed.discard(token)
            if not followed:
                del self._tokens[condition]
                self._resolutions.release(condition)

    def urgent(self, token: TokenId) -> None:
        """Have a token's market asked about at once: the venue has no book of it any more."""
        if token not in self._of and token in self._listed:
            self._note(token, self._listed[token].condition)
        if token in self._of:
            self._resolutions.urgent(self._of[token])

    def _look(self, connection: Connection) -> None:
        for book in connection.books.values():
            if book.token not in self._of and book.condition and not book.ended:
                self._note(book.token, book.condition)

    def _note(self, token: TokenId, condition: ConditionId) -> None:
        self._of[token] = condition
        self._tokens.setdefault(condition, set()).add(token)
        self._resolutions.follow(condition, (token,))
