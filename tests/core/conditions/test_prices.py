"""Crosses and moves, against a list of all prices there were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core.conditions.prices import Crossing, Moving
from polywire.model.watch import Crosses, Direction, Moves

PRICES = st.lists(st.integers(4_960, 5_040), min_size=1, max_size=60)
DIRECTIONS: st.SearchStrategy[Direction] = st.sampled_from(["up", "down", "either"])


@given(PRICES, st.integers(0, 30), DIRECTIONS)
def test_a_cross_is_told_once_and_again_only_after_the_price_was_clear(
    prices: list[int], hysteresis: int, direction: Direction
) -> None:
    """Looking back: told if, since the last cross that way, a price was clear on the other side, or began there."""
    crossing = Crossing(Crosses(5_000, direction=direction, hysteresis=hysteresis))
    armed_since = {"up": 0, "down": 0}
    for at, price in enumerate(prices):
        told = crossing.look(2 * price)
        expected = None
        for way, sign in (("up", 1), ("down", -1)):
            before = prices[armed_since[way] : at]
            clear = any(sign * (earlier - 5_000) < -hysteresis for earlier in before)
            first = armed_since[way] == 0 and at > 0 and sign * (prices[0] - 5_000) < 0
            if sign * (price - 5_000) >= 0 and (clear or first):
                expected, armed_since[way] = way, at
        assert told == (expected if direction in {"either", expected} else None)


def test_a_mid_of_half_a_tick_is_exact() -> None:
    crossing = Crossing(Crosses(5_000, hysteresis=0))
    assert crossing.look(9_999) is None  # 0.49995
    assert crossing.look(10_000) == "up"


MOMENTS = st.lists(st.tuples(st.integers(0, 4_000), st.integers(4_900, 5_100)), min_size=1, max_size=60)


@given(MOMENTS, st.integers(1, 120), DIRECTIONS)
def test_a_move_is_told_against_any_price_of_the_window_which_then_begins_anew(
    moments: list[tuple[int, int]], by: int, direction: Direction
) -> None:
    moving = Moving(Moves(by=by, within_s=5.0, direction=direction))
    now_ms, window, stands = 0, list[tuple[int, int]](), None
    for pause_ms, price in moments:
        now_ms += pause_ms
        if stands is not None:
            window.append((now_ms, stands))  # until now it stood
        window = [(at, seen) for at, seen in window if at >= now_ms - 5_000]
        low, high = min((seen for _, seen in window), default=price), max((seen for _, seen in window), default=price)
        expected = None
        if price - low >= by and direction != "down":
            expected = "up", 2 * low
        elif high - price >= by and direction != "up":
            expected = "down", 2 * high
        assert moving.look(2 * price, now_ms) == expected
        window, stands = [] if expected else window, price


@pytest.mark.parametrize("sign", [1, -1])
def test_what_drifts_over_more_than_the_window_has_not_moved(sign: int) -> None:
    moving = Moving(Moves(by=100, within_s=5.0))
    prices = [(0, 0), (1_000, 60), (9_000, 120), (10_000, 165)]  # 165 against 60, which stood until 9 s
    told = [moving.look(2 * (5_000 + sign * price), at_ms) for at_ms, price in prices]
    assert [one and one[1] for one in told] == [None, None, None, 2 * (5_000 + sign * 60)]


@pytest.mark.parametrize("direction", ["up", "down"])
def test_only_the_way_that_is_asked_for_is_told(direction: Direction) -> None:
    moving = Moving(Moves(by=10, within_s=5.0, direction=direction))
    told = [moving.look(2 * price, 0) for price in (5_000, 5_020, 4_990)]
    assert [one[0] for one in told if one] == [direction]
