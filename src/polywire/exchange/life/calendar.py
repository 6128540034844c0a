"""Venue time as titles and slugs write it: UTC, so that no table of time zones is needed."""

from datetime import UTC, datetime

from polywire.exchange.life.schedule import SECOND


def stamp(us: int) -> str:
    """Return a time as slugs write it, to the second.

    >>> stamp(1_790_994_600_000_000)
    '2026-10-03-023000'
    """
    return f"{_time(us):%Y-%m-%d-%H%M%S}"


def day(us: int) -> str:
    """Return a day as titles write it.

    >>> day(1_790_994_600_000_000)
    'October 3'
    """
    time = _time(us)
    return f"{time:%B} {time.day}"


def hour(us: int) -> str:
    """Return a time of day as titles write it.

    >>> hour(1_790_994_600_000_000), hour(1_790_994_600_000_000 + 10 * 3_600 * SECOND)
    ('2:30AM', '12:30PM')
    """
    time = _time(us)
    return f"{time.hour % 12 or 12}:{time:%M}{'AM' if time.hour < 12 else 'PM'}"  # noqa: PLR2004 - noon


def _time(us: int) -> datetime:
    return datetime.fromtimestamp(us // SECOND, UTC)
