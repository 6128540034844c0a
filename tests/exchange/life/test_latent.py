"""Opinion wanders, jumps, and in the end finds out."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.exchange.life.latent import Opinion, chance, log_odds, shares_of


@pytest.mark.parametrize("true", [False, True])
@pytest.mark.parametrize("start", [-3.0, 0.0, 3.0])
def test_once_decided_it_is_all_but_sure_in_the_time_given(*, true: bool, start: float) -> None:
    opinion = Opinion(random.Random(1), start, wander=0.004, news_per_s=0.1)
    opinion.decide(true=true, within_s=600.0)
    for _ in range(600):
        assert not opinion.pass_time(1.0)
    assert (chance(opinion.odds) > 0.98) if true else (chance(opinion.odds) < 0.02)


def test_news_jumps_and_stays_while_what_only_wanders_comes_back() -> None:
    calm = Opinion(random.Random(1), 1.0, wander=0.0, news_per_s=0.0)
    calm.odds = 3.0
    for _ in range(3_600):
        assert not calm.pass_time(1.0)
    assert calm.odds == pytest.approx(1.0, abs=0.02)
    told = Opinion(random.Random(1), 1.0, wander=0.0, news_per_s=1e9)
    assert told.pass_time(1e-6)
    after = told.odds
    assert after != 1.0
    told.pass_time(0.0)
    assert told.odds == after


@given(st.lists(st.floats(-7.6, 7.6), min_size=2, max_size=6))
def test_of_outcomes_that_exclude_each_other_the_chances_sum_to_one(odds: list[float]) -> None:
    shares = shares_of(odds)
    assert sum(shares) == pytest.approx(1.0)
    assert all(share > 0.0 for share in shares)


@given(st.floats(0.001, 0.999))
def test_log_odds_and_chance_undo_each_other(probability: float) -> None:
    assert chance(log_odds(probability)) == pytest.approx(probability)


@given(st.integers(), st.floats(-7.6, 7.6))
def test_no_opinion_is_surer_than_a_tick_can_say(seed: int, start: float) -> None:
    opinion = Opinion(random.Random(seed), start, wander=2.0, news_per_s=1.0)
    for _ in range(20):
        opinion.pass_time(1.0)
        assert 0.0004 < chance(opinion.odds) < 0.9996
