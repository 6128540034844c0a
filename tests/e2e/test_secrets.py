"""Secrets over the whole of it, at debug level: they are where they belong, and nowhere else.

Real processes with every logger open, an owner who gives secrets in every way there is, orders and trades on the user
channel, faults, refusals, errors; then every byte that any of it left behind is searched. That the search finds what it
looks for is shown in `test_secret_search`.
"""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import anyio
import httpx2
import msgspec
import pytest

from e2e.marked_secrets import ARGUMENT, SECRETS, marks
from e2e.processes import asked
from e2e.secret_search import (
    Family,
    Search,
    contents_of,
    descendants_of,
    found_below,
    needs_proc,
    shown_of,
    watched,
    without,
)
from e2e.secret_stage import (
    LIBRARY_USER,
    PATIENCE_S,
    POLYWIRE,
    Owner,
    Stage,
    end_of,
    hello_of,
    kept,
    made_for,
    until,
    where_they_belong,
)
from exchange.traders import Trader
from polywire.io.owner import is_owned


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def trader_at(url: str, key: str, credentials: dict[str, str]) -> AsyncIterator[Trader]:
    async with httpx2.AsyncClient(base_url=url, timeout=10.0) as client:
        trader = Trader(client, "0x" + key)
        trader.credentials = {"apiKey": credentials["key"]} | credentials
        yield trader


async def a_token(url: str) -> str:
    """Return one whose contract the trader signs for, that is traded on both sides, and lasts."""
    listed = await asked(f"{url}/gamma/markets?closed=false&limit=100")
    for one in listed:
        token = str(json.loads(one["clobTokenIds"])[0])
        book = await asked(f"{url}/clob/book?token_id={token}")
        if book["bids"] and book["asks"] and not one["negRisk"] and "updown" not in one["slug"]:
            return token
    raise AssertionError(f"none of {len(listed)} markets can be traded on")


async def trade(url: str, trader: Trader, token: str) -> None:
    """Let an order rest, cancel it, and take the best there is."""
    rests = await placed(url, trader, token, ("bids", max), "GTC")
    await placed(url, trader, token, ("asks", min), "FAK")
    await trader.ask("DELETE", "/order", {"orderID": rests})


async def placed(url: str, trader: Trader, token: str, best: tuple[str, Callable[..., Decimal]], kind: str) -> str:
    """Return the id of an order to buy at the best price of a side; that may have gone before it could be taken."""
    side, pick, size = *best, 100  # of 100 shares the amount has two decimals on any grid
    answer: dict[str, Any] = {}
    for _ in range(20):
        book = await asked(f"{url}/clob/book?token_id={token}")
        if book[side]:
            price = int(pick(Decimal(level["price"]) * 10_000 for level in book[side]))
            answer = (await trader.place(trader.order("BUY", price, size, token=token, kind=kind))).json()
        if answer.get("success"):
            return str(answer["orderID"])
    raise AssertionError(answer)


async def troubled(url: str, owner: Owner, trader: Trader, token: str, heard: Callable[[], int]) -> None:
    """Trade through everything that can go wrong on the way to one's own orders, the last of it for good.

    Args:
        url, owner, trader, token: Where, whose, who and what.
        heard: How many orders' changes the other process has told.
    """
    await trade(url, trader, token)
    await owner.until(lambda user: user["sockets"][0]["frames"] >= 4)
    await until(lambda: heard() > 0)
    faults, before = f"{url}/venue/faults", heard()
    for fault in ("garbage@user", "bad-utf8@user"):
        await asked(faults, {"name": fault, "argument": "1"})
    await trade(url, trader, token)
    await owner.until(lambda user: sum(user["undecoded"].values()) > 3)
    await until(lambda: heard() > before + 1)  # before each message came one that is none
    heard_then = heard()
    await asked(faults, {"name": "oversized@user"})
    await trade(url, trader, token)
    await until(lambda: heard() > heard_then)
    await asked(faults, method="DELETE")
    await asked(faults, {"name": "read-limit", "argument": "1"})
    await asked(faults, {"name": "drop-connection@user"})
    await owner.until(lambda user: user["sockets"][0]["reconnects"] and "HTTP 429" in str(user))
    await asked(faults, method="DELETE")
    await asked(faults, {"name": "refuse@user"})
    await asked(faults, {"name": "drop-connection@user"})
    await owner.until(lambda user: user["sockets"][0]["failed_dials"])
    await asked(faults, method="DELETE")
    await owner.until(lambda user: user["subscribed"] and not user["trouble"])
    gone = await trader.ask("DELETE", "/auth/api-key")
    assert gone.status_code == 200
    await owner.until(lambda user: "does not take the API key" in user["trouble"])


COMMANDS: Final = {  # what is run beside a running owner: how it ends, and what it says
    "up-shut": (1, "is not opened by this passphrase"),
    "status-json": (0, "does not take the API key"),
    "status-prometheus": (0, "polywire_"),
}
MORE_COMMANDS: Final = {
    "up-broken": (1, "is damaged"),
    "vault-list": (0, "TELEGRAM_TOKEN"),
    "vault-set": (2, "a value is never an argument"),
    "doctor": (0, "Python:"),
    "watch": (1, "no market is known as"),
}


async def run_commands(stage: Stage, wanted: dict[str, tuple[int, str]]) -> None:
    """Have everything said that is said of a feed, of a vault which does not open, and of a value in the open."""
    wrong, right = ("--passphrase-file", str(stage.wrong)), ("--passphrase-file", str(stage.passphrase))
    data, up = ("--data", str(stage.data)), ("up", "--for", "1", "--exchange-port", "0", "--data")
    commands: dict[str, tuple[str, ...]] = {
        "up-shut": (*up, str(stage.elsewhere("shut")), *wrong),
        "up-broken": (*up, str(stage.elsewhere("broken", damaged=True)), *right),
        "status-json": ("status", "--json", *data),
        "status-prometheus": ("status", "--prometheus", *data),
        "vault-list": ("vault", "list", *data, *right),
        "vault-set": ("vault", "set", "A", ARGUMENT, *data, *right),
        "doctor": ("doctor", *data),
        "watch": ("watch", "no-such-market", *data),
    }
    codes: dict[str, int] = {}

    async def run(name: str) -> None:
        codes[name] = await stage.ran(name, *commands[name])

    async with anyio.create_task_group() as tasks:
        for name in wanted:
            tasks.start_soon(run, name)
    for name, (code, words) in wanted.items():
        assert (codes[name], words in stage.text(name)) == (code, True), (name, codes[name], stage.text(name))


@needs_proc
@pytest.mark.anyio
@pytest.mark.parametrize("in_vault", [True, pytest.param(False, marks=pytest.mark.slow)])
async def test_marked_secrets_are_nowhere_but_where_they_belong(tmp_path: Path, in_vault: bool) -> None:  # noqa: FBT001
    """The API key is kept in the vault where one is opened, and else in a file of its own."""
    stage = Stage(tmp_path)
    way = ("--passphrase-file", str(stage.passphrase)) if in_vault else ()
    up = (*POLYWIRE, "up", "--data", str(stage.data), "--port", "0", "--exchange-port", "0", *way)
    families = list[Family]()
    with anyio.fail_after(3 * PATIENCE_S), ExitStack() as running:
        process = running.enter_context(stage.started("up", *up))
        families.append(running.enter_context(watched(process.pid)))
        owner = Owner(stage, process)
        await owner.until(lambda user: user["subscribed"])
        itself = list(shown_of(process.pid).values())
        wallet, credentials = kept(stage, in_vault=in_vault)
        url = str((await hello_of(stage))["address"])
        token = await a_token(url)
        async with trader_at(url, wallet, credentials) as trader:
            tape = tmp_path / "user.tape"
            user = running.enter_context(
                stage.started("user", sys.executable, "-c", LIBRARY_USER, url, token, str(tape))
            )
            families.append(running.enter_context(watched(user.pid)))
            assert user.stdin is not None
            user.stdin.write(credentials_line(credentials))
            user.stdin.flush()
            await until(lambda: "ready" in stage.text("user") or user.poll() is not None)
            await troubled(url, owner, trader, token, lambda: stage.text("user").count("OwnOrderChanged("))
        itself += [*shown_of(process.pid).values(), shown_of(user.pid)["cmdline"]]
        user.stdin.write(b"\n")
        user.stdin.close()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_commands, stage, COMMANDS if in_vault else COMMANDS | MORE_COMMANDS)
            assert await end_of(user) == 0, stage.text("user")[-3_000:]
        process.send_signal(signal.SIGINT)
        assert await end_of(process) == 0, stage.text("up")[-3_000:]
    search = Search(marks() | made_for(wallet, credentials))
    assert_it_was_all_there(stage, families, tape)
    assert search.found_in(*owner.told) == set()
    assert search.found_in(*itself) == set()
    assert [family.found(search) for family in families] == [{}, {}]
    assert without(found_below(tmp_path, search), where_they_belong(stage)) == {}


def credentials_line(credentials: dict[str, str]) -> bytes:
    return json.dumps({name: credentials[name] for name in ("key", "secret", "passphrase", "address")}).encode() + b"\n"


@needs_proc
@pytest.mark.anyio
@pytest.mark.slow
async def test_an_owner_in_the_background_shows_nothing_of_the_environment_it_was_given(tmp_path: Path) -> None:
    """It is a child of `watch`, which hands it all it was given; once it answers, nobody sees it any more."""
    stage, owner = Stage(tmp_path), None
    with anyio.fail_after(3 * PATIENCE_S):
        try:
            assert await stage.ran("watch", "watch", "no-such-market", "--data", str(stage.data)) == 1
            owner = (await hello_of(stage))["pid"]
            shown = [shown_of(pid) for pid in (owner, *descendants_of(owner))]
        finally:
            if owner is not None:
                os.kill(owner, signal.SIGTERM)
                await until(lambda: not is_owned(stage.data))
    assert "no market is known as" in stage.text("watch")
    assert len(shown) == 2
    for one in shown:
        assert b"PATH=" in one["environ"]
        assert SECRETS.found_in(*one.values()) == set()
    wallet, credentials = kept(stage, in_vault=False)
    search = Search(marks() | made_for(wallet, credentials))
    assert without(found_below(tmp_path, search), where_they_belong(stage)) == {}


def assert_it_was_all_there(stage: Stage, families: list[Family], tape: Path) -> None:
    """What was searched had something in it: logs at debug level, children, own events, refusals."""
    for name in ("up", "user", "up-shut", "status-json"):
        assert "DEBUG everything every logger is open" in stage.text(name), name
    assert "DEBUG everything" in (stage.data / "exchange.log").read_text()
    assert "DEBUG httpcore" in stage.text("up")
    assert [len(family.seen) > 0 for family in families] == [True, False]
    assert all(b"PATH=" in b"".join(shown) for shown in families[0].seen.values())
    told = stage.text("user")
    assert told.splitlines().count("refused") == 4, told[-3_000:]
    assert "OwnOrderChanged(" in told
    assert "OwnTradeChanged(" in told
    assert "Illegal header" not in told
    records = b"".join(contents_of(tape))
    assert b"PLACEMENT" in records
    assert b"MATCHED" in records
    assert b"\xff\xc0" in records  # what is no UTF-8
    assert msgspec.json.decode((stage.said / "status-json.out").read_bytes())["connections"]["user"]["trouble"]
