"""The examples run as a user would run them, against an exchange whose time is fast."""

import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from polymarket._internal.environment import get_environment_config

from e2e.processes import asked, exchange
from trade_with_polymarket_client import environment_of

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ran(name: str, *arguments: str) -> str:
    """Return what an example prints; it says nothing else and ends well."""
    command = [sys.executable, "-P", str(EXAMPLES / name), *arguments]
    with anyio.fail_after(60):
        done = await anyio.run_process(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


async def test_the_examples_run_to_their_end_on_one_exchange_and_leave_no_order_behind() -> None:
    """Both wallets, both kinds of market, both clients; ten venue seconds of silence pass in one."""
    async with exchange("--seed", "7", "--speed", "10") as url:
        for options in ([], ["--eoa", "--neg-risk"]):
            shown = await ran("trade_with_polymarket_client.py", url, *options)
            assert ("(EOA)" in shown) is bool(options)
            for line in (
                "10000 USDC of play money",
                "refused (400): invalid post-only order: order crosses book",
                "refused (400): order couldn't be fully filled. FOK orders are fully filled or killed.",
                "refused (post_only_would_cross)",
                "refused (fok_not_filled)",
                "refused (not_enough_balance)",
                "confirmed, and not told of by the stream: 0",
                "history: DEPOSIT",
                "an old id is refused, the right one named: True",
                "was cancelled; 0 orders are open",
            ):
                assert line in shown
        shown = await ran("trade_with_py_clob_client_v2.py", url)
        assert "fill or kill: matched" in shown
        assert "refused (400): invalid post-only order: order crosses book" in shown
        assert "not enough balance / allowance" in shown
        accounts = (await asked(f"{url}/venue/accounts"))["accounts"]
        assert [account["open_orders"] for account in accounts] == [0] * len(accounts)
        traded = [account for account in accounts if account["shares"]]
        assert len(traded) == 3


async def test_the_page_shows_the_environment_that_the_example_uses() -> None:
    """It is meant to be copied, so there is one of it."""
    example = (EXAMPLES / "trade_with_polymarket_client.py").read_text()
    shown = (EXAMPLES.parent / "docs" / "trading.md").read_text()
    function = example[example.index("def environment_of(") : example.index("def about_exchange(")].strip()
    assert function in shown


async def test_no_address_of_the_real_venue_is_left_in_the_environment() -> None:
    """A client on paper cannot reach Polymarket by mistake, whatever it is asked for."""
    async with exchange("--seed", "7") as url:
        config = get_environment_config(environment_of(await asked(f"{url}/venue?ledger=0")))
    named = {name: getattr(config, name) for name in dir(config) if name.endswith("_url")}
    host = url.removeprefix("http://")
    assert len(named) >= 16
    assert [name for name, address in named.items() if not address.split("://")[1].startswith(f"{host}/")] == []
    assert config.chain_id == 80_002
