"""The terminal's board."""

from io import StringIO

from rich.console import Console

from polywire.interfaces.terminal.board import Board, shown
from polywire.interfaces.terminal.progress import file_progress
from polywire.services.replay import Replay
from polywire.wire.tape import Record
from services.recordings import frame, rehearsal


def drawn(records: list[Record], width: int = 150) -> str:
    """Return what a terminal of that width shows at a recording's end."""
    replay = Replay()
    board = Board(replay, "a title")
    for _, events in replay.run(records):
        board.heed(events)
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False)
    console.print(board)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_row_shows_a_market_its_outcome_and_both_best_prices_on_the_grid() -> None:
    book = (
        b'{"market":"0x1","asset_id":"7","bids":[{"price":"0.3","size":"1234.5"}],"asks":[{"price":"0.36","size":"50"}],'
        b'"timestamp":"1","tick_size":"0.01","event_type":"book"}'
    )
    market = (
        b'{"market":"0x1","question":"Rain?","outcomes":["Wet"],"clob_token_ids":["7"],"timestamp":"1",'
        b'"event_type":"new_market"}'
    )
    row = next(line for line in drawn([frame(market), frame(book)]).splitlines() if "Rain?" in line)
    assert row.split() == ["Rain?", "Wet", "1,234.50", "0.30", "0.36", "50.00", "0.06", "1/1", "0", "current"]


def test_a_book_that_may_be_wrong_shows_no_prices() -> None:
    book = (
        b'{"market":"0x1","asset_id":"7","bids":[{"price":"0.3","size":"1"}],"asks":[],"timestamp":"1",'
        b'"event_type":"book"}'
    )
    row = next(line for line in drawn([frame(book), frame(b"{broken")]).splitlines() if "token 7" in line)
    assert "suspect" in row
    assert "0.3" not in row


def test_a_strangers_text_cannot_style_or_break_the_board() -> None:
    market = (
        b'{"market":"0x1","question":"[red]a\\u001b[2J\\nb[/]","outcomes":["x"],"clob_token_ids":["7"],"timestamp":"1",'
        b'"event_type":"new_market"}'
    )
    book = b'{"market":"0x1","asset_id":"7","bids":[],"asks":[],"timestamp":"1","event_type":"book"}'
    text = drawn([frame(market), frame(book)])
    assert "[red]a [2J b[/]" in text
    assert "\x1b[2J" not in text


def test_the_summary_counts_what_was_checked_and_what_is_not_shown() -> None:
    text = drawn(rehearsal(2_000, markets=15), width=220)
    assert "2,000 frames" in text
    assert " 0 wrong" in text
    assert "6 quieter tokens not shown" in text


def test_where_there_is_no_terminal_only_the_summary_is_written_at_the_end() -> None:
    replay = Replay()
    board = Board(replay, "a title")
    console = Console(file=StringIO(), width=80)
    with shown(board, console) as live:
        assert live is None
        for _ in replay.run(rehearsal(50)):
            pass
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().startswith("50 frames")
    assert console.file.getvalue().count("\n") == 1


def test_progress_is_drawn_on_a_terminal_only() -> None:
    for terminal in (True, False):
        console = Console(file=StringIO(), force_terminal=terminal, legacy_windows=False)
        with file_progress(console, "reading a", 100) as tell:
            tell(50)
        assert isinstance(console.file, StringIO)
        assert ("reading a" in console.file.getvalue()) == terminal
