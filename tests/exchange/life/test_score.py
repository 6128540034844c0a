"""What a score says of a game's markets."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.exchange.life.score import Score, chances

GOALS = st.integers(0, 6)


@given(home=GOALS, guests=GOALS)
def test_when_the_time_is_up_the_score_decides(home: int, guests: int) -> None:
    wins, covers, over = chances(Score(home, guests), 0.0, 0.0, 1.5, 5.5)
    assert wins == (1.0 if home > guests else 0.5 if home == guests else 0.0)
    assert (covers, over) == (float(home - guests > 1.5), float(home + guests > 5.5))


@given(home=GOALS, guests=GOALS, left=st.floats(0.0, 4.0), also=st.floats(0.0, 4.0))
def test_the_two_sides_chances_to_win_sum_to_one(home: int, guests: int, left: float, also: float) -> None:
    ours = chances(Score(home, guests), left, also, 1.5, 5.5).wins
    theirs = chances(Score(guests, home), also, left, 1.5, 5.5).wins
    assert ours + theirs == pytest.approx(1.0, abs=1e-4)


@given(home=GOALS, guests=GOALS, left=st.floats(0.01, 4.0), also=st.floats(0.01, 4.0))
def test_a_goal_never_harms_who_scored_it(home: int, guests: int, left: float, also: float) -> None:
    before = chances(Score(home, guests), left, also, 1.5, 5.5)
    after = chances(Score(home + 1, guests), left, also, 1.5, 5.5)
    assert all(new >= old - 1e-6 for new, old in zip(after, before, strict=True))


def test_the_chances_are_those_of_games_played_out() -> None:
    rng = random.Random(1)
    means, games = (1.5, 1.0), 20_000

    def shot(mean: float) -> int:
        count, left = 0, mean - rng.expovariate(1.0)
        while left > 0:
            count, left = count + 1, left - rng.expovariate(1.0)
        return count

    ends = [(2 + shot(means[0]), 1 + shot(means[1])) for _ in range(games)]
    said = chances(Score(2, 1), *means, 1.5, 5.5)
    assert sum(home - guests > 1.5 for home, guests in ends) / games == pytest.approx(said.covers, abs=0.02)
    assert sum(home + guests > 5.5 for home, guests in ends) / games == pytest.approx(said.over, abs=0.02)
