"""Whatever accounts ask, in whatever order: nothing is made or lost, and a naive matcher comes to the same."""

import pytest
from hypothesis import HealthCheck, given, settings

from core.matching.flows import Step, flows, markets
from core.matching.pair import hold
from polywire.core.matching.orders import MarketTerms


@settings(max_examples=300)
@given(markets(), flows)
def test_nothing_is_made_or_lost_and_a_naive_matcher_and_all_books_agree_after_every_step(
    terms: tuple[MarketTerms, MarketTerms], flow: list[Step]
) -> None:
    """Orders, cancels, money in and out, pairs, failures, restarts, resolutions: see `flows.py` and `pair.py`."""
    hold(terms, flow)


@pytest.mark.slow
@settings(max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
@given(markets(), flows)
def test_the_same_holds_in_two_thousand_flows(terms: tuple[MarketTerms, MarketTerms], flow: list[Step]) -> None:
    hold(terms, flow)
