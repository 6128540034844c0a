"""The board of a recording: one row a token, as its book stands, and below it how much of what was heard is proven."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from polywire.interfaces.terminal.table import OF_A_RECORDING, names, table
from polywire.model.events import Event
from polywire.services.replay import Replay
from polywire.services.views import Views

_ROWS: Final = 24
_FRAMES_A_SECOND: Final = 8


class Board:
    """What the terminal shows of a replay.

    Args:
        replay: Read, never changed.
        title: Above the table.
    """

    def __init__(self, replay: Replay, title: str) -> None:
        self._replay, self._title = replay, title
        self._views = Views(replay.books, {}, lambda: replay.now_ns)

    def heed(self, events: Iterable[Event]) -> None:
        """Take note of what books do not keep: names, last trades, how busy a token is."""
        for event in events:
            self._views.heed(event)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what rich draws."""
        books = self._replay.books.values()
        books.sort(key=lambda book: -self._views.changes(book.token))
        views = sorted((self._views.of(book.token, 1) for book in books[:_ROWS]), key=names)
        yield Text(self._title, "bold")
        yield table(views, OF_A_RECORDING, options.max_width)
        yield Text.from_markup(self.summary(len(books)))

    def summary(self, tokens: int | None = None) -> str:
        """Return the line below the table, in rich's markup."""
        replay, books = self._replay, self._replay.books
        hidden = 0 if tokens is None else tokens - _ROWS
        wrong = books.best_mismatches + sum(replay.undecoded.values())
        style = "green" if not wrong else "red"
        return (
            f"[bold]{replay.frames:,}[/] frames · {sum(replay.messages.values()):,} messages · "
            f"{books.best_checks:,} best prices checked, [{style}]{books.best_mismatches:,} wrong[/] · "
            f"{books.book_checks:,} books compared, {books.book_mismatches:,} differ · "
            f"[{style}]{sum(replay.undecoded.values()):,} undecoded[/] · {replay.reconnects + replay.losses:,} gaps"
            + (f" · {hidden:,} quieter tokens not shown" if hidden > 0 else "")
        )


@contextmanager
def shown(board: Board, console: Console) -> Iterator[Live | None]:
    """Show a board until the block ends: live on a terminal; elsewhere only its last line, at the end."""
    if not console.is_terminal:
        yield None
        console.print(Text.from_markup(board.summary()).plain, soft_wrap=True)
        return
    with Live(board, console=console, auto_refresh=False, transient=False) as live:
        yield live
        live.refresh()


def frames_a_second() -> int:
    """Return how often a live board is worth drawing."""
    return _FRAMES_A_SECOND
