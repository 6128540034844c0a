"""The tests of what is asked run in virtual time: nothing here waits for a real second."""

from typing import Any

import pytest

from services.feed.virtual import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}
