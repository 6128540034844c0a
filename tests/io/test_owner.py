"""Who owns a data directory, and the way to it: real locks, real sockets, real processes."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from polywire.errors import DataOwned, OwnerGone, PolywireError
from polywire.io.owner import LINE_LIMIT, Lines, answers, attached, endpoint, is_owned, owned, serving

pytestmark = pytest.mark.anyio

HOLD = """
import pathlib, sys
from polywire.io.owner import owned
with owned(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def holder(data: Path) -> "subprocess.Popen[str]":
    """Return a process that owns a data directory until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def end(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(number)
    process.communicate(timeout=10)


@asynccontextmanager
async def echoing(data: Path) -> AsyncIterator[None]:
    """Own a data directory and answer each line with itself."""

    async def attend(lines: Lines) -> None:
        while (line := await lines.receive()) is not None:
            await lines.send(line)

    with owned(data):
        async with serving(data, "paper", attend):
            yield


async def send_for_ever(lines: Lines, line: bytes) -> None:
    while True:
        await lines.send(line)


# ---------------------------------------------------------------- the lock


def test_a_data_directory_has_one_owner_and_the_other_is_told_who(tmp_path: Path) -> None:
    process = holder(tmp_path)
    with pytest.raises(DataOwned, match=f"owned by process {process.pid}") as refused, owned(tmp_path):
        pass
    assert refused.value.pid == process.pid
    assert is_owned(tmp_path)
    end(process)


def test_a_killed_owner_leaves_no_lock(tmp_path: Path) -> None:
    end(holder(tmp_path), signal.SIGKILL)
    assert not is_owned(tmp_path)
    with owned(tmp_path):
        assert is_owned(tmp_path)
    assert not is_owned(tmp_path)


def test_a_directory_is_made_private_and_one_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with owned(tmp_path / "a" / "b"):
        pass
    assert mode(tmp_path / "a" / "b") == 0o700
    assert mode(tmp_path / "a" / "b" / "lock") == 0o600
    (tmp_path / "file").touch()
    with pytest.raises(PolywireError, match="choose another with --data"), owned(tmp_path / "file" / "b"):
        pass


def test_whoever_only_asks_does_not_keep_an_owner_out(tmp_path: Path) -> None:
    """`is_owned` holds the lock for an instant; an owner tries again."""
    asking = [subprocess.Popen([sys.executable, "-c", ASK, str(tmp_path)]) for _ in range(2)]
    for _ in range(100):
        with owned(tmp_path):
            pass
    for process in asking:
        process.terminate()
        process.wait(timeout=10)


ASK = """
import pathlib, sys
from polywire.io.owner import is_owned
while True:
    is_owned(pathlib.Path(sys.argv[1]))
"""


# ---------------------------------------------------------------- the socket


async def test_the_endpoint_names_a_private_socket_and_goes_with_its_owner(tmp_path: Path) -> None:
    async with echoing(tmp_path):
        told = endpoint(tmp_path)
        assert told is not None
        assert (told.pid, told.venue) == (os.getpid(), "paper")
        assert mode(tmp_path / "endpoint") == mode(Path(told.socket)) == 0o600
        assert answers(told)
    assert names(tmp_path) == {"lock"}


async def test_lines_go_there_and_back_whole(tmp_path: Path) -> None:
    long = b"x" * 300_000
    with anyio.fail_after(10):
        async with echoing(tmp_path), attached(tmp_path) as lines:
            for line in (b"{}", long, b""):
                await lines.send(line)
                assert await lines.receive() == line


async def test_a_data_directory_with_a_long_name_has_its_socket_elsewhere_and_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Unix socket's path is limited to some hundred bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # pytest's own folder may be too deep
        runtime = Path(short)
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        await keeps_its_socket_in(runtime, tmp_path / ("long" * 30))


async def keeps_its_socket_in(runtime: Path, data: Path) -> None:
    async with echoing(data):
        told = endpoint(data)
        assert told is not None
        assert Path(told.socket).parent.parent == runtime
        assert mode(Path(told.socket).parent) == 0o700
        async with attached(data) as lines:
            await lines.send(b"1")
            assert await lines.receive() == b"1"
    assert names(runtime) == set()


async def test_what_a_killed_owner_left_behind_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "owner.sock"))
    left.close()
    (tmp_path / "endpoint").write_text(f'{{"socket":"{tmp_path}/owner.sock","pid":1,"venue":"x","started_ms":0}}')
    with pytest.raises(OwnerGone, match="does not run"):
        async with attached(tmp_path):
            pass
    async with echoing(tmp_path), attached(tmp_path) as lines:
        await lines.send(b"1")
        assert await lines.receive() == b"1"


async def test_nothing_but_a_socket_of_ours_is_ever_removed(tmp_path: Path) -> None:
    """An endpoint is a file that anybody with the directory can write."""
    precious = tmp_path / "elsewhere" / "owner.sock"
    precious.parent.mkdir()
    precious.write_text("precious")
    data = tmp_path / "data"
    data.mkdir()
    (data / "endpoint").write_text(f'{{"socket":"{precious}","pid":1,"venue":"x","started_ms":0}}')
    async with echoing(data):
        pass
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"socket":7}', "\x00"])
def test_an_endpoint_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "endpoint").write_text(text)
    assert endpoint(tmp_path) is None


async def test_an_owner_that_ends_closes_its_clients_connections(tmp_path: Path) -> None:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            ending = anyio.Event()
            ready = anyio.Event()

            async def own() -> None:
                async with echoing(tmp_path):
                    ready.set()
                    await ending.wait()

            tasks.start_soon(own)
            await ready.wait()
            async with attached(tmp_path) as lines:
                await lines.send(b"1")
                assert await lines.receive() == b"1"
                ending.set()
                assert await lines.receive() is None
                with pytest.raises(OwnerGone, match="has closed the connection"):
                    await send_for_ever(lines, b"x" * 10_000)


async def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    seen: list[str] = []

    async def attend(lines: Lines) -> None:
        with pytest.raises(OwnerGone, match="a line of more than") as refused:
            await lines.receive()
        seen.append(str(refused.value))

    with anyio.fail_after(20), owned(tmp_path):
        async with serving(tmp_path, "paper", attend), attached(tmp_path) as lines:
            with pytest.raises(OwnerGone):
                await send_for_ever(lines, b"x" * (LINE_LIMIT + 100_000))
    assert len(seen) == 1
