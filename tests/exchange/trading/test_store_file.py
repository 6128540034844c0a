"""`exchange.trading.store_file`: one exchange at a time, nobody else's eyes, and nothing foreign is touched."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from polywire.errors import PolywireError
from polywire.exchange.trading.records import Wallet
from polywire.exchange.trading.sqlite_store import opened_store
from polywire.exchange.trading.store_schema import VERSION

pytestmark = pytest.mark.anyio

HOLDER = """
import sys
from pathlib import Path
from polywire.exchange.trading.store_file import opened_file
with opened_file(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def _refused(path: Path) -> str:
    with pytest.raises(PolywireError) as refused:
        async with opened_store(path):
            pytest.fail("it was opened")
    told = str(refused.value)
    assert "\n" not in told
    return told


async def test_what_it_writes_is_its_owners_alone(tmp_path: Path) -> None:
    """Credentials follow from the secret in it."""
    path = tmp_path / "state"
    before = os.umask(0)
    try:
        async with opened_store(path) as store:
            store.put(Wallet("0xa", 1, 1))
            await store.kept()
            modes = _modes(tmp_path)
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["state", "state-wal", "state-shm", "state.lock"], 0o600)


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened_store(path):
        pass
    path.chmod(0o644)
    async with opened_store(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not a database at all, whatever its name", "is not the state of an exchange, and was left as it is"),
        (b"x", "is not the state of an exchange"),
        (b"SQLite format 3\0", "is not the state of an exchange"),
    ],
)
async def test_a_foreign_file_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    path.chmod(0o640)
    assert why in await _refused(path)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (content, 0o640)


async def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE things (name)")
    other.close()
    before = path.read_bytes()
    assert "is not the state of an exchange" in await _refused(path)
    assert path.read_bytes() == before


async def test_a_file_of_a_later_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened_store(path):
        pass
    with sqlite3.connect(path) as later:
        later.execute(f"PRAGMA user_version = {VERSION + 1}")
    later.close()
    before = path.read_bytes()
    told = await _refused(path)
    assert f"was written by a later version (format {VERSION + 1}; this one reads {VERSION})" in told
    assert path.read_bytes() == before


async def test_a_damaged_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with opened_store(path) as store:
        store.put(Wallet("0xa", 1, 1))
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(len(whole) - 100))
    assert "cannot be read" in await _refused(path)


async def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.touch()
    async with opened_store(path) as store:
        assert (await store.load()).runs == 1


async def test_what_a_killed_one_left_half_made_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "state"
    (tmp_path / "state.new").write_bytes(b"half")
    async with opened_store(path) as store:
        assert (await store.load()).runs == 1
    assert not (tmp_path / "state.new").exists()


async def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "cannot be opened: No such file or directory" in await _refused(tmp_path / "nowhere" / "state")
    assert "cannot be opened: Is a directory" in await _refused(tmp_path)


def test_a_file_has_one_exchange_at_a_time_however_it_is_named(tmp_path: Path) -> None:
    path, link = tmp_path / "state", tmp_path / "link"
    link.symlink_to(path)
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen([*command, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        second = subprocess.run(
            [*command, str(link)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert f"is in use by another exchange (process {holder.pid})" in second.stderr
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        third = subprocess.run(
            [*command, str(link)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
    assert third.stdout == "held\n"
