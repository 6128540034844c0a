"""The links of the project's pages: those that lead somewhere inside, and the list of those that lead out.

    .venv/bin/python tests/blocks/links.py

writes docs/outside-links.md anew. Nothing here goes to the network.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).parents[2]
LIST: Final = ROOT / "docs" / "outside-links.md"
_HEAD: Final = """# Links that lead out

Every link of these pages that leaves this repository. None of them is checked: the tests need no network. A page may
have moved since it was read. `.venv/bin/python tests/blocks/links.py` makes this list anew, and a test holds it.

| page | link |
|---|---|
"""


def linked_pages() -> list[Path]:
    """Return every page whose links are looked at."""
    named = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md")]
    found = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "skills").rglob("*.md")]
    return [*named, *sorted(page for page in found if page != LIST)]


def links_of(page: Path) -> list[str]:
    """Return where a page's links and pictures lead, in order; what stands in code is none."""
    return [
        str(token.attrs["href" if token.type == "link_open" else "src"])
        for token in _inline(_parsed(page))
        if token.type in {"link_open", "image"}
    ]


def anchors_of(page: Path) -> set[str]:
    """Return the names that a page's headings can be linked by, as GitHub makes them."""
    tokens, seen, anchors = _parsed(page), Counter[str](), set()
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inside.children or [])
            name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            anchors.add(f"{name}-{seen[name]}" if seen[name] else name)
            seen[name] += 1
    return anchors


def is_outside(link: str) -> bool:
    """Return whether a link leads out of the repository."""
    return bool(urlsplit(link).scheme)


def fault_of(page: Path, link: str) -> str | None:
    """Return what is wrong with a link inside the repository, or None."""
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT):
        return "it leads out of the repository"
    if not target.exists():
        return "nothing is there"
    if anchor and (target.suffix != ".md" or anchor not in anchors_of(target)):
        return f"no heading there is called #{anchor}"
    return None


def outside_list() -> str:
    """Return what docs/outside-links.md has to hold."""
    rows = [
        f"| {page.relative_to(ROOT)} | <{link}> |"
        for page in linked_pages()
        for link in dict.fromkeys(filter(is_outside, links_of(page)))
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _parsed(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def _inline(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _inline(token.children or [])


if __name__ == "__main__":
    LIST.write_text(outside_list(), encoding="utf-8")
