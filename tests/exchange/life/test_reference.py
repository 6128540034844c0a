"""A simulated price, and what it says of a window."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.exchange.life.reference import Reference


def test_at_the_end_it_is_decided_and_a_tie_goes_up() -> None:
    reference = Reference(random.Random(1), 100.0, 0.5)
    assert reference.chance_up(100.0, 0.0) == 1.0
    assert reference.chance_up(100.01, 0.0) == 0.0


@given(left=st.floats(1e-3, 1e6))
def test_at_the_strike_it_is_a_coin_and_above_it_is_better_than_one(left: float) -> None:
    reference = Reference(random.Random(1), 100.0, 0.5)
    assert reference.chance_up(100.0, left) == pytest.approx(0.5)
    assert reference.chance_up(99.9, left) > 0.5 > reference.chance_up(100.1, left)


def test_the_less_time_is_left_the_surer_it_is() -> None:
    reference = Reference(random.Random(1), 100.0, 0.5)
    chances = [reference.chance_up(99.95, left) for left in (3_600.0, 300.0, 30.0, 3.0)]
    assert chances == sorted(chances)
    assert chances[-1] > 0.99


def test_windows_end_up_about_as_often_as_the_chance_said() -> None:
    ups, said = 0, 0.0
    for seed in range(1_500):
        reference = Reference(random.Random(seed), 100.0, 0.5)
        strike = 100.03
        said += reference.chance_up(strike, 300.0)
        for _ in range(30):
            reference.pass_time(10.0)
        ups += reference.price >= strike
    assert ups / 1_500 == pytest.approx(said / 1_500, abs=0.05)
