"""The pages as tests read them: sections by heading, tables by row, names in backticks, commands in blocks."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
DOCS: Final = ROOT / "docs"


def page(name: str) -> str:
    """Return a page of docs/, without its last newline."""
    return (DOCS / name).read_text().rstrip("\n")


def section(text: str, heading: str) -> str:
    """Return what stands under a heading (`## Faults`), its own headings included, until one of its rank or higher."""
    rank = heading.index(" ")
    begin = re.search(rf"^{re.escape(heading)}$\n?", text, re.MULTILINE)
    assert begin is not None, f"no heading {heading!r}"
    below = text[begin.end() :]
    end = re.search(rf"^#{{1,{rank}}} ", below, re.MULTILINE)
    return below if end is None else below[: end.start()]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row in a text, but for heads and rulers. `\\|` is a bar in a cell."""
    found = []
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("| ") and not following.startswith("|---"):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            found.append([cell.strip() for cell in cells])
    return found


def names(cell: str) -> list[str]:
    """Return what stands in backticks, in order."""
    return re.findall(r"`([^`]+)`", cell)


def commands(text: str) -> list[str]:
    """Return the lines of the shell blocks of a page that call `./polywire`, from it on, without comments."""
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            found += [match.strip() for match in re.findall(r"\./polywire\b[^#|;&<>]*", re.sub(r"\s#\s.*", "", line))]
    return found
