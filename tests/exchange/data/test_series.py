"""Claims on a market's price over time as it is held."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.exchange.data.series import MINUTE_S, Series
from polywire.exchange.trading.records import PricePoint
from polywire.model.units import ConditionId

Points = list[tuple[int, int]]

points = st.dictionaries(st.integers(1, 60), st.integers(0, 5).map(lambda tenths: tenths * 100_000)).map(
    lambda found: sorted(found.items())
)


def series_of(given_points: Points) -> Series:
    return Series(PricePoint(ConditionId("0xc1"), minute, price) for minute, price in given_points)


def oracle(given_points: Points, second: int) -> int | None:
    known = None
    for minute, price in given_points:
        if (minute + 1) * MINUTE_S <= second:
            known = price
    return known


@given(points, st.integers(0, 70 * MINUTE_S))
def test_a_price_is_that_of_the_last_minute_that_has_passed(found: Points, second: int) -> None:
    assert series_of(found).at(second) == oracle(found, second)


@given(points)
def test_a_price_that_is_no_other_than_the_last_costs_nothing(found: Points) -> None:
    series = series_of(found)
    assert len(series) == len([one for at, one in enumerate(found) if not at or found[at - 1][1] != one[1]])
    assert len(series) * 8 == sum(len(part) * part.itemsize for part in (series.minutes, series.prices))


@given(points, points, st.integers(0, 70 * MINUTE_S))
def test_what_follows_counts_where_both_know_a_minute(earlier: Points, later: Points, second: int) -> None:
    series = series_of(later)
    series.follow(series_of(earlier))
    first = later[0][0] if later else 1_000
    assert series.at(second) == oracle([one for one in earlier if one[0] < first] + later, second)


def test_a_series_without_points_begins_and_ends_nowhere() -> None:
    assert (Series().begins_s, Series().ends_s, Series().at(1_790_000_000)) == (None, None, None)
