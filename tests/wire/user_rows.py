"""The events that the hand-written frames of the user channel hold."""

from typing import Final

from frames import CONDITION, NO, YES
from polywire.model.own import MakerLeg, OrderStep, OwnEvent, OwnOrderChanged, OwnTradeChanged, TradeStatus

SEEN: Final = 1_795_000_020_000_000_001
ANN, BOB = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ORDER, TRADE = "0x" + "a1" * 32, "00000000-0000-4000-8000-00000000000a"
ANNS, BOBS = "0x" + "1A" * 20, "0x" + "2B" * 20


def placed(
    step: OrderStep = OrderStep.PLACED,
    status: str = "LIVE",
    matched: int = 0,
    kind: str = "GTC",
    outcome: str = "Yes",
    trades: tuple[str, ...] = (),
    expires_s: int = 0,
    venue_ms: int = 1_795_000_000_123,
) -> OwnOrderChanged:
    """Return the order that all frames speak of."""
    return OwnOrderChanged(
        order=ORDER,
        step=step,
        status=status,
        token=YES,
        condition=CONDITION,
        outcome=outcome,
        side="BUY",
        price=6_100,
        original_size=25_000_000,
        matched_size=matched,
        order_type=kind,
        expires_s=expires_s,
        trades=trades,
        owner=ANN,
        maker=ANNS,
        recovered=False,
        venue_ms=venue_ms,
        seen_ns=SEEN,
    )


TAKEN: Final = OwnTradeChanged(
    trade=TRADE,
    status=TradeStatus.MATCHED,
    role="TAKER",
    taker_order=ORDER,
    token=YES,
    condition=CONDITION,
    outcome="Yes",
    side="BUY",
    price=6_100,
    size=4_000_000,
    fee_rate_bps=1_000,
    makers=(MakerLeg("0x" + "b2" * 32, BOB, BOBS, YES, "Yes", "ask", 6_100, 4_000_000),),
    transaction="",
    matched_s=1_795_000_001,
    owner=ANN,
    recovered=False,
    venue_ms=1_795_000_001_456,
    seen_ns=SEEN,
)
MADE: Final = OwnTradeChanged(
    trade=TRADE,
    status=TradeStatus.MINED,
    role="MAKER",
    taker_order=ORDER,
    token=YES,
    condition=CONDITION,
    outcome="Yes",
    side="BUY",
    price=6_100,
    size=7_500_000,
    fee_rate_bps=None,
    makers=(
        MakerLeg("0x" + "b2" * 32, BOB, BOBS, YES, "Yes", "ask", 6_100, 4_000_000),
        MakerLeg("0x" + "c3" * 32, BOB, BOBS, NO, "No", "bid", 3_900, 3_500_000),
    ),
    transaction="0x" + "7d" * 32,
    matched_s=1_795_000_001,
    owner=BOB,
    recovered=False,
    venue_ms=1_795_000_003_000,
    seen_ns=SEEN,
)
USER: Final[dict[str, OwnEvent]] = {
    "user.order.placement": placed(),
    "user.order.update": placed(
        OrderStep.UPDATED,
        matched=7_500_000,
        kind="GTD",
        trades=(TRADE,),
        expires_s=1_795_003_600,
        venue_ms=1_795_000_001_000,
    ),
    "user.order.cancellation": placed(
        OrderStep.CANCELLED,
        "CANCELED_order couldn't be fully filled.",
        kind="FOK",
        outcome="",
        venue_ms=1_795_000_002_000,
    ),
    "user.trade.taker": TAKEN,
    "user.trade.maker": MADE,
}
"""By frame."""
