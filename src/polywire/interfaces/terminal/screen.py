"""What `watch` and `up` draw: ladders while they fit, else the compact table."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.text import Text

from polywire.interfaces.terminal import figures
from polywire.interfaces.terminal.ladder import HEAD_LINES, both_ends, ladder
from polywire.interfaces.terminal.table import LIVE, table
from polywire.services.views import View

_SIDE_BY_SIDE: Final = 100  # cells from which two ladders stand beside one another
_BETWEEN: Final = 2
_LEAST_LEVELS: Final = 3
_MOST_LEVELS: Final = 20
_EDGES: Final = 3  # of the table: its title, its columns' names, and the last line
_NOTES_KEPT: Final = 3


class Screen:
    """The picture of some tokens, as large as the terminal is.

    Attributes:
        views: What is drawn, in order; both outcomes of a market follow one another.
        foot: The last line.
        hint: What ends it.
        notes: What happened lately, for people: the newest last.
        busiest_first: Whether, of more tokens than fit, the busiest are shown instead of the first.
    """

    def __init__(self, title: str, *, busiest_first: bool = False) -> None:
        self._title, self.busiest_first = title, busiest_first
        self.views: Sequence[View] = ()
        self.foot = self.hint = ""
        self.notes: deque[str] = deque(maxlen=_NOTES_KEPT)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what rich draws, no higher than the terminal."""
        width, height = options.max_width, options.height or options.size.height
        plain = options.ascii_only
        yield from self._picture(width, height, plain=plain)

    def _picture(self, width: int, height: int, *, plain: bool) -> Iterator[RenderableType]:
        hidden = 0
        ladders = self._ladders(width, height - 2, plain=plain)
        rows = max(1, height - _EDGES - len(self.notes))
        if not self.views:
            yield Text(self._title, "bold")
            yield Text("waiting for the first look at the books", "dim")
        elif ladders is not None:
            yield self._head(width)
            yield from ladders
        else:
            yield both_ends(Text(self._title, "bold"), Text(self.hint, "dim"), width)
            shown = self._rows(rows)
            hidden = len(self.views) - len(shown)
            yield table(shown, LIVE, width)
        for note in self.notes if ladders is None else ():
            yield Text(figures.one_line(note), "dim", no_wrap=True, overflow="ellipsis")
        foot = (self.foot, f"{hidden:,} not shown" if hidden else "", self.hint if ladders is not None else "")
        yield Text(" · ".join(filter(None, foot)), "dim", no_wrap=True, overflow="ellipsis", end="")

    def _head(self, width: int) -> Text:
        questions = list(dict.fromkeys(view.question for view in self.views))
        slug = self.views[0].slug
        head = Text(figures.one_line(questions[0]) or self._title, "bold", no_wrap=True, overflow="ellipsis")
        if len(questions) == 1 and slug and head.cell_len + len(slug) + 3 <= width:
            head.append(f" · {figures.one_line(slug)}", "dim not bold")
        return head

    def _ladders(self, width: int, height: int, *, plain: bool) -> list[Text] | None:
        """Return the lines of one market's ladders; None where there are more markets, or no room for levels."""
        count = len(self.views)
        if not 1 <= count <= 2 or len({view.question for view in self.views}) > 1:  # noqa: PLR2004 - a market has two
            return None
        beside = count == 2 and width >= _SIDE_BY_SIDE  # noqa: PLR2004
        deep = height - HEAD_LINES if beside or count == 1 else (height - 1) // 2 - HEAD_LINES
        if deep < _LEAST_LEVELS:
            return None
        levels = min(deep, _MOST_LEVELS)
        if not beside:
            lines: list[Text] = []
            for view in self.views:
                lines += [*([Text("")] if lines else []), *ladder(view, width, levels, plain_bars=plain)]
            return lines
        each = (width - _BETWEEN) // 2
        left, right = (ladder(view, each, levels, plain_bars=plain) for view in self.views)
        return [Text.assemble(one, " " * _BETWEEN, other) for one, other in zip(left, right, strict=True)]

    def _rows(self, rows: int) -> Sequence[View]:
        if len(self.views) <= rows or not self.busiest_first:
            return self.views[:rows]
        by_market: dict[str, list[View]] = {}
        for view in self.views:
            by_market.setdefault(view.slug or view.token, []).append(view)
        shown: list[str] = []
        for name in sorted(by_market, key=lambda name: -max(view.events_per_s for view in by_market[name])):
            if sum(len(by_market[one]) for one in (*shown, name)) <= rows:
                shown.append(name)
        return [view for name, views in by_market.items() if name in shown for view in views] or self.views[:rows]


@contextmanager
def on_screen(screen: Screen, console: Console, *, stays: bool) -> Iterator[Live]:
    """Take over the terminal until the block ends.

    Args:
        screen: What is drawn, whenever the yielded `refresh` is called.
        console: A terminal.
        stays: Whether the last picture is left behind, below what stood there before.
    """
    try:
        with Live(screen, console=console, screen=True, auto_refresh=False, redirect_stderr=True) as live:
            yield live
    finally:
        if stays and screen.views:
            console.print(screen)
