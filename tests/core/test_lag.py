"""How late messages come: percentiles, the least, and what they say of the clocks."""

import math

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.lag import SAMPLES_KEPT, Lag, LagFigures, combined

NOON_MS = 1_790_000_000_000
MS_NS = 1_000_000

late_ns = st.integers(-10_000 * MS_NS, 10_000 * MS_NS)


def lag_of(*samples_ns: int, kept: int = SAMPLES_KEPT) -> Lag:
    lag = Lag(kept)
    for sample in samples_ns:
        lag.note(NOON_MS, NOON_MS * MS_NS + sample)
    return lag


def nearest_rank(samples: list[int], percent: int) -> float:
    """The least sample that at least `percent` of a hundred do not exceed, found by counting."""
    enough = (one for one in sorted(samples) if 100 * sum(other <= one for other in samples) >= percent * len(samples))
    return round(next(enough) / MS_NS, 3)


def test_without_a_sample_nothing_is_claimed() -> None:
    assert Lag().figures() == combined(()) == combined((Lag(), Lag())) == LagFigures(None, None, None, 0)
    assert Lag().figures().behind_ms == 0


def test_a_message_without_the_venues_time_is_no_sample() -> None:
    lag = Lag()
    lag.note(0, NOON_MS * MS_NS)
    assert lag.figures().samples == 0


@given(samples=st.lists(late_ns, min_size=1, max_size=120))
def test_percentiles_are_the_nearest_ranks_of_the_sorted_samples(samples: list[int]) -> None:
    told = lag_of(*samples).figures()
    assert told.p50_ms == nearest_rank(samples, 50)
    assert told.p99_ms == nearest_rank(samples, 99)
    assert told.least_ms == round(min(samples) / MS_NS, 3)
    assert told.samples == len(samples)


@given(samples=st.lists(late_ns, min_size=1, max_size=60), kept=st.integers(1, 20))
def test_only_the_latest_samples_count_and_no_more_are_kept(samples: list[int], kept: int) -> None:
    assert lag_of(*samples, kept=kept).figures() == lag_of(*samples[-kept:]).figures()


@given(sockets=st.lists(st.lists(late_ns, max_size=30), max_size=6))
def test_several_sockets_together_are_as_one_that_saw_it_all(sockets: list[list[int]]) -> None:
    together = combined(lag_of(*samples) for samples in sockets)
    assert together == lag_of(*(sample for samples in sockets for sample in samples)).figures()


@given(samples=st.lists(late_ns, min_size=1, max_size=200), most=st.integers(1, 50))
def test_of_too_many_samples_an_even_part_is_ranked_and_the_least_is_still_the_least(
    samples: list[int], most: int
) -> None:
    told = combined((lag_of(*samples),), most)
    every = math.ceil(len(samples) / most)
    assert told.p50_ms == nearest_rank(samples[::every], 50)
    assert told.least_ms == round(min(samples) / MS_NS, 3)
    assert told.samples == len(samples)


def test_a_clock_of_ours_that_is_behind_shows_and_one_that_is_not_does_not() -> None:
    assert lag_of(-250 * MS_NS, 40 * MS_NS).figures().behind_ms == 250
    assert lag_of(3 * MS_NS, 40 * MS_NS).figures().behind_ms == 0


def test_lags_are_whole_to_the_microsecond_over_decades() -> None:
    """Unix nanoseconds do not fit a float: the difference is made of ints."""
    lag = Lag()
    lag.note(4_000_000_000_000, 4_000_000_000_000 * MS_NS + 1_000)
    assert lag.figures().p99_ms == 0.001
