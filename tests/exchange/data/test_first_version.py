"""Claims on the Data API's first version, which older clients read."""

from decimal import Decimal
from typing import Any

import pytest

from exchange.data.hall import ANN, BOB, Hall, condition, tokens
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio


async def rows(hall: Hall, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await hall.data(path, **({"user": ANN.address} | params))
    return found


async def test_positions_are_a_bare_array_with_the_same_numbers_as_the_second_version(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 5_500, 150)
    hall.crowd("BUY", 5_900, 10)
    hall.crowd("SELL", 6_100, 10)
    (row,) = await rows(hall, "/positions")
    assert row == {
        "proxyWallet": ANN.address,
        "asset": tokens(1)[0],
        "conditionId": condition(1),
        "size": 150,
        "avgPrice": Decimal("0.55"),
        "initialValue": Decimal("82.5"),
        "currentValue": 90,
        "cashPnl": Decimal("7.5"),
        "percentPnl": Decimal("9.0909090909"),
        "totalBought": 150,
        "realizedPnl": 0,
        "percentRealizedPnl": 0,
        "curPrice": Decimal("0.6"),
        "redeemable": False,
        "mergeable": False,
        "title": "Will number 1 win?",
        "slug": "market-1",
        "icon": "",
        "eventSlug": "event-1",
        "outcome": "Yes",
        "outcomeIndex": 0,
        "oppositeOutcome": "No",
        "oppositeAsset": tokens(1)[1],
        "negativeRisk": False,
        "endDate": "2026-09-21T14:13:20Z",
    }
    assert await rows(hall, "/value") == [{"user": ANN.address, "value": 90}]
    assert await rows(hall, "/value", market=condition(2)) == [{"user": ANN.address, "value": 0}]


async def test_positions_are_filtered_sorted_and_paged_by_offset(hall: Hall) -> None:
    for number in (1, 2, 3):
        hall.filled(ANN, "BUY", 5_000, 10 * number, of=number)
    hall.book.split(ANN.address, condition(1), SIZE_ONE // 2)

    async def sizes(**params: Any) -> list[Decimal]:
        return [row["size"] for row in await rows(hall, "/positions", **params)]

    assert await sizes() == [30, 20, Decimal("10.5")]
    assert await sizes(sizeThreshold=0.1) == [30, 20, Decimal("10.5"), Decimal("0.5")]
    assert await sizes(limit=1, offset=1) == [20]
    assert await sizes(limit=9_999, sortDirection="ASC") == [Decimal("10.5"), 20, 30]
    assert await sizes(sortBy="TITLE", sortDirection="ASC") == [Decimal("10.5"), 20, 30]
    assert await sizes(sortBy="INITIAL") == [30, 20, Decimal("10.5")]
    assert await sizes(market=condition(2)) == [20]
    assert await sizes(mergeable=True) == [Decimal("10.5")]
    hall.resolve(2)
    assert await sizes(redeemable=True) == [20]
    assert await sizes(redeemable="false") == [30, Decimal("10.5")]


async def test_trades_are_those_a_wallet_took_unless_all_are_asked_for(hall: Hall) -> None:
    hall.place(BOB, "BUY", 4_000, 10)
    hall.place(ANN, "BUY", 6_500, 10, outcome=1)
    (took,) = await rows(hall, "/trades")
    assert (took["proxyWallet"], took["asset"], took["conditionId"]) == (ANN.address, tokens(1)[1], condition(1))
    assert await rows(hall, "/trades", user=BOB.address) == []
    (rested,) = await rows(hall, "/trades", user=BOB.address, takerOnly="false")
    assert (rested["side"], rested["price"], rested["size"]) == ("BUY", Decimal("0.4"), 10)
    assert await rows(hall, "/trades", filterType="CASH", filterAmount=50) == []
    assert await rows(hall, "/trades", user="", market=condition(1), side="BUY") == [took]


async def test_activity_is_told_in_camel_case(hall: Hall) -> None:
    hall.book.split(ANN.address, condition(1), 5 * SIZE_ONE)
    split, deposit = await rows(hall, "/activity")
    assert (split["type"], split["usdcSize"], split["outcomeIndex"]) == ("SPLIT", 5, 999)
    assert (deposit["type"], deposit["usdcSize"]) == ("DEPOSIT", 10_000)
    assert [row["type"] for row in await rows(hall, "/activity", sortDirection="ASC")] == ["DEPOSIT", "SPLIT"]
    assert await rows(hall, "/activity", type="TRADE") == []


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/positions", {}),
        ("/positions", {"user": ANN.address, "sortBy": "LUCK"}),
        ("/trades", {"user": "ann"}),
        ("/activity", {"user": ANN.address, "type": "THEFT"}),
        ("/value", {"user": "0x"}),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_in_one_sentence(
    hall: Hall, path: str, params: dict[str, str]
) -> None:
    assert list(await hall.refused(path, **params)) == ["error"]
