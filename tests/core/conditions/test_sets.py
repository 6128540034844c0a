"""Sets of outcomes, against exact fractions."""

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.conditions.sets import Edge, Top, best_edge

TOPS = st.lists(
    st.builds(Top, st.integers(0, 9_999), st.integers(0, 9), st.integers(1, 10_000), st.integers(0, 9)),
    min_size=2,
    max_size=5,
)


@given(TOPS, st.integers(0, 1_000), st.integers(0, 5))
def test_it_is_the_better_of_both_ways_after_exact_fees_rounded_against_us(
    tops: list[Top], fee_rate_bps: int, least: int
) -> None:
    def edge(prices: list[int], sign: int) -> int:
        fees = sum(Fraction(fee_rate_bps * price * (10_000 - price), 10**8) for price in prices)
        return floor(sign * (Fraction(sum(prices)) - 10_000) - fees)

    ways = []
    asks, bids = [top.ask for top in tops], [top.bid for top in tops]
    if max(asks) < 10_000 and min(top.ask_size for top in tops) >= least:
        ways.append(Edge("buy", edge(asks, -1), sum(asks), min(top.ask_size for top in tops)))
    if min(bids) > 0 and min(top.bid_size for top in tops) >= least:
        ways.append(Edge("sell", edge(bids, 1), sum(bids), min(top.bid_size for top in tops)))
    found = best_edge(tops, fee_rate_bps, least)
    assert (found is None) == (not ways)
    if found is not None:
        assert found in ways
        assert found.edge == max(way.edge for way in ways)
