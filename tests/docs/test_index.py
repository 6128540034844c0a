"""Every page can be found: in the index, and from the page that it is read beside."""

import re

import pytest

from docs.pages import DOCS, names, page, rows, section
from polywire.model.health import ANSWERING, Freshness

INDEX = page("README.md")
LIMITS = page("limits.md")


def test_every_page_has_a_row_and_no_row_is_of_none() -> None:
    told = re.findall(r"^\| \[([\w./-]+)\]\(\1\) \|", INDEX, re.MULTILINE)
    there = [path.name for path in DOCS.glob("*.md") if path.name not in {"README.md", "outside-links.md"}]
    assert sorted(told) == sorted([*there, "adr/"])


@pytest.mark.parametrize("row", rows(LIMITS), ids=lambda row: row[0][:60])
def test_a_limit_says_where_more_is_said_of_it(row: list[str]) -> None:
    assert re.fullmatch(r"\[.+\]\(\S+\)", row[-1])


def test_the_states_of_a_book_are_the_codes_in_the_table_and_in_the_picture() -> None:
    told = section(page("concepts.md"), "## Freshness")
    assert [names(row[0])[0] for row in rows(told)] == [str(state) for state in Freshness]
    assert set(re.findall(r"[A-Z]{4,}(?= -->)|(?<=--> )[A-Z]+", told)) == {state.name for state in Freshness}
    only = re.search(r"Only (.*?) answer", told)
    assert only is not None
    assert set(names(only[1])) == {str(state) for state in ANSWERING}
