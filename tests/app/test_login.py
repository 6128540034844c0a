"""How a start finds out who it is: what its owner gave, and an API key that the venue takes."""

import os
from pathlib import Path

import anyio
import msgspec
import pytest

from exchange.traders import trading_server
from exchange.trading.signers import Signer
from io_vaults import PASSPHRASE, made
from loopback import PATIENCE_S
from polywire.app.login import NO_WAY, look_for_credentials, sign_in
from polywire.errors import VaultError, VaultLocked
from polywire.io.passphrase import Way
from polywire.io.vault import FILE
from polywire.io.venue import find_venue
from polywire.model.venue import POLYMARKET

ANN = Signer(0xA11)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no `.env` of whoever runs the tests


def unheard(_: str) -> None:
    """Let a test say what it does not look at."""


def given(path: Path, text: str) -> Way:
    path.write_text(text + "\n")
    path.chmod(0o600)
    return Way(file=path)


def test_what_the_environment_held_is_told_of_and_gone_before_any_child_could_inherit_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_PRIVATE_KEY", ANN.key)
    said: list[str] = []
    sources = look_for_credentials(tmp_path, NO_WAY, said.append, may_ask=False)
    assert sources.wallet is not None
    assert "POLYGON_PRIVATE_KEY" not in os.environ
    assert said == [f"polywire: POLYGON_PRIVATE_KEY: from the environment, wallet {ANN.address}"]


def test_it_is_gone_from_the_environment_even_where_the_vault_could_not_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_PRIVATE_KEY", ANN.key)
    made(tmp_path / FILE)
    with pytest.raises(VaultLocked):
        look_for_credentials(tmp_path, given(tmp_path / "wrong", "not it"), unheard, may_ask=True)
    assert "POLYGON_PRIVATE_KEY" not in os.environ


def test_a_vault_that_nobody_can_be_asked_for_stays_closed_and_it_is_said_how_to_open_it(tmp_path: Path) -> None:
    made(tmp_path / FILE).set("POLYGON_PRIVATE_KEY", ANN.key)
    said: list[str] = []
    closed = look_for_credentials(tmp_path, NO_WAY, said.append, may_ask=True)  # a test has no terminal
    assert (closed.vault, closed.wallet) == (None, None)
    assert [line for line in said if "stays closed" in line and "--passphrase-file" in line] == said != []
    opened = look_for_credentials(tmp_path, given(tmp_path / "pass", PASSPHRASE), said.append, may_ask=False)
    assert opened.wallet is not None
    assert opened.wallet.address == ANN.address


def test_a_vault_that_is_to_be_opened_and_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match=r"not there to be opened; make it with `polywire vault set NAME`"):
        look_for_credentials(tmp_path, given(tmp_path / "pass", PASSPHRASE), unheard, may_ask=False)


@pytest.mark.anyio
async def test_on_paper_a_throw_away_wallet_signs_in_whatever_the_owner_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_PRIVATE_KEY", ANN.key)
    said: list[str] = []
    sources = look_for_credentials(tmp_path, NO_WAY, said.append, may_ask=False)
    with anyio.fail_after(PATIENCE_S):
        async with trading_server() as server:
            venue = await find_venue(server.url, paper_port=0)
            first = await sign_in(venue, sources, said.append)
            again = await sign_in(venue, look_for_credentials(tmp_path, NO_WAY, unheard, may_ask=False), said.append)
    assert first is not None
    assert again == first
    assert first.address != ANN.address
    assert len([line for line in said if "for Polymarket alone" in line]) == 1
    assert first.secret not in "\n".join(said)


@pytest.mark.anyio
async def test_without_anything_to_sign_in_with_there_are_market_data_and_the_reason(tmp_path: Path) -> None:
    """No address is asked: there is nothing to show it."""
    said: list[str] = []
    sources = look_for_credentials(tmp_path, NO_WAY, said.append, may_ask=True)
    assert await sign_in(POLYMARKET, sources, said.append) is None
    assert len(said) == 1
    assert "market data only, no own orders and trades: there is nothing to sign in to" in said[0]


@pytest.mark.anyio
async def test_a_venue_without_a_user_channel_is_asked_for_no_key(tmp_path: Path) -> None:
    said: list[str] = []
    urls = msgspec.structs.replace(POLYMARKET.urls, user_ws="")
    venue = msgspec.structs.replace(POLYMARKET, identity="somebody:1", urls=urls)
    assert await sign_in(venue, look_for_credentials(tmp_path, NO_WAY, said.append, may_ask=True), said.append) is None
    assert said == ["polywire: market data only: somebody:1 names no user channel"]


@pytest.mark.anyio
async def test_a_venue_that_does_not_answer_leaves_market_data_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    async with trading_server() as server:
        venue = await find_venue(server.url, paper_port=0)
    sources = look_for_credentials(tmp_path, NO_WAY, said.append, may_ask=False)
    with anyio.fail_after(PATIENCE_S):
        assert await sign_in(venue, sources, said.append) is None
    assert "market data only, no own orders and trades" in said[-1]
