"""`wire.instants`: times as the catalogue writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.wire.instants import read_instant

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2400, 1, 1))  # noqa: DTZ001 - the zone is drawn apart
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def unix_ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(MOMENTS, ZONES)
def test_what_python_writes_is_read_as_python_means_it(moment: datetime, zone: timezone) -> None:
    zoned = moment.replace(tzinfo=zone)
    assert read_instant(zoned.isoformat()) == unix_ms(zoned)
    assert read_instant(str(zoned)) == unix_ms(zoned)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-03-19 23:20:15+00", "2026-03-19T23:20:15+00:00"),
        ("2026-03-19T23:20:15Z", "2026-03-19T23:20:15+00:00"),
        ("2026-03-19T23:20:15", "2026-03-19T23:20:15+00:00"),
        ("2026-03-19T23:20:15.5-0530", "2026-03-19T23:20:15.500-05:30"),
        ("2024-02-29T00:00:00.123456789Z", "2024-02-29T00:00:00.123+00:00"),
        ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00+00:00"),
    ],
)
def test_the_spellings_met_mean_the_same_as_the_usual_one(text: str, same: str) -> None:
    assert read_instant(text) == unix_ms(datetime.fromisoformat(same))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-19",
        "23:20:15",
        "2026-03-19T23:20",
        "19.3.2026 23:20:15",
        "2026-03-19T23:20:15.",
        "x" * 5_000,
        "2026-03-19T23:20:15+1",
        "2026-03-19T23:20:15 UTC",
        "\u0662026-03-19T23:20:15Z",
    ],
)
def test_what_is_no_date_with_a_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no date with a time of day"):
        read_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
    ],
)
def test_what_stands_in_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="in no calendar"):
        read_instant(text)
