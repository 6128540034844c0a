"""Orders and trades of users to test with, and what hypothesis makes of them."""

from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from exchange.venues import CONDITION, NO, START_MS, YES
from polywire.core.matching.orders import Match, OrderKind
from polywire.exchange.trading.records import OrderState, TradeLeg, TradeState, UserOrder, UserTrade
from polywire.model.units import PRICE_ONE, SIZE_LIMIT, SIZE_ONE, ConditionId, TradeSide

ANN: Final = "11111111-1111-4111-8111-111111111111"
BOB: Final = "22222222-2222-4222-8222-222222222222"
CROWD: Final = "33333333-3333-5333-8333-333333333333"
"""API keys."""


def user_order(
    number: int = 1,
    *,
    key: str = ANN,
    condition: ConditionId = CONDITION,
    side: TradeSide = "BUY",
    price: int = 5_200,
    size: int = 5 * SIZE_ONE,
    kind: OrderKind = OrderKind.GTC,
    expires_s: int = 0,
    placed_ms: int = START_MS + 1_990,
    matched: int = 0,
    state: OrderState = OrderState.LIVE,
    trades: tuple[str, ...] = (),
) -> UserOrder:
    return UserOrder(
        id=f"0x{number:064x}",
        number=number,
        key=key,
        address="0xe0a",
        account="0xf0ad",
        maker="0xF0aD",
        condition=condition,
        token=YES,
        outcome="Yes",
        side=side,
        price=price,
        size=size,
        kind=kind,
        expires_s=expires_s,
        placed_ms=placed_ms,
        matched=matched,
        state=state,
        trades=trades,
    )


def leg(number: int, key: str, *, other: bool = False, price: int = 5_200, size: int = 5 * SIZE_ONE) -> TradeLeg:
    """Return a leg that sells the taker's token, or that buys the other one."""
    return TradeLeg(
        order=f"0x{number:064x}",
        key=key,
        account=f"0xacc{number}",
        maker=f"0xAcc{number}",
        token=NO if other else YES,
        outcome="No" if other else "Yes",
        side="BUY" if other else "SELL",
        price=PRICE_ONE - price if other else price,
        size=size,
        amount=size * price // PRICE_ONE,
        match=Match.MINT if other else Match.COMPLEMENTARY,
        outcome_index=int(other),
    )


def user_trade(
    *legs: TradeLeg,
    key: str = ANN,
    state: TradeState = TradeState.MATCHED,
    price: int = 5_200,
    fee: int = 0,
    condition: ConditionId = CONDITION,
    changed_ms: int = START_MS + 4_321,
) -> UserTrade:
    """Return a trade of a taker who buys `YES`."""
    legs = legs or (leg(7, BOB, price=price),)
    size = sum(one.size for one in legs)
    return UserTrade(
        id="f50e8ab2-652d-4dc8-9c82-8e46197fe98d",
        number=1,
        condition=condition,
        order=f"0x{1:064x}",
        key=key,
        account="0xf0ad",
        maker="0xF0aD",
        token=YES,
        outcome="Yes",
        side="BUY",
        price=price,
        size=size,
        cost=size * price // PRICE_ONE,
        fee=fee,
        legs=legs,
        state=state,
        hash=f"0x{9:064x}",
        matched_ms=START_MS + 1_990,
        changed_ms=changed_ms,
    )


def shares(size: int) -> Decimal:
    """Return a size as clients read it."""
    return Decimal(size) / SIZE_ONE


def dollars(price: int) -> Decimal:
    """Return a price as clients read it."""
    return Decimal(price) / PRICE_ONE


PRICES = st.integers(1, PRICE_ONE - 1)
SIZES = st.integers(1, SIZE_LIMIT - 1)
KEYS = st.sampled_from((ANN, BOB, CROWD))


@st.composite
def user_orders(draw: st.DrawFn) -> UserOrder:
    """Return any order, as it may stand."""
    size = draw(SIZES)
    return user_order(
        draw(st.integers(1, 1 << 255)),
        key=draw(KEYS),
        side=draw(st.sampled_from(("BUY", "SELL"))),
        price=draw(PRICES),
        size=size,
        kind=draw(st.sampled_from(OrderKind)),
        expires_s=draw(st.just(0) | st.integers(1, 1 << 32)),
        placed_ms=draw(st.integers(START_MS, 2 * START_MS)),
        matched=draw(st.integers(0, size)),
        state=draw(st.sampled_from(OrderState)),
        trades=tuple(draw(st.lists(st.uuids().map(str), max_size=3))),
    )


@st.composite
def user_trades(draw: st.DrawFn) -> UserTrade:
    """Return any trade, as it may stand."""
    price = draw(PRICES)
    legs = [
        leg(number, draw(KEYS), other=draw(st.booleans()), price=price, size=draw(SIZES) // 4 + 1)
        for number in range(draw(st.integers(1, 4)))
    ]
    return user_trade(
        *legs,
        key=draw(KEYS),
        state=draw(st.sampled_from(TradeState)),
        price=price,
        fee=draw(st.sampled_from((0, 1, 1_750_000))),
        changed_ms=draw(st.integers(START_MS, 2 * START_MS)),
    )
