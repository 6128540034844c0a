"""Claims on what the official client, unchanged but for addresses, reads of the Data API."""

from decimal import Decimal
from typing import Any

import pytest
from polymarket.models.data import ResolutionStatus

from exchange.data.hall import ANN, BOB, Hall, condition, tokens
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio


async def every(paginator: Any) -> list[Any]:
    return [one async for one in paginator.iter_items()]


async def lively(hall: Hall) -> None:
    """Let every kind of activity happen, and a market be resolved."""
    hall.filled(ANN, "BUY", 4_000, 10)
    hall.filled(ANN, "BUY", 5_000, 10, of=2)
    hall.filled(BOB, "BUY", 3_000, 30, of=3, outcome=1)
    hall.place(ANN, "BUY", 4_000, 10, of=3)
    hall.place(BOB, "BUY", 6_500, 10, of=3, outcome=1)
    hall.book.split(ANN.address, condition(1), 5 * SIZE_ONE)
    hall.book.merge(ANN.address, condition(1), 2 * SIZE_ONE)
    hall.resolve(2)
    hall.later(30_000)
    hall.filled(ANN, "SELL", 6_000, 5)
    hall.resolve(1, winner=1)
    hall.later(60_000)
    hall.book.set_collateral(ANN.address, 900_000_000)
    hall.crowd("BUY", 3_500, 10, of=3)


async def test_positions_of_every_status(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 10)
    hall.book.split(ANN.address, condition(3), 5 * SIZE_ONE)
    hall.filled(ANN, "BUY", 5_000, 10, of=2)
    hall.resolve(2)
    hall.later(30_000)
    hall.resolve(1)
    async with hall.official() as client:
        found = {
            status: await every(client.list_positions(user=ANN.address, status=status))
            for status in ("OPEN", "REDEEMABLE", "MERGEABLE", "CLOSED")
        }
        (of_market,) = await every(client.list_positions(condition_id=condition(1)))
    assert {status: len(rows) for status, rows in found.items()} == {
        "OPEN": 2,
        "REDEEMABLE": 1,
        "MERGEABLE": 2,
        "CLOSED": 1,
    }
    (redeemable,) = found["REDEEMABLE"]
    assert redeemable == of_market
    assert (redeemable.wallet, redeemable.current_value) == (ANN.address, Decimal(10))
    assert (redeemable.total_pnl, redeemable.percent_pnl) == (Decimal(6), Decimal(150))
    assert str(redeemable.end_date) == "2026-09-21"


async def test_trades_and_activity_of_every_kind(hall: Hall) -> None:
    await lively(hall)
    async with hall.official() as client:
        trades = await every(client.list_trades(user=ANN.address, page_size=2))
        feed = await every(client.list_trades(event_id=[1, 2], full_history=True))
        lines = await every(client.list_activity(user=ANN.address, page_size=3))
    assert len(trades) == 4
    assert {trade.wallet for trade in feed} == {ANN.address, BOB.address}
    assert {line.type.value for line in lines} == {
        "TRADE",
        "SPLIT",
        "MERGE",
        "REDEEM",
        "DEPOSIT",
        "WITHDRAWAL",
    }
    assert {type(line).__name__ for line in lines} == {
        "TradeActivity",
        "SplitActivity",
        "MergeActivity",
        "RedeemActivity",
        "DepositActivity",
        "WithdrawalActivity",
    }
    assert len([line for line in lines if line.type.value == "TRADE"]) == len(trades)


async def test_value_holders_and_resolutions(hall: Hall) -> None:
    await lively(hall)
    async with hall.official() as client:
        value = await client.get_portfolio_value(user=BOB.address)
        positions = await every(client.list_positions(user=BOB.address))
        groups = await every(client.list_market_holders(condition_ids=condition(3), include_pnl=True, page_size=1))
        conditions = [condition(number) for number in (1, 2, 3)]
        resolved = await client.get_resolutions(condition_ids=conditions)
        asked = await client.get_resolutions(question_id="0x" + "12" * 32)
        of_event = await client.get_resolutions(event_ids=1)
    assert value.value == sum(position.current_value for position in positions) > 0
    assert {(group.asset_id, one.wallet, one.amount) for group in groups for one in group.holders} == {
        (tokens(3)[0], ANN.address, Decimal(10)),
        (tokens(3)[1], BOB.address, Decimal(40)),
    }
    assert [one.status for one in resolved] == [
        ResolutionStatus.RESOLVED,
        ResolutionStatus.RESOLVED,
        ResolutionStatus.INITIALIZED,
    ]
    assert [one.payouts for one in resolved] == [(Decimal(0), Decimal(1)), (Decimal(1), Decimal(0)), None]
    assert [str(one.condition_id) for one in asked] == [condition(2)]
    assert [str(one.condition_id) for one in of_event] == conditions[:2]


async def test_the_history_of_prices(hall: Hall) -> None:
    hall.crowd("BUY", 3_000, 10)
    hall.crowd("SELL", 4_000, 10)
    hall.later(30 * 60_000)
    async with hall.official() as client:
        hour = await every(client.list_price_history(asset_id=tokens(1)[0], interval="1h", page_size=4))
        coarse = await every(client.list_price_history(asset_id=tokens(1)[1], interval="max"))
        moment = await every(client.list_price_history(asset_id=tokens(1)[0], as_of=hour[0].timestamp))
    assert len(hour) == 30
    assert {(point.price, point.resolution_seconds) for point in hour} == {(Decimal("0.35"), 60)}
    assert {(point.price, point.resolution_seconds) for point in coarse} == {(Decimal("0.65"), 600)}
    assert [point.timestamp for point in moment] == [hour[0].timestamp]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"question_id": "0x1", "condition_id": "0x1"},
        {"condition_id": "won"},
        {"event_id": ",".join(map(str, range(1, 23)))},
    ],
)
async def test_resolutions_of_nothing_or_of_two_things_are_refused(hall: Hall, params: dict[str, str]) -> None:
    assert (await hall.refused("/v2/resolutions", **params))["code"] == "invalid_request"


async def test_what_is_not_served_says_so(hall: Hall) -> None:
    response = await hall.client.get("/data/v2/leaderboard")
    assert response.status_code == 501
    assert "data API" in response.json()["error"]
