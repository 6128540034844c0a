"""docs/protocol.md has every section that code names as its source."""

import re

from docs.pages import ROOT, page


def test_every_section_of_the_protocol_that_code_names_is_there() -> None:
    headings = set(re.findall(r"^## (.*)$", page("protocol.md"), re.MULTILINE))
    named = {
        (section, path.name)
        for path in (ROOT / "src").rglob("*.py")
        for cited in re.findall(r'docs/protocol\.md,\s+"[^"]*"(?:,?\s+(?:and\s+)?"[^"]*")*', path.read_text())
        for section in re.findall(r'"([^"]*)"', cited)
    }
    assert len(named) > 20
    assert {one for one in named if one[0] not in headings} == set()
