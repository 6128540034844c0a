"""Whatever page shows a command of ours shows one that there is, with options that it has."""

import re
import shlex
from pathlib import Path

import pytest

from docs.command_line import COMMANDS, LAUNCHERS_OWN, calls, command_of, refusal, shown
from docs.pages import ROOT, commands

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "skills").rglob("*.md"), ROOT / "bench" / "README.md"]
)
NAMED = re.compile(r"(?<!`)`(?:\./)?polywire ([a-z][^`]*)`")
LABELS = frozenset({"vault index", "vault entry"})
"""What the vault's format is bound to: texts that begin with our name and are no commands."""


_ALONE = [[word] for word in sorted(LAUNCHERS_OWN)]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_line_of_a_shell_block_is_read_as_it_is_written(path: Path) -> None:
    lines = [shlex.split(line)[1:] for line in commands(path.read_text())]
    assert [(line, refused) for line in lines if line[:1] not in _ALONE and (refused := refusal(line))] == []


@pytest.mark.parametrize("path", [one for one in PAGES if one.name != "CHANGELOG.md"], ids=name_of)
def test_a_command_that_prose_names_is_there_with_its_options(path: Path) -> None:
    named = [words for text in NAMED.findall(path.read_text()) for words in meant(text)]
    for words in named:
        if words[0] not in LAUNCHERS_OWN and " ".join(words) not in LABELS:
            name, command, rest = command_of(words)
            assert name in COMMANDS, words
            known = {call for one in shown(command) for call in calls(one)} | {"--help"}
            assert {word for word in rest if word.startswith("--")} <= known, words


def meant(text: str) -> list[list[str]]:
    """Return the commands, word by word, that a text in prose stands for.

    >>> meant("vault set | list")
    [['vault', 'set'], ['vault', 'list']]
    """
    words = re.sub(r"\s*\|\s*", "|", text).replace("…", "").split()
    for at, word in enumerate(words):
        if "|" in word:
            return [[*words[:at], one, *words[at + 1 :]] for one in word.split("|")]
    return [words]
