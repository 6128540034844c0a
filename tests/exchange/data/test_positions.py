"""Claims on what wallets hold, as the Data API shows it."""

from decimal import Decimal
from typing import Any

import pytest

from exchange.data.hall import ANN, BOB, Hall, condition, tokens
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio


async def positions(hall: Hall, **params: Any) -> list[dict[str, Any]]:
    return await hall.rows("/v2/positions", **({"user": ANN.address} | params))


def outcomes(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(row["condition_id"], row["outcome_index"]) for row in rows]


async def test_a_bought_position_is_told_with_what_it_cost_and_what_it_is_worth(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 100)
    hall.crowd("BUY", 4_800, 10)
    hall.crowd("SELL", 5_200, 10)
    (row,) = await positions(hall)
    fee = Decimal(100) * Decimal("0.07") * Decimal("0.4") * Decimal("0.6")
    assert row["entry_fees_usdc"] == fee
    assert row["total_cost_usdc"] == 40 + fee
    assert {name: row[name] for name in row if name not in {"entry_fees_usdc", "total_cost_usdc"}} == {
        "proxy_wallet": ANN.address,
        "token_id": tokens(1)[0],
        "condition_id": condition(1),
        "current_size": 100,
        "avg_price": Decimal("0.4"),
        "entry_cost_usdc": 40,
        "current_price": Decimal("0.5"),
        "current_value": 50,
        "total_size": 100,
        "realized_pnl": 0,
        "unrealized_pnl": 10,
        "total_pnl": 10,
        "percent_pnl": 25,
        "percent_realized_pnl": 0,
        "status": "OPEN",
        "redeemable": False,
        "mergeable": False,
        "negative_risk": False,
        "archived": False,
        "title": "Will number 1 win?",
        "slug": "market-1",
        "icon": "",
        "event_id": "1",
        "event_slug": "event-1",
        "outcome": "Yes",
        "outcome_index": 0,
        "opposite_outcome": "No",
        "opposite_token_id": tokens(1)[1],
        "end_date": "2026-09-21",
        "first_entry_at": 1_790_000_000,
        "last_event_at": 1_790_000_000,
        "name": "",
        "profile_image": "",
        "verified": False,
    }


async def test_selling_part_realizes_its_gain_and_keeps_the_average_price(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 100)
    hall.later(5_000)
    hall.filled(ANN, "SELL", 6_000, 25)
    (row,) = await positions(hall)
    fee = Decimal(25) * Decimal("0.07") * Decimal("0.6") * Decimal("0.4")
    assert (row["current_size"], row["avg_price"], row["entry_cost_usdc"]) == (75, Decimal("0.4"), 30)
    assert row["realized_pnl"] == 15 - 10 - fee
    assert row["percent_realized_pnl"] == (5 - fee) * 10
    assert (row["first_entry_at"], row["last_event_at"]) == (1_790_000_000, 1_790_000_005)


async def test_a_loss_is_a_number_below_nothing(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 6_000, 10)
    hall.crowd("BUY", 2_000, 10)
    hall.crowd("SELL", 3_000, 10)
    (row,) = await positions(hall)
    assert (row["unrealized_pnl"], row["percent_pnl"]) == (Decimal("-3.5"), Decimal("-58.3333333333"))


async def test_a_position_goes_from_open_to_redeemable_to_closed(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 10)
    assert [row["status"] for row in await positions(hall, status="OPEN")] == ["OPEN"]
    hall.resolve()
    assert await positions(hall, status="OPEN") == []
    (row,) = await positions(hall, status="REDEEMABLE")
    assert (row["status"], row["redeemable"], row["current_price"], row["current_value"]) == ("REDEEMABLE", True, 1, 10)
    assert await positions(hall, status="CLOSED") == []
    hall.later(30_000)  # everyone's shares are redeemed
    assert await positions(hall) == []
    (row,) = await positions(hall, status="CLOSED")
    assert (row["status"], row["current_size"], row["realized_pnl"], row["total_size"]) == ("CLOSED", 0, 6, 10)


async def test_what_lost_is_redeemable_and_can_be_asked_for_alone(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 10)
    hall.filled(ANN, "BUY", 4_000, 10, of=2)
    hall.resolve(1, winner=1)
    hall.resolve(2, winner=0)
    both = await positions(hall, status="REDEEMABLE")
    assert outcomes(both) == [(condition(2), 0), (condition(1), 0)]
    (row,) = await positions(hall, status="REDEEMABLE_LOST")
    assert (row["condition_id"], row["status"], row["current_value"]) == (condition(1), "REDEEMABLE", 0)


async def test_both_outcomes_together_are_mergeable(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 10, of=2)
    hall.book.split(ANN.address, condition(1), 20 * SIZE_ONE)
    rows = await positions(hall, status="MERGEABLE")
    assert sorted(outcomes(rows)) == [(condition(1), 0), (condition(1), 1)]
    assert all(row["mergeable"] and row["status"] == "OPEN" for row in rows)


async def test_dust_is_hidden_unless_it_is_asked_for(hall: Hall) -> None:
    hall.book.split(ANN.address, condition(1), 99_999)
    hall.book.split(ANN.address, condition(2), 100_000)
    assert sorted(outcomes(await positions(hall))) == [(condition(2), 0), (condition(2), 1)]
    assert len(await positions(hall, filter_amount=0)) == 4
    assert await positions(hall, filter_type="CASH") == []
    assert len(await positions(hall, filter_type="CASH", filter_amount=0.05)) == 2


async def test_a_title_of_many_wildcards_is_looked_for_in_no_time(hall: Hall) -> None:
    """Taken for a pattern that may try again, it would keep the exchange busy for years."""
    hall.book.split(ANN.address, condition(1), 5 * SIZE_ONE)
    assert await positions(hall, title="%_" * 7 + "~") == []
    assert await positions(hall, title="%_" * 99) == []
    assert len(await positions(hall, title="%_%w_n%")) == 2


async def test_positions_are_found_by_market_event_title_and_time(hall: Hall) -> None:
    for number in (1, 2, 3):
        hall.filled(ANN, "BUY", 4_000, 10 * number, of=number)
        hall.later(1_000)
    assert outcomes(await positions(hall, sort_by="TOKENS")) == [(condition(n), 0) for n in (3, 2, 1)]
    assert outcomes(await positions(hall, sort_by="TIMESTAMP", sort_direction="ASC")) == [
        (condition(n), 0) for n in (1, 2, 3)
    ]
    wanted = f"{condition(1)},{condition(3)}"
    assert {row["condition_id"] for row in await positions(hall, condition_id=wanted)} == {condition(1), condition(3)}
    assert {row["event_id"] for row in await positions(hall, event_id="2")} == {"2"}
    assert await positions(hall, event_id="77") == []
    assert outcomes(await positions(hall, title="NUMBER 2")) == [(condition(2), 0)]
    assert outcomes(await positions(hall, title="number _ w%n", sort_by="TOKENS")) == [
        (condition(n), 0) for n in (3, 2, 1)
    ]
    assert outcomes(await positions(hall, start=1_790_000_001, end=1_790_000_001)) == [(condition(2), 0)]


async def test_a_markets_positions_are_told_without_a_wallet(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 10)
    hall.filled(BOB, "BUY", 4_000, 20, outcome=1)
    rows = await hall.rows("/v2/positions", condition_id=condition(1), sort_by="TOKENS")
    assert [(row["proxy_wallet"], row["current_size"]) for row in rows] == [(BOB.address, 20), (ANN.address, 10)]
    hall.filled(ANN, "SELL", 4_000, 10)
    (row,) = await hall.rows("/v2/positions", condition_id=condition(1), status="CLOSED")
    assert row["proxy_wallet"] == ANN.address


async def test_value_is_what_all_shares_are_worth_to_the_unit(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 10)
    hall.book.split(ANN.address, condition(2), 3_333_333)
    rows = await positions(hall, filter_amount=0)
    value = await hall.data("/v2/value", user=ANN.address.upper().replace("X", "x"))
    assert value == {"data": {"proxy_wallet": ANN.address, "value": sum(row["current_value"] for row in rows)}}
    of_one = await hall.data("/v2/value", user=ANN.address, condition_id=condition(2))
    assert of_one["data"]["value"] == sum(r["current_value"] for r in rows if r["condition_id"] == condition(2))
    assert (await hall.data("/v2/value", user=BOB.address))["data"]["value"] == 0


async def test_holders_are_the_users_who_hold_a_market_largest_first(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 10)
    hall.filled(BOB, "BUY", 4_000, 20)
    hall.filled(BOB, "BUY", 5_000, 7, outcome=1)
    yes, no = (await hall.data("/v2/holders", condition_id=condition(1)))["data"]
    assert [(one["proxy_wallet"], one["amount"]) for one in yes["holders"]] == [(BOB.address, 20), (ANN.address, 10)]
    assert (no["token_id"], [one["amount"] for one in no["holders"]]) == (tokens(1)[1], [7])
    (only,) = (await hall.data("/v2/holders", condition_id=condition(1), min_balance=15, include_pnl=True))["data"]
    (row,) = only["holders"]
    assert (row["amount"], row["avg_price"], row["entry_cost_usdc"]) == (20, Decimal("0.4"), 8)
    assert row["total_pnl"] == row["current_value"] - 8


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({}, "user"),
        ({"user": "ann"}, "user"),
        ({"user": "0x" + "g" * 40}, "user"),
        ({"condition_id": f"{condition(1)},{condition(2)}"}, "user"),
        ({"condition_id": condition(1), "status": "MERGEABLE"}, "user"),
        ({"user": ANN.address, "status": "LOST"}, "status"),
        ({"user": ANN.address, "status": "CLOSED", "include_archived": "true"}, "include_archived"),
        ({"user": ANN.address, "condition_id": "market"}, "condition_id"),
        ({"user": ANN.address, "condition_id": ",".join(map(condition, range(21)))}, "condition_id"),
        ({"user": ANN.address, "condition_id": condition(1), "event_id": "1"}, "event_id"),
        ({"user": ANN.address, "event_id": "one"}, "event_id"),
        ({"user": ANN.address, "title": "x" * 201}, "title"),
        ({"user": ANN.address, "filter_amount": "-1"}, "filter_amount"),
        ({"user": ANN.address, "filter_amount": "nan"}, "filter_amount"),
        ({"user": ANN.address, "filter_amount": "much"}, "filter_amount"),
        ({"user": ANN.address, "filter_type": "GOLD"}, "filter_type"),
        ({"user": ANN.address, "sort_by": "LUCK"}, "sort_by"),
        ({"user": ANN.address, "start": "yesterday"}, "start"),
        ({"user": ANN.address, "start": "9" * 30}, "start"),
        ({"user": ANN.address, "limit": "0"}, "limit"),
        ({"user": ANN.address, "limit": "1001"}, "limit"),
        ({"user": ANN.address, "limit": "1.5"}, "limit"),
        ({"user": ANN.address, "offset": "10001"}, "offset"),
        ({"user": ANN.address, "cursor": "?"}, "cursor"),
        ({"user": ANN.address, "include_archived": "maybe", "status": "CLOSED"}, "include_archived"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_by_the_name_of_its_parameter(
    hall: Hall, params: dict[str, str], parameter: str
) -> None:
    body = await hall.refused("/v2/positions", **params)
    assert body["parameter"] == parameter
    assert body["code"] == "invalid_request"
    assert body["retryable"] is False
    assert body["error"]
    assert len(body["trace_id"]) == 32
    assert set(body) == {"error", "code", "parameter", "retryable", "trace_id"}


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({}, "condition_id"),
        ({"condition_id": f"{condition(1)},{condition(2)}", "include_pnl": "true"}, "include_pnl"),
        ({"condition_id": condition(1), "include_pnl": "true", "limit": "101"}, "limit"),
    ],
)
async def test_holders_are_refused_by_the_name_of_the_parameter(
    hall: Hall, params: dict[str, str], parameter: str
) -> None:
    assert (await hall.refused("/v2/holders", **params))["parameter"] == parameter
