"""What `watch` and `up` draw."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from interfaces.views import DOUBTED, NO, YES, drawn, other, terminal, written
from polywire.interfaces.terminal.ladder import HEAD_LINES, ladder
from polywire.interfaces.terminal.screen import Screen, on_screen
from polywire.services.views import View

EMOJI_AND_WIDE = "\U0001f327 雨が降りますか"


def screen(*views: View) -> Screen:
    made = Screen("a title")
    made.views, made.foot, made.hint = views, "a foot", "a hint"
    return made


def test_before_the_first_look_it_says_what_it_waits_for() -> None:
    assert drawn(screen())[:2] == ["a title", "waiting for the first look at the books"]


def test_one_market_is_drawn_as_ladders_with_all_that_is_known_of_it() -> None:
    lines = drawn(screen(YES))
    assert lines[0] == "Rain? · rain"
    assert lines[1].split() == ["Yes", "current", "·", "verified", "0.4s", "ago"]
    assert lines[2].split()[:8] == ["last", "0.35", "BUY", "3.2s", "ago", "spread", "0.02", "12.4"]
    assert lines[4].split() == ["█" * 18, "1,234.50", "0.34", "│", "0.36", "500.00", "█" * 7]
    assert lines[5].split()[1:6] == ["50.00", "0.33", "│", "0.37", "250.00"]
    assert lines[-1] == "a foot · a hint"


def test_both_outcomes_stand_side_by_side_where_the_width_allows_and_else_below_one_another() -> None:
    wide = drawn(screen(YES, NO), width=140)
    assert "Yes" in wide[1]
    assert "No" in wide[1]
    narrow = drawn(screen(YES, NO), width=80)
    assert [line.split()[0] for line in narrow if line.startswith(("Yes", "No"))] == ["Yes", "No"]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40), (60, 20), (200, 12), (40, 10)])
@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_a_picture_is_never_larger_than_the_terminal(width: int, height: int, count: int) -> None:
    """A line too many would scroll, and the board would flicker."""
    views = [
        other(YES if at % 2 else NO, token=str(at), slug=f"m{at // 2}", question=f"Q{at // 2}?" * 9)
        for at in range(count)
    ]
    lines = drawn(screen(*views), width, height)
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


def test_more_than_one_market_is_a_table_and_says_how_many_are_not_shown() -> None:
    views = [other(YES, token=str(at), slug=f"m{at}", question=f"Question {at}?") for at in range(30)]
    lines = drawn(screen(*views), 100, 24)
    assert lines[1].split()[:2] == ["market", "outcome"]
    assert lines[2].split()[:5] == ["Question", "0?", "Yes", "1,234.50", "0.34"]
    assert lines[0].split("  ")[0] == "a title"
    assert lines[0].endswith(" a hint")
    assert lines[-1] == "a foot · 9 not shown"


def test_of_too_many_the_busiest_markets_are_shown_whole_and_keep_their_order() -> None:
    views = [
        other(YES, token=f"{at}{side}", slug=f"m{at}", question=f"Q{at}?", events_per_s=float(at * (side == "y")))
        for at in range(20)
        for side in "yn"
    ]
    made = screen(*views)
    made.busiest_first = True
    shown = [line.split()[0] for line in drawn(made, 100, 9)[2:-1]]
    assert shown == ["Q17?", "Q17?", "Q18?", "Q18?", "Q19?", "Q19?"]


def test_a_book_that_may_be_wrong_shows_no_price_of_its_own_and_says_why() -> None:
    lines = drawn(screen(DOUBTED))
    text = "\n".join(lines)
    assert "no prices: this book is suspect (a frame could not be read)" in text
    assert "suspect · never verified" in text
    assert "│" not in text
    row = next(line for line in drawn(screen(DOUBTED, YES), 120) if "Snow?" in line)
    assert row.split() == ["Snow?", "Yes", "0.4400", "0", "2.0s", "suspect"]


def test_a_strangers_text_cannot_style_break_or_stretch_the_picture() -> None:
    evil = other(YES, question="[red]a\x1b[2J\nb[/]" + EMOJI_AND_WIDE * 20, outcome="[bold]\x07x")
    for picture in (screen(evil), screen(evil, YES)):
        lines = drawn(picture)
        assert "\x1b[2J" not in "".join(lines)
        assert "\x07" not in "".join(lines)
        assert "[red]a [2J b" in "\n".join(lines)
        assert max(cell_len(line) for line in lines) <= 80


def test_on_a_terminal_that_knows_ascii_only_the_bars_are_of_ascii() -> None:
    lines = [line.plain for line in ladder(YES, 80, 3, plain_bars=True)]
    assert "#" in lines[3]
    assert all(letter.isascii() for line in lines[3:] for letter in line)


def test_the_last_picture_of_a_watch_stays_behind_and_the_screen_is_given_back() -> None:
    for stays in (True, False):
        console = terminal()
        made = screen()
        with on_screen(made, console, stays=stays) as live:
            made.views = (YES,)
            live.refresh()
        taken, _, after = written(console).rpartition("\x1b[?1049l")
        assert "Rain?" in taken
        assert ("Rain?" in after) == stays


@given(st.lists(st.tuples(st.integers(1, 9_999), st.integers(1, 10**15 - 1)), max_size=30), st.integers(40, 200))
def test_a_ladders_lines_are_all_as_wide_as_asked_whatever_rests(levels: list[tuple[int, int]], width: int) -> None:
    view = other(YES, bids=tuple(levels), asks=tuple(levels[::2]))
    lines = ladder(view, width, 7)
    assert len(lines) == HEAD_LINES + 7
    assert max(line.cell_len for line in lines) <= width
