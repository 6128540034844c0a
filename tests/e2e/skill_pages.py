"""What the skill's pages hold that can be run: programs and tables, taken out of the page itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from blocks.python_blocks import here, left_of_polymarket

REAL_TIME: Final = Path(__file__).parents[2] / "skills" / "polymarket" / "real-time"
"""The folder of the pages."""


def section(page: Path, heading: str) -> list[str]:
    """Return the lines below a heading, up to the next one, of whatever depth."""
    lines: list[str] = []
    inside = fenced = False
    for line in page.read_text().splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            inside = line.lstrip("# ") == heading
        elif inside:
            lines.append(line)
    assert lines, f"{page.name} has no heading {heading!r}"
    return lines


def program(page: Path, heading: str) -> str:
    """Return the first program below a heading."""
    found = re.search(r"^```python\n(.*?)^```$", "\n".join(section(page, heading)), re.DOTALL | re.MULTILINE)
    assert found, f"{page.name} has no program under {heading!r}"
    return found[1]


def rows(page: Path, heading: str, first: str) -> list[list[str]]:
    """Return the cells of the table below a heading whose first column is named `first`."""
    return list(_rows(section(page, heading), first))


def _rows(lines: list[str], first: str) -> Iterator[list[str]]:
    within = False
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if within and cells and set(cells[0]) != {"-"}:
            yield cells
        within = bool(cells) and (within or cells[0] == first)


def on_exchange(text: str, urls: dict[str, Any]) -> str:
    """Return a program that speaks to an exchange where it spoke to the venue, and to nobody else."""
    local = here(text, urls)
    assert left_of_polymarket(local) == [], "an address of the venue is left in a program that is to be run"
    return local
