"""Signing in at a real exchange, over restarts; and marked secrets, which are nowhere but where they belong."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import anyio
import pytest

from e2e.processes import asked, exchange
from exchange.trading.signers import Signer

POLYWIRE: Final = (sys.executable, "-P", "-m", "polywire")
PASSPHRASE: Final = "correct horse battery"  # noqa: S105 - it opens nothing
PATIENCE_S: Final = 30.0
MARKS: Final = {
    "POLYGON_PRIVATE_KEY": Signer(0xA11).key[2:],
    "POLYMARKET_API_SECRET": "bWFya2VkLXNlY3JldC1vbmU=",
    "POLYMARKET_PASSPHRASE": "marked-passphrase-two",
}

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir(mode=0o700)
    return tmp_path / "data"


SIGN_IN = """
import json, logging, os, pathlib, subprocess, sys
import anyio
from polywire.io.api_keys import api_credentials
from polywire.io.credentials import forget_in_environment, read_credentials
from polywire.io.passphrase import Way
from polywire.io.venue import find_venue

data, url, passphrase, log = sys.argv[1:]
logging.basicConfig(filename=log, level=logging.DEBUG)
logging.captureWarnings(True)
vault = None
if passphrase:
    from polywire.app.vault import open_vault
    vault = open_vault(pathlib.Path(data), Way(file=pathlib.Path(passphrase)))
sources = read_credentials(pathlib.Path(data), vault=vault)
forget_in_environment()
for line in sources.lines:
    print(line)
log = logging.getLogger("polywire")
log.debug("%r %s", sources, sources.lines)

async def main():
    venue = await find_venue(url, paper_port=0)
    credentials = await api_credentials(venue, sources, say=print)
    log.debug("%r %r %r", credentials, venue, sources.wallet)
    show = "import pathlib; [print(pathlib.Path('/proc/self', name).read_bytes()) for name in ('environ', 'cmdline')]"
    if pathlib.Path("/proc/self/environ").exists():
        exec(show)
        subprocess.run([sys.executable, "-c", show], check=True)
    print(json.dumps({"key": credentials.key, "address": credentials.address}))

try:
    anyio.run(main)
except Exception:
    log.exception("failed")
    raise
"""


def sign_in(url: str, data: Path, log: Path, passphrase: str = "", **environment: str) -> tuple[dict[str, str], str]:
    """Return whose key a process has that signs in with debug logging, and all that it said."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", SIGN_IN, str(data), url, passphrase, str(log)],
        env={**os.environ, "PYTHONASYNCIODEBUG": "1", **environment},
        cwd=data,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return told, done.stdout + done.stderr


async def signed_in(
    url: str, data: Path, log: Path, passphrase: str = "", **environment: str
) -> tuple[dict[str, str], str]:
    return await anyio.to_thread.run_sync(lambda: sign_in(url, data, log, passphrase, **environment))


def removed(folder: Path, pattern: str) -> None:
    """Remove what matches, and something must."""
    paths = list(folder.glob(pattern))
    assert paths
    for path in paths:
        path.unlink()


async def test_credentials_are_made_reused_told_again_and_made_anew(data: Path, tmp_path: Path) -> None:
    state, log = str(tmp_path / "state"), tmp_path / "log"
    async with exchange("--state", state) as url:
        first, told = await signed_in(url, data, log)
        assert "an API key for polywire-exchange:" in told
        assert "was made" in told
    async with exchange("--state", state) as url:  # both have started again
        again, told = await signed_in(url, data, log)
        assert (again, "API key" in told) == (first, False)
        removed(data, "credentials/*.json")
        again, told = await signed_in(url, data, log)
        assert (again, "was told again" in told) == (first, True)
    removed(tmp_path, "state*")
    async with exchange("--state", state) as url:
        anew, told = await signed_in(url, data, log)
        assert "was made" in told
        assert anew["key"] != first["key"]


def marked(data: Path, passphrase: Path) -> str:
    """Put the marks where an owner puts his secrets; return all that was said to him."""
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE)
    (data / ".env").touch(mode=0o644)
    (data / ".env").write_text("POLYMARKET_PASSPHRASE=marked-in-dotenv\n")
    how = ("--data", str(data), "--passphrase-file", str(passphrase))
    said = ""
    for arguments, given in (
        *((("set", name), value) for name, value in MARKS.items()),
        (("list",), ""),
        (("list", "--json"), ""),
    ):
        done = subprocess.run(
            [*POLYWIRE, "vault", *arguments, *how], input=given, capture_output=True, text=True, check=True
        )
        said += done.stdout + done.stderr
    return said


def kept_in_clear(data: Path) -> list[str]:
    """Return what is secret in our own 0600 files."""
    [credentials] = (json.loads(path.read_bytes()) for path in (data / "credentials").glob("*.json"))
    [wallet] = (path.read_text().strip() for path in (data / "wallets").glob("*.key"))
    return [credentials["secret"], credentials["passphrase"], wallet]


def logged_at_debug_level(log: Path) -> str:
    text = log.read_text()
    assert "DEBUG" in text
    assert len(text.splitlines()) > 20
    return text


def loose_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o177]


def found_in(text: bytes, secrets: list[str]) -> list[str]:
    return [secret for secret in secrets if secret.encode() in text]


def assert_no_file_has(secrets: list[str], folder: Path, own: set[Path]) -> None:
    """Look into every file below a folder but these, and the wallets."""
    own |= set(folder.rglob("*.key"))
    files = [path for path in folder.rglob("*") if path.is_file() and path not in own]
    assert len(files) > 3
    assert {path: found_in(path.read_bytes(), secrets) for path in files} == {path: [] for path in files}


async def test_marked_secrets_are_in_no_log_error_argument_environment_or_file_but_their_own(
    data: Path, tmp_path: Path
) -> None:
    """The whole way at debug level: vault, environment, `.env`, a real exchange, a child of ours."""
    log, passphrase = tmp_path / "log", tmp_path / "passphrase"
    said = await anyio.to_thread.run_sync(marked, data, passphrase)
    environment = {**MARKS, "POLYMARKET_API_KEY": "0b1c2d3e-4f50-4617-8899-aabbccddeeff"}
    async with exchange() as url:
        first, told = await signed_in(url, data, log, **environment)  # without the vault: kept in files of our own
        clear = kept_in_clear(data)
        again, told_with_vault = await signed_in(url, data, log, str(passphrase), **environment)
        about = await asked(f"{url}/venue")
    assert again == first
    said += told + told_with_vault + json.dumps(about) + logged_at_debug_level(log)
    assert "chmod 600" in said
    secrets = [*MARKS.values(), "marked-in-dotenv", PASSPHRASE, *clear]
    assert found_in(said.encode(), secrets) == []
    assert_no_file_has(secrets, tmp_path, {data / ".env", passphrase})
    assert loose_files(data) == [data / ".env"]
