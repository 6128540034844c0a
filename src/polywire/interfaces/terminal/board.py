"""The live board: one row a token, as its book stands, and below it how much of what was heard is proven."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from polywire.core.book import Book
from polywire.model.events import Event
from polywire.model.health import ANSWERING
from polywire.model.market import LevelChanged, MarketCreated, Traded
from polywire.model.units import NO_ASK, NO_BID, PRICE_ONE, SIZE_ONE
from polywire.services.replay import Replay

_ROWS: Final = 24
_FRAMES_A_SECOND: Final = 8
_FRESHNESS_STYLES: Final = {"current": "green", "quiet": "green", "cold": "dim"}


class Board:
    """What the terminal shows of a replay.

    Args:
        replay: Read, never changed.
        title: Above the table.
    """

    def __init__(self, replay: Replay, title: str) -> None:
        self._replay, self._title = replay, title
        self._names: dict[str, tuple[str, str]] = {}
        self._trades: dict[str, Traded] = {}
        self._changes: dict[str, int] = {}

    def heed(self, events: Iterable[Event]) -> None:
        """Take note of what books do not keep: names, last trades, how busy a token is."""
        for event in events:
            match event:
                case MarketCreated():
                    for token, outcome in zip(event.tokens, event.outcomes, strict=False):
                        self._names[token] = event.question, outcome
                case Traded():
                    self._trades[event.token] = event
                case LevelChanged():
                    self._changes[event.token] = self._changes.get(event.token, 0) + 1
                case _:
                    pass

    def __rich__(self) -> Group:
        """Return what rich draws."""
        table = Table(title=self._title, box=box.SIMPLE_HEAD, title_justify="left", expand=True, pad_edge=False)
        table.add_column("market", ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("outcome", no_wrap=True)
        for name in ("bid size", "bid", "ask", "ask size", "spread", "last", "levels", "changes"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("book", no_wrap=True)
        books = self._replay.books.values()
        books.sort(key=lambda book: -self._changes.get(book.token, 0))
        for book in sorted(books[:_ROWS], key=self._name):
            table.add_row(*self._row(book))
        return Group(table, Text.from_markup(self.summary(len(books))))

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

    def _name(self, book: Book) -> tuple[str, str]:
        return self._names.get(book.token) or (f"token {book.token[:10]}…", "")

    def _row(self, book: Book) -> tuple[str, ...]:
        name = [escape(_one_line(part)) for part in self._name(book)]
        trade = self._trades.get(book.token)
        tick = book.tick or 1
        last = "" if trade is None else f"[{'green' if trade.side == 'BUY' else 'red'}]{_price(trade.price, tick)}[/]"
        changes = f"{self._changes.get(book.token, 0):,}"
        state = f"[{_FRESHNESS_STYLES.get(book.freshness, 'red')}]{book.freshness}[/]"
        if book.freshness not in ANSWERING:  # a book that may be wrong shows no prices here either
            return (*name, "", "", "", "", "", last, "", changes, state)
        bids, asks = book.bids, book.asks
        return (
            *name,
            _shares(bids[-1].size if bids else 0),
            "" if bids.best == NO_BID else f"[green]{_price(bids.best, tick)}[/]",
            "" if asks.best == NO_ASK else f"[red]{_price(asks.best, tick)}[/]",
            _shares(asks[-1].size if asks else 0),
            "" if book.spread is None else _price(book.spread, tick),
            last,
            f"{len(bids)}/{len(asks)}",
            changes,
            state,
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


def _price(price: int, tick: int) -> str:
    """Return a price with as many places as its grid has, so that a column lines up."""
    places = next((places for places in (1, 2, 3) if tick % 10 ** (4 - places) == 0), 4)
    return f"{price / PRICE_ONE:.{places}f}"


def _shares(size: int) -> str:
    """Return shares to the hundredth; for looking at, not for reckoning."""
    return f"{size / SIZE_ONE:,.2f}" if size else ""


def _one_line(text: str) -> str:
    """Return a stranger's text without line breaks and control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
