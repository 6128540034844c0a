"""Where makers quote and how much."""

import random

from hypothesis import given
from hypothesis import strategies as st

from polywire.exchange.life.ladder import away, resting_size, taking_size, touch
from polywire.model.units import PRICE_ONE, SIZE_ONE

TICKS = st.sampled_from([100, 10])


@given(fair=st.floats(0, 1), tick=TICKS, width=st.floats(1, 500))
def test_makers_want_a_touch_on_the_grid_that_never_crosses_and_holds_what_it_is_worth(
    fair: float, tick: int, width: float
) -> None:
    bid, ask = touch(fair, tick, width)
    assert bid % tick == ask % tick == 0
    assert 0 <= bid < ask <= PRICE_ONE
    assert bid <= fair * PRICE_ONE <= ask or ask == tick or bid == PRICE_ONE - tick


def test_near_an_end_one_side_falls_away() -> None:
    assert touch(0.9999, 10, 8) == (9_990, 10_000)
    assert touch(0.0001, 10, 8) == (0, 10)
    assert touch(1.0, 100, 50) == (9_900, 10_000)


@given(seed=st.integers(), tick=TICKS, room=st.integers(0, 9_900))
def test_an_order_stands_on_the_grid_between_the_touch_and_the_end(seed: int, tick: int, room: int) -> None:
    behind = away(random.Random(seed), tick, room)
    assert 0 <= behind <= room
    assert behind % tick == 0


@given(seed=st.integers(), behind=st.integers(0, 9_900))
def test_sizes_are_in_hundredths_of_shares_and_a_resting_one_is_never_below_five(seed: int, behind: int) -> None:
    rng = random.Random(seed)
    resting, taking = resting_size(rng, behind), taking_size(rng)
    assert 5 * SIZE_ONE <= resting <= 50_000 * SIZE_ONE
    assert SIZE_ONE <= taking <= 50_000 * SIZE_ONE
    assert resting % 10_000 == taking % 10_000 == 0


def test_most_takers_are_small_and_few_are_very_large() -> None:
    rng = random.Random(1)
    sizes = sorted(taking_size(rng) / SIZE_ONE for _ in range(4_000))
    assert 8 < sizes[2_000] < 16
    assert sizes[3_960] > 250
