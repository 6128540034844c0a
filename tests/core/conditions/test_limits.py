"""A number beyond a limit."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.conditions.limits import Latch
from polywire.model.watch import Bound


@given(st.sampled_from(["over", "under"]), st.lists(st.integers(-50, 50), max_size=40), st.integers(0, 20))
def test_it_comes_true_once_each_time_the_number_goes_beyond_after_having_been_back(
    bound: Bound, values: list[int], hysteresis: int
) -> None:
    latch, true = Latch(bound, 10, hysteresis), False
    for value in values:
        beyond = value > 10 if bound == "over" else value < 10
        back = value <= 10 - hysteresis if bound == "over" else value >= 10 + hysteresis
        assert latch.look(value) == (beyond and not true)
        true = beyond if not true else not back
        assert latch.beyond == true
