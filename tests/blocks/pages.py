"""The project's pages, as pytest sees them: every fenced block is a test of its own, run as its language asks for.

A comment on the line before a fence marks the block behind it: `<!-- skip: next "why" -->` says why it cannot be run,
`<!-- continues -->` that it goes on from the one of its language before it. CONTRIBUTING.md says more.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, FencedCodeBlockLexer

from blocks import data_blocks, python_blocks, shell_blocks
from blocks.venue import Place

ROOT: Final = Path(__file__).parents[2]
NOT_RUN: Final = frozenset({"text", "mermaid"})
"""Languages of blocks that are shown and no more: output, and drawings."""

_REASON: Final = re.compile(r'next "(?P<reason>[^"]{8,})"')


def pages() -> list[Path]:
    """Return every page whose blocks are run."""
    named = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "bench" / "README.md"]
    return [*named, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "skills").rglob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: What stands behind its fence.
        source: What it holds.
        line: Of its first line, in the page.
        marks: What the comments before it say: directive and argument.
        goes_on: The blocks that it goes on from, the first one first.
        continued: Whether another goes on from it.
    """

    language: str
    source: str
    line: int
    marks: tuple[tuple[str, str], ...] = ()
    goes_on: tuple["Block", ...] = ()
    continued: bool = False

    @property
    def continues(self) -> bool:
        """Whether it says that it goes on from another."""
        return ("continues", "") in self.marks

    @property
    def skipped(self) -> str | None:
        """Why it is not run, or None; "" where no reason is given."""
        for directive, argument in self.marks:
            if directive == "skip":
                match = _REASON.fullmatch(argument)
                return match["reason"] if match else ""
        return None

    @property
    def program(self) -> str:
        """What is run: this block behind those it goes on from, each on the lines it has in the page."""
        text = ""
        for block in (*self.goes_on, self):
            text += "\n" * (block.line - 1 - text.count("\n")) + block.source
        return text


Run = Callable[[Block, Path, Place], str | None]
"""Runs a block of a page and returns what is wrong, or None."""

RUNS: Final[Mapping[str, Run]] = {
    "python": lambda block, page, place: python_blocks.run(
        block.program, page.name, place, must_print=not block.continued
    ),
    "sh": lambda block, _, place: shell_blocks.run(block.program, place),
    "json": lambda block, *_: data_blocks.json_faults(block.source),
    "jsonl": lambda block, *_: data_blocks.jsonl_faults(block.source),
    "toml": lambda block, *_: data_blocks.toml_faults(block.source),
}
"""By language, what runs its blocks."""


class Blocks:
    """The parser of a page: one region for each block that is run, and for each comment that marks none."""

    def __call__(self, document: Document) -> Iterable[Region]:
        """Return the regions of a page, in no order."""
        fences = {region.start: region for region in _FENCES(document)}
        found: dict[int, list[Region]] = {}
        for mark in _MARKS(document):
            if not any(fence.start <= mark.start < fence.end for fence in fences.values()):
                start = _next_line(document.text, mark.end)
                if start in fences:
                    found.setdefault(start, []).append(mark)
                else:
                    yield Region(mark.start, mark.end, None, _fault("this comment stands before no block"))
        blocks: list[tuple[Region, Block]] = []
        for start, fence in sorted(fences.items()):
            line = document.text.count("\n", 0, start) + 2
            marks = tuple((mark.lexemes["directive"], mark.lexemes["arguments"]) for mark in found.get(start, []))
            blocks.append((fence, Block(fence.lexemes["language"], fence.lexemes["source"], line, marks)))
        for fence, block in _joined(blocks):
            if block.language not in NOT_RUN or block.marks:
                yield Region(fence.start, fence.end, block, _evaluate)


def _next_line(text: str, end: int) -> int:
    newline = text.find("\n", end)
    return len(text) if newline < 0 else newline + 1


def _joined(blocks: list[tuple[Region, Block]]) -> Iterator[tuple[Region, Block]]:
    """Yield the blocks with what each goes on from."""
    chains: dict[str, tuple[Block, ...]] = {}
    for place, (fence, block) in enumerate(blocks):
        goes_on = chains.get(block.language, ()) if block.continues else ()
        chains[block.language] = (*goes_on, block)
        behind = next((later for _, later in blocks[place + 1 :] if later.language == block.language), None)
        continued = behind is not None and behind.continues
        yield fence, Block(block.language, block.source, block.line, block.marks, goes_on, continued)


def _fault(words: str) -> Callable[[Example], str]:
    return lambda _: words


def _evaluate(example: Example) -> str | None:
    """Run a block; return what is wrong with it, or None."""
    block: Block = example.parsed
    for directive, argument in block.marks:
        if directive not in {"skip", "continues"} or (directive == "continues" and argument):
            return f"no such mark: {directive} {argument}"
    if block.skipped == "":
        return 'a block is skipped with its reason: <!-- skip: next "the reason" -->'
    if block.skipped is not None:
        pytest.skip(block.skipped)
    if block.continues and not block.goes_on:
        return f"it goes on from a block of {block.language}, and there is none before it"
    if block.language not in RUNS:
        known = ", ".join([*RUNS, *sorted(NOT_RUN)])
        return f"the language of a block is one of {known}, and {block.language!r} is said here"
    return RUNS[block.language](block, Path(example.path), example.namespace["place"])


_FENCES: Final = FencedCodeBlockLexer(r".*")
_MARKS: Final = DirectiveInHTMLCommentLexer(r"(?:skip|continue)\w*")


class Pages(Sybil):
    """The pages, and only these; a block's name is its line and its language."""

    def should_parse(self, path: Path) -> bool:
        """Return whether a file is one of the pages."""
        return path in _PAGES

    def identify(self, example: Example) -> str:
        """Return a block's name."""
        return f"{example.line}-{example.parsed.language if example.parsed else 'mark'}"


_PAGES: Final = frozenset(pages())
PAGES: Final = Pages(parsers=[Blocks()], fixtures=["place"])
