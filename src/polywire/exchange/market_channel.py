"""The market channel: who follows what, and the rules of the conversation. Source: docs/protocol.md, "Requests"."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from polywire.errors import Undecodable
from polywire.exchange import messages
from polywire.exchange.channel import POLICY, TOO_BIG, Channel
from polywire.exchange.connection import ChannelName, Connection
from polywire.exchange.ledger import Ledger
from polywire.exchange.messages import Message
from polywire.exchange.pages import BookPage
from polywire.exchange.shelf import Shelf
from polywire.model.units import TokenId
from polywire.wire.requests import MarketRequest, read_market_request

SNAPSHOT_LIMIT: Final = (1 << 20) - (1 << 14)
"""Bytes of one array of books: clients refuse a message of more than 1 MiB."""

IDS_REFUSED: Final = 1_000
"""With more ids than this in one frame the connection is closed, as the venue does."""

REFUSED_AFTER_S: Final = 0.1
IDS_HELD: Final = 10_000
"""Ids a connection may follow; over that it is closed."""


class MarketChannel(Channel):
    """Every connection of the channel, and who follows which token.

    Args:
        ledger: Where what happens is counted.

    Attributes:
        shelf: Where books come from; set before the first connection.
    """

    name: ClassVar[ChannelName] = "market"
    shelf: Shelf

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._followers: dict[TokenId, dict[Connection, None]] = {}

    # ------------------------------------------------------------ out

    def publish(self, told: Iterable[Message]) -> None:
        """Count what happened and send it to whom it concerns."""
        for message in told:
            self._ledger.note(message)
            for connection in self._audience(message):
                connection.offer(message)

    def _audience(self, message: Message) -> Iterable[Connection]:
        if message.everybody:
            return [connection for connection in self.connections if connection.custom]
        counts = message.counts
        followers = self._followers.get(counts[0][0], {})
        if len(counts) > 1:
            followers = followers.copy()
            for token, _ in counts[1:]:
                followers |= self._followers.get(token, {})
        if message.custom:
            return [connection for connection in followers if connection.custom]
        return followers

    # ------------------------------------------------------------ in

    def now_ms(self) -> int:
        """Return the time of where books come from, Unix milliseconds."""
        return self.shelf.now_ms()

    def forget(self, connection: Connection) -> None:
        """Unsubscribe a connection that has ended."""
        self._unfollow(connection, list(connection.tokens))

    def heard(self, connection: Connection, text: bytes) -> None:
        """Answer what a client said."""
        if not connection.subscribed:
            self._first(connection, text)
        elif text == b"PING":
            connection.say(b"PONG")
        else:
            try:
                request = read_market_request(text)
            except Undecodable:
                connection.say(b"INVALID OPERATION")
            else:
                self._asked(connection, request)

    def _first(self, connection: Connection, text: bytes) -> None:
        try:
            request = read_market_request(text)
        except Undecodable:
            request = None
        if request is None or request.operation == "unsubscribe":
            connection.close(POLICY, "invalid subscription payload")
            return
        if self._too_many(connection, request):
            return
        connection.subscribed = True
        connection.custom = bool(request.custom)
        fresh = self._follow(connection, request.tokens)
        if request.initial_dump:
            self._answer(connection, fresh)

    def _asked(self, connection: Connection, request: MarketRequest) -> None:
        if request.operation == "first":
            connection.say(b"INVALID OPERATION")
            return
        if self._too_many(connection, request):
            return
        if request.custom is not None:  # replaced before anything is found to be a duplicate: the SDK relies on it
            connection.custom = request.custom
        if request.operation == "unsubscribe":
            self._unfollow(connection, request.tokens)
            return
        fresh = self._follow(connection, request.tokens)
        if not fresh:
            connection.say(b"NO NEW ASSETS")
        elif request.initial_dump:
            self._answer(connection, fresh)

    def _too_many(self, connection: Connection, request: MarketRequest) -> bool:
        count = len(request.tokens)
        if count <= IDS_REFUSED and len(connection.tokens) + count <= IDS_HELD:
            return False
        reason = f"{count} ids in one frame, {len(connection.tokens)} held"
        asyncio.get_running_loop().call_later(REFUSED_AFTER_S, connection.close, TOO_BIG, reason)
        return True

    def _follow(self, connection: Connection, tokens: Iterable[TokenId]) -> list[TokenId]:
        fresh = [token for token in dict.fromkeys(tokens) if token not in connection.tokens]
        for token in fresh:
            connection.tokens[token] = None
            self._followers.setdefault(token, {})[connection] = None
        return fresh

    def _unfollow(self, connection: Connection, tokens: Iterable[TokenId]) -> None:
        for token in tokens:
            if token in connection.tokens:
                del connection.tokens[token]
                followers = self._followers[token]
                del followers[connection]
                if not followers:
                    del self._followers[token]

    def _answer(self, connection: Connection, tokens: list[TokenId]) -> None:
        """Send the books of newly followed tokens in arrays below the limit; `[]` where none is open."""
        pages = [page for token in tokens if (page := self.shelf.page(token)) is not None]
        for chunk in _chunks(pages):
            connection.offer(messages.snapshots(chunk))


def _chunks(pages: list[BookPage]) -> Iterator[list[BookPage]]:
    chunk: list[BookPage] = []
    size = 2
    for page in pages:
        its = len(page.message(first=True)) + 1
        if chunk and size + its > SNAPSHOT_LIMIT:
            yield chunk
            chunk, size = [], 2
        chunk.append(page)
        size += its
    yield chunk
