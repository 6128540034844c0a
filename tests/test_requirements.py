"""The lock files say what is installed, and nothing about who locked it or where from."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[a-z0-9.!+]+)(?: ; (?P<marker>[^;]+))?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Pin:
    version: str
    marker: str | None
    hashes: frozenset[str]


def lines_of(lock: str) -> list[str]:
    """Return the logical lines of a lock file, without its comment."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return [line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")]


def pins_of(lock: str) -> dict[str, Pin]:
    pins = {}
    for line in lines_of(lock):
        pin, *hashes = line.split(" --hash=")
        match = PIN.fullmatch(pin.strip())
        assert match, f"not pinned by ==: {line[:80]}"
        pins[match["name"]] = Pin(match["version"], match["marker"], frozenset(hash_.strip() for hash_ in hashes))
    return pins


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def assert_admitted(requirements: list[str], pins: dict[str, Pin]) -> None:
    for requirement in map(Requirement, requirements):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin, f"{requirement} is not locked; run requirements/lock"
        assert requirement.specifier.contains(pin.version), f"{requirement} does not admit {pin.version}"


@pytest.mark.parametrize("lock", ["core", "dev"])
def test_every_line_is_one_pin_with_at_least_one_hash_and_nothing_else(lock: str) -> None:
    """So there is no index, no folder and no option in it."""
    for line in lines_of(lock):
        pin, *hashes = re.split(r"\s+(?=--)", line)
        assert PIN.fullmatch(pin), line[:80]
        assert hashes, f"{pin} has no hash"
        assert all(HASH.fullmatch(hash_) for hash_ in hashes), f"{pin} carries more than hashes"


@pytest.mark.parametrize("lock", ["core", "dev"])
def test_no_address_and_no_path_is_in_a_lock(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    for trace in ("://", "--index-url", "--extra-index-url", "--find-links", "file:", " @ ", "/tmp", "/home", "~"):  # noqa: S108  # searched for, not used
        assert trace not in text, trace
    comments = [line for line in text.splitlines() if "#" in line]
    assert comments == ["# Made by requirements/lock from pyproject.toml: do not edit."]


def test_dev_holds_core_at_the_same_versions_and_hashes() -> None:
    dev = pins_of("dev")
    assert {name: dev.get(name) for name in pins_of("core")} == pins_of("core")


def test_core_holds_what_the_project_imports_and_what_builds_it() -> None:
    """The launcher installs the project without build isolation, so its builder is locked too."""
    table = project()
    assert_admitted(table["project"]["dependencies"], pins_of("core"))
    assert_admitted(table["build-system"]["requires"], pins_of("core"))


def test_dev_holds_what_testing_and_checking_need() -> None:
    assert_admitted(project()["dependency-groups"]["dev"], pins_of("dev"))
