"""`exchange.trading.sqlite_store`: what is put is kept, in order, and found again."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.trading import any_rows
from exchange.venues import NO, YES, event, market
from polywire.core.matching.orders import Match, OrderKind
from polywire.errors import PolywireError
from polywire.exchange.trading.records import (
    Activity,
    ActivityKind,
    ApiKey,
    Beat,
    OrderState,
    PricePoint,
    Row,
    TradeLeg,
    UserOrder,
    UserTrade,
    Wallet,
)
from polywire.exchange.trading.sqlite_store import SqliteStore, opened_store
from polywire.exchange.trading.store import ActivityQuery, Kept, Store, TradeQuery
from polywire.model.units import ConditionId, TokenId

pytestmark = pytest.mark.anyio

AT_MS = 1_790_000_000_000
AT_S = AT_MS // 1_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def order(number: int, **changed: Any) -> UserOrder:
    fields: dict[str, Any] = {
        "id": f"0x{number:064x}",
        "number": number,
        "key": "key-ann",
        "address": "0xa",
        "account": "0xann",
        "maker": "0xAnn",
        "condition": ConditionId("0xc1"),
        "token": TokenId("71"),
        "outcome": "Yes",
        "side": "BUY",
        "price": 5_000,
        "size": 10_000_000,
        "kind": OrderKind.GTC,
        "placed_ms": AT_MS + number,
    }
    return UserOrder(**fields | changed)


def leg(key: str = "key-bob", account: str = "0xbob", of: str = "72") -> TradeLeg:
    return TradeLeg("0xo", key, account, account, TokenId(of), "No", "BUY", 5_000, 1, 1, Match.MINT)


def trade(number: int, *legs: TradeLeg, **changed: Any) -> UserTrade:
    fields: dict[str, Any] = {
        "id": f"trade-{number}",
        "number": number,
        "condition": ConditionId("0xc1"),
        "order": "0xt",
        "key": "key-ann",
        "account": "0xann",
        "maker": "0xAnn",
        "token": TokenId("71"),
        "outcome": "Yes",
        "side": "BUY",
        "price": 5_000,
        "size": 1,
        "cost": 1,
        "fee": 0,
        "legs": legs,
        "hash": "0x",
        "matched_ms": AT_MS + number * 1_000,
        "changed_ms": AT_MS + number * 1_000,
    }
    return UserTrade(**fields | changed)


def line(number: int, **changed: Any) -> Activity:
    fields: dict[str, Any] = {
        "number": number,
        "account": "0xann",
        "kind": ActivityKind.TRADE,
        "at_ms": AT_MS + number * 1_000,
        "condition": ConditionId("0xc1"),
        "side": "BUY",
    }
    return Activity(**fields | changed)


def test_it_is_a_store() -> None:
    def takes(store: Store) -> Store:
        return store

    assert callable(takes(SqliteStore.__new__(SqliteStore)).put)  # mypy holds the rest


# ------------------------------------------------------------ what is found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(*map(any_rows.of, any_rows.KINDS)), max_size=25), st.integers(1, 5))
def test_any_row_of_any_kind_is_found_as_it_was_put_last(rows: Sequence[Row], together: int) -> None:
    latest: dict[tuple[Any, ...], Row] = {}
    taken: dict[tuple[type[Row], str], tuple[Any, ...]] = {}
    for row in rows:
        if isinstance(row, UserOrder | UserTrade):  # an id that comes again under another number takes its place
            latest.pop(taken.get((type(row), row.id), ()), None)
            if (before := latest.get(any_rows.identity(row))) is not None:
                assert isinstance(before, UserOrder | UserTrade)
                taken.pop((type(row), before.id), None)
            taken[type(row), row.id] = any_rows.identity(row)
        latest[any_rows.identity(row)] = row

    async def put_and_found() -> list[Row]:
        async with opened_store(None) as store:
            for first in range(0, len(rows), together):
                store.put(*rows[first : first + together])
            return await _everything(store, latest.values())

    found = anyio.run(put_and_found)
    assert {any_rows.identity(row): row for row in found} == latest
    assert len(found) == len(latest)


async def _everything(store: SqliteStore, put: Any) -> list[Row]:
    kept = await store.load()
    found: list[Row] = [*kept.keys, *kept.wallets, *kept.holdings, *kept.beats, *kept.events, *kept.markets]
    for row in put:
        match row:
            case UserOrder(id=order_id):
                again = await store.order(order_id)
                assert again is not None
                assert (row in kept.open_orders) is (row.ended_ms == 0)
                found.append(again)
            case UserTrade():
                for query in ({"key": row.key}, *(msgspec.to_builtins(leg) for leg in row.legs)):
                    assert row in await store.trades(TradeQuery(keys=[query["key"]]))
                found += await store.trades(TradeQuery(keys=[row.key], id=row.id))
                assert (row in kept.unsettled) is (row.due_ms != 0)
            case Activity():
                told = await store.activity(ActivityQuery(account=row.account, limit=100))
                assert (row in told) is not row.failed
                found.append(row)
            case PricePoint():
                found += await store.prices(row.condition, row.minute, row.minute)
            case _:
                pass  # read above
    return found


async def test_an_exchange_begins_with_what_is_open_and_the_numbers_given_out() -> None:
    async with opened_store(None) as store:
        store.now_ms = lambda: AT_MS + 5
        store.put(order(1, ended_ms=AT_MS, state=OrderState.MATCHED), order(2))
        store.put(order(3))
        store.put(order(3, ended_ms=AT_MS + 9, state=OrderState.CANCELED))
        store.put(trade(1, due_ms=AT_MS + 5), trade(2))
        store.put(line(7), Wallet("0xb", 5, 5), Wallet("0xa", 3, 3))
        store.put(Wallet("0xb", 4, 5))
        store.put(event(), market())
        kept = await store.load()
    assert kept == Kept(
        keys=[],
        wallets=[Wallet("0xb", 4, 5), Wallet("0xa", 3, 3)],
        holdings=[],
        open_orders=[order(2)],
        order_ids=[order(1).id, order(2).id, order(3).id],
        unsettled=[trade(1, due_ms=AT_MS + 5)],
        beats=[],
        events=[event()],
        markets=[market()],
        last_order=3,
        last_trade=2,
        last_activity=7,
        runs=1,
        last_ms=AT_MS + 5,
    )


async def test_a_store_that_is_new_holds_nothing() -> None:
    async with opened_store(None) as store:
        kept = await store.load()
        assert await store.order("0x1") is None
    assert (kept.last_order, kept.last_trade, kept.last_activity, kept.last_ms) == (0, 0, 0, 0)
    assert [*kept.wallets, *kept.open_orders, *kept.markets, *kept.order_ids] == []


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (TradeQuery(keys=["key-ann"]), [4, 2, 1]),
        (TradeQuery(keys=["key-bob"]), [4, 3, 2]),
        (TradeQuery(keys=["key-ann", "key-bob"]), [4, 3, 2, 1]),
        (TradeQuery(keys=[]), []),
        (TradeQuery(keys=["key-ann"], id="trade-2"), [2]),
        (TradeQuery(keys=["key-ann"], id="trade-3"), []),
        (TradeQuery(keys=["key-bob"], condition="0xc2"), [4]),
        (TradeQuery(keys=["key-bob"], token=NO), [3, 2]),
        (TradeQuery(keys=["key-ann"], token=YES), [2, 1]),
        (TradeQuery(keys=["key-ann"], maker="0xbob"), [2]),
        (TradeQuery(keys=["key-ann"], maker="0xann"), [4, 2, 1]),
        (TradeQuery(keys=["key-ann"], after_s=AT_S + 1), [4, 2]),
        (TradeQuery(keys=["key-ann"], before_s=AT_S + 2), [1]),
        (TradeQuery(keys=["key-ann"], after_s=AT_S + 1, before_s=AT_S + 4), [2]),
        (TradeQuery(keys=["key-ann"], limit=2), [4, 2]),
        (TradeQuery(keys=["key-ann"], limit=2, beyond=2), [1]),
        (TradeQuery(keys=["key-ann"], limit=1, beyond=4), [2]),
    ],
)
async def test_trades_are_found_by_who_was_on_either_side_and_what_else_is_asked(
    query: TradeQuery, numbers: list[int]
) -> None:
    async with opened_store(None) as store:
        store.put(
            trade(1, leg("key-eve", "0xeve", "73")),
            trade(2, leg(), leg("key-eve", "0xeve")),
            trade(3, leg(), key="key-dan", account="0xdan", token=TokenId("72")),
            trade(4, leg("key-bob", "0xbo2", "75"), condition=ConditionId("0xc2"), token=TokenId("74")),
        )
        assert [found.number for found in await store.trades(query)] == numbers


async def test_a_trade_keeps_its_parties_when_its_state_moves_on() -> None:
    async with opened_store(None) as store:
        store.put(trade(1, leg(), due_ms=5))
        store.put(trade(1, leg(), due_ms=0))
        assert await store.trades(TradeQuery(keys=["key-bob"])) == [trade(1, leg())]
        assert (await store.load()).unsettled == []


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (ActivityQuery(account="0xann"), [5, 3, 2, 1]),
        (ActivityQuery(account="0xann", oldest_first=True), [1, 2, 3, 5]),
        (ActivityQuery(account="0xann", limit=2, offset=1), [3, 2]),
        (ActivityQuery(conditions=["0xc1"]), [6, 2, 1]),
        (ActivityQuery(conditions=["0xc1", "0xc2"]), [6, 3, 2, 1]),
        (ActivityQuery(account="0xann", kinds=[ActivityKind.SPLIT, ActivityKind.DEPOSIT]), [5, 3]),
        (ActivityQuery(account="0xann", side="SELL"), [2]),
        (ActivityQuery(account="0xann", takers_only=True), [5, 3, 2]),
        (ActivityQuery(account="0xann", start_s=AT_S + 2), [5, 3, 2]),
        (ActivityQuery(account="0xann", end_s=AT_S + 2), [2, 1]),
    ],
)
async def test_activity_is_found_by_all_that_can_be_asked_but_never_that_of_a_failed_trade(
    query: ActivityQuery, numbers: list[int]
) -> None:
    async with opened_store(None) as store:
        store.put(
            line(1),
            line(2, side="SELL", taker=True),
            line(3, kind=ActivityKind.SPLIT, side="", condition=ConditionId("0xc2")),
            line(4, failed=True),
            line(5, kind=ActivityKind.DEPOSIT, side="", condition=ConditionId("")),
            line(6, account="0xbob"),
        )
        assert [found.number for found in await store.activity(query)] == numbers


async def test_prices_are_found_by_the_minute_both_ends_included() -> None:
    one, two = ConditionId("0xc1"), ConditionId("0xc2")
    async with opened_store(None) as store:
        store.put(*(PricePoint(one, minute, minute) for minute in (12, 10, 11, 13)), PricePoint(two, 11, 5))
        store.put(PricePoint(one, 11, 7))
        assert await store.prices(one, 10, 12) == [
            PricePoint(one, 10, 10),
            PricePoint(one, 11, 7),
            PricePoint(one, 12, 12),
        ]


# ------------------------------------------------------------ when it is kept


def _on_disk(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as looking:
        (count,) = looking.execute("SELECT count(*) FROM wallets").fetchone()
    looking.close()
    return int(count)


async def test_callbacks_come_in_order_and_not_before_what_they_waited_for_is_on_disk(tmp_path: Path) -> None:
    told: list[int] = []
    early: list[tuple[int, int]] = []
    path = tmp_path / "state"

    def tell(number: int) -> None:
        told.append(number)
        if number % 50 == 0 and _on_disk(path) < number:
            early.append((number, _on_disk(path)))

    async with opened_store(path) as store:
        with anyio.fail_after(20):
            for number in range(1, 501):
                store.put(Wallet(f"0x{number}", number, number))
                store.when_kept(lambda number=number: tell(number))  # type: ignore[misc]
                if number % 37 == 0:
                    await store.kept()
                    assert told == list(range(1, number + 1))
                elif number % 5 == 0:
                    await anyio.lowlevel.checkpoint()
            await store.kept()
    assert told == list(range(1, 501))
    assert early == []


async def test_where_nothing_waits_it_is_kept_at_once() -> None:
    told: list[str] = []
    async with opened_store(None) as store:
        store.when_kept(lambda: told.append("before any"))
        assert told == ["before any"]
        store.put(Wallet("0xa", 1, 1))
        store.when_kept(lambda: told.append("behind a put"))
        store.when_kept(lambda: told.append("behind that"))
        assert told == ["before any"]
        await store.kept()
        assert told == ["before any", "behind a put", "behind that"]


async def test_what_is_asked_for_while_others_are_told_does_not_overtake_them() -> None:
    told: list[str] = []
    async with opened_store(None) as store:

        def first() -> None:
            told.append("first")
            store.when_kept(lambda: told.append("asked by the first"))

        store.put(Wallet("0xa", 1, 1))
        store.when_kept(first)
        store.when_kept(lambda: told.append("second"))
        await store.kept()
        assert told == ["first", "second", "asked by the first"]


async def test_a_callback_that_fails_does_not_silence_those_behind_it() -> None:
    told: list[str] = []
    failures: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    async with opened_store(None) as store:
        store.put(Wallet("0xa", 1, 1))
        store.when_kept(lambda: told.append([][len(told)]))
        store.when_kept(lambda: told.append("second"))
        with anyio.fail_after(5):
            await store.kept()
    assert told == ["second"]
    assert [type(failure) for failure in failures] == [IndexError]


async def test_a_row_is_kept_as_it_was_when_it_was_put() -> None:
    async with opened_store(None) as store:
        record = order(1)
        store.put(record)
        record.matched = 5
        found = await store.order(record.id)
    assert found == order(1)


async def test_reads_see_what_was_put_before_them_without_waiting_for_it() -> None:
    seen: dict[int, UserOrder | None] = {}
    async with opened_store(None) as store:

        async def look(number: int) -> None:
            seen[number] = await store.order(order(number).id)

        with anyio.fail_after(10):
            async with anyio.create_task_group() as looking:
                for number in range(1, 101):
                    store.put(order(number))
                    looking.start_soon(look, number)
                    await anyio.lowlevel.checkpoint()
    assert seen == {number: order(number) for number in range(1, 101)}


async def test_who_stops_waiting_leaves_the_others_be() -> None:
    async with opened_store(None) as store:
        store.put(Wallet("0xa", 1, 1))
        with anyio.CancelScope() as gone:
            gone.cancel()
            await store.kept()
        with anyio.CancelScope() as also_gone:
            also_gone.cancel()
            await store.order("0x")
        store.put(Wallet("0xb", 1, 1))
        with anyio.fail_after(5):
            await store.kept()
            assert len((await store.load()).wallets) == 2


# ------------------------------------------------------------ over restarts


async def test_a_file_holds_everything_for_the_next_run(tmp_path: Path) -> None:
    rows: list[Row] = [
        ApiKey("k", "0xa", 0, AT_MS),
        Beat("k", "b", AT_MS),
        order(1),
        trade(1, leg(), due_ms=9),
    ]
    path = tmp_path / "state"
    async with opened_store(path) as store:
        store.now_ms = lambda: AT_MS
        store.put(*rows, line(1))  # nobody waits for it: leaving does
        first = store.secret, store.identity
    async with opened_store(path) as store:
        kept = await store.load()
        assert (store.secret, store.identity) == first
    assert [*kept.keys, *kept.beats, *kept.open_orders, *kept.unsettled] == rows
    assert (kept.runs, kept.last_activity, kept.last_ms) == (2, 1, AT_MS)


async def test_it_knows_how_late_it_was_when_it_was_closed_though_nothing_was_put(tmp_path: Path) -> None:
    for now_ms in (AT_MS, AT_MS + 9, AT_MS + 3):
        async with opened_store(tmp_path / "state") as store:
            store.now_ms = lambda now_ms=now_ms: now_ms  # type: ignore[misc]
    async with opened_store(tmp_path / "state") as store:
        assert (await store.load()).last_ms == AT_MS + 9


async def test_every_store_has_a_secret_and_an_identity_of_its_own(tmp_path: Path) -> None:
    async with opened_store(None) as one, opened_store(tmp_path / "state") as two:
        assert one.secret != two.secret
        assert one.identity != two.identity
        assert (len(one.secret), len(one.identity)) == (32, 16)


# ------------------------------------------------------------ when it cannot be kept


async def test_a_disk_that_does_not_keep_up_ends_it_and_says_so(tmp_path: Path) -> None:
    path, told = tmp_path / "state", list[str]()
    async with opened_store(path, most_bytes=10_000) as store:
        store.put(Wallet("0xa", 1, 1))
        await store.kept()
        blocking = sqlite3.connect(path, isolation_level=None)
        blocking.execute("BEGIN IMMEDIATE")  # nobody else can write now
        store.put(Wallet("0xb", 1, 1))
        store.when_kept(lambda: told.append("b"))
        for number in range(400):
            store.put(Wallet(f"0x{number}", 1, 1))
        with (
            anyio.fail_after(5),
            pytest.raises(PolywireError, match=r"too slowly: 10,\d{3} bytes wait \(limit 10,000\)"),
        ):
            await store.failed()
        with pytest.raises(PolywireError, match="too slowly"):
            await store.kept()
        blocking.execute("ROLLBACK")
        blocking.close()
    assert told == []


async def test_what_cannot_be_written_is_never_said_to_be_kept(tmp_path: Path) -> None:
    path, told = tmp_path / "state", list[str]()
    async with opened_store(path) as store:
        store.put(Wallet("0xa", 1, 1))
        await store.kept()
        with sqlite3.connect(path) as meddling:
            meddling.execute("DROP TABLE wallets")
        meddling.close()
        store.put(Wallet("0xb", 1, 1))
        store.when_kept(lambda: told.append("b"))
        with pytest.raises(PolywireError, match=r"cannot be written or read any more \(no such table: wallets\)"):
            await store.kept()
        store.put(Beat("key", "id", 1))  # would be written, but what came before is lost
        store.when_kept(lambda: told.append("c"))
        with pytest.raises(PolywireError, match="what it has acknowledged is kept"):
            await store.order("0x")
        with pytest.raises(PolywireError):
            await store.failed()
    assert told == []


async def test_a_row_that_cannot_be_read_is_a_fault_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened_store(path) as store:
        with sqlite3.connect(path) as meddling:
            meddling.execute("INSERT INTO wallets VALUES (1, '0xa', '{\"account\": 5}')")
        meddling.close()
        with pytest.raises(PolywireError, match=r"state cannot be written or read any more.*ValidationError"):
            await store.load()
