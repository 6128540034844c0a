"""Who is asking: one assistant's client, what it subscribed to, how far it has read, and where it listens.

Of a client with a session (stdio in both eras, the handshake era over HTTP) all of that is its own. A client of
2026-07-28 over HTTP has none: those of one name, address and token are held for one guest, so that what is remembered
of it is only used where forgetting would be worse.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp_types import LoggingLevel
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from polywire.errors import Misuse
from polywire.interfaces.mcp import sdk
from polywire.model.journal import Cursor
from polywire.model.watch import Delivery

_SESSIONLESS: Final = 256  # guests without a session that are remembered
_LOGS: Final = 100  # log messages that wait for one guest
_URIS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Made:
    """A subscription that a guest made."""

    cursor: str  # its entries come after this
    delivery: Delivery


class Guest:
    """One client.

    Attributes:
        modern: It speaks 2026-07-28.
        session: Whether it can be told from others.
        connection: Where to push to, in the handshake era; else None.
        made: Its subscriptions by id.
        uris: Resources it subscribed to in the handshake era.
        listens: Resources of its open streams of 2026-07-28, and of how many.
        level: What `logging/setLevel` said; None: nothing.
        logs: Log messages that wait to be pushed.
        logs_dropped: How many of them were too many.
        unread: Pushes in a row that it did not take.
    """

    def __init__(self, *, modern: bool, session: bool, connection: Connection | None = None) -> None:
        self.modern, self.session, self.connection = modern, session, connection
        self.made: dict[str, Made] = {}
        self.uris: set[str] = set()
        self.listens: Counter[str] = Counter()
        self.level: LoggingLevel | None = None
        self.logs: deque[tuple[LoggingLevel, object]] = deque()
        self.logs_dropped = self.unread = 0
        self._read: dict[str, str] = {}

    def place(self, watch: str) -> str | None:
        """Return the cursor up to which it has read a subscription; None: that is not known."""
        made = self.made.get(watch)
        return self._read.get(watch) or (made.cursor if made else None)

    def read_to(self, watches: Iterable[str], cursor: str) -> None:
        """Note that it was given everything of these up to a cursor; a place never goes back."""
        for watch in watches:
            self._read[watch] = later(self._read.get(watch, ""), cursor)

    def begin_anew(self, watches: Iterable[str], cursor: str) -> None:
        """Put its places where the journal is another than it was."""
        for watch in watches:
            self._read[watch] = cursor

    def forget(self, watch: str) -> None:
        """Forget a subscription that is no more."""
        self.made.pop(watch, None)
        self._read.pop(watch, None)

    def subscribe(self, uri: str) -> None:
        """Note that it wants to be told when a resource changes.

        Raises:
            Misuse: It wants that of too many.
        """
        if len(self.uris) >= _URIS and uri not in self.uris:
            raise Misuse(f"{_URIS:,} resources are subscribed to, which is the most; unsubscribe from some first")
        self.uris.add(uri)

    def log(self, level: LoggingLevel, data: object) -> None:
        """Have a log message pushed; of too many the oldest are dropped, and counted."""
        if len(self.logs) >= _LOGS:
            self.logs.popleft()
            self.logs_dropped += 1
        self.logs.append((level, data))

    @contextmanager
    def listening(self, uris: Sequence[str]) -> Iterator[None]:
        """Count an open stream of 2026-07-28 for these while the block runs."""
        self.listens.update(uris)
        try:
            yield
        finally:
            self.listens.subtract(uris)
            self.listens = +self.listens


class Guests:
    """All clients of one server."""

    def __init__(self) -> None:
        self._by_channel: dict[int, tuple[object, Guest]] = {}
        self._sessionless: OrderedDict[tuple[str, ...], Guest] = OrderedDict()

    def of(self, request: ServerRequestContext[Any, Any]) -> Guest:
        """Return whom a request is from."""
        connection = sdk.connection_of(request.session)
        modern = request.protocol_version in MODERN_PROTOCOL_VERSIONS
        if not connection.has_standalone_channel:
            return self._without_session(request, modern=modern)
        channel = connection.outbound  # one object a client; in 2026-07-28 the connection is one a request
        known = self._by_channel.get(id(channel))
        if known is None:
            guest = Guest(modern=modern, session=True, connection=None if modern else connection)
            known = self._by_channel[id(channel)] = channel, guest
            if not modern:
                connection.exit_stack.callback(self._by_channel.pop, id(channel), None)
        return known[1]

    def pushed_to(self) -> list[Guest]:
        """Return those that can be told something outside their requests."""
        return [guest for _, guest in self._by_channel.values() if guest.connection is not None]

    def __len__(self) -> int:
        return len(self._by_channel) + len(self._sessionless)

    def wanted(self) -> set[str]:
        """Return every resource that somebody wants to be told of."""
        everybody = [guest for _, guest in self._by_channel.values()] + list(self._sessionless.values())
        return {uri for guest in everybody for uri in (*guest.uris, *guest.listens)}

    def _without_session(self, request: ServerRequestContext[Any, Any], *, modern: bool) -> Guest:
        key = _name_of(request)
        guest = self._sessionless.pop(key, None) or Guest(modern=modern, session=False)
        self._sessionless[key] = guest
        idle = (one for one, it in self._sessionless.items() if not it.listens)
        while len(self._sessionless) > _SESSIONLESS and (oldest := next(idle, None)) is not None:
            del self._sessionless[oldest]
            idle = (one for one, it in self._sessionless.items() if not it.listens)
        return guest


def later(one: str, other: str) -> str:
    """Return the later of two cursors; of two journals the second, as it was seen last."""
    if not one or not other:
        return one or other
    mine, its = Cursor.read(one), Cursor.read(other)
    return one if mine.journal == its.journal and mine.seq > its.seq else other


def earliest(cursors: Iterable[str]) -> str:
    """Return the earliest of some cursors of one journal; there is at least one."""
    return min(cursors, key=lambda cursor: Cursor.read(cursor).seq)


def _name_of(request: ServerRequestContext[Any, Any]) -> tuple[str, ...]:
    told = request.session.client_params
    client = (told.client_info.name, told.client_info.version) if told else ("", "")
    http = request.request
    if http is None:
        return client
    token = sha256(http.headers.get("authorization", "").encode()).hexdigest()
    return (*client, http.client.host if http.client else "", token)
