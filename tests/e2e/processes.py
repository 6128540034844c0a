"""An exchange in a process of its own, as a stranger would start it."""

import json
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from subprocess import PIPE
from typing import Any

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

COMMAND = (sys.executable, "-P", "-m", "polywire", "exchange", "--child", "--port", "0")


@asynccontextmanager
async def exchange(*options: str) -> AsyncIterator[str]:
    """Run an exchange and yield its base URL."""
    async with await anyio.open_process([*COMMAND, *options], stdin=PIPE, stdout=PIPE, stderr=None) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        with anyio.fail_after(20):
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 1_000)
        yield line.decode().strip()
        await process.stdin.aclose()
        with anyio.fail_after(5):
            assert await process.wait() == 0


async def asked(url: str, body: object = None, method: str | None = None) -> Any:
    """Return what the exchange answers."""

    def ask() -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=10) as answer:  # noqa: S310 - ours
            return json.load(answer)

    return await anyio.to_thread.run_sync(ask)
