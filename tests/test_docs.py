"""What can be set, asked for and typed is documented."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from polywire.cli import commands
from polywire.model.kinds import EventKind
from polywire.settings import Settings

ROOT = Path(__file__).parent.parent
FEED = (ROOT / "docs" / "feed.md").read_text()
README = (ROOT / "README.md").read_text()


def table_of(page: str, heading: str) -> str:
    return page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_every_setting_has_a_row_and_no_row_is_of_none() -> None:
    rows = re.findall(r"^\| (.*?) \|", table_of(FEED, "Settings"), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(Settings.model_fields)


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_has_a_row(kind: EventKind) -> None:
    assert re.search(rf"^\|.*`{kind}`", table_of(FEED, "Subscribing"), re.MULTILINE)


def test_every_command_is_shown_in_the_readme() -> None:
    found = set()
    for name, command in get_command(commands).commands.items():  # type: ignore[attr-defined]  # a group
        inner = getattr(command, "commands", None)
        found |= {f"{name} {part}" for part in inner} if inner else {name}
    assert {name for name in found if f"./polywire {name}" not in README} == set()


def test_every_section_of_the_protocol_that_code_names_is_there() -> None:
    headings = set(re.findall(r"^## (.*)$", (ROOT / "docs" / "protocol.md").read_text(), re.MULTILINE))
    named = {
        (section, path.name)
        for path in (ROOT / "src").rglob("*.py")
        for cited in re.findall(r'docs/protocol\.md,\s+"[^"]*"(?:,?\s+(?:and\s+)?"[^"]*")*', path.read_text())
        for section in re.findall(r'"([^"]*)"', cited)
    }
    assert len(named) > 20
    assert {one for one in named if one[0] not in headings} == set()
