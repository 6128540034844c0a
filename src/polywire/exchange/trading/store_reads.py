"""What is asked of a store, as SQL."""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from polywire.exchange.catalogue import VenueEvent, VenueMarket
from polywire.exchange.trading.open_orders import REMEMBERED
from polywire.exchange.trading.records import Activity, ApiKey, Beat, Holding, PricePoint, UserOrder, UserTrade, Wallet
from polywire.exchange.trading.store import ActivityQuery, Kept, TradeQuery
from polywire.model.units import ConditionId

_Row = TypeVar("_Row")

_KEYS = msgspec.json.Decoder(ApiKey)
_WALLETS = msgspec.json.Decoder(Wallet)
_HOLDINGS = msgspec.json.Decoder(Holding)
_ORDERS = msgspec.json.Decoder(UserOrder)
_TRADES = msgspec.json.Decoder(UserTrade)
_ACTIVITY = msgspec.json.Decoder(Activity)
_BEATS = msgspec.json.Decoder(Beat)
_PRICES = msgspec.json.Decoder(PricePoint)
_EVENTS = msgspec.json.Decoder(VenueEvent)
_MARKETS = msgspec.json.Decoder(VenueMarket)

_SECOND_MS: Final = 1_000


class Facts(NamedTuple):
    """What is written once about a store as a whole."""

    secret: bytes
    identity: str
    runs: int  # exchanges that have begun with it
    last_ms: int  # the venue's time when something was written last


def facts(connection: sqlite3.Connection) -> Facts:
    """Return what is known of the whole store. Raises `sqlite3.Error` or `TypeError` where it is damaged."""
    return Facts(**dict(connection.execute("SELECT name, value FROM facts")))


def begin(connection: sqlite3.Connection) -> Facts:
    """Count one more exchange that begins with this store, and return what is known of it."""
    connection.execute("UPDATE facts SET value = value + 1 WHERE name = 'runs'")
    return facts(connection)


def load(connection: sqlite3.Connection) -> Kept:
    """Return what an exchange begins with."""
    told = facts(connection)
    ids = connection.execute("SELECT id FROM orders ORDER BY number DESC LIMIT ?", (REMEMBERED,)).fetchall()
    return Kept(
        keys=_all(connection, _KEYS, "keys ORDER BY place"),
        wallets=_all(connection, _WALLETS, "wallets ORDER BY place"),
        holdings=_all(connection, _HOLDINGS, "holdings"),
        open_orders=_all(connection, _ORDERS, "orders WHERE ended_ms = 0 ORDER BY number"),
        order_ids=[order_id for (order_id,) in reversed(ids)],
        unsettled=_all(connection, _TRADES, "trades WHERE due_ms != 0 ORDER BY number"),
        beats=_all(connection, _BEATS, "beats"),
        events=_all(connection, _EVENTS, "events ORDER BY place"),
        markets=_all(connection, _MARKETS, "markets ORDER BY place"),
        last_order=_last(connection, "orders"),
        last_trade=_last(connection, "trades"),
        last_activity=_last(connection, "activity"),
        runs=told.runs,
        last_ms=told.last_ms,
    )


def order(connection: sqlite3.Connection, order_id: str) -> UserOrder | None:
    """Return an order, open or ended."""
    return next(iter(_all(connection, _ORDERS, "orders WHERE id = ?", (order_id,))), None)


def trades(connection: sqlite3.Connection, query: TradeQuery) -> list[UserTrade]:
    """Return trades, the latest first."""
    side = "EXISTS (SELECT 1 FROM parties AS side WHERE side.number = trades.number AND side."
    wanted: list[tuple[str, Sequence[object]]] = [(f"{side}key IN ({_marks(query.keys)}))", tuple(query.keys))]
    if query.id:
        wanted.append(("id = ?", (query.id,)))
    if query.condition:
        wanted.append(("condition = ?", (query.condition,)))
    if query.token:
        wanted.append((f"{side}token = ?)", (query.token,)))
    if query.maker:
        wanted.append((f"{side}account = ?)", (query.maker,)))
    if query.after_s is not None:
        wanted.append(("matched_ms >= ?", ((query.after_s + 1) * _SECOND_MS,)))
    if query.before_s is not None:
        wanted.append(("matched_ms < ?", (query.before_s * _SECOND_MS,)))
    if query.beyond:
        wanted.append(("number < ?", (query.beyond,)))
    return _some(connection, _TRADES, "trades", wanted, "DESC", query.limit)


def activity(connection: sqlite3.Connection, query: ActivityQuery) -> list[Activity]:
    """Return activity, the latest first unless asked otherwise."""
    wanted: list[tuple[str, Sequence[object]]] = [("failed = 0", ())]
    if query.account:
        wanted.append(("account = ?", (query.account,)))
    if query.conditions:
        wanted.append((f"condition IN ({_marks(query.conditions)})", tuple(query.conditions)))
    if query.kinds:
        wanted.append((f"kind IN ({_marks(query.kinds)})", tuple(query.kinds)))
    if query.side:
        wanted.append(("side = ?", (query.side,)))
    if query.takers_only:
        wanted.append(("(taker OR kind != 'TRADE')", ()))
    if query.start_s is not None:
        wanted.append(("at_ms >= ?", (query.start_s * _SECOND_MS,)))
    if query.end_s is not None:
        wanted.append(("at_ms < ?", ((query.end_s + 1) * _SECOND_MS,)))
    if query.beyond:
        wanted.append((f"number {'>' if query.oldest_first else '<'} ?", (query.beyond,)))
    way = "ASC" if query.oldest_first else "DESC"
    return _some(connection, _ACTIVITY, "activity", wanted, way, query.limit, query.offset)


def prices(connection: sqlite3.Connection, condition: ConditionId, first: int, last: int) -> list[PricePoint]:
    """Return a market's prices of these minutes, oldest first, both ends included."""
    what = "prices WHERE condition = ? AND minute BETWEEN ? AND ? ORDER BY minute"
    return _all(connection, _PRICES, what, (condition, first, last))


def _some(
    connection: sqlite3.Connection,
    decoder: "msgspec.json.Decoder[_Row]",
    table: str,
    wanted: list[tuple[str, Sequence[object]]],
    way: str,
    limit: int,
    offset: int = 0,
) -> list[_Row]:
    where = " AND ".join(clause for clause, _ in wanted)
    values = [value for _, some in wanted for value in some]
    what = f"{table} WHERE {where} ORDER BY number {way} LIMIT ? OFFSET ?"
    return _all(connection, decoder, what, (*values, limit, offset))


def _all(
    connection: sqlite3.Connection, decoder: "msgspec.json.Decoder[_Row]", what: str, values: Sequence[object] = ()
) -> list[_Row]:
    rows = connection.execute(f"SELECT body FROM {what}", values)  # noqa: S608 - every text is one of ours
    return [decoder.decode(body) for (body,) in rows]


def _last(connection: sqlite3.Connection, table: str) -> int:
    (number,) = connection.execute(f"SELECT coalesce(max(number), 0) FROM {table}").fetchone()  # noqa: S608 - as above
    return int(number)


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
