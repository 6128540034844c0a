"""One token's book as a ladder: bids to the left, asks to the right, sizes as bars, the best on top."""

from itertools import zip_longest
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from polywire.interfaces.terminal import figures
from polywire.services.views import View

HEAD_LINES: Final = 3
"""Lines above the levels: the outcome and its freshness, the last trade, the columns' names."""

_PRICE_CELLS: Final = 6
_SIZE_CELLS: Final = 12
_MIDDLE: Final = 3


def ladder(view: View, width: int, levels: int, *, plain_bars: bool = False) -> list[Text]:
    """Return `HEAD_LINES + levels` lines of `width` cells.

    Args:
        view: What stands there. While its book may be wrong, the lines say why instead of showing prices.
        width: Cells, 40 or more.
        levels: Levels a side.
        plain_bars: Draw with ASCII only.
    """
    lines = [_outcome_line(view, width), _trade_line(view, width)]
    if view.answering:
        half = (width - _MIDDLE) // 2
        middle = " | " if plain_bars else " │ "
        lines.append(_names_line(half, middle))
        bids, asks = view.bids[:levels], view.asks[:levels]
        most = max((size for _, size in (*bids, *asks)), default=1)
        layout = _Half(half, most, "#" if plain_bars else "█")
        for bid, ask in zip_longest(bids, asks):
            line = layout.level(bid, view.tick or 1, "green", bids=True)
            line.append(middle, "dim")
            lines.append(line.append_text(layout.level(ask, view.tick or 1, "red", bids=False)))
    else:
        why = f"no prices: this book is {view.freshness} ({figures.one_line(view.reason)})"
        lines.extend(Text(part, "red") for part in _wrapped(why, width, levels))
    blanks = HEAD_LINES + levels - len(lines)
    return lines + [Text(" " * width)] * blanks


class _Half:
    """How one side of a line is laid out: a bar where there is room, the size, the price."""

    def __init__(self, cells: int, most: int, block: str) -> None:
        self.cells, self._most, self._block = cells, most, block
        self.size_cells = min(_SIZE_CELLS, cells - _PRICE_CELLS - 1)
        self.bar_cells = max(0, cells - _PRICE_CELLS - self.size_cells - 2)

    def bar(self, size: int) -> str:
        """Return a bar in proportion; whatever rests there is at least one block long."""
        return self._block * max(1, round(self.bar_cells * size / self._most)) if self.bar_cells else ""

    def level(self, level: tuple[int, int] | None, tick: int, style: str, *, bids: bool) -> Text:
        """Return one level: of the bids with the price to the right, of the asks to the left."""
        if level is None:
            return Text(" " * self.cells)
        price = figures.price(level[0], tick)
        size = figures.shares_within(level[1], self.size_cells)
        bar = self.bar(level[1])
        text = Text()
        if bids:
            text.append(f"{bar:>{self.bar_cells}} " if self.bar_cells else "", f"{style} dim")
            text.append(f"{size:>{self.size_cells}} ")
            text.append(f"{price:>{_PRICE_CELLS}}", style)
        else:
            text.append(f"{price:<{_PRICE_CELLS}}", style)
            text.append(f" {size:>{self.size_cells}}")
            text.append(f" {bar:<{self.bar_cells}}" if self.bar_cells else "", f"{style} dim")
        text.pad_left(self.cells - text.cell_len) if bids else text.pad_right(self.cells - text.cell_len)
        return text


def _outcome_line(view: View, width: int) -> Text:
    name = figures.one_line(view.outcome) or f"token {view.token[:10]}…"
    proven = "never verified" if view.verified_age_s is None else f"verified {figures.age(view.verified_age_s)} ago"
    right = Text(str(view.freshness), figures.freshness_style(view.freshness))
    right.append(f" · {proven}", "dim")
    return both_ends(Text(name, "bold"), right, width)


def _trade_line(view: View, width: int) -> Text:
    left = Text()
    if view.last_price is None:
        left.append("no trade yet", "dim")
    else:
        left.append("last ", "dim")
        style = {"BUY": "green", "SELL": "red"}.get(view.last_side or "", "")
        left.append(" ".join(filter(None, (figures.price(view.last_price, view.tick or 1), view.last_side))), style)
        if view.last_age_s is not None:
            left.append(f" {figures.age(view.last_age_s)} ago", "dim")
    if view.spread is not None:
        left.append("  spread ", "dim")
        left.append(figures.price(view.spread, view.tick or 1))
    heard = "no event yet" if view.event_age_s is None else f"last {figures.age(view.event_age_s)} ago"
    return both_ends(left, Text(f"{figures.rate(view.events_per_s)} events/s · {heard}"), width)


def _names_line(half: int, middle: str) -> Text:
    bids = f"{'bid size':>{half - _PRICE_CELLS - 1}} {'bid':>{_PRICE_CELLS}}"
    asks = f"{'ask':<{_PRICE_CELLS}} {'ask size':<{half - _PRICE_CELLS - 1}}"
    return Text(bids + middle + asks, "dim")


def both_ends(left: Text, right: Text, width: int) -> Text:
    """Return two texts at the ends of one line; where they do not fit, the left one is cut."""
    room = width - right.cell_len - 1
    if left.cell_len > room:
        left.truncate(max(0, room), overflow="ellipsis")
    line = left.copy()
    line.append(" " * max(1, width - left.cell_len - right.cell_len))
    line.append_text(right)
    line.truncate(width)
    return line


def _wrapped(text: str, width: int, lines: int) -> list[str]:
    """Return a text on at most `lines` lines, each filled up to `width` cells."""
    found = [""]
    for word in text.split():
        if found[-1] and cell_len(found[-1]) + 1 + cell_len(word) > width:
            found.append(word)
        else:
            found[-1] = f"{found[-1]} {word}".strip()
    return [set_cell_size(line, width) for line in found[: max(1, lines)]]
