"""The store of a process that is killed, or whose disk is full: what it said to be kept is there, and nothing half."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import anyio

from polywire.exchange.trading.sqlite_store import opened_store
from polywire.exchange.trading.store import ActivityQuery

STORM = """
import asyncio, sys
from pathlib import Path
from polywire.exchange.trading.records import Activity, ActivityKind, Wallet
from polywire.exchange.trading.sqlite_store import opened_store

async def put(store, number):
    # Two rows that must stand or fall together.
    store.put(
        Wallet("0xa", number, number),
        Activity(number=number, account="0xa", kind=ActivityKind.DEPOSIT, at_ms=number, amount=number),
    )
    await store.kept()
    print(number, flush=True)

async def storm():
    async with opened_store(Path(sys.argv[1])) as store:
        number = (await store.load()).last_activity
        failed = asyncio.ensure_future(store.failed())
        while not failed.done():
            await asyncio.gather(*(put(store, number + more + 1) for more in range(8)), return_exceptions=True)
            number += 8
        print(failed.exception(), file=sys.stderr)

LIMIT
asyncio.run(storm())
"""
FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))  # as if the disk ended there
"""


async def _held(path: Path) -> int:
    """Return the last number in a store, having looked that all up to it are there, and each whole."""
    async with opened_store(path) as store:
        kept = await store.load()
        lines = await store.activity(ActivityQuery(account="0xa", oldest_first=True, limit=10**9))
    numbers = [line.number for line in lines]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [wallet.collateral for wallet in kept.wallets] == numbers[-1:]
    return len(numbers)


def test_what_was_said_to_be_kept_survives_kill_9_and_no_put_is_halved(tmp_path: Path) -> None:
    path, dice = tmp_path / "state", random.Random(9)
    last = 0
    for _ in range(8):
        command = [sys.executable, "-c", STORM.replace("LIMIT", ""), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(dice.randrange(1, 400)):
                told = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            told = max([told, *map(int, child.stdout.read().split())])
        held = anyio.run(_held, path)
        assert held >= told > last
        last = held


def test_a_full_disk_ends_it_in_one_sentence_and_nothing_it_promised_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    command = [sys.executable, "-c", STORM.replace("LIMIT", FULL), str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr.count("\n") == 1
    assert f"the state file {path} cannot be written or read any more" in ended.stderr
    told = [int(number) for number in ended.stdout.split()]
    assert told == list(range(1, len(told) + 1))
    assert len(told) > 50
    assert anyio.run(_held, path) >= len(told)
