"""Who gives what to whom when orders meet."""

from typing import Any, Final

import pytest

from core.matching.setting import MARKET, NO, TERMS, YES
from polywire.core.matching.accounts import Account
from polywire.core.matching.orders import Cancelled, Leg, LevelMoved, Match, Order
from polywire.core.matching.pool import Pool, Resting
from polywire.core.matching.settle import Fills, fill, pay
from polywire.core.matching.standing import Standing
from polywire.core.matching.walk import Walk, walk
from polywire.model.units import PRICE_ONE, TokenId, TradeSide

SIZE: Final = 10


class Meeting:
    """A maker and a taker with 100 of everything, and one resting order or several."""

    def __init__(self) -> None:
        self.pool, self.standing = Pool(TERMS), Standing(100)
        self.pool.pairs = 200
        self.maker, self.taker, self.fees = Account("maker"), Account("taker"), Account("fees")
        for account in (self.maker, self.taker):
            account.collateral = 100
            account.give(YES, 100)
            account.give(NO, 100)
        self.count = 0

    def queue(self, token: TokenId, side: TradeSide, price: int, size: int, *, own: bool = False) -> Resting:
        self.count += 1
        account = self.taker if own else self.maker
        order = Order(f"m{self.count}", account.name, token, side, price, size)
        its, _ = self.pool.sides(token, buying=side == "BUY")
        rank = price if side == "BUY" else PRICE_ONE - price
        resting = Resting(order, account, self.pool, its, rank, size, 1, self.count)
        self.standing.rest(resting)
        return resting

    def take(self, token: TokenId, side: TradeSide, price: int, size: int, fee: int = 0) -> Fills:
        order = Order("t", "taker", token, side, price, size)
        buying = side == "BUY"
        _, against = self.pool.sides(token, buying=buying)
        found = Walk(size)
        walk(found, order, self.taker, against, PRICE_ONE - (price if buying else PRICE_ONE - price), 1)
        done = fill(order, self.pool, against, found, self.standing)
        if found.shares:
            self.paid = pay(order, self.taker, self.fees, found, fee)
        return done

    def held(self) -> list[tuple[int, int, int]]:
        """Return collateral, first and second token of maker and taker, each as the difference to 100."""
        return [
            (account.collateral - 100, account.shares.get(YES, 0) - 100, account.shares.get(NO, 0) - 100)
            for account in (self.maker, self.taker)
        ]


@pytest.mark.parametrize(
    ("resting", "taking", "match", "maker", "taker", "pairs"),
    [
        ((YES, "SELL", 4_000), (YES, "BUY", 5_000), "COMPLEMENTARY", (4, -10, 0), (-4, 10, 0), 0),
        ((YES, "BUY", 4_000), (YES, "SELL", 3_000), "COMPLEMENTARY", (-4, 10, 0), (4, -10, 0), 0),
        ((NO, "SELL", 4_000), (NO, "BUY", 5_000), "COMPLEMENTARY", (4, 0, -10), (-4, 0, 10), 0),
        ((NO, "BUY", 6_000), (YES, "BUY", 5_000), "MINT", (-6, 0, 10), (-4, 10, 0), 10),
        ((YES, "BUY", 6_000), (NO, "BUY", 5_000), "MINT", (-6, 10, 0), (-4, 0, 10), 10),
        ((NO, "SELL", 6_000), (YES, "SELL", 3_000), "MERGE", (6, 0, -10), (4, -10, 0), -10),
    ],
)
def test_every_way_two_orders_meet_moves_what_the_contract_would(
    resting: tuple[Any, Any, int],
    taking: tuple[Any, Any, int],
    match: str,
    maker: tuple[int, int, int],
    taker: tuple[int, int, int],
    pairs: int,
) -> None:
    """Always at the resting order's price; improvement is the taker's: rest.md §12."""
    meeting = Meeting()
    meeting.queue(*resting, SIZE)
    done = meeting.take(*taking, SIZE)
    assert done.legs == [Leg("m1", "maker", *resting, SIZE, abs(maker[0]), Match(match))]
    assert (meeting.held(), meeting.pool.pairs) == ([maker, taker], 200 + pairs)


def test_a_maker_in_part_keeps_its_place_its_rest_and_the_claim_for_that() -> None:
    meeting = Meeting()
    resting = meeting.queue(YES, "BUY", 5_000, 10)
    meeting.queue(YES, "BUY", 5_000, 10)
    done = meeting.take(YES, "SELL", 5_000, 3)
    assert (resting.left, resting.filled, resting.claim) == (7, 3, 3)  # of 5 it has paid 2: 1.5 rounded up
    assert meeting.maker.buying == {MARKET: 8}
    assert done.levels == [LevelMoved("bid", 5_000, 17)]
    assert list(resting.side.levels[5_000].orders) == ["m1", "m2"]


def test_a_maker_who_had_everything_is_gone_with_its_claim() -> None:
    meeting = Meeting()
    meeting.queue(YES, "SELL", 5_000, 10)
    meeting.take(YES, "BUY", 5_000, 10)
    assert (meeting.standing.orders, meeting.maker.selling, meeting.pool.resting()) == ({}, {}, [])


def test_a_sweep_tells_each_level_once_best_first() -> None:
    meeting = Meeting()
    for price in (5_000, 4_000, 4_000, 6_000):
        meeting.queue(YES, "SELL", price, 10)
    done = meeting.take(YES, "BUY", 6_000, 35)
    told = [LevelMoved("ask", 4_000, 0), LevelMoved("ask", 5_000, 0), LevelMoved("ask", 6_000, 5)]
    assert done.levels == told
    assert [leg.order for leg in done.legs] == ["m2", "m3", "m1", "m4"]


def test_an_own_order_in_the_way_is_cancelled_and_trades_with_nobody() -> None:
    meeting = Meeting()
    meeting.queue(YES, "SELL", 4_000, 10, own=True)
    meeting.queue(YES, "SELL", 4_000, 10)
    done = meeting.take(YES, "BUY", 4_000, 4)
    assert done.cancelled == [Cancelled("m1", "taker", 10, "self-trade")]
    assert ([leg.order for leg in done.legs], done.levels) == (["m2"], [LevelMoved("ask", 4_000, 6)])
    assert meeting.taker.selling == {}


def test_only_those_who_paid_collateral_are_to_be_looked_at_again() -> None:
    meeting = Meeting()
    meeting.queue(YES, "SELL", 5_000, 10)
    assert list(meeting.take(YES, "BUY", 5_000, 10).losers) == []
    meeting.queue(NO, "BUY", 5_000, 10)
    assert list(meeting.take(YES, "BUY", 5_000, 10).losers) == [meeting.maker]


def test_a_buyer_pays_the_fee_on_top_and_a_seller_out_of_what_it_gets() -> None:
    meeting = Meeting()
    meeting.queue(YES, "SELL", 5_000, 10)
    meeting.take(YES, "BUY", 5_000, 10, fee=2)
    assert (meeting.taker.collateral, meeting.fees.collateral, meeting.paid) == (93, 2, 2)
    meeting.queue(YES, "BUY", 5_000, 10)
    meeting.take(YES, "SELL", 5_000, 10, fee=2)
    assert (meeting.taker.collateral, meeting.fees.collateral, meeting.paid) == (96, 4, 2)


def test_a_seller_never_pays_more_of_a_fee_than_it_gets() -> None:
    """Rounding can make the fee of a few millionths of a share more than their price."""
    meeting = Meeting()
    meeting.queue(YES, "BUY", 5_000, 10)
    meeting.take(YES, "SELL", 5_000, 10, fee=9)
    assert (meeting.taker.collateral, meeting.fees.collateral, meeting.paid) == (100, 5, 5)
