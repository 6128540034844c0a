"""The exchange as a process: how it opens, what it says where it cannot, and how it ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from exchange.raw_client import RawClient
from polywire.errors import Misuse, PolywireError, TapeFormatUnknown
from polywire.exchange.serve import ExchangeSettings, serve
from polywire.wire.tape import Record, RecordKind

PROGRAM = """
import sys
from polywire.exchange.serve import ExchangeSettings, run
run(ExchangeSettings(port=0, parent_watch=sys.argv[1] == "watch"), lambda url: print(url, flush=True))
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], "watch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(child.pid, child.stdout.readline().decode().strip(), flush=True)
child.wait()
"""


@contextmanager
def process(mode: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", PROGRAM, mode], text=True, **pipes) as one:  # type: ignore[call-overload]  # pipes
        try:
            assert one.stdout is not None
            yield one, one.stdout.readline().strip()
        finally:
            one.kill()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def is_open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second_and_without_a_word(number: signal.Signals) -> None:
    with process("-") as (one, url):
        port = port_of(url)
        assert is_open(port)
        with socket.create_connection(("127.0.0.1", port)) as idle:  # somebody who says nothing is no reason to stay
            begun = time.monotonic()
            one.send_signal(number)
            assert one.wait(5) == 0
            assert time.monotonic() - begun < 1.5
            assert idle.recv(10) == b""
        assert one.stderr is not None
        assert one.stderr.read() == ""
        assert not is_open(port)


def test_it_ends_when_its_standard_input_does() -> None:
    with process("watch") as (one, _):
        assert one.stdin is not None
        one.stdin.close()
        assert one.wait(5) == 0


def test_it_does_not_outlive_a_parent_that_was_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, PROGRAM], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        pid, url = parent.stdout.readline().split()
        assert is_open(port_of(url))
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
        until = time.monotonic() + 5
        while is_open(port_of(url)):
            assert time.monotonic() < until, f"the exchange {pid} lives on"
            os.sched_yield()


@pytest.mark.anyio
class TestInThisLoop:
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_a_busy_port_is_named_with_the_option_that_changes_it(self) -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            with pytest.raises(PolywireError, match=rf"127.0.0.1 port {port}: .*; choose another with --port"):
                await serve(ExchangeSettings(port=port), print)

    async def test_a_host_that_is_none_is_named(self) -> None:
        with pytest.raises(PolywireError, match=r"256\.1\.1\.1 is no address: .*; name another with --host"):
            await serve(ExchangeSettings(host="256.1.1.1"), print)

    async def test_a_fault_that_is_none_is_refused_before_it_opens(self) -> None:
        with pytest.raises(Misuse, match="there is no fault 'storm'"):
            await serve(ExchangeSettings(port=0, faults=("storm",)), print)

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            (TapeFormatUnknown("x.tape", "it is a picture"), "x.tape is no tape: it is a picture"),
            (ValueError("a bug"), r"the exchange with seed 7 has failed \(ValueError: a bug\); please report it"),
        ],
    )
    async def test_what_fails_inside_ends_it_with_one_sentence(self, fault: Exception, said: str) -> None:
        def records() -> Iterator[Record]:
            raise fault
            yield Record(0, "", 0, RecordKind.OPENED, b"")

        with anyio.fail_after(10), pytest.raises(PolywireError, match=said):
            await serve(ExchangeSettings(port=0, tape=records()), lambda _: None)

    async def test_an_open_client_is_told_goodbye_when_it_ends(self) -> None:
        urls: list[str] = []
        opened = anyio.Event()

        def ready(url: str) -> None:
            urls.append(url)
            opened.set()

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve, ExchangeSettings(port=0, faults=("slow:5",)), ready)
                await opened.wait()
                reader, writer = await asyncio.open_connection("127.0.0.1", port_of(urls[0]))
                client = RawClient(reader, writer)
                await client.shake_hands("/ws/market")
                await client.send({"type": "market", "assets_ids": []})
                assert await client.text() == "[]"
                tasks.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    assert await client.closed_with() == (1001, "the exchange ends")
                    await client.leave()
