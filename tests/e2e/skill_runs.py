"""A program of the skill's pages, running on a busy exchange in a process of its own, and all that it prints."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from subprocess import PIPE
from typing import Any

import anyio
import anyio.abc
import pytest

from e2e.market_trial import frames_to
from e2e.processes import asked, exchange
from e2e.skill_pages import on_exchange
from e2e.trial import clear_of_resolutions
from e2e.witness import scaled, spared
from exchange.raw_client import RawClient

Line = dict[str, Any]


class Run:
    """A program, running, and every line it has printed so far."""

    def __init__(self, process: anyio.abc.Process) -> None:
        self._process = process
        self.lines: list[Line] = []
        self.errors = b""
        self._came, self._over = anyio.Event(), anyio.Event()

    async def read(self) -> None:
        """Read what it prints until it ends."""
        assert self._process.stdout is not None
        rest = b""
        async for part in self._process.stdout:
            *whole, rest = (rest + part).split(b"\n")
            self.lines.extend(map(json.loads, whole))
            came, self._came = self._came, anyio.Event()
            came.set()
        self._over.set()

    async def read_errors(self) -> None:
        assert self._process.stderr is not None
        async for part in self._process.stderr:
            self.errors += part

    def said(self, state: str) -> list[Line]:
        """Return what it has said of a state."""
        return [line for line in self.lines if line.get("state") == state]

    async def until(self, holds: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait until what it has printed makes `holds` true."""
        try:
            with anyio.fail_after(within_s):
                while not holds():
                    await self._came.wait()
        except TimeoutError:
            pytest.fail(f"not within {within_s} s; it said last {self.lines[-5:]}, and wrong {self.errors!r}")

    async def more(self, state: str, count: int = 1, *, than: int | None = None, within_s: float = 20.0) -> None:
        """Wait until it has said so many more of a state than by now, or than so often."""
        before = len(self.said(state)) if than is None else than
        await self.until(lambda: len(self.said(state)) >= before + count, within_s)

    async def end(self) -> list[Line]:
        """Ask it to end, and return the lines of its last words; it ends well, and never complained."""
        self._process.send_signal(signal.SIGTERM)
        with anyio.fail_after(15):
            assert await self._process.wait() == 0, self.errors
            await self._over.wait()
        assert self.errors == b""
        return self.said("end")


class Stage:
    """An exchange whose time stands, and a program on it."""

    def __init__(self, url: str, urls: dict[str, str], run: Run) -> None:
        self.url, self.urls, self.run = url, urls, run

    async def clock(self, *, paused: bool) -> None:
        await asked(f"{self.url}/venue/clock", {"paused": paused})

    @asynccontextmanager
    async def beside(self, tokens: Sequence[str], read: Callable[[RawClient], Any]) -> AsyncIterator[RawClient]:
        """Have a socket that no fault touches read, on which these tokens are followed."""
        first = {"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": True}
        async with spared(self.urls["market_ws"], first) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(read, client)
            yield client
            tasks.cancel_scope.cancel()

    async def drained(self, client: RawClient, heard: Callable[[], int]) -> None:
        """Return when such a socket has been read to its end; the venue's time stands."""
        with anyio.fail_after(30):
            while frames_to(await asked(f"{self.url}/venue"), client.peer) != heard():
                pass

    async def busiest(self, tokens: Sequence[str]) -> str:
        happened = (await asked(f"{self.url}/venue"))["happened"]
        return max(tokens, key=lambda token: sum(happened.get(token, {}).values()))

    async def books(self, tokens: Sequence[str]) -> dict[str, Any]:
        """Return the levels that REST states, by token and side, as the program prints them."""
        stated = await asked(f"{self.urls['clob']}/books", [{"token_id": token} for token in tokens])
        return {
            book["asset_id"]: {
                side: {str(scaled(level["price"], 10_000)): scaled(level["size"], 1_000_000) for level in book[name]}
                for side, name in (("BUY", "bids"), ("SELL", "asks"))
            }
            for book in stated
        }


@asynccontextmanager
async def stage(program: str, **environment: str) -> AsyncIterator[Stage]:
    """Run a program on a busy exchange, on which nothing happens yet and no market ends for a while."""
    async with exchange("--rate", "5", "--seed", "5") as url:
        await asked(f"{url}/venue/clock", {"paused": True})
        await clear_of_resolutions(url, 60.0)
        urls = (await asked(f"{url}/venue?ledger=0"))["urls"]
        text = on_exchange(program, urls)
        around = {**os.environ, "no_proxy": "127.0.0.1", "SECONDS": "120", **environment}
        command = [sys.executable, "-c", text]
        async with (
            await anyio.open_process(command, env=around, stdout=PIPE, stderr=PIPE) as process,
            anyio.create_task_group() as tasks,
        ):
            run = Run(process)
            tasks.start_soon(run.read)
            tasks.start_soon(run.read_errors)
            try:
                await run.until(lambda: bool(run.said("begin")))
                yield Stage(url, urls, run)
            finally:
                if process.returncode is None:
                    process.kill()
