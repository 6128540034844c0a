"""Both ways to recover a signer say the same, and the worker of the slower one is nobody's trouble."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import pytest

from exchange.trading.signers import Signer
from polywire.exchange.trading.recovery import Recovery

pytestmark = pytest.mark.anyio
ANN = Signer(0xA11)
DIGEST: Final = bytes(range(32))
SIGNATURE: Final = bytes(ANN.account.unsafe_sign_hash(DIGEST).signature)
ANNS: Final = ANN.address.lower()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def slow_recovery() -> AsyncIterator[Recovery]:
    """Give what runs where libsecp256k1 has no wheel."""
    recovery = Recovery(native=False)
    try:
        with anyio.fail_after(30):
            yield recovery
    finally:
        await recovery.aclose()


def worker_id() -> int:
    (worker,) = multiprocessing.active_children()
    assert worker.pid is not None
    return worker.pid


@pytest.mark.parametrize("native", [True, False])
async def test_both_ways_to_recover_a_signer_agree_and_take_one_form_of_a_signature(*, native: bool) -> None:
    """The fallback is what runs where libsecp256k1 has no wheel."""
    recovery, digest = Recovery(native=native), bytes(range(32))
    good = bytes(ANN.account.unsafe_sign_hash(digest).signature)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = good[:32] + (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big") + bytes([55 - good[64]])
    try:
        assert await recovery.signer(digest, good) == ANN.address.lower()
        assert await recovery.signer(digest, good[:64] + bytes([good[64] - 27])) == ANN.address.lower()
        assert await recovery.signer(bytes(32), good) != ANN.address.lower()
        nowhere = next(
            x for x in range(1, 100) if pow(x**3 + 7, (2**256 - 2**32 - 977 - 1) // 2, 2**256 - 2**32 - 977) != 1
        )
        for wrong in (
            b"",
            good[:64],
            good + b"\0",
            mirrored,
            good[:64] + b"\x1d",
            bytes(32) + good[32:],
            good[:32] + bytes(32) + good[64:],
            b"\xff" * 32 + good[32:],
            nowhere.to_bytes(32, "big") + good[32:],
        ):
            assert await recovery.signer(digest, wrong) is None
    finally:
        await recovery.aclose()


async def test_many_ask_the_worker_at_once_and_each_is_told_its_own() -> None:
    signers = [Signer(number) for number in range(1, 9)]
    told: dict[str, str | None] = {}

    async def ask(signer: Signer) -> None:
        signature = bytes(signer.account.unsafe_sign_hash(DIGEST).signature)
        told[signer.address.lower()] = await recovery.signer(DIGEST, signature)

    async with slow_recovery() as recovery, anyio.create_task_group() as tasks:
        for signer in signers:
            tasks.start_soon(ask, signer)
    assert len(told) == len(signers)
    assert all(address == answer for address, answer in told.items())


async def test_a_worker_that_is_killed_is_replaced_before_anybody_notices() -> None:
    async with slow_recovery() as recovery:
        assert await recovery.signer(DIGEST, SIGNATURE) == ANNS
        first = worker_id()
        os.kill(first, signal.SIGKILL)
        assert await recovery.signer(DIGEST, SIGNATURE) == ANNS
        assert worker_id() != first


async def test_ctrl_c_does_not_reach_the_worker() -> None:
    """A terminal sends it to every process of ours; the worker ends when we close it, without a traceback."""
    async with slow_recovery() as recovery:
        assert await recovery.signer(DIGEST, SIGNATURE) == ANNS
        first = worker_id()
        for _ in range(30):  # whether one ends it depends on where in its loop it is
            os.kill(first, signal.SIGINT)
            assert await recovery.signer(DIGEST, SIGNATURE) == ANNS
        assert worker_id() == first
    assert multiprocessing.active_children() == []


async def test_the_worker_of_an_exchange_that_is_killed_leaves_too() -> None:
    program = f"""
import asyncio
from polywire.exchange.trading.recovery import Recovery

async def ask():
    print(await Recovery(native=False).signer({DIGEST!r}, {SIGNATURE!r}), flush=True)
    await asyncio.Event().wait()

asyncio.run(ask())
"""
    with anyio.fail_after(30):
        async with await anyio.open_process([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert (await process.stdout.receive()).decode().strip() == ANNS
            process.kill()
            with pytest.raises(anyio.EndOfStream):  # the worker has the same pipe: it ends with the last of them
                await process.stdout.receive()
