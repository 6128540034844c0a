"""`docs/reliability.md` says what the code does: which detectors there are, and how long they take."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from e2e.detector_table import WHERE, detector_table
from e2e.trials import TABLES
from polywire.core.freshness import DETECTORS, Detector, Vigilance
from polywire.core.link import Policy
from polywire.core.resolving import ResolvingPolicy
from polywire.settings import Settings

PAGE = (Path(__file__).parent.parent / "docs" / "reliability.md").read_text()
IDS = [one.loss for one in DETECTORS]
FOUND = [one for one in DETECTORS if one.window_s is not None or one.at_once]


def between(name: str) -> str:
    return PAGE.split(f"<!-- {name}: made by bench/reliability.py -->\n", 1)[1].split(f"<!-- end of {name} -->", 1)[0]


def default_of(name: str) -> float:
    """Return what a window is unless somebody sets it."""
    for holder in (Vigilance(), Policy(), ResolvingPolicy(), Settings.model_construct()):
        if hasattr(holder, name):
            return float(getattr(holder, name))
    raise AssertionError(f"no setting {name}")


def test_the_detector_table_is_the_codes() -> None:
    """After a change of `DETECTORS`, run `python bench/reliability.py --detectors`."""
    assert between("detectors").strip() == detector_table()


@pytest.mark.parametrize("one", DETECTORS, ids=IDS)
def test_each_window_is_the_default_of_its_setting(one: Detector) -> None:
    if one.window_s is None:
        assert not one.setting
    else:
        assert one.window_s == sum(default_of(name) for name in one.setting.split(" + "))


@pytest.mark.parametrize("one", FOUND, ids=[one.loss for one in FOUND])
def test_each_detector_stands_where_the_table_says(one: Detector) -> None:
    module, names = "polywire", WHERE[one.detector].split(".")
    while names and names[0].islower():
        module = f"{module}.{names.pop(0)}"
    found: Any = importlib.import_module(module)
    for name in names:
        found = getattr(found, name)
    assert found is not None


def test_no_place_is_named_of_a_detector_that_is_none() -> None:
    assert set(WHERE) == {one.detector for one in FOUND}


@pytest.mark.parametrize("channel", TABLES)
def test_every_trial_has_its_row_and_no_row_is_of_none(channel: str) -> None:
    rows = re.findall(r"^\| `(.*?)`", between(channel), re.MULTILINE)
    assert rows == [trial.name for trial in TABLES[channel]]
