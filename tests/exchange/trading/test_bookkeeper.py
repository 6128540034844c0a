"""What users do is put down before anybody is told, and adds up to the unit."""

import pytest

from exchange import venues
from exchange.trading import desks
from exchange.trading.desks import ANN, BOB, GRANT, Floor
from exchange.venues import CONDITION, NO, START_MS, USDC, YES
from polywire.core.matching.orders import OrderKind
from polywire.errors import Misuse
from polywire.exchange.answers import Refused
from polywire.exchange.trading import open_orders
from polywire.exchange.trading.records import Activity, ActivityKind, ApiKey, OrderState, TradeState, UserOrder
from polywire.exchange.trading.store import ActivityQuery, TradeQuery
from polywire.model.units import SIZE_ONE, TokenId

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def activity_of(floor: Floor, account: str) -> list[Activity]:
    return await floor.store.activity(ActivityQuery(account=account, oldest_first=True))


async def test_a_wallet_is_granted_its_money_once() -> None:
    async with desks.floor() as floor:
        assert floor.book.wallet("0xa1").collateral == floor.book.wallet("0xa1").collateral == GRANT
        assert [wallet.account for wallet in floor.book.wallets()] == ["0xa1"]
        (line,) = await activity_of(floor, "0xa1")
        assert (line.kind, line.amount) == (ActivityKind.DEPOSIT, GRANT)


async def test_an_order_that_rests_is_told_kept_and_cancelled() -> None:
    async with desks.floor() as floor:
        placed = floor.place(ANN, "BUY", 4_000, 100)
        assert (placed.order.state, placed.order.rested, placed.trades) == (OrderState.LIVE, 100 * SIZE_ONE, [])
        assert [order.id for order in floor.book.open_orders(ANN.address)] == ["0x1"]
        assert [(key, what) for key, what, _ in await floor.heard()] == [("ann-key", "PLACEMENT")]
        assert floor.book.cancel("0x1", BOB.address) is not None  # somebody else's
        assert floor.book.cancel("0x1", ANN.address) is None
        assert floor.book.cancel("0x1", ANN.address) == "order can't be found - already canceled or matched"
        assert [(key, what) for key, what, _ in await floor.heard()] == [("ann-key", "CANCELLATION")]
        kept = await floor.store.order("0x1")
        assert kept is not None
        assert (kept.state, kept.ended_ms) == (OrderState.CANCELED, START_MS)
        assert floor.book.open_orders(ANN.address) == []


async def test_a_taker_that_meets_two_prices_has_two_trades_in_one_transaction() -> None:
    async with desks.floor() as floor:
        floor.crowd("SELL", 5_000, 10)
        floor.crowd("BUY", 4_900, 20, token=NO)  # sells YES at 0.51
        placed = floor.place(ANN, "BUY", 5_200, 30)
        one, two = placed.trades
        assert [(trade.price, trade.size, trade.cost) for trade in placed.trades] == [
            (5_000, 10 * SIZE_ONE, 5 * USDC),
            (5_100, 20 * SIZE_ONE, 10_200_000),
        ]
        assert one.hash == two.hash
        assert one.id != two.id
        assert (placed.order.state, placed.order.matched, placed.order.trades) == (
            OrderState.MATCHED,
            30 * SIZE_ONE,
            (one.id, two.id),
        )
        told = await floor.heard()
        assert [what for _, what, _ in told] == ["PLACEMENT", "trade MATCHED", "UPDATE", "trade MATCHED", "UPDATE"]
        assert [one["size_matched"] for _, what, one in told if what != "trade MATCHED"] == ["0", "10", "30"]
        fee = one.fee + two.fee
        assert floor.venue.engine.collateral("0xa1") == GRANT - 15_200_000 - fee
        position = floor.book.positions("0xa1")[YES].position
        assert (position.size, position.cost, position.fees) == (30 * SIZE_ONE, 15_200_000, fee)


async def test_a_user_who_rests_is_told_of_each_fill_and_a_user_on_both_sides_of_both() -> None:
    async with desks.floor() as floor:
        floor.place(ANN, "BUY", 4_000, 100)
        await floor.heard()
        floor.crowd("SELL", 4_000, 30, kind=OrderKind.FAK)
        told = await floor.heard()
        assert [(key, what) for key, what, _ in told] == [("ann-key", "trade MATCHED"), ("ann-key", "UPDATE")]
        assert (told[0][2]["trader_side"], told[1][2]["size_matched"], told[1][2]["status"]) == ("MAKER", "30", "LIVE")
        placed = floor.place(BOB, "BUY", 6_000, 70, token=NO)  # the other outcome: together they make a pair
        assert placed.order.state is OrderState.MATCHED
        told = await floor.heard()
        assert [(key, what) for key, what, _ in told] == [
            ("bob-key", "PLACEMENT"),
            ("bob-key", "trade MATCHED"),
            ("ann-key", "trade MATCHED"),
            ("bob-key", "UPDATE"),
            ("ann-key", "UPDATE"),
        ]
        assert told[-1][2]["status"] == "MATCHED"
        assert len(await floor.store.trades(TradeQuery(keys=["ann-key"]))) == 2
        assert len(await floor.store.trades(TradeQuery(keys=["bob-key"]))) == 1
        assert floor.book.holders(CONDITION)[0].position.size == 100 * SIZE_ONE


async def test_an_answer_names_its_orders_own_trades_though_others_trade_while_it_waits() -> None:
    """An answer is written once its rows are on disk; by then others have traded."""
    async with desks.floor() as floor:
        floor.place(BOB, "BUY", 3_000, 50)
        placed = floor.place(ANN, "BUY", 4_000, 100)
        floor.crowd("SELL", 4_000, 30, kind=OrderKind.FAK)
        floor.crowd("SELL", 3_000, 90, kind=OrderKind.FAK)
        await floor.store.kept()
        assert placed.trades == []


async def test_a_refused_order_changes_nothing_and_a_killed_one_is_told_as_the_venue_does() -> None:
    async with desks.floor() as floor:
        floor.book.wallet(ANN.address)
        before = floor.venue.engine.digest()
        with pytest.raises(Refused, match="lower than the minimum: 5"):
            floor.place(ANN, "BUY", 4_000, 1)
        with pytest.raises(
            Refused, match="not enough balance / allowance: the balance is not enough -> balance: 1000000000"
        ):
            floor.place(ANN, "BUY", 4_000, 10_000)
        with pytest.raises(Refused, match="FOK orders are fully filled or killed"):
            floor.place(ANN, "BUY", 4_000, 50, kind=OrderKind.FOK, spend=20 * USDC)
        floor.mishaps.on.add("blank-size-matched")
        with pytest.raises(Refused, match="FOK orders are fully filled or killed"):
            floor.place(ANN, "BUY", 4_000, 50, kind=OrderKind.FOK, spend=20 * USDC)
        (_, what, plain), (_, _, blank) = await floor.heard()
        assert (what, plain["size_matched"], blank["size_matched"], blank["outcome"]) == ("CANCELLATION", "0", "", "")
        assert plain["status"] == "CANCELED_order couldn't be fully filled. FOK orders are fully filled or killed."
        assert floor.venue.engine.digest() == before
        assert floor.book.open_orders(ANN.address) == []


async def test_an_order_is_taken_once_whatever_became_of_it() -> None:
    async with desks.floor() as floor:
        floor.place(ANN, "BUY", 4_000, 100, order_id="0xsame")
        floor.book.cancel("0xsame", ANN.address)
        with pytest.raises(Refused, match=r"order 0xsame is invalid\. Duplicated\."):
            floor.place(ANN, "BUY", 4_000, 100, order_id="0xsame")


async def test_an_order_that_is_not_known_by_heart_any_more_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_orders, "REMEMBERED", 2)
    async with desks.floor() as floor:
        for _ in range(3):
            floor.place(ANN, "BUY", 1_000, 10)
        floor.book.cancel("0x1", ANN.address)
        asked: list[str] = []
        look_up = floor.store.order

        async def noted(order_id: str) -> UserOrder | None:
            asked.append(order_id)
            return await look_up(order_id)

        monkeypatch.setattr(floor.store, "order", noted)
        assert [await floor.book.took(order_id) for order_id in ("0x1", "0x3", "0xnever")] == [True, True, False]
        assert asked == ["0x1", "0xnever"]


async def test_what_is_left_of_an_order_that_takes_what_there_is_is_gone() -> None:
    async with desks.floor() as floor:
        floor.crowd("SELL", 5_000, 10)
        placed = floor.place(ANN, "BUY", 5_000, 40, kind=OrderKind.FAK, spend=20 * USDC)
        assert (placed.order.state, placed.order.matched) == (OrderState.MATCHED, 10 * SIZE_ONE)
        assert placed.order.ended_ms == START_MS
        assert floor.book.open_orders(ANN.address) == []
        kept = await floor.store.order(placed.order.id)
        assert kept is not None
        assert kept.ended_ms == START_MS


async def test_orders_end_by_time_by_lack_of_money_and_by_a_resolution_and_say_so() -> None:
    async with desks.floor(redeem_after_ms=None) as floor:
        expires_s = START_MS // 1_000 + 200
        floor.place(ANN, "BUY", 1_000, 10, kind=OrderKind.GTD, expires_s=expires_s)
        floor.place(ANN, "BUY", 2_000, 2_000)
        floor.venue.list_market(venues.market(2, tokens=("81", "82")))
        floor.place(ANN, "BUY", 8_000, 700, token=TokenId("81"))
        floor.place(BOB, "BUY", 2_000, 100)
        await floor.heard()
        floor.venue.clock.step(140_000)
        assert [order.id for order in floor.book.open_orders(ANN.address)] == ["0x2", "0x3"]
        assert [one["status"] for _, _, one in await floor.heard()] == ["CANCELED_EXPIRED_ORDER"]
        floor.crowd("SELL", 9_000, 700)
        floor.place(ANN, "BUY", 9_000, 0, kind=OrderKind.FAK, spend=500 * USDC)  # promised to the other market too
        told = await floor.heard()
        assert ("0x3", "CANCELED_NOT_ENOUGH_BALANCE") in [(one["id"], one["status"]) for _, _, one in told]
        floor.venue.resolve(CONDITION, YES)
        told = await floor.heard()
        assert {(key, one["status"]) for key, _, one in told} == {
            ("ann-key", "CANCELED_MARKET_RESOLVED"),
            ("bob-key", "CANCELED_MARKET_RESOLVED"),
        }


async def test_a_trade_is_settled_in_its_time_and_each_step_is_told() -> None:
    async with desks.floor() as floor:
        floor.crowd("SELL", 5_000, 10)
        (trade,) = floor.place(ANN, "BUY", 5_000, 10).trades
        await floor.heard()
        assert floor.book.next_ms() == START_MS + 1_500
        floor.later(1_500)
        floor.later(2_500)
        told = await floor.heard()
        assert [(what, one["id"]) for _, what, one in told] == [
            ("trade MINED", trade.id),
            ("trade CONFIRMED", trade.id),
        ]
        (kept,) = await floor.store.trades(TradeQuery(keys=["ann-key"], id=trade.id))
        assert (kept.state, kept.changed_ms) == (TradeState.CONFIRMED, START_MS + 4_000)
        assert floor.book.next_ms() is None


async def test_a_ghost_fill_is_undone_to_the_unit_and_leaves_no_line() -> None:
    async with desks.floor() as floor:
        floor.crowd("SELL", 5_000, 10)
        floor.place(ANN, "BUY", 5_000, 5)
        money, position = floor.venue.engine.collateral("0xa1"), floor.book.positions("0xa1")[YES].position
        lines = await activity_of(floor, "0xa1")
        floor.mishaps.on.add("ghost-fill")
        floor.place(ANN, "BUY", 5_000, 5)
        floor.mishaps.on.clear()
        assert floor.book.positions("0xa1")[YES].position.size == 10 * SIZE_ONE
        await floor.heard()
        floor.later(1_500)
        assert [what for _, what, _ in await floor.heard()] == ["trade MINED", "trade FAILED"]
        assert floor.venue.engine.collateral("0xa1") == money
        assert floor.book.positions("0xa1")[YES].position == position
        assert await activity_of(floor, "0xa1") == lines
        assert floor.book.shares("0xa1", YES) == 5 * SIZE_ONE


async def test_a_ghost_fill_whose_shares_are_gone_is_settled_after_all() -> None:
    async with desks.floor() as floor:
        floor.crowd("SELL", 5_000, 10)
        floor.mishaps.on.add("ghost-fill")
        floor.place(ANN, "BUY", 5_000, 10)
        floor.mishaps.on.clear()
        floor.crowd("BUY", 4_900, 10)
        floor.place(ANN, "SELL", 4_900, 10)
        money = floor.money()
        floor.later(1_500)
        floor.later(60_000)
        trades = await floor.store.trades(TradeQuery(keys=["ann-key"]))
        assert [trade.state for trade in trades] == [TradeState.CONFIRMED, TradeState.CONFIRMED]
        assert floor.money() == money


async def test_shares_of_a_resolved_market_are_redeemed_after_a_while() -> None:
    async with desks.floor() as floor:
        floor.book.split("0xa1", CONDITION, 100 * SIZE_ONE)
        floor.crowd("BUY", 3_000, 40)
        floor.place(ANN, "SELL", 3_000, 40)
        money = floor.venue.engine.collateral("0xa1")
        floor.venue.resolve(CONDITION, YES)
        with pytest.raises(Misuse, match="no market with condition 0xother"):
            floor.book.redeem("0xa1", "0xother")  # type: ignore[arg-type]  # whatever a client wrote
        floor.later(29_999)
        assert floor.venue.engine.collateral("0xa1") == money
        floor.later(1)
        assert floor.venue.engine.collateral("0xa1") == money + 60 * USDC
        assert [holding.position.size for holding in floor.book.positions("0xa1").values()] == [0, 0]
        redeemed = [line for line in await activity_of(floor, "0xa1") if line.kind is ActivityKind.REDEEM]
        assert [(line.token, line.size, line.amount) for line in redeemed] == [
            (YES, 60 * SIZE_ONE, 60 * USDC),
            (NO, 100 * SIZE_ONE, 0),
        ]
        assert floor.book.redeem("0xa1", CONDITION) == 0


async def test_money_is_set_split_and_merged_by_hand_and_refused_with_the_numbers() -> None:
    async with desks.floor() as floor:
        floor.book.set_collateral("0xa1", 50 * USDC)
        floor.book.split("0xa1", CONDITION, 20 * SIZE_ONE)
        floor.book.merge("0xa1", CONDITION, 5 * SIZE_ONE)
        assert floor.venue.engine.collateral("0xa1") == 35 * USDC
        assert floor.book.positions("0xa1")[NO].position.size == 15 * SIZE_ONE
        with pytest.raises(Misuse, match="20 shares of both outcomes asked for, 15"):
            floor.book.merge("0xa1", CONDITION, 20 * SIZE_ONE)
        with pytest.raises(Misuse, match="is not resolved"):
            floor.book.redeem("0xa1", CONDITION)
        floor.place(ANN, "BUY", 5_000, 60)
        with pytest.raises(Misuse):
            floor.book.set_collateral("0xa1", 29 * USDC)
        floor.book.set_collateral("0xa1", 30 * USDC)
        assert floor.book.wallet("0xa1").granted == 45 * USDC  # 50 in, 5 out; 15 are in pairs


async def test_cancelling_by_market_token_key_or_all_leaves_the_others_alone() -> None:
    async with desks.floor() as floor:
        other_key = ApiKey("ann-second", ANN.address, 1, 1)
        floor.place(ANN, "BUY", 4_000, 10)
        floor.place(ANN, "BUY", 3_000, 10, token=NO)
        floor.place(other_key, "BUY", 3_500, 10)
        floor.place(BOB, "BUY", 3_500, 10)
        assert floor.book.cancel_all(ANN.address, token=NO) == ["0x2"]
        assert floor.book.cancel_key("ann-second") == ["0x3"]
        assert floor.book.cancel_all(ANN.address, condition="0xother") == []
        assert floor.book.cancel_all(ANN.address) == ["0x1"]
        assert [order.id for order in floor.book.open_orders(BOB.address)] == ["0x4"]
