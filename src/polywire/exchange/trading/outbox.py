"""What has changed and is to be kept, and what users are to be told of it, until one command has had its say."""

from collections.abc import Callable, Iterable

from polywire.exchange.trading.records import Row
from polywire.exchange.trading.store import Store
from polywire.exchange.user_messages import UserMessage


class Outbox:
    """Gathers rows and messages; what is gathered is kept in one go, and told once it is on disk.

    Args:
        store: Where rows go.
        tell: Takes messages, in order, once what they say is kept.
    """

    def __init__(self, store: Store, tell: Callable[[list[UserMessage]], None]) -> None:
        self._store, self._tell = store, tell
        self._rows: dict[int, Row] = {}
        self._messages: list[UserMessage] = []

    def keep(self, row: Row) -> None:
        """Have a row kept as it stands at the next `commit`; one that changes again before it is kept once."""
        self._rows[id(row)] = row

    def say(self, message: UserMessage) -> None:
        """Have a message told after everything before it."""
        self._messages.append(message)

    def commit(self, also: Iterable[Row] = ()) -> None:
        """Have everything kept that was gathered, and `also`; in one transaction."""
        rows = [*self._rows.values(), *also]
        messages, self._messages = self._messages, []
        self._rows.clear()
        if rows:
            self._store.put(*rows)
        if messages:
            self._store.when_kept(lambda: self._tell(messages))
