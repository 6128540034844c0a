"""What the channels have in common: their connections, and what is put down when one begins and ends."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from polywire.exchange.connection import ChannelName, Connection
from polywire.exchange.ledger import Ledger

POLICY: Final = 1_008
TOO_BIG: Final = 1_009
"""Codes of close frames."""


class Channel(ABC):
    """One WebSocket path, and everybody on it.

    Args:
        ledger: Where what happens is counted.

    Attributes:
        connections: All that completed their handshake.
    """

    name: ClassVar[ChannelName]
    begins_by_subscribing: ClassVar[bool] = True  # whether a connection that subscribes to nothing is closed in the end

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.connections: dict[Connection, None] = {}

    @abstractmethod
    def now_ms(self) -> int:
        """Return the venue's time, Unix milliseconds."""

    @abstractmethod
    def heard(self, connection: Connection, text: bytes) -> None:
        """Answer what a client said."""

    @abstractmethod
    def forget(self, connection: Connection) -> None:
        """Unsubscribe a connection that has ended."""

    def opened(self, connection: Connection) -> None:
        """Take a connection that completed its handshake."""
        self.connections[connection] = None
        self._ledger.open(connection.account)

    def closed(self, connection: Connection, ended: str) -> None:
        """Forget a connection. `ended` says why, unless we know better."""
        self.connections.pop(connection, None)
        self.forget(connection)
        self._ledger.slow_dropped += connection.outgrown
        self._ledger.close(connection.account, self.now_ms(), connection.account.ended or ended)
        connection.ended()
