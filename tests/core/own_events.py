"""The user's orders and trades that the tests of `core` begin with."""

from typing import Final

from polywire.model.own import MakerLeg, OrderStep, OwnOrderChanged, OwnTradeChanged, TradeStatus
from polywire.model.units import ConditionId, TokenId

KEY: Final = "11111111-1111-4111-8111-111111111111"
OTHER_KEY: Final = "22222222-2222-4222-8222-222222222222"
WALLET: Final = "0xA11ce"
YES, NO = TokenId("7"), TokenId("8")
CONDITION: Final = ConditionId("0xc0")
PLACED, UPDATED, CANCELLED = OrderStep.PLACED, OrderStep.UPDATED, OrderStep.CANCELLED
MATCHED, MINED, CONFIRMED, RETRYING, FAILED = (
    TradeStatus.MATCHED,
    TradeStatus.MINED,
    TradeStatus.CONFIRMED,
    TradeStatus.RETRYING,
    TradeStatus.FAILED,
)


def order(
    name: str = "0x1",
    step: OrderStep = PLACED,
    matched: int = 0,
    status: str = "LIVE",
    *,
    size: int = 10,
    kind: str = "GTC",
    at: int = 1_000,
    trades: tuple[str, ...] = (),
    owner: str = KEY,
    maker: str = WALLET,
    outcome: str = "Yes",
    recovered: bool = False,
    seen: int = 1,
) -> OwnOrderChanged:
    """Return an order to buy `YES` at 0.6; `at`: the venue's milliseconds."""
    return OwnOrderChanged(
        order=name,
        step=step,
        status=status,
        token=YES,
        condition=CONDITION,
        outcome=outcome,
        side="BUY",
        price=6_000,
        original_size=size,
        matched_size=matched,
        order_type=kind,
        expires_s=0,
        trades=trades,
        owner=owner,
        maker=maker,
        recovered=recovered,
        venue_ms=at,
        seen_ns=seen,
    )


def leg(name: str, size: int, owner: str = OTHER_KEY, maker: str = "0xB0b", *, other: bool = False) -> MakerLeg:
    """Return a leg that sells the taker's token, or buys the other one."""
    token, side = (NO, "bid") if other else (YES, "ask")
    return MakerLeg(name, owner, maker, token, "No" if other else "Yes", "bid" if side == "bid" else "ask", 4_000, size)


def trade(
    name: str = "t1",
    status: TradeStatus = MATCHED,
    *legs: MakerLeg,
    taker: str = "0x1",
    role: str = "TAKER",
    size: int = 4,
    at: int = 1_000,
    owner: str = KEY,
    matched_s: int = 1,
    recovered: bool = False,
    seen: int = 1,
) -> OwnTradeChanged:
    """Return a trade whose taker buys `YES`."""
    return OwnTradeChanged(
        trade=name,
        status=status,
        role=role,
        taker_order=taker,
        token=YES,
        condition=CONDITION,
        outcome="Yes",
        side="BUY",
        price=6_000,
        size=size,
        fee_rate_bps=None,
        makers=legs,
        transaction="",
        matched_s=matched_s,
        owner=owner,
        recovered=recovered,
        venue_ms=at,
        seen_ns=seen,
    )
