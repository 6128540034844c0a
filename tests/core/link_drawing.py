"""Draws docs/link.md's picture and table from `TABLE`: `python tests/core/link_drawing.py` rewrites the page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from polywire.core.link import TABLE, Action, Phase, Signal

PAGE: Final = Path(__file__).parents[2] / "docs" / "link.md"
BEGIN: Final = "<!-- drawn from polywire.core.link.TABLE by tests/core/link_drawing.py -->\n"
END: Final = "<!-- end of the drawn part -->\n"

Table = Mapping[tuple[Phase, Signal], tuple[Phase, Action]]


def picture(table: Table) -> str:
    """Return the state diagram: one arrow for each pair of phases. What stays in a phase is in the rows only."""
    arrows: dict[tuple[Phase, Phase], list[str]] = {}
    for (phase, signal), (following, _) in table.items():
        if following is not phase:
            arrows.setdefault((phase, following), []).append(signal.value)
    drawn = [f"    {a.name} --> {b.name}: {', '.join(signals)}" for (a, b), signals in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.WAITING.name}", *drawn, "```", ""])


def rows(table: Table) -> str:
    """Return every transition as one row."""
    told = [
        f"| {phase.name} | {signal.value} | {following.name if following is not phase else '·'} "
        f"| {do.value if do is not Action.NOTHING else '·'} |"
        for (phase, signal), (following, do) in table.items()
    ]
    return "\n".join(["| phase | signal | next phase | what the shell does |", "|---|---|---|---|", *told, ""])


def drawn(table: Table) -> str:
    """Return the part of the page that belongs to this program, its marks included."""
    return f"{BEGIN}\n{picture(table)}\n{rows(table)}\n{END}"


def marked(page: str) -> str:
    """Return the marked part of a page, its marks included."""
    return page[page.index(BEGIN) : page.index(END) + len(END)]


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(marked(text), drawn(TABLE)), encoding="utf-8")
