"""The compact board: one row a token, as many columns as the width bears."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from polywire.interfaces.terminal import figures
from polywire.services.views import View

_ROOMY: Final = 100  # cells from which columns stand two apart


class Column(NamedTuple):
    """A column: what it says of a view, in rich's markup, and from which width of the terminal it is shown."""

    name: str
    cell: Callable[[View], str]
    from_width: int = 0
    right: bool = True


def _best(side: tuple[tuple[int, int], ...], view: View, style: str) -> str:
    return f"[{style}]{figures.price(side[0][0], view.tick or 1)}[/]" if side else ""


def _last(view: View) -> str:
    if view.last_price is None:
        return ""
    text = figures.price(view.last_price, view.tick or 1)
    style = {"BUY": "green", "SELL": "red"}.get(view.last_side or "")
    return f"[{style}]{text}[/]" if style else text


def _levels(view: View) -> str:
    return f"{view.bid_levels}/{view.ask_levels}" if view.answering else ""


def _book(view: View) -> str:
    return f"[{figures.freshness_style(view.freshness)}]{view.freshness}[/]"


_QUOTES: Final = (
    Column("bid size", lambda view: figures.shares(view.bids[0][1] if view.bids else 0), 96),
    Column("bid", lambda view: _best(view.bids, view, "green")),
    Column("ask", lambda view: _best(view.asks, view, "red")),
    Column("ask size", lambda view: figures.shares(view.asks[0][1] if view.asks else 0), 96),
    Column("spread", lambda view: "" if view.spread is None else figures.price(view.spread, view.tick or 1), 84),
    Column("last", _last),
    Column("levels", _levels, 110),
)
OF_A_RECORDING: Final = (
    *_QUOTES,
    Column("changes", lambda view: f"{view.changes:,}", 70),
    Column("book", _book, right=False),
)
"""What is shown of a recording."""

LIVE: Final = (
    *_QUOTES,
    Column("events/s", lambda view: figures.rate(view.events_per_s), 70),
    Column("age", lambda view: figures.age(view.event_age_s)),
    Column("book", _book, right=False),
)
"""What is shown of a feed."""


def table(views: Iterable[View], columns: Sequence[Column], width: int) -> Table:
    """Return the rows of these views, in their order, with the columns that `width` bears, below one line of names."""
    gap = 2 if width >= _ROOMY else 1
    drawn = Table(box=None, expand=True, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    drawn.add_column("market", ratio=1, no_wrap=True)
    drawn.add_column("outcome", no_wrap=True, max_width=max(8, width // 7))
    shown = [column for column in columns if width >= column.from_width]
    for column in shown:
        drawn.add_column(column.name, justify="right" if column.right else "left", no_wrap=True)
    for view in views:
        drawn.add_row(*(_Cut(name) for name in names(view)), *(column.cell(view) for column in shown))
    return drawn


def names(view: View) -> tuple[str, str]:
    """Return a token's question and outcome on one line each; of an unknown market, the token's first digits."""
    return figures.one_line(view.question or f"token {view.token[:10]}…"), figures.one_line(view.outcome)


class _Cut:
    """A name that gives up its middle where it does not fit: what tells two markets apart is often at the end."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(figures.without_middle(self._name, options.max_width, "..." if options.ascii_only else "…"))

    def __rich_measure__(self, _console: Console, options: ConsoleOptions) -> Measurement:
        cells = cell_len(self._name)
        return Measurement(min(cells, 4), cells).clamp(max_width=options.max_width)
