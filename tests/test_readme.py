"""What the README shows runs."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL))
def test_each_python_block_runs(block: str) -> None:
    exec(compile(block, str(README), "exec"), {})  # noqa: S102 - our own page


def test_every_local_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", README.read_text())
    missing = [link for link in links if "://" not in link and not (README.parent / link).exists()]
    assert missing == []
