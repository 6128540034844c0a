"""The owner's credentials: which source counts, what is said of each, and that no secret is ever in what is said."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exchange.trading.signers import Signer
from io_vaults import made
from polywire.errors import Misuse
from polywire.io.credentials import NAMES, Sources, chain_of, forget_in_environment, read_credentials
from polywire.io.dotenv import read_dotenv
from polywire.model.venue import POLYMARKET

ANN, BEN = Signer(0xA11), Signer(0xBE2)
UUID = "0b1c2d3e-4f50-4617-8899-aabbccddeeff"
SECRET, PASSPHRASE = "c2VzYW1lLXNlY3JldA==", "sesame-passphrase"
TRIO = {"POLYMARKET_API_KEY": UUID, "POLYMARKET_API_SECRET": SECRET, "POLYMARKET_PASSPHRASE": PASSPHRASE}
PAPER = msgspec.structs.replace(POLYMARKET, identity="polywire-exchange:1", chain_id=80_002)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "here").mkdir()
    return tmp_path / "data"


def write(folder: Path, mode: int = 0o600, /, **values: str) -> Path:
    path = folder / ".env"
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    path.chmod(mode)
    return path


def found(data: Path, environment: dict[str, str] | None = None, **more: Any) -> Sources:
    sources = read_credentials(data, environment=environment or {}, folder=data.parent / "here", **more)
    for text in (*sources.lines, *sources.faults, repr(sources)):
        assert "sesame" not in text
        assert SECRET not in text
        assert ANN.key[2:] not in text
        assert BEN.key[2:] not in text
    return sources


# ---------------------------------------------------------------- which source counts


def test_nothing_given_is_nothing_said(data: Path) -> None:
    sources = found(data)
    assert (sources.wallet, sources.address, sources.api, sources.chain_id) == (None, None, None, None)
    assert sources.lines == sources.faults == ()


def test_the_vault_counts_before_the_environment_and_that_before_the_files(data: Path) -> None:
    here = write(data.parent / "here", POLYGON_PRIVATE_KEY=BEN.key, POLYMARKET_CHAIN_ID="137")
    there = write(data, POLYMARKET_CHAIN_ID="1", POLYGON_ADDRESS=ANN.address)
    environment = {"POLYGON_PRIVATE_KEY": BEN.key, "POLYMARKET_API_KEY": UUID, "POLYMARKET_API_SECRET": SECRET}
    vault = made(data / "vault", POLYGON_PRIVATE_KEY=ANN.key, POLYMARKET_PASSPHRASE=PASSPHRASE)
    sources = found(data, environment, vault=vault)
    assert sources.lines == (
        f"POLYGON_PRIVATE_KEY: from the vault, wallet {ANN.address}",
        f"POLYGON_ADDRESS: from {there}, {ANN.address}",
        f"POLYMARKET_API_KEY: from the environment, key {UUID}",
        "POLYMARKET_API_SECRET: from the environment, not shown",
        "POLYMARKET_PASSPHRASE: from the vault, not shown",
        f"POLYMARKET_CHAIN_ID: from {here}, 137",
    )
    assert sources.faults == ()
    assert sources.wallet is not None
    assert sources.wallet.hex == ANN.key[2:]
    assert sources.api is not None
    assert (sources.api.secret, sources.api.passphrase, sources.api.address) == (SECRET, PASSPHRASE, ANN.address)
    assert sources.chain_id == 137


def test_an_empty_value_is_none_so_the_next_source_counts(data: Path) -> None:
    write(data, POLYGON_ADDRESS=ANN.address)
    write(data.parent / "here", POLYGON_ADDRESS="")
    assert found(data, {"POLYGON_ADDRESS": " "}).address == ANN.address


def test_the_same_folder_is_read_once(data: Path) -> None:
    write(data, 0o644, POLYGON_ADDRESS=ANN.address)
    sources = read_credentials(data, environment={}, folder=data)
    assert len([line for line in sources.lines if "chmod" in line]) == 1


# ---------------------------------------------------------------- what is said


def faults_of(data: Path, **values: str) -> tuple[str, ...]:
    sources = found(data, values)
    assert set(sources.faults) <= set(sources.lines)
    return sources.faults


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("POLYGON_PRIVATE_KEY", "sesame", "it holds signs that are no hex digits"),
        ("POLYGON_PRIVATE_KEY", ANN.key[:-1], "it has 63 hex digits, and a key has 64"),
        ("POLYGON_ADDRESS", BEN.key, "its 66 signs are no address"),
        ("POLYMARKET_CHAIN_ID", "sesame", "it is no chain id"),
        ("POLYMARKET_CHAIN_ID", "-1", "it is no chain id"),
        ("POLYMARKET_CHAIN_ID", "1" * 40, "it is no chain id"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_not_used(data: Path, name: str, value: str, why: str) -> None:
    [fault] = faults_of(data, **{name: value})
    assert fault.startswith(f"{name}: from the environment, not used: {why}")
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("POLYMARKET_API_KEY", "sesame", "its 6 signs are no UUID"),
        ("POLYMARKET_API_SECRET", "se$ame", "its 6 signs are no url-safe base64"),
        ("POLYMARKET_PASSPHRASE", "ses\r\name", "it holds signs that cannot be sent in a header"),
    ],
)
def test_one_bad_part_spoils_an_api_key(data: Path, name: str, value: str, why: str) -> None:
    given = {"POLYGON_ADDRESS": ANN.address, **TRIO, name: value}
    [fault] = faults_of(data, **given)
    assert fault.startswith(f"{name}: from the environment, not used: {why}")
    assert found(data, given).api is None


def test_an_api_key_that_is_not_whole_says_what_is_missing(data: Path) -> None:
    given = {name: value for name, value in TRIO.items() if name != "POLYMARKET_PASSPHRASE"}
    [fault] = faults_of(data, POLYGON_ADDRESS=ANN.address, **given)
    assert fault.startswith("POLYMARKET_PASSPHRASE: missing, so the API key is not used")


def test_an_api_key_needs_somebody_whose_it_is(data: Path) -> None:
    [fault] = faults_of(data, **TRIO)
    assert "nobody says whose it is: set POLYGON_ADDRESS, or POLYGON_PRIVATE_KEY" in fault


def test_an_address_that_is_not_the_keys_own_is_only_remarked_for_it_may_be_a_proxy(data: Path) -> None:
    sources = found(data, {"POLYGON_PRIVATE_KEY": ANN.key, "POLYGON_ADDRESS": BEN.address})
    assert sources.faults == ()
    assert any(ANN.address in line and "a proxy or a deposit wallet" in line for line in sources.lines)
    assert sources.address == BEN.address


# ---------------------------------------------------------------- chain ids


@pytest.mark.parametrize(
    ("venue", "stated", "used"),
    [
        (POLYMARKET, None, 137),
        (POLYMARKET, 137, 137),
        (PAPER, None, 80_002),
        (PAPER, 80_002, 80_002),
        (PAPER, 137, 80_002),
    ],
)
def test_a_venue_states_its_own_chain_and_productions_is_no_contradiction_on_paper(
    data: Path, venue: Any, stated: int | None, used: int
) -> None:
    assert chain_of(venue, Sources(data=data, chain_id=stated)) == used


@pytest.mark.parametrize(("venue", "stated"), [(POLYMARKET, 80_002), (POLYMARKET, 1), (PAPER, 1)])
def test_a_chain_id_that_contradicts_the_venues_is_refused(data: Path, venue: Any, stated: int) -> None:
    with pytest.raises(Misuse, match=f"POLYMARKET_CHAIN_ID says {stated}, and {venue.identity} is on chain"):
        chain_of(venue, Sources(data=data, chain_id=stated))


# ---------------------------------------------------------------- .env


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o700])
def test_a_dotenv_that_others_can_read_is_warned_about_and_used(data: Path, mode: int) -> None:
    path = write(data, mode, POLYGON_ADDRESS=ANN.address)
    sources = found(data)
    assert sources.lines[0] == f"{path} holds secrets and has mode 0{mode:o}; run: chmod 600 {path}"
    assert sources.address == ANN.address


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_dotenv_of_ours_alone_is_not_warned_about(data: Path, mode: int) -> None:
    assert read_dotenv(write(data, mode, POLYGON_ADDRESS="x"), NAMES).warnings == ()


def test_a_dotenv_without_credentials_is_none_of_our_business(data: Path) -> None:
    path = write(data, 0o644, DATABASE_URL="x")
    assert (read_dotenv(path, NAMES).values, read_dotenv(path, NAMES).warnings) == ({}, ())


def test_a_dotenv_is_read_as_it_stands(data: Path) -> None:
    path = data / ".env"
    path.write_text(
        "\ufeff# a comment\nexport POLYGON_ADDRESS='a b' # another\n"
        'POLYMARKET_PASSPHRASE="x$HOME${PATH}\\ty"\r\nPOLYMARKET_API_KEY=one\nPOLYMARKET_API_KEY=two\n'
        "POLYMARKET_API_SECRET\nOTHER=x\n"
    )
    assert read_dotenv(path, NAMES).values == {
        "POLYGON_ADDRESS": "a b",
        "POLYMARKET_PASSPHRASE": "x$HOME${PATH}\ty",
        "POLYMARKET_API_KEY": "two",
    }


def test_a_line_that_cannot_be_read_is_told_by_its_number_and_the_rest_is_taken(data: Path) -> None:
    path = data / ".env"
    path.write_text("POLYGON_ADDRESS=x\nPOLYMARKET_PASSPHRASE='sesame\nPOLYMARKET_API_KEY=one\n")
    path.chmod(0o600)
    dotenv = read_dotenv(path, NAMES)
    assert dotenv.warnings == (f"{path} cannot be read at line 2, which is skipped",)
    assert dotenv.values == {"POLYGON_ADDRESS": "x", "POLYMARKET_API_KEY": "one"}


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"POLYGON_ADDRESS=\xff", "is no text"), (b"#" * 70_000, "has 70,000 bytes, more than any .env")],
)
def test_a_dotenv_that_is_none_gives_nothing(data: Path, content: bytes, why: str) -> None:
    (data / ".env").write_bytes(content)
    dotenv = read_dotenv(data / ".env", NAMES)
    assert dotenv.values == {}
    assert len(dotenv.warnings) == 1
    assert why in dotenv.warnings[0]


def test_a_dotenv_that_is_a_pipe_or_a_folder_is_not_waited_for(data: Path) -> None:
    """A folder of that name is a habit of some: a virtual environment."""
    os.mkfifo(data / ".env")
    (data.parent / "here" / ".env").mkdir()
    for folder in (data, data.parent / "here"):
        assert "is no plain file" in read_dotenv(folder / ".env", NAMES).warnings[0]


def test_the_environment_is_not_touched_by_a_dotenv(data: Path) -> None:
    before = dict(os.environ)
    write(data, 0o600, **TRIO)
    found(data)
    assert dict(os.environ) == before


# ---------------------------------------------------------------- forgetting


FORGET = """
import os, pathlib, subprocess, sys
from polywire.io.credentials import NAMES, forget_in_environment, read_credentials
sources = read_credentials(pathlib.Path(sys.argv[1]), folder=pathlib.Path(sys.argv[1]))
assert sources.wallet is not None and sources.api is not None, sources.lines
forget_in_environment()
forget_in_environment()
assert not set(NAMES) & set(os.environ)
own = pathlib.Path("/proc/self/environ")
sys.stdout.write(own.read_bytes().decode() if own.exists() else "")
sys.stdout.flush()
subprocess.run(["env"], check=True)
show = "import pathlib; own = pathlib.Path('/proc/self/environ'); print(own.exists() and own.read_bytes())"
subprocess.run([sys.executable, "-c", show], check=True)
"""


def test_what_was_read_from_the_environment_is_in_no_childs_and_not_in_our_own_any_more(tmp_path: Path) -> None:
    given = {"POLYGON_PRIVATE_KEY": ANN.key, **TRIO, "POLYWIRE_LEFT": "alone"}
    told = subprocess.run(
        [sys.executable, "-c", FORGET, str(tmp_path)],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert told.stdout.count("POLYWIRE_LEFT=alone") == (3 if Path("/proc/self/environ").exists() else 1)
    assert [secret for secret in (ANN.key, SECRET, PASSPHRASE) if secret in told.stdout] == []


def test_another_mapping_is_forgotten_in_too() -> None:
    environment = {"POLYGON_PRIVATE_KEY": ANN.key, "HOME": "x"}
    forget_in_environment(environment)
    assert environment == {"HOME": "x"}
