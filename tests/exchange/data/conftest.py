"""Every test here runs on asyncio, and reads a hall of its own."""

from collections.abc import AsyncIterator

import pytest

from exchange.data import hall as halls
from exchange.data.hall import Hall


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    async with halls.hall() as one:
        yield one
