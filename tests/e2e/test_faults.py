"""Every fault of the exchange, under load: what a subscriber was told, against a witness that no fault touches.

The short trials hold the claims at every change; `./polywire test --slow -s tests/e2e/test_faults.py` runs the whole
matrix and prints it. `docs/reliability.md` is the same matrix, made by `bench/reliability.py`.
"""

import logging
from typing import Any

import pytest

from e2e.trial import Trial, shown
from e2e.trials import RUNS, SHORT, TABLES, broken
from polywire.exchange.faults import FAULTS

pytestmark = pytest.mark.anyio

ALL = [(channel, trial) for channel, trials in TABLES.items() for trial in trials]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def nothing_is_logged_that_is_not_ours(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.WARNING)
    yield
    foreign = [record for record in caplog.get_records("call") if not record.name.startswith("polywire")]
    assert foreign == [], [record.getMessage() for record in foreign]


def name_of(part: object) -> str:
    return part.name if isinstance(part, Trial) else str(part)


async def hold(channel: str, trial: Trial) -> None:
    """Run a trial, print how it went, and hold every claim."""
    row = await RUNS[channel](trial)
    print(f"\n{channel:7}{shown(row)}")  # noqa: T201 - the table, with -s
    assert broken(trial, row) == []


@pytest.mark.parametrize(("channel", "trial"), SHORT, ids=name_of)
async def test_a_fault_ends_in_right_books_and_nothing_lost_in_silence(channel: str, trial: Trial) -> None:
    await hold(channel, trial)


@pytest.mark.slow
@pytest.mark.parametrize(("channel", "trial"), ALL, ids=name_of)
async def test_the_whole_matrix(channel: str, trial: Trial) -> None:
    await hold(channel, trial)


@pytest.mark.parametrize("channel", TABLES)
def test_every_fault_of_a_channel_is_tried(channel: str) -> None:
    there_are = {name for name, kind in FAULTS.items() if channel in kind.where}
    tried = {trial.fault for trial in TABLES[channel]}
    assert there_are <= tried
    assert tried - there_are <= {"ghost-fill"}  # of what is settled, which the user channel tells
