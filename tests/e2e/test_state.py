"""`--state FILE`: an exchange that starts again is the same one."""

import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE

import anyio
import httpx2
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from e2e.processes import COMMAND, asked, exchange
from exchange.trading.signers import Signer

pytestmark = pytest.mark.anyio

POLYWIRE = (sys.executable, "-P", "-m", "polywire")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_it_keeps_its_identity_its_markets_and_its_accounts(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    async with exchange("--state", path) as url:
        account = "0x" + "a" * 40
        await asked(f"{url}/venue/accounts/{account}", {"collateral": "250.5"})
        first = await asked(f"{url}/venue?ledger=0")
        resolved = first["markets"][-1]
        await asked(f"{url}/venue/resolve", {"condition": resolved["condition"], "winner": resolved["tokens"][1]})
    async with exchange("--state", path) as url:
        again = await asked(f"{url}/venue?ledger=0")
        accounts = (await asked(f"{url}/venue/accounts"))["accounts"]
        market = await asked(f"{url}/clob/markets/{resolved['condition']}")
    assert again["identity"] == first["identity"]
    assert [market["condition"] for market in again["markets"]][: len(first["markets"])] == [
        market["condition"] for market in first["markets"]
    ]
    assert [(kept["account"], kept["collateral"]) for kept in accounts] == [(account, "250.5")]
    assert (market["closed"], [token["winner"] for token in market["tokens"]]) == (True, [False, True])


async def test_its_time_never_goes_back(tmp_path: Path) -> None:
    """An exchange that was put an hour ahead of the world stays ahead of it."""
    path = str(tmp_path / "state")
    async with exchange("--state", path, "--rate", "0.05") as url:
        ahead = (await asked(f"{url}/venue/clock", {"step_ms": 3_600_000}))["now_ms"]
    async with exchange("--state", path) as url:
        again = (await asked(f"{url}/venue?ledger=0"))["clock"]["now_ms"]
    assert again > ahead


async def test_a_file_that_another_exchange_has_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    async with exchange("--state", path):
        second = await anyio.run_process([*COMMAND, "--state", path], check=False, stdin=PIPE)
    assert second.returncode == 1
    assert second.stderr.decode().count("\n") == 1
    assert f"the state file {path} is in use by another exchange (process " in second.stderr.decode()


async def test_nobody_trades_on_a_recording() -> None:
    wrong = await anyio.run_process([*COMMAND, "--state", "a", "--tape", "b"], check=False, stdin=PIPE)
    assert wrong.returncode == 2
    assert "nobody trades on a recording" in wrong.stderr.decode()


def _largest(folder: Path) -> int:
    return max(file.stat().st_size for file in folder.iterdir())


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[tuple[str, anyio.abc.Process]]:
    command = [*COMMAND, "--state", str(path)]
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None
        with anyio.fail_after(30):
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 1_000)
        yield line.decode().strip(), process


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit another process's files")
async def test_a_disk_that_is_full_ends_it_in_one_sentence_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path, taken = tmp_path / "state", 0
    async with _opened(path) as (url, process), httpx2.AsyncClient(base_url=url) as client:
        full = _largest(tmp_path) + 400_000
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (full, full))
        with anyio.fail_after(30):
            try:
                while True:
                    login = Signer(taken + 1).login()
                    if (await client.post("/clob/auth/api-key", headers=login)).status_code != 200:
                        break
                    taken += 1
            except httpx2.TransportError:
                pass
            assert await process.wait() == 1
        assert process.stderr is not None
        told = (await process.stderr.receive(10_000)).decode()
    assert told.count("\n") == 1
    assert f"the state file {path} cannot be written or read any more" in told
    assert taken > 3
    with sqlite3.connect(path) as file:
        kept = {address for (address,) in file.execute("SELECT body ->> 'address' FROM keys")}
    file.close()
    assert {Signer(number + 1).address.lower() for number in range(taken)} <= kept


def test_up_keeps_what_is_traded_in_its_data_directory(tmp_path: Path) -> None:
    command = [*POLYWIRE, "up", "--data", str(tmp_path), "--exchange-port", "0", "--port", "0", "--for", "2"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "exchange.sqlite3").stat().st_mode & 0o777 == 0o600
