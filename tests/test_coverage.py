"""Every pure module is covered whole by its own tests alone (`test_NAME.py`, `test_NAME_*.py`), branches included.

The tests of `core/matching/pool.py` are `tests/core/matching/test_pool.py` and `test_pool_*.py` beside it.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PURE = sorted(
    path.relative_to(ROOT / "src" / "polywire")
    for layer in ("core", "wire")
    for path in (ROOT / "src" / "polywire" / layer).rglob("*.py")
    if path.stem not in {"__init__", "market_frames", "live_frames"}  # private structs: nothing runs in them
)


@pytest.mark.parametrize("path", PURE, ids=str)
def test_each_pure_module_is_covered_by_its_own_tests_alone(path: Path, tmp_path: Path) -> None:
    module = ".".join(["polywire", *path.with_suffix("").parts])
    data = f"--data-file={tmp_path / 'coverage'}"
    folder = ROOT / "tests" / path.parent
    own = [folder / f"test_{path.stem}.py", *folder.glob(f"test_{path.stem}_*.py")]
    others = {f"test_{other.stem}" for other in PURE if other.parent == path.parent and other != path}
    own = [file for file in own if file.stem not in others]
    pytest_ = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *map(str, own)]
    ran = subprocess.run(
        [sys.executable, "-m", "coverage", "run", data, "--branch", f"--source={module}", *pytest_],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-2_000:]
    report = subprocess.run(
        [sys.executable, "-m", "coverage", "report", data, "--show-missing", "--fail-under=100"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert report.returncode == 0, report.stdout
