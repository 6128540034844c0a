"""An engine's trade by price: nothing is lost on the way."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.matching.engine import Engine
from polywire.core.matching.orders import MarketTerms, Order, OrderKind
from polywire.exchange.trading.fills import fills_of, trade_id, transaction
from polywire.model.units import SIZE_ONE, ConditionId, TokenId, TradeSide

YES, NO, CONDITION = TokenId("71"), TokenId("72"), ConditionId("0xc1")


@given(
    resting=st.lists(st.tuples(st.integers(1, 99), st.integers(1, 5_000_003), st.booleans()), min_size=1, max_size=8),
    buying=st.booleans(),
    exponent=st.integers(1, 2),
)
def test_sizes_costs_and_fees_of_the_prices_add_up_to_the_trades(
    resting: list[tuple[int, int, bool]], *, buying: bool, exponent: int
) -> None:
    engine = Engine()
    engine.open_market(MarketTerms(CONDITION, (YES, NO), 100, 1, fee_rate=700, fee_exponent=exponent))
    for account in ("maker", "taker"):
        engine.deposit(account, 10_000 * SIZE_ONE)
        assert engine.split(account, CONDITION, 1_000 * SIZE_ONE) is None
    for number, (cents, size, mirrored) in enumerate(resting):
        token = NO if mirrored else YES
        side: TradeSide = "SELL" if buying != mirrored else "BUY"  # all of them on the side that the taker meets
        price = 10_000 - cents * 100 if mirrored else cents * 100
        engine.place(Order(f"m{number}", "maker", token, side, price, size), 0)
    limit = 9_900 if buying else 100
    way: TradeSide = "BUY" if buying else "SELL"
    outcome = engine.place(Order("t", "taker", YES, way, limit, 900 * SIZE_ONE, OrderKind.FAK), 0)
    for trade in outcome.trades:
        fills = fills_of(trade, exponent)
        assert sum(fill.size for fill in fills) == trade.size
        assert sum(fill.cost for fill in fills) == trade.cost
        assert sum(fill.fee for fill in fills) == trade.fee
        assert [leg for fill in fills for leg in fill.legs] == list(trade.legs)
        assert all(
            {leg.price if leg.token == YES else 10_000 - leg.price for leg in fill.legs} == {fill.price}
            for fill in fills
        )
        assert all(
            fill.fee >= 0 and abs(fill.cost - fill.price * fill.size // 10_000) <= len(fill.legs) for fill in fills
        )


def test_ids_are_the_same_for_the_same_secret_and_unlike_for_another() -> None:
    assert trade_id(b"a", 1) == trade_id(b"a", 1)
    assert len({trade_id(b"a", 1), trade_id(b"a", 2), trade_id(b"b", 1)}) == 3
    assert transaction(b"a", "x") != transaction(b"b", "x")
    assert len(transaction(b"a", "x")) == 66
