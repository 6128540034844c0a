"""The folders of a run that secrets are marked in, the processes in it with every logger open, and what they said."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio

from e2e.marked_secrets import (
    DATA_DOTENV,
    ENVIRONMENT,
    HERE_DOTENV,
    SECRETS,
    VAULT,
    VAULT_PASSPHRASE,
    WRONG_PASSPHRASE,
)
from io_vaults import CHEAP, opened
from polywire.errors import OwnerGone
from polywire.io.owner import attached
from polywire.io.vault import Vault

POLYWIRE: Final = (sys.executable, "-P", "-m", "polywire")
PATIENCE_S: Final = 60.0
EVERY_LOGGER: Final = """
import logging, os, sys
logging.basicConfig(level=1, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
logging.captureWarnings(True)
logging.getLogger("everything").debug("every logger is open in process %d", os.getpid())
"""
"""Python reads it as `sitecustomize` at the start of each process of ours, children included."""

LIBRARY_USER: Final = """
import json, logging, sys, traceback
from pathlib import Path
import anyio, msgspec, polywire
from polywire.io.tape_thread import ThreadedTape
from polywire.model.credentials import ApiCredentials
from polywire.settings import Settings

url, token, path = sys.argv[1:]
good = msgspec.json.decode(sys.stdin.readline(), type=ApiCredentials)
settings = Settings(data=Path(path).parent / 'user', venue=url)
replace = msgspec.structs.replace
wrong = good.secret[::-1].strip("=")[:40]


async def refused(credentials):
    try:
        async with polywire.open_feed(settings, credentials=credentials) as feed:
            for _ in range(400):
                if feed.status()["connections"]["user"]["trouble"]:
                    break
                await anyio.sleep(0.02)
            print(json.dumps(feed.status(), default=str))
            async with feed.subscribe(tokens=[], kinds=["ORDER"], callback=print):
                pass
    except Exception:
        logging.exception("refused %r", credentials)
        traceback.print_exc()
        print("refused", flush=True)


async def main():
    tape = ThreadedTape(Path(path))
    async with polywire.open_feed(settings, credentials=good) as feed:
        feed.record(tape.put)
        feed._own.record(tape.put)  # the user channel too: what comes is on the tape, what is sent is not
        own = feed.subscribe(kinds=["ORDER", "TRADE"], callback=lambda event: print(repr(event), flush=True))
        async with own, feed.subscribe(tokens=[token], callback=print):
            while not feed.status()["connections"]["user"]["subscribed"]:
                await anyio.sleep(0.02)
            print("ready", flush=True)
            async with anyio.create_task_group() as tasks:  # it takes a few seconds to be told of a login that fails
                tasks.start_soon(refused, replace(good, secret=wrong))
                await anyio.to_thread.run_sync(sys.stdin.readline)
            print(repr(feed), repr(good), repr(vars(feed._own)), json.dumps(feed.status(), default=str))
        feed.record(None)
    tape.close()
    await refused(replace(good, passphrase=good.passphrase + "\\n"))
    await refused(replace(good, passphrase=good.passphrase[:-1] + "\u00e9"))
    await refused(replace(good, secret=good.secret[:-3] + "!"))


anyio.run(main, backend_options={"use_uvloop": True})
"""


class Stage:
    """The folders of one run, and all that was said in it.

    Attributes:
        data: The data directory.
        here: Where commands run.
        said: Where what they say goes.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.data, self.here, self.said = root, root / "data", root / "here", root / "said"
        self.passphrase, self.wrong = root / "passphrase", root / "wrong"
        for folder in (self.data, self.here, self.said, root / "site"):
            folder.mkdir(mode=0o700)
        (root / "site" / "sitecustomize.py").write_text(EVERY_LOGGER)
        for path, text in (
            (self.passphrase, VAULT_PASSPHRASE),
            (self.wrong, WRONG_PASSPHRASE),
            (self.here / ".env", lines_of(HERE_DOTENV)),
            (self.data / ".env", lines_of(DATA_DOTENV)),
        ):
            path.touch(mode=0o600)
            path.write_text(text + "\n")
        vault = Vault.create(self.data / "vault", VAULT_PASSPHRASE, cost=CHEAP)
        for name, value in VAULT.items():
            vault.set(name, value)

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.root / "site"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        debug = {"PYTHONASYNCIODEBUG": "1", "PYTHONPATH": path.rstrip(os.pathsep), "COLUMNS": "300"}
        # REST is asked soon, and says soon that a key is good no more; nobody waits long before trying again.
        debug |= {"POLYWIRE_RECONCILE_S": "1", "POLYWIRE_LONGEST_DELAY_S": "1"}
        return os.environ | ENVIRONMENT | debug

    @contextmanager
    def started(self, name: str, *command: str, **more: Any) -> "Iterator[subprocess.Popen[bytes]]":
        """Run a process while the block does; what it says goes to files of that name."""
        with ExitStack() as stack:
            out, errors = (stack.enter_context((self.said / f"{name}.{end}").open("wb")) for end in ("out", "err"))
            process = stack.enter_context(
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=errors,
                    cwd=self.here,
                    env=self.environment,
                    **more,
                )
            )
            stack.callback(process.kill)
            yield process

    async def ran(self, name: str, *arguments: str) -> int:
        """Run a command to its end; return its exit code. No child of it is ever shown a secret."""
        with self.started(name, *POLYWIRE, *arguments) as process:
            assert process.stdin is not None
            process.stdin.close()
            return await end_of(process)

    def text(self, name: str) -> str:
        """Return what was said under a name."""
        return "".join((self.said / f"{name}.{end}").read_text(errors="replace") for end in ("out", "err"))

    def elsewhere(self, name: str, *, damaged: bool = False) -> Path:
        """Return another data directory with a copy of the vault."""
        folder = self.root / name
        folder.mkdir(mode=0o700)
        content = bytearray((self.data / "vault").read_bytes())
        if damaged:
            content[len(content) // 2] ^= 1
        (folder / "vault").touch(mode=0o600)
        (folder / "vault").write_bytes(content)
        return folder


def lines_of(values: dict[str, str]) -> str:
    return "\n".join(f"{name}='{value}'" for name, value in values.items())


async def end_of(process: "subprocess.Popen[bytes]") -> int:
    return await anyio.to_thread.run_sync(partial(process.wait, PATIENCE_S))


async def until(holds: Callable[[], Any]) -> None:
    """Return when something holds that is told by nothing."""
    with anyio.fail_after(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - it has no event
            await anyio.sleep(0.02)


async def status_of(data: Path) -> dict[str, Any]:
    """Return what the owner of a data directory answers now; {} while there is none."""
    try:
        async with attached(data) as lines:
            await lines.receive()
            await lines.send(b'{"type":"status","id":1}')
            told: dict[str, Any] = json.loads(await lines.receive() or b"{}")
            return dict(told["status"])
    except OwnerGone:
        return {}


class Owner:
    """`polywire up` of a stage, asked for its status. Attributes: `told`, every answer."""

    def __init__(self, stage: Stage, process: "subprocess.Popen[bytes]") -> None:
        self._stage, self._process = stage, process
        self.told: list[str] = []

    async def until(self, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Return how its user channel is, once that is as wanted."""
        with anyio.fail_after(PATIENCE_S):
            while True:
                assert self._process.poll() is None, self._stage.text("up")[-3_000:]
                status = await status_of(self._stage.data)
                self.told.append(json.dumps(status))
                user: dict[str, Any] = status.get("connections", {}).get("user", {})
                if user and holds(user):
                    return user
                await anyio.sleep(0.05)


def kept(stage: Stage, *, in_vault: bool) -> tuple[str, dict[str, str]]:
    """Return the throw-away wallet's key, and the API key that was made for it."""
    [wallet] = (stage.data / "wallets").glob("*.key")
    if in_vault:
        vault = opened(stage.data / "vault", VAULT_PASSPHRASE)
        [content] = [vault.get(entry.name) for entry in vault.entries() if entry.name.startswith("api-key.")]
    else:
        [path] = (stage.data / "credentials").glob("*.json")
        content = path.read_text()
    return wallet.read_text().strip(), json.loads(content or "")


def made_for(wallet: str, credentials: dict[str, str]) -> dict[str, str]:
    """Return the secrets that were made on the way, by name."""
    return {"API secret": credentials["secret"], "API passphrase": credentials["passphrase"], "the wallet": wallet}


def where_they_belong(stage: Stage) -> list[tuple[Path, set[str]]]:
    """Return the files that may hold secrets, and which."""
    here, data = (
        {name for name in SECRETS.secrets if name.endswith(where)} for where in ("in here/.env", "in data/.env")
    )
    return [
        (stage.here / ".env", here),
        (stage.data / ".env", data),
        (stage.passphrase, {"the passphrase"}),
        (stage.wrong, {"a wrong passphrase"}),
        *((path, {"the wallet"}) for path in (stage.data / "wallets").glob("*.key")),
        *((path, {"API secret", "API passphrase"}) for path in (stage.data / "credentials").glob("*.json")),
    ]


async def hello_of(stage: Stage) -> dict[str, Any]:
    """Return what the owner of a stage's data directory says of itself."""
    async with attached(stage.data) as lines:
        hello: dict[str, Any] = json.loads(await lines.receive() or b"{}")
    return hello
