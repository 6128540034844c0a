"""What can be waited for, and what is written, stands in docs/events.md: no more and no less."""

import re
from pathlib import Path

import pytest

from polywire.model.journal import EntryKind
from polywire.wire.watch_json import CONDITIONS, ConditionDoc

PAGE = (Path(__file__).parent.parent / "docs" / "events.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """Return the rows of a section's table by the names in their first cells."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = {}
    for row in re.findall(r"^\| (`.*)$", section, re.MULTILINE):
        for name in re.findall(r"`([\w-]+)`", row.split(" | ", 1)[0]):
            found[name] = row
    return found


def test_every_kind_of_entry_has_a_row_and_no_row_is_of_none() -> None:
    assert sorted(rows("Reading")) == sorted(EntryKind)


def test_every_condition_has_a_row_and_no_row_is_of_none() -> None:
    assert sorted(rows("Conditions")) == sorted(doc.name for doc in CONDITIONS)


@pytest.mark.parametrize("doc", CONDITIONS, ids=lambda doc: doc.name)
def test_a_conditions_row_names_its_fields_and_words(doc: ConditionDoc) -> None:
    cells = rows("Conditions")[doc.name].split(" | ")
    assert set(re.findall(r"`(\w+)`", cells[1])) == {field.name for field in doc.fields}
