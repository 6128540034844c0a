"""What the pages show runs, against an exchange in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "bench" / "README.md",
]
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.fixture(scope="module")
def venue() -> Iterator[str]:
    command = [sys.executable, "-P", "-m", "polywire", "exchange", "--child", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as exchange:
        assert exchange.stdout
        assert exchange.stdin
        yield exchange.stdout.readline().strip()
        exchange.stdin.close()
        assert exchange.wait(10) == 0


@pytest.mark.parametrize("block", BLOCKS)
def test_each_python_block_runs(block: str, venue: str, tmp_path: Path) -> None:
    environment = {**os.environ, "POLYWIRE_VENUE": venue, "POLYWIRE_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", block], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_local_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []
