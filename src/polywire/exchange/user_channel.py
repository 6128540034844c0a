"""The user channel: whose orders and trades a socket hears, and the rules of the conversation.

Source: docs/protocol.md, "User channel". Nothing is answered to a subscription that is taken, and nothing is replayed.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from polywire.exchange.channel import POLICY, TOO_BIG, Channel
from polywire.exchange.connection import ChannelName, Connection
from polywire.exchange.ledger import Ledger
from polywire.exchange.trading.records import ApiKey
from polywire.exchange.user_messages import UserMessage

Credentials = Callable[[str, str, str], ApiKey | None]
"""Takes id, secret and passphrase as a client sent them; returns the API key where they are right and it is good."""

MARKETS_HELD: Final = 10_000
"""Conditions a connection may list; over that it is closed."""

_LONGEST_ID: Final = 100  # a condition has 66 signs; a longer text is none


class _Request(msgspec.Struct):
    """What a client says. `assets_ids`, `initial_dump` and whatever else clients send mean nothing here."""

    type: str | None = None
    operation: Literal["subscribe", "unsubscribe"] | None = None
    auth: Any = None
    markets: tuple[Annotated[str, msgspec.Meta(max_length=_LONGEST_ID)], ...] | None = None

    @property
    def begins(self) -> bool:
        """Whether it may be the first: clients send `type`, or `operation`, or both."""
        named = self.type is not None and self.type.lower() == "user"
        return self.operation != "unsubscribe" and (named or (self.type is None and self.operation is not None))

    @property
    def conditions(self) -> Iterable[str]:
        """The conditions it lists; clients do not agree about capitals."""
        return (condition.lower() for condition in self.markets or ())


class _Listener(msgspec.Struct):
    key: str  # the API key's id
    conditions: dict[str, None]  # lower case; empty: all


_decode: Final = msgspec.json.Decoder(_Request).decode


class UserChannel(Channel):
    """Every connection of the channel, and whose events it hears.

    A socket that names no good credentials is dropped without a close frame: that is what clients of the venue report
    (rs-clob-client#218, py-clob-client#204), and it tells nobody who guesses what was wrong.

    Args:
        credentials: Who a client is.
        ledger: Where what happens is counted.
        now_ms: The venue's time, Unix milliseconds.
    """

    name: ClassVar[ChannelName] = "user"

    def __init__(self, credentials: Credentials, ledger: Ledger, now_ms: Callable[[], int]) -> None:
        super().__init__(ledger)
        self._credentials, self._clock = credentials, now_ms
        self._listeners: dict[Connection, _Listener] = {}
        self._of_key: dict[str, dict[Connection, _Listener]] = {}

    def now_ms(self) -> int:
        """Return the venue's time, Unix milliseconds."""
        return self._clock()

    def listed(self, connection: Connection) -> list[str] | None:
        """Return the conditions that a connection lists: none means all. None: it has not subscribed."""
        listener = self._listeners.get(connection)
        return None if listener is None else list(listener.conditions)

    # ------------------------------------------------------------ out

    def publish(self, told: Iterable[UserMessage]) -> None:
        """Count what happened and send it to the sockets of whom it concerns, each message to all of them."""
        for message in told:
            self._ledger.note(message)
            condition = message.condition.lower()
            for connection, listener in self._of_key.get(message.key, {}).items():
                if not listener.conditions or condition in listener.conditions:
                    connection.offer(message)

    def drop_key(self, key: str) -> None:
        """Drop every socket of an API key that is good no more."""
        for connection in list(self._of_key.get(key, ())):
            connection.drop("dropped: its API key was deleted")

    # ------------------------------------------------------------ in

    def heard(self, connection: Connection, text: bytes) -> None:
        """Answer what a client said."""
        listener = self._listeners.get(connection)
        if listener is None:
            self._first(connection, text)
        elif text == b"PING":
            connection.say(b"PONG")
        else:
            self._asked(connection, listener, text)

    def forget(self, connection: Connection) -> None:
        """Unsubscribe a connection that has ended."""
        listener = self._listeners.pop(connection, None)
        if listener is not None:
            sockets = self._of_key[listener.key]
            del sockets[connection]
            if not sockets:
                del self._of_key[listener.key]

    def _first(self, connection: Connection, text: bytes) -> None:
        request = _read(text)
        if request is None or not request.begins:
            connection.close(POLICY, "invalid subscription payload")
            return
        key = self._key_of(request.auth)
        if key is None:
            connection.drop("dropped: it named no good credentials")
            return
        listener = _Listener(key.id, {})
        self._listeners[connection] = listener
        self._of_key.setdefault(key.id, {})[connection] = listener
        connection.subscribed = True
        self._list(connection, listener, request)

    def _asked(self, connection: Connection, listener: _Listener, text: bytes) -> None:
        request = _read(text)
        if request is None or request.operation is None:
            connection.say(b"INVALID OPERATION")
            return
        if request.auth is not None:  # clients may repeat it; it changes nothing
            key = self._key_of(request.auth)
            if key is None or key.id != listener.key:
                connection.drop("dropped: it named other credentials than before")
                return
        if request.operation == "subscribe":
            self._list(connection, listener, request)
        else:
            for condition in request.conditions:
                listener.conditions.pop(condition, None)

    def _list(self, connection: Connection, listener: _Listener, request: _Request) -> None:
        listener.conditions |= dict.fromkeys(request.conditions)
        if (count := len(listener.conditions)) > MARKETS_HELD:
            connection.close(TOO_BIG, f"{count} markets listed (limit {MARKETS_HELD}); list none to hear of all")

    def _key_of(self, auth: Any) -> ApiKey | None:
        match auth:
            case {"apiKey": str(key), "secret": str(secret), "passphrase": str(passphrase)}:
                return self._credentials(key, secret, passphrase)
            case _:
                return None


def _read(text: bytes) -> _Request | None:
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
