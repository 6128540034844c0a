"""Alerts made at a terminal, and the programs of the skill's page about them: real orders, real owners, real kills."""

import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from blocks.python_blocks import here
from cli.processes import POLYWIRE, run, until
from e2e.processes import asked, exchange
from e2e.traders import choose, paused_exchange, trader
from polywire.io.owner import endpoint, is_owned

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "skills" / "polymarket" / "alerts" / "SKILL.md"
PATIENCE_S = 30.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Return a data directory; whoever owns it in the end is ended."""
    yield tmp_path / "data"
    end_owner(tmp_path / "data", signal.SIGTERM)


def end_owner(data: Path, how: signal.Signals) -> None:
    if (told := endpoint(data)) is not None and is_owned(data):
        os.kill(told.pid, how)
        until(lambda: not is_owned(data))


class Started:
    """A process whose output is read line by line."""

    def __init__(self, process: Any) -> None:
        self.process = process
        self._out = BufferedByteReceiveStream(process.stdout)

    async def line(self) -> str:
        """Return the next line."""
        with anyio.fail_after(PATIENCE_S):
            return (await self._out.receive_until(b"\n", 100_000)).decode()

    async def line_with(self, words: str) -> str:
        """Return the next line that holds these words."""
        while words not in (line := await self.line()):
            pass
        return line

    async def ended(self) -> tuple[int, list[str]]:
        """Return the exit code, and the lines that it wrote until its end."""
        rest = b""
        with anyio.fail_after(PATIENCE_S):
            async for some in self._out:
                rest += some
            return await self.process.wait(), rest.decode().splitlines()


@asynccontextmanager
async def running(command: list[str], cwd: Path, **environment: str) -> AsyncIterator[Started]:
    """Run a command while the block does; at the latest then it is ended, and what it has started itself."""
    async with await anyio.open_process(
        command, stdin=DEVNULL, stdout=PIPE, stderr=None, cwd=cwd, env=os.environ | environment, start_new_session=True
    ) as process:
        try:
            yield Started(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


async def program(heading: str, url: str, folder: Path) -> list[str]:
    """Return the command that runs the page's program under a heading, against an exchange in place of Polymarket."""
    section = PAGE.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    file = folder / f"{heading.lower().replace(' ', '_')}.py"
    file.write_text(here(block, (await asked(f"{url}/venue?ledger=0"))["urls"]))
    return [sys.executable, str(file)]


async def slug_of(url: str, condition: str) -> str:
    listed = (await asked(f"{url}/venue?ledger=0"))["markets"]
    return next(str(one["slug"]) for one in listed if one["condition"] == condition)


async def books_sent(url: str, token: str) -> int:
    """Return how many snapshots of a token were sent, on all connections."""
    sent: dict[str, dict[str, int]] = (await asked(f"{url}/venue"))["sent"]
    return sent.get(token, {}).get("book", 0)


async def test_a_cross_made_by_a_real_order_ends_whoever_waits_for_it_and_tells_who_asks_again_at_once(
    tmp_path: Path, data: Path
) -> None:
    async with paused_exchange() as url, trader(url) as one:
        market = await choose(one.client, neg_risk=False, spread=3)
        level = market.bid + market.tick
        text = format(level.normalize(), "f")
        place = ["--data", str(data), "--venue", url]
        when = f"crosses level={text} of=bid direction=up hysteresis=0"
        add = [*POLYWIRE, "alerts", "add", market.token, "--when", when, "--name", "mine", "--once", *place]
        async with running(add, tmp_path) as waiting:
            assert await waiting.line() == f"mine stands: {when}"
            shown = re.search(r": (?:current|quiet), bid ([0-9.]+) x ", book := await waiting.line())
            assert shown, book
            assert Decimal(shown[1]) == market.bid
            await waiting.line_with("its entries: ")
            await one.rest(market.token, level)
            code, lines = await waiting.ended()
        assert code == 0
        (alert,) = [line for line in lines if " alert " in line]
        assert alert == lines[-1]
        assert f"[mine] the bid crossed {text} upwards" in alert
        async with running([*add, "--json"], tmp_path) as again:
            code, lines = await again.ended()
        made, *entries = map(json.loads, lines)
        assert (code, made["existed"]) == (0, True)
        assert entries[-1]["cursor"] in alert
        assert made["books"][0]["bid"] == text


async def test_the_pages_program_reacts_to_each_alert_once_whoever_is_killed(tmp_path: Path, data: Path) -> None:
    environment = {"POLYWIRE_DATA": str(data)}
    async with exchange("--seed", "3", "--rate", "5") as url:
        environment["POLYWIRE_VENUE"] = url
        command = await program("A program", url, tmp_path)
        for number in range(3):
            async with running([*command, "1000"], tmp_path, **environment) as reacting:
                for _ in range(4):
                    await reacting.line_with(" were traded at ")
                if number == 1:  # Polywire too, in the middle of it
                    end_owner(data, signal.SIGKILL)
                    await reacting.line_with(" were traded at ")
                reacting.process.kill()
        async with running([*command, "2"], tmp_path, **environment) as reacting:
            code, _ = await reacting.ended()
        assert code == 0
        with sqlite3.connect(tmp_path / "reactions.sqlite3") as base:
            reactions = base.execute("SELECT cursor, what FROM reactions ORDER BY rowid").fetchall()
        read = ["events", "--jsonl", "--watch", "large-trades", "--kind", "alert", "--data", str(data)]
        journal = reactions[0][0].partition(".")[0]
        done = await anyio.to_thread.run_sync(lambda: run(*read, "--since", f"{journal}.0"))
        alerts = [(one["cursor"], one["text"]) for one in map(json.loads, done.stdout.splitlines())]
        assert len(reactions) >= 3 + 4 + 3 + 2  # what was printed last before a kill may not have been kept
        assert reactions == alerts[: len(reactions)]


async def test_the_pages_plain_program_tells_a_cross_once_and_again_only_after_it_was_back_over_a_lost_socket_too(
    tmp_path: Path,
) -> None:
    async with paused_exchange() as url, trader(url) as one:
        market = await choose(one.client, neg_risk=False, spread=3)
        level = market.bid + market.tick
        slug = await slug_of(url, market.condition)
        command = [*await program("Without Polywire", url, tmp_path), slug, str(level), "60"]
        async with running(command, tmp_path) as waiting:
            assert slug not in (first := await waiting.line())
            assert f"waiting for a bid of {level}" in first
            assert all(["at first" in await waiting.line() for _ in market.tokens])
            shown = format(level.normalize(), "f")  # as the venue writes it: 0.7, where 0.70 was asked for
            told = f"/ {market.outcomes[0]}: {shown} is bid, which is {level} or more"
            await one.rest(market.token, level)
            assert (await waiting.line()).endswith(told)
            await one.rest(market.token, level + market.tick)  # further up is no cross
            await one.client.cancel_all()
            await one.rest(market.token, level)
            assert (await waiting.line()).endswith(told)
            await one.client.cancel_all()
            before = await books_sent(url, market.token)
            await asked(f"{url}/venue/faults", {"name": "drop-connection"})
            assert "lost the socket" in await waiting.line()
            with anyio.fail_after(PATIENCE_S):
                while await books_sent(url, market.token) == before:
                    pass
            await one.rest(market.token, level)
            assert (await waiting.line()).endswith(told)
