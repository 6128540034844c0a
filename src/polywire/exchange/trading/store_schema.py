"""The state file's tables, how each kind of row is written, and how a file is told to be one.

A row is kept as its JSON, `body`, beside the columns that questions are asked by. SQLite takes those out of the JSON
itself: rows reach it as one array a table, so that a group of many rows is a handful of calls, during which the loop
is not held up.
"""

from typing import Final

import msgspec

from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.trading.records import (
    Activity,
    ApiKey,
    Beat,
    Holding,
    PricePoint,
    Row,
    UserOrder,
    UserTrade,
    Wallet,
)

APPLICATION_ID: Final = 0x50_57_45_58  # "PWEX", where a file says whose it is
VERSION: Final = 1
"""Of the tables; a file of a later one is refused."""

_TABLES: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE keys (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE wallets (place INTEGER PRIMARY KEY, account TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE holdings (
    account TEXT, token TEXT, body TEXT NOT NULL, PRIMARY KEY (account, token)
) WITHOUT ROWID;
CREATE TABLE orders (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ended_ms INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX open_orders ON orders (number) WHERE ended_ms = 0;
CREATE TABLE trades (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, condition TEXT NOT NULL, matched_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX unsettled ON trades (number) WHERE due_ms != 0;
CREATE TABLE parties (
    key TEXT, number INTEGER, account TEXT, token TEXT, PRIMARY KEY (key, number, account, token)
) WITHOUT ROWID;
CREATE INDEX sides ON parties (number);
CREATE TABLE activity (
    number INTEGER PRIMARY KEY, account TEXT NOT NULL, condition TEXT NOT NULL, kind TEXT NOT NULL, side TEXT NOT NULL,
    taker INTEGER NOT NULL, at_ms INTEGER NOT NULL, failed INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX of_account ON activity (account, number);
CREATE INDEX of_condition ON activity (condition, number);
CREATE TABLE beats (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE prices (
    condition TEXT, minute INTEGER, body TEXT NOT NULL, PRIMARY KEY (condition, minute)
) WITHOUT ROWID;
CREATE TABLE events (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE markets (place INTEGER PRIMARY KEY, condition TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
"""

CREATE: Final = f"""
BEGIN;
{_TABLES}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
COMMIT;
"""


class Table(msgspec.Struct, frozen=True):
    """How one kind of row is written."""

    name: str
    writes: tuple[str, ...]  # each is handed a JSON array of rows


def _columns(*fields: str, of: str = "value") -> str:
    return ", ".join(f"json_extract({of}, '$.{field}')" for field in fields)


def _table(name: str, *fields: str) -> Table:
    """Return a table whose columns are these fields, then the body. A row takes the place of one by the same id."""
    return Table(name, (f"REPLACE INTO {name} SELECT {_columns(*fields)}, value FROM json_each(?)",))  # noqa: S608


def _placed(name: str, key: str) -> Table:
    """Return a table that is read in the order in which its rows first came: a row keeps its place when it changes."""
    write = (
        f"INSERT INTO {name} ({key}, body) SELECT {_columns(key)}, value FROM json_each(?) WHERE true "  # noqa: S608
        f"ON CONFLICT ({key}) DO UPDATE SET body = excluded.body"
    )
    return Table(name, (write,))


_TAKERS: Final = (
    f"INSERT OR IGNORE INTO parties SELECT {_columns('key', 'number', 'account', 'token')} FROM json_each(?)"  # noqa: S608
)
_MAKERS: Final = (
    f"INSERT OR IGNORE INTO parties SELECT {_columns('key', of='leg.value')}, {_columns('number', of='trade.value')}, "  # noqa: S608
    f"{_columns('account', 'token', of='leg.value')} "
    "FROM json_each(?) AS trade, json_each(trade.value, '$.legs') AS leg"
)

TABLES: Final[dict[type[Row], Table]] = {
    VenueEvent: _placed("events", "id"),
    VenueMarket: _placed("markets", "condition"),
    ApiKey: _placed("keys", "id"),
    Wallet: _placed("wallets", "account"),
    Holding: _table("holdings", "account", "token"),
    UserOrder: _table("orders", "number", "id", "ended_ms"),
    UserTrade: Table(
        "trades", (*_table("trades", "number", "id", "condition", "matched_ms", "due_ms").writes, _TAKERS, _MAKERS)
    ),
    Activity: _table("activity", "number", "account", "condition", "kind", "side", "taker", "at_ms", "failed"),
    Beat: _table("beats", "key"),
    PricePoint: _table("prices", "condition", "minute"),
}
"""By the type of a row, in the order they are written."""
