"""Claims on what wallets did and traded, as the Data API shows it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.data import hall as halls
from exchange.data.hall import ANN, BOB, Hall, condition, tokens
from polywire.model.units import SIZE_ONE, TradeSide

pytestmark = pytest.mark.anyio


async def activity(hall: Hall, **params: Any) -> list[dict[str, Any]]:
    return await hall.rows("/v2/activity", **({"user": ANN.address} | params))


def kinds(rows: list[dict[str, Any]]) -> list[str]:
    return [row["type"] for row in rows]


async def test_a_trade_is_told_on_both_sides_each_as_its_wallets_own(hall: Hall) -> None:
    hall.place(BOB, "BUY", 4_000, 10)
    hall.place(ANN, "BUY", 6_500, 10, outcome=1)
    bought, rested = await hall.rows("/v2/trades", condition_id=condition(1))
    assert (rested["proxy_wallet"], bought["proxy_wallet"]) == (ANN.address, BOB.address)
    assert (rested["outcome"], rested["price"]) == ("No", Decimal("0.6"))
    assert (bought["side"], bought["outcome"], bought["size"], bought["price"]) == ("BUY", "Yes", 10, Decimal("0.4"))
    assert bought["transaction_hash"] == rested["transaction_hash"]
    assert await hall.rows("/v2/trades", condition_id=condition(1), taker_only=True) == [rested]
    assert await hall.rows("/v2/trades", user=BOB.address) == [bought]
    assert await hall.rows("/v2/trades", user=BOB.address, taker_only="true") == []


async def test_a_trade_of_several_prices_is_told_price_by_price(hall: Hall) -> None:
    hall.crowd("SELL", 4_000, 10)
    hall.crowd("SELL", 5_000, 10)
    hall.place(ANN, "BUY", 5_000, 20)
    rows = await hall.rows("/v2/trades", user=ANN.address)
    assert [(row["price"], row["size"]) for row in rows] == [(Decimal("0.5"), 10), (Decimal("0.4"), 10)]


async def test_the_cash_of_a_purchase_is_with_its_fee_and_of_a_sale_less_it(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 100)
    hall.filled(ANN, "SELL", 6_000, 100)
    sold, bought = await activity(hall)
    fee = Decimal("0.07") * 24  # of 100 shares at 0.4 or at 0.6
    assert (bought["price"], bought["usdc_size"]) == (Decimal("0.4"), 40 + fee)
    assert (sold["price"], sold["usdc_size"]) == (Decimal("0.6"), 60 - fee)


async def test_every_kind_of_activity_is_told_latest_first_or_oldest(hall: Hall) -> None:
    hall.filled(ANN, "BUY", 4_000, 10)
    hall.book.split(ANN.address, condition(1), 5 * SIZE_ONE)
    hall.book.merge(ANN.address, condition(1), 2 * SIZE_ONE)
    hall.resolve()
    hall.later(30_000)
    hall.book.set_collateral(ANN.address, 1_000_000)
    every = ["DEPOSIT", "TRADE", "SPLIT", "MERGE", "REDEEM", "REDEEM", "WITHDRAWAL"]
    assert kinds(await activity(hall, exclude_deposits_withdrawals=False)) == every[::-1]
    assert kinds(await activity(hall, exclude_deposits_withdrawals=False, sort_direction="ASC")) == every
    assert kinds(await activity(hall, sort_direction="ASC")) == every[1:-1]
    assert kinds(await activity(hall, type="DEPOSIT,SPLIT", sort_direction="ASC")) == ["DEPOSIT", "SPLIT"]
    assert kinds(await activity(hall, type="REWARD,TIP")) == []
    assert kinds(await activity(hall, type="REDEEM", start=1_790_000_030, end=1_790_000_030)) == ["REDEEM"] * 2
    assert kinds(await activity(hall, type="REDEEM", end=1_790_000_029)) == []
    assert kinds(await activity(hall, side="BUY")) == ["TRADE"]
    assert kinds(await activity(hall, event_id="2")) == []
    assert len(await activity(hall, event_id="1")) == 5


async def test_what_concerns_no_outcome_names_none_and_still_has_a_transaction(hall: Hall) -> None:
    hall.book.split(ANN.address, condition(1), 5 * SIZE_ONE)
    split, deposit = await activity(hall, exclude_deposits_withdrawals=False)
    assert (split["token_id"], split["outcome"], split["outcome_index"], split["side"]) == ("", "", 999, "")
    assert (split["size"], split["usdc_size"], split["title"]) == (5, 5, "Will number 1 win?")
    assert (deposit["condition_id"], deposit["title"]) == ("", "")
    assert split["transaction_hash"] != deposit["transaction_hash"]
    assert len(split["transaction_hash"]) == 66
    assert (await activity(hall))[0] == split, "it is the same every time"


async def test_only_large_trades_are_told_where_those_are_asked_for_on_every_page(hall: Hall) -> None:
    for shares in (5, 50, 6, 60, 7, 70):
        hall.filled(ANN, "BUY", 5_000, shares)
    large = await hall.rows("/v2/trades", user=ANN.address, filter_type="TOKENS", filter_amount=50, limit=1)
    assert [row["size"] for row in large] == [70, 60, 50]
    large = await hall.rows("/v2/trades", user=ANN.address, filter_type="CASH", filter_amount="30", limit=2)
    assert [row["size"] for row in large] == [70, 60]


async def test_what_happens_between_two_pages_is_not_told_twice(hall: Hall) -> None:
    for shares in range(5, 11):
        hall.filled(ANN, "BUY", 5_000, shares)
    first = await hall.data("/v2/trades", user=ANN.address, limit=3)
    hall.filled(ANN, "BUY", 5_000, 99)
    rest = await hall.data("/v2/trades", user=ANN.address, cursor=first["pagination"]["next_cursor"])
    assert rest["pagination"] == {"limit": 3, "offset": 0, "has_more": False, "next_cursor": None}
    assert [row["size"] for row in first["data"] + rest["data"]] == [10, 9, 8, 7, 6, 5]


async def test_an_offset_leaves_out_the_first_rows(hall: Hall) -> None:
    for shares in range(5, 11):
        hall.filled(ANN, "BUY", 5_000, shares)
    answer = await hall.data("/v2/trades", user=ANN.address, limit=2, offset=3)
    assert [row["size"] for row in answer["data"]] == [7, 6]
    assert answer["pagination"]["offset"] == 3
    assert answer["pagination"]["has_more"] is True


@pytest.mark.parametrize(
    ("path", "params", "parameter"),
    [
        ("/v2/activity", {}, "user"),
        ("/v2/activity", {"user": ANN.address, "type": "THEFT"}, "type"),
        ("/v2/activity", {"user": ANN.address, "sort_by": "CASH"}, "sort_by"),
        ("/v2/activity", {"user": ANN.address, "sort_direction": "UP"}, "sort_direction"),
        ("/v2/activity", {"user": ANN.address, "side": "BOTH"}, "side"),
        ("/v2/trades", {"taker_only": "perhaps"}, "taker_only"),
        ("/v2/trades", {"user": "0x12"}, "user"),
        ("/v2/value", {}, "user"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_by_the_name_of_its_parameter(
    hall: Hall, path: str, params: dict[str, str], parameter: str
) -> None:
    assert (await hall.refused(path, **params))["parameter"] == parameter


async def test_a_cursor_of_another_list_is_refused(hall: Hall) -> None:
    for shares in (5, 6):
        hall.filled(ANN, "BUY", 5_000, shares)
    cursor = (await hall.data("/v2/trades", user=ANN.address, limit=1))["pagination"]["next_cursor"]
    assert (await hall.refused("/v2/activity", user=ANN.address, cursor=cursor))["parameter"] == "cursor"


deeds = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL", "split", "merge"]),
        st.integers(1, 3),
        st.integers(0, 1),
        st.integers(20, 99),  # cents: what is bought costs the venue's least dollar at any size
        st.integers(5_000_000, 90_000_000),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=15, deadline=None)
@given(deeds)
async def test_a_wallets_history_adds_up_to_what_it_holds_and_each_list_to_itself_page_by_page(
    done: list[tuple[str, int, int, int, int]],
) -> None:
    async with halls.hall() as hall:
        before = hall.book.wallet(ANN.address).collateral
        for what, market, outcome, cents, units in done:
            _do(hall, what, market, outcome, cents * 100, units)
        lines = await activity(hall, limit=3)
        assert lines == await activity(hall, limit=1_000)
        rows = await activity(hall, limit=2, sort_direction="ASC")
        assert rows == lines[::-1]
        positions = [
            row
            for status in ({}, {"status": "CLOSED"})
            for row in await hall.rows("/v2/positions", user=ANN.address, limit=1, filter_amount=0, **status)
        ]
        whole = [
            row
            for status in ({}, {"status": "CLOSED"})
            for row in (await hall.data("/v2/positions", user=ANN.address, filter_amount=0, **status))["data"]
        ]
        assert positions == whole
        assert len({row["token_id"] for row in positions}) == len(positions)
        signs = {"BUY": -1, "SELL": 1, "SPLIT": -1, "MERGE": 1}
        cash = sum(row["usdc_size"] * signs[row["side"] or row["type"]] for row in lines)
        assert before + cash * SIZE_ONE == hall.book.wallet(ANN.address).collateral
        went_in = sum(row["usdc_size"] for row in lines if row["side"] == "BUY" or row["type"] == "SPLIT")
        assert cash <= went_in
        for row in positions:
            shares = {"BUY": 1, "SELL": -1}
            of_token = sum(line["size"] * shares[line["side"]] for line in lines if line["token_id"] == row["token_id"])
            of_pairs = sum(
                line["size"] * -signs[line["type"]]
                for line in lines
                if not line["token_id"] and line["condition_id"] == row["condition_id"]
            )
            assert row["current_size"] == of_token + of_pairs


def _do(hall: Hall, what: str, market: int, outcome: int, price: int, units: int) -> None:
    held = min(hall.book.shares(ANN.address, token) for token in tokens(market))
    if what == "split":
        hall.book.split(ANN.address, condition(market), units)
    elif what == "merge":
        if held:
            hall.book.merge(ANN.address, condition(market), min(units, held))
    else:
        side: TradeSide = "BUY" if what == "BUY" else "SELL"
        units -= units % 10_000  # whole hundredths of a share: what orders are made of
        owned = hall.book.shares(ANN.address, tokens(market)[outcome])
        if side == "SELL" and owned < units:
            return
        hall.crowd("SELL" if side == "BUY" else "BUY", price, 100, of=market, outcome=outcome)
        hall.place(ANN, side, price, 0, of=market, outcome=outcome, units=units)
        hall.venue.cancel_all("maker")
