"""A door that closes to whoever was wrong too often, and to nobody else."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.throttle import Throttle

STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40)), max_size=60)


@given(STEPS)
def test_a_key_is_shut_out_exactly_when_it_failed_too_often_within_the_window(steps: list[tuple[str, float]]) -> None:
    """Against a list of all failures: a window begins with the first one after the last window, or the last closing."""
    door = Throttle(most=3, within_s=30.0, closed_s=20.0)
    now_s = 0.0
    windows: dict[str, list[float]] = {}
    closed: dict[str, float] = {}
    for key, passed in steps:
        now_s += passed
        expected = max(0.0, closed.get(key, 0.0) - now_s)
        assert abs(door.closed_s(key, now_s) - expected) < 1e-9
        if expected:
            continue
        window = windows.setdefault(key, [])
        if window and now_s - window[0] > 30.0:
            window.clear()
        window.append(now_s)
        shut = door.failed(key, now_s)
        assert (shut > 0) == (len(window) == 3)
        if shut:
            closed[key] = now_s + 20.0
            window.clear()


def test_of_too_many_keys_the_one_untouched_the_longest_is_forgotten() -> None:
    door = Throttle(most=2)
    door.failed("first", 0.0)
    door.failed("second", 0.0)
    for number in range(10_000):
        door.failed(f"{number}", 1.0)
    assert door.failed("second", 2.0) == 0.0  # "first" made room for the last but one, "second" for the last
    assert door.failed("9999", 2.0) == 60.0
    for number in range(10_001):
        door.failed(f"closed {number}", 3.0)
        door.failed(f"closed {number}", 3.0)
    assert door.closed_s("closed 0", 4.0) == 0.0
    assert door.closed_s("closed 10000", 4.0) == 59.0
