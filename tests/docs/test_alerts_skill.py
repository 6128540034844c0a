"""The skill about alerts has every condition with its fields, and an example that the command line takes."""

import pytest

from docs.pages import ROOT, names, rows, section
from polywire.cli.condition_words import condition_said
from polywire.wire.watch_json import CONDITIONS, ConditionDoc

PAGE = (ROOT / "skills" / "polymarket" / "alerts" / "SKILL.md").read_text()
ROWS = {names(row[0])[0]: row for row in rows(section(PAGE, "## Every condition"))}


def test_every_condition_has_a_row_and_no_row_is_of_none() -> None:
    assert list(ROWS) == [doc.name for doc in CONDITIONS]


@pytest.mark.parametrize("doc", CONDITIONS, ids=lambda doc: doc.name)
def test_a_conditions_row_names_its_fields_and_an_example_that_is_taken(doc: ConditionDoc) -> None:
    _, _, fields, example = ROWS[doc.name]
    assert names(fields) == [field.name for field in doc.fields]
    (words,) = names(example)
    assert isinstance(condition_said(words), doc.kind)
