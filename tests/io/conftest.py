"""Both loops, their silence, and an environment without proxies, for tests of `io` that ask for them."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from loopback import without_proxies


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def silent(anyio_backend: object, caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Fail a test during which anything was logged by picows or asyncio, or reached the loop's exception handler."""
    caplog.set_level(logging.INFO)
    del anyio_backend  # named, so that it runs in the test's own loop
    loop, told = asyncio.get_running_loop(), list[dict[str, Any]]()
    former = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context))
    yield
    gc.collect()  # what nobody picked up is told when it is collected
    await asyncio.sleep(0)
    loop.set_exception_handler(former)
    assert told == []
    records = [record for phase in ("setup", "call", "teardown") for record in caplog.get_records(phase)]
    ours = ("asyncio", "picows", "polywire")
    assert [one for one in records if one.name.startswith(ours) or one.levelno >= logging.WARNING] == []


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in without_proxies():
        monkeypatch.delenv(name)
