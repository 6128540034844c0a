"""`exchange.trading.restoring`: a venue that begins again with a file goes on as if it had never ended."""

from pathlib import Path

import msgspec
import pytest

from exchange import venues
from exchange.trading import desks
from exchange.trading.desks import ANN, BOB, GRANT
from exchange.venues import CONDITION, NO, START_MS, USDC, YES, told_by
from polywire.core.matching.orders import Match, Order, OrderKind
from polywire.errors import PolywireError
from polywire.exchange.answers import Refused
from polywire.exchange.trading.records import OrderState
from polywire.exchange.trading.restoring import HOUSE, restore
from polywire.exchange.trading.sqlite_store import opened_store
from polywire.exchange.trading.store import Kept
from polywire.exchange.venue import Venue
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def again(kept: Kept) -> Venue:
    venue = venues.still_venue()
    told = told_by(venue)
    restore(venue, kept)
    assert told == []
    return venue


async def kept_in(path: Path) -> Kept:
    async with opened_store(path) as store:
        return await store.load()


async def test_orders_that_were_filled_in_part_go_on_to_the_unit(tmp_path: Path) -> None:
    """What an order took before it rested counts for what it has had, not for how its next fill is rounded."""
    path = tmp_path / "state"
    odd = 33_333_333  # at 0.37 no fill of it is a whole number of units
    async with desks.floor(path) as floor:
        floor.crowd("SELL", 3_700, 20)
        floor.place(ANN, "BUY", 3_700, 100)  # takes 20 and rests
        floor.place(BOB, "BUY", 3_700, 100)
        floor.place(BOB, "BUY", 3_600, 50, kind=OrderKind.GTD, expires_s=START_MS // 1_000 + 3_600)
        for number in range(2):
            floor.venue.place(Order(f"odd{number}", "maker", YES, "SELL", 3_700, odd, OrderKind.FAK))
        await floor.store.kept()
        engine, before = floor.venue.engine, floor.venue
        resting = [
            msgspec.structs.replace(order, number=0) for who in (ANN, BOB) for order in engine.open_orders(who.address)
        ]
        assert [order.left for order in resting] == [80 * SIZE_ONE - 2 * odd, 100 * SIZE_ONE, 50 * SIZE_ONE]
        restored = again(await floor.store.load())
        later = [
            msgspec.structs.replace(order, number=0)
            for who in (ANN, BOB)
            for order in restored.engine.open_orders(who.address)
        ]
        assert [(order.order.id, order.left, order.filled, order.placed_ms) for order in later] == [
            (order.order.id, order.left, order.filled, order.placed_ms) for order in resting
        ]
        restored.engine.deposit("maker", 1_000 * USDC)
        assert restored.engine.split("maker", CONDITION, 1_000 * SIZE_ONE) is None
        for number in range(4):
            taker = Order(f"next{number}", "maker", YES, "SELL", 3_600, odd, OrderKind.FAK)
            legs = [[leg for trade in venue.place(taker).trades for leg in trade.legs] for venue in (before, restored)]
            assert legs[0] == legs[1]
            assert {leg.match for leg in legs[0]} == {Match.COMPLEMENTARY}
        for account in (ANN.address, BOB.address):
            assert restored.engine.collateral(account) == engine.collateral(account) < GRANT
            assert restored.engine.shares(account, YES) == engine.shares(account, YES) > 0
        due = before.engine.next_expiry_ms()
        assert due is not None
        assert restored.engine.next_expiry_ms() == due


async def test_what_users_hold_of_a_resolved_market_can_be_redeemed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with desks.floor(path, redeem_after_ms=None) as floor:
        floor.crowd("SELL", 5_000, 40)
        floor.place(ANN, "BUY", 5_000, 40)
        floor.place(BOB, "BUY", 3_000, 10)
        floor.book.split(BOB.address, CONDITION, 6 * SIZE_ONE)
        floor.venue.resolve(CONDITION, YES)
        held = floor.venue.engine.collateral(ANN.address), floor.venue.engine.collateral(BOB.address)
    kept = await kept_in(path)
    assert kept.open_orders == []
    venue = again(kept)
    market = venue.catalogue.markets[CONDITION]
    assert (market.closed, market.winner) == (True, YES)
    assert venue.engine.redeem(ANN.address, CONDITION) == 40 * USDC
    assert venue.engine.redeem(BOB.address, CONDITION) == 6 * USDC
    assert venue.engine.pairs(CONDITION) == 0
    assert (venue.engine.collateral(ANN.address), venue.engine.collateral(BOB.address)) == (
        held[0] + 40 * USDC,
        held[1] + 6 * USDC,
    )


async def test_the_house_has_what_makes_pairs_of_users_shares(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with desks.floor(path) as floor:
        floor.crowd("SELL", 5_000, 40)
        floor.place(ANN, "BUY", 5_000, 40)
        floor.crowd("SELL", 6_000, 15, token=NO)
        floor.place(BOB, "BUY", 6_000, 15, token=NO)
    engine = again(await kept_in(path)).engine
    assert engine.shares(HOUSE, NO) == 25 * SIZE_ONE
    assert engine.shares(HOUSE, YES) == 0
    assert engine.pairs(CONDITION) == 40 * SIZE_ONE


async def test_a_state_that_does_not_add_up_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with desks.floor(path) as floor:
        floor.place(ANN, "BUY", 4_000, 100)
    kept = await kept_in(path)
    (order,) = kept.open_orders
    assert order.state is OrderState.LIVE
    kept.wallets = [msgspec.structs.replace(kept.wallets[0], collateral=39 * USDC)]
    with pytest.raises(PolywireError, match=r"does not add up: order 0x1 .* claims 40000000 of 39000000") as refused:
        again(kept)
    assert "\n" not in str(refused.value)
    kept.open_orders, kept.events = [], []
    with pytest.raises(PolywireError, match="does not add up: market market-1 names event 1, which is not listed"):
        again(kept)


async def test_an_order_id_is_not_taken_again_and_numbers_go_on(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with desks.floor(path) as floor:
        floor.place(ANN, "BUY", 4_000, 100)
        floor.place(ANN, "BUY", 3_900, 100)
        assert floor.book.cancel("0x2", ANN.address) is None
    async with opened_store(path) as store:
        kept = await store.load()
        floor = desks.Floor(again(kept), store, kept)
        for known in ("0x1", "0x2"):
            with pytest.raises(Refused, match=f"order {known} is invalid. Duplicated"):
                floor.place(ANN, "BUY", 3_800, 10, order_id=known)
        third = floor.place(ANN, "BUY", 3_800, 10, order_id="0x3")
        assert third.order.number == 3
        assert floor.book.cancel("0x1", ANN.address) is None
        assert [order.id for order in floor.book.open_orders(ANN.address)] == ["0x3"]
