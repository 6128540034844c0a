"""The conformance suite of the protocol's makers, against a server of our factory and against a running `polywire up`.

Its scenarios end at 2025-11-25; what is new in 2026-07-28 is held by our own tests and by the Inspector.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Final

import anyio
import pytest

from cli.processes import line_with, started
from e2e.conformance_server import conformance_server
from e2e.node_tools import NotThere, command, environment
from polywire.io.owner import endpoint

BASELINE: Final = Path(__file__).with_name("conformance_baseline.yaml")
PATIENCE_S: Final = 120.0
SCENARIOS: Final = 32
BARE: Final = (
    "server-initialize", "logging-set-level", "ping", "tools-list", "server-sse-multiple-streams", "resources-list",
    "resources-subscribe", "resources-unsubscribe", "prompts-list", "dns-rebinding-protection",
)  # fmt: skip
"""Scenarios that call nothing by a fixed name, so that the real server can be asked."""


@pytest.fixture
def suite() -> list[str]:
    try:
        return [*command("conformance", "@modelcontextprotocol/conformance"), "server"]
    except NotThere as missing:
        pytest.skip(str(missing))


def reasons() -> dict[str, str]:
    """Return the scenarios of the baseline, and why each is there."""
    baseline = BASELINE.read_text()
    entries = re.findall(r"^  - (\S+)\n((?:    # .*\n)*)", baseline, re.MULTILINE)
    assert len(entries) == baseline.count("  - ")
    return {name: " ".join(reason.replace("#", "").split()) for name, reason in entries}


def statuses(results: Path) -> dict[str, set[str]]:
    """Return how the checks of each scenario ended."""
    return {
        re.sub(r"^server-(.*)-\d{4}-\d\d-\d\dT.*$", r"\1", folder.name): {
            check["status"] for check in json.loads((folder / "checks.json").read_text())
        }
        for folder in results.iterdir()
    }


def test_each_expected_failure_has_its_reason() -> None:
    assert [name for name, reason in reasons().items() if len(reason) < 60] == []


@pytest.mark.slow
@pytest.mark.anyio
async def test_every_scenario_passes_or_fails_for_a_reason_that_is_written_down(
    suite: list[str], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    with anyio.fail_after(PATIENCE_S):
        async with conformance_server(tmp_path / "data") as url:
            done = await anyio.run_process(
                [*suite, "--url", url, "--suite", "all", "--expected-failures", str(BASELINE), "-o", str(results)],
                check=False,
                stderr=subprocess.STDOUT,
                env=environment(tmp_path),
                cwd=tmp_path,
            )
    ended = statuses(results)
    assert len(ended) == SCENARIOS
    assert {name for name, how in ended.items() if how & {"FAILURE", "WARNING"}} == set(reasons())
    assert done.returncode == 0, done.stdout.decode()  # by the suite's own rule too


@pytest.mark.slow
def test_a_running_owner_passes_every_scenario_that_needs_no_fixture(suite: list[str], tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started("up", "--data", str(data), "--port", "0", "--exchange-port", "0") as up:
        line_with(up, "current,")
        owner = endpoint(data)
        assert owner is not None
        for scenario in BARE:
            done = subprocess.run(
                [*suite, "--url", f"{owner.http}/mcp", "--scenario", scenario],
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                env=environment(tmp_path),
                cwd=tmp_path,
                check=False,
            )
            assert done.returncode == 0, f"{scenario}: {done.stdout}{done.stderr}"
