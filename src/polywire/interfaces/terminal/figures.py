"""How numbers and strangers' words are written on a terminal. For looking at, not for reckoning."""

from typing import Final

from rich.cells import cell_len, set_cell_size

from polywire.model.health import ANSWERING, Freshness
from polywire.model.units import PRICE_ONE, SIZE_ONE

_STYLES: Final = {Freshness.COLD: "dim", Freshness.SYNCING: "dim"}
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_WHOLE_FROM: Final = 100
_THOUSAND, _MILLION = 1_000, 1_000_000


def price(value: int, tick: int) -> str:
    """Return a price with as many places as its grid has, so that a column lines up.

    >>> price(3_400, 100), price(3_400, 10), price(3_405, 100)
    ('0.34', '0.340', '0.3405')
    """
    places = next((places for places in (1, 2, 3) if tick % 10 ** (4 - places) == 0), 4)
    while places < 4 and value % 10 ** (4 - places):  # noqa: PLR2004 - a price has four places at most
        places = 4
    return f"{value / PRICE_ONE:.{places}f}"


def shares(size: int) -> str:
    """Return shares to the hundredth; "" for none.

    >>> shares(1_234_500_000), shares(0)
    ('1,234.50', '')
    """
    return f"{size / SIZE_ONE:,.2f}" if size else ""


def shares_within(size: int, cells: int) -> str:
    """Return shares to the hundredth, or more coarsely where that is wider than `cells`.

    >>> shares_within(1_234_567_890_000, 12), shares_within(1_234_567_890_000, 10), shares_within(1_234_567_890_000, 6)
    ('1,234,567.89', '1,234,568', '1.23M')
    """
    whole = size / SIZE_ONE
    if len(exact := shares(size)) <= cells:
        return exact
    if len(rounded := f"{whole:,.0f}") <= cells:
        return rounded
    return f"{whole / _MILLION:.2f}M" if whole >= _MILLION else f"{whole / _THOUSAND:.1f}k"


def age(seconds: float | None) -> str:
    """Return how long ago, in four letters or so; "-" where it never was.

    >>> age(0.04), age(8.25), age(75), age(7_300), age(200_000), age(None)
    ('0.0s', '8.2s', '75s', '2h01', '2d', '-')
    """
    if seconds is None:
        return "-"
    if seconds < _MINUTE_S:
        return f"{seconds:.1f}s"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f}s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S:.0f}m{seconds % _MINUTE_S:02.0f}"
    if seconds < _DAY_S:
        return f"{seconds // _HOUR_S:.0f}h{seconds % _HOUR_S // _MINUTE_S:02.0f}"
    return f"{seconds // _DAY_S:.0f}d"


def rate(per_s: float) -> str:
    """Return events a second.

    >>> rate(0), rate(3.26), rate(1_234.5)
    ('0', '3.3', '1,234')
    """
    if not per_s:
        return "0"
    return f"{per_s:,.0f}" if per_s >= _WHOLE_FROM else f"{per_s:.1f}"


def freshness_style(freshness: Freshness) -> str:
    """Return rich's style for a freshness: green answers, dim has nothing yet, red may be wrong."""
    return "green" if freshness in ANSWERING else _STYLES.get(freshness, "red")


def one_line(text: str) -> str:
    """Return a stranger's text without line breaks and control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def without_middle(text: str, cells: int, mark: str = "…") -> str:
    """Return a text cut to so many cells, its middle replaced by a mark.

    >>> without_middle("Bitcoin up or down, 12:00", 14), without_middle("short", 14)
    ('Bitcoin…12:00', 'short')
    """
    if cell_len(text) <= cells:
        return text
    room = max(0, cells - cell_len(mark))
    tail = room * 2 // 5
    head = set_cell_size(text, room - tail).rstrip()
    end = text[-1:] if tail else ""
    while len(end) < len(text) and cell_len(text[-len(end) - 1 :]) <= tail:
        end = text[-len(end) - 1 :]
    return head + mark + end if tail else head + mark[:cells]
