"""Markets, orders and engines that the tests of the matching engine begin with. Whole shares and cents for short."""

from typing import Final

from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import MarketTerms, Order, OrderKind, Outcome
from polywire.model.units import SIZE_ONE, ConditionId, TokenId, TradeSide

USDC: Final = 1_000_000
YES, NO = TokenId("11"), TokenId("22")
ELSE, ELSE_NO = TokenId("33"), TokenId("44")
MARKET, OTHER = ConditionId("0x1"), ConditionId("0x2")
TERMS: Final = MarketTerms(MARKET, (YES, NO), tick=100, min_size=5 * SIZE_ONE)
OTHER_TERMS: Final = MarketTerms(OTHER, (ELSE, ELSE_NO), tick=100, min_size=5 * SIZE_ONE)
NOW_MS: Final = 1_790_000_000_000


def engine(*terms: MarketTerms, rich: tuple[str, ...] = ("ada", "bob", "cy")) -> Engine:
    """Return an engine with markets (by default two without fees) and accounts of 1,000 USDC and 1,000 pairs each."""
    made = Engine()
    for each in terms or (TERMS, OTHER_TERMS):
        made.open_market(each)
    for account in rich:
        made.deposit(account, 1_000 * USDC * (1 + len(terms or (TERMS, OTHER_TERMS))))
        for each in terms or (TERMS, OTHER_TERMS):
            assert made.split(account, each.condition, 1_000 * SIZE_ONE) is None
    return made


class Desk:
    """Places orders by number: `buy("ada", YES, 0.4, 10)`; ids count up from `o1`."""

    def __init__(self, made: Engine, now_ms: int = NOW_MS) -> None:
        self.engine, self.now_ms, self.placed = made, now_ms, 0

    def buy(self, account: str, token: TokenId, cents: float, shares: float, kind: str = "GTC", **more: int) -> Outcome:
        return self.order(account, token, "BUY", cents, shares, kind, **more)

    def sell(
        self, account: str, token: TokenId, cents: float, shares: float, kind: str = "GTC", **more: int
    ) -> Outcome:
        return self.order(account, token, "SELL", cents, shares, kind, **more)

    def order(
        self, account: str, token: TokenId, side: TradeSide, cents: float, shares: float, kind: str, **more: int
    ) -> Outcome:
        self.placed += 1
        order = Order(
            f"o{self.placed}",
            account,
            token,
            side,
            round(cents * 100),
            round(shares * SIZE_ONE),
            OrderKind(kind),
            post_only=bool(more.get("post_only")),
            expires_s=more.get("expires_s", 0),
            collateral=more.get("collateral", 0),
        )
        return self.engine.place(order, self.now_ms)


def desk(*terms: MarketTerms, rich: tuple[str, ...] = ("ada", "bob", "cy")) -> Desk:
    """Return a desk at such an engine."""
    return Desk(engine(*terms, rich=rich))


def moves(outcome: Outcome) -> list[tuple[str, int, float]]:
    """Return an outcome's level changes as (side, cents, whole shares)."""
    return [(moved.side, moved.price // 100, moved.size / SIZE_ONE) for moved in outcome.levels]


def code(outcome: Outcome) -> str:
    """Return why an order was refused, or ''."""
    return outcome.refusal.code if outcome.refusal else ""
