"""Every link inside the repository leads somewhere; those that lead out are listed."""

from pathlib import Path

import pytest

from blocks.links import LIST, ROOT, anchors_of, fault_of, is_outside, linked_pages, links_of, outside_list


@pytest.mark.parametrize("page", linked_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    found = {link: fault_of(page, link) for link in links_of(page) if not is_outside(link)}
    assert {link: fault for link, fault in found.items() if fault} == {}


def test_every_link_that_leads_out_is_listed_and_none_that_there_is_not() -> None:
    assert LIST.read_text(encoding="utf-8") == outside_list(), "make it anew: .venv/bin/python tests/blocks/links.py"


def test_headings_are_named_as_github_names_them_and_code_holds_no_links(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# `SLUG`, TOKEN & co.\n\n## Twice\n\n## Twice\n\n`[no](link)` [a link](#twice-1)\n\n```\n[no](x)\n```\n"
    )
    assert anchors_of(page) == {"slug-token--co", "twice", "twice-1"}
    assert links_of(page) == ["#twice-1"]


def test_a_link_to_nothing_or_to_no_heading_is_found_out() -> None:
    page = ROOT / "docs" / "feed.md"
    assert fault_of(page, "no-such-page.md") == "nothing is there"
    assert fault_of(page, "feed.md#no-such-heading") == "no heading there is called #no-such-heading"
    assert fault_of(page, "#subscribing") is None
    assert fault_of(page, "../../elsewhere.md") == "it leads out of the repository"
