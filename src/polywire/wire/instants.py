"""Times that the venue's catalogue writes as texts, to Unix milliseconds."""

import re
from typing import Final

_INSTANT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?", re.ASCII
)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY: Final = 2
_MARCH: Final = 3


def read_instant(text: str) -> int:
    """Return a time in Unix milliseconds; where no zone is stated, it is UTC.

    Raises:
        ValueError: It is no date with a time of day.

    Source: both spellings stand in the catalogue's answers; docs/protocol.md, "Resolution".

    >>> read_instant("2026-03-19 23:20:15+00"), read_instant("2026-10-05T23:05:56.999139Z")
    (1773962415000, 1791241556999)
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(f"time {text[:40]!r} is no date with a time of day")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, sign, zone_h, zone_m = found.groups()[6:]
    leap = month == _FEBRUARY and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = _DAYS[month - 1] + leap if 0 < month <= len(_DAYS) else 0
    if not (0 < day <= last and hour < 24 and minute < 60 and second < 60):  # noqa: PLR2004 - a clock
        raise ValueError(f"time {text[:40]!r} is in no calendar")
    ahead_m = int(zone_h or 0) * 60 + int(zone_m or 0)
    minutes = (_days(year, month, day) * 24 + hour) * 60 + minute - (-ahead_m if sign == "-" else ahead_m)
    return (minutes * 60 + second) * 1_000 + int((fraction or "0")[:3].ljust(3, "0"))


def _days(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01: counted in years that begin with March, so that a leap day is the last."""
    year -= month < _MARCH
    of_year = (153 * ((month - _MARCH) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719_468
