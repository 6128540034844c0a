"""Real recordings and samples, read in place and never copied: most of them state no licence."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data, which `POLYWIRE_REAL_DATA` names; skip the test where it is not there."""
    default = Path(__file__).parents[2] / ".." / "shared"
    folder = Path(os.environ.get("POLYWIRE_REAL_DATA") or default).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set POLYWIRE_REAL_DATA to the folder that holds protocol/ and data/")
    return folder
