"""A wallet's key, against the official client's own means: addresses, signatures, what is no key, what is kept."""

import base64
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.trading.signers import Signer
from polywire.errors import FileExposed, Misuse, PolywireError
from polywire.io import wallet as wallet_module
from polywire.io.identities import file_name_of
from polywire.io.signing import checksummed, hmac_of, secret_bytes
from polywire.io.wallet import l1_headers, read_address, read_wallet_key, throw_away_wallet

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEYS = st.integers(1, ORDER - 1)


@pytest.fixture(params=["coincurve", "eth-keys"])
def each_library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with either: one of them has no wheel for every Python."""
    if request.param == "eth-keys":
        monkeypatch.setattr(wallet_module, "coincurve", None)
    elif find_spec("coincurve") is None:
        pytest.skip("coincurve has no wheel for this Python")


def lines_of(data: Path, identity: str) -> tuple[Any, list[str]]:
    told = list[str]()
    return throw_away_wallet(data, identity, told.append), told


@given(number=KEYS)
def test_the_address_of_a_key_is_the_official_clients(number: int) -> None:
    assert read_wallet_key(f"0x{number:064x}").address == Account.from_key(f"0x{number:064x}").address


@pytest.mark.usefixtures("each_library")
@pytest.mark.parametrize("number", [1, 0xA11, ORDER - 1])
@pytest.mark.parametrize("nonce", [0, 7])
def test_a_login_is_signed_byte_for_byte_as_the_official_client_signs_it(number: int, nonce: int) -> None:
    theirs = Signer(number).login(timestamp=1_790_000_000, nonce=nonce, chain_id=137)
    ours = l1_headers(read_wallet_key(Signer(number).key), 137, 1_790_000_000, nonce)
    assert {name: value.lower() for name, value in ours.items()} == {
        name: value.lower() for name, value in theirs.items()
    }
    assert ours["POLY_ADDRESS"] == theirs["POLY_ADDRESS"]


@settings(max_examples=50)
@given(number=KEYS, stamp=st.integers(0, 1 << 33), chain_id=st.integers(1, 1 << 31))
def test_every_login_is_signed_as_the_official_client_signs_it(number: int, stamp: int, chain_id: int) -> None:
    theirs = Signer(number).login(timestamp=stamp, chain_id=chain_id)
    assert l1_headers(read_wallet_key(Signer(number).key), chain_id, stamp) == theirs


@pytest.mark.parametrize("text", ["a" * 64, "0x" + "A" * 64, "  0X" + "a" * 64 + "\n"])
def test_a_key_is_read_with_and_without_its_prefix(text: str) -> None:
    assert read_wallet_key(text).hex == "a" * 64


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has 0 hex digits, and a key has 64"),
        ("0x", "it has 0 hex digits"),
        ("a" * 63, "it has 63 hex digits"),
        ("a" * 128, "it has 128 hex digits"),
        ("sesame" * 10 + "0000", "signs that are no hex digits"),
        ("witch collapse practice feed shame open despair creek road again ice least", "no hex digits"),
        ("0" * 64, "no number that secp256k1 takes"),
        (f"{ORDER:x}", "no number that secp256k1 takes"),
        ("f" * 64, "no number that secp256k1 takes"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(text: str, why: str) -> None:
    with pytest.raises(Misuse, match=why) as refused:
        read_wallet_key(text)
    assert not text or text not in str(refused.value)


@given(address=st.binary(min_size=20, max_size=20))
def test_an_address_is_read_in_each_spelling_that_says_the_same(address: bytes) -> None:
    right = to_checksum_address(address)
    assert {read_address(text) for text in (right, right.lower(), "0x" + right[2:].upper(), f" {right}\n")} == {right}
    assert checksummed(address) == right


def test_an_address_whose_capitals_do_not_fit_has_a_wrong_digit() -> None:
    right = Signer(1).address
    with pytest.raises(Misuse, match="do not fit its digits"):
        read_address(right[:-1] + right[-1].swapcase())


@pytest.mark.parametrize("text", ["", "0x12", "a" * 64, "0x" + "g" * 40, "0x" + "é" * 40])
def test_what_is_no_address_is_refused_without_showing_it(text: str) -> None:
    """Keys have been pasted there."""
    with pytest.raises(Misuse, match=f"its {len(text)} signs are no address") as refused:
        read_address(text)
    assert not text or text not in str(refused.value)


@given(secret=st.binary(min_size=1, max_size=64))
def test_a_secret_is_read_with_and_without_its_padding(secret: bytes) -> None:
    text = base64.urlsafe_b64encode(secret).decode()
    assert secret_bytes(text) == secret_bytes(text.rstrip("=")) == secret


@pytest.mark.parametrize("text", ["", "====", "a", "é" * 4, "c2Vz YW1l", "c2Vz\nYW1l"])
def test_what_is_no_base64_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(Misuse, match="copy it again") as refused:
        secret_bytes(text)
    assert not text.strip("=a") or text not in str(refused.value)


def test_an_hmac_is_url_safe_and_padded() -> None:
    """Source: RFC 4231, test case 2."""
    digest = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    assert base64.urlsafe_b64decode(hmac_of(b"Jefe", b"what do ya want for nothing?")) == digest
    told = {hmac_of(b"Jefe", bytes((byte,))) for byte in range(64)}
    assert all(len(text) == 44 and text.endswith("=") and not {"+", "/"} & set(text) for text in told)
    assert {"-", "_"} <= set("".join(told))


# ---------------------------------------------------------------- throw-away wallets


def test_a_throw_away_wallet_is_made_once_for_a_venue_and_told_of_once(tmp_path: Path) -> None:
    first, told = lines_of(tmp_path / "data", "here:1")
    again, silence = lines_of(tmp_path / "data", "here:1")
    other, _ = lines_of(tmp_path / "data", "here:2")
    assert (again, silence) == (first, [])
    assert other.address != first.address
    path = tmp_path / "data" / "wallets" / f"{file_name_of('here:1')}.key"
    assert told == [
        f"a throw-away wallet {first.address} was made for here:1; its key is in {path} (0600), in clear",
    ]
    assert first.hex not in told[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_processes_that_come_at_the_same_time_have_the_same_wallet(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from polywire.io.wallet import throw_away_wallet;"
        "print(throw_away_wallet(pathlib.Path(sys.argv[1]), 'here', lambda line: None).address)"
    )
    asking = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({one.communicate(timeout=30)[0] for one in asking}) == 1


@pytest.mark.parametrize("content", [b"", b"a" * 63, b"\xff" * 64])
def test_a_kept_key_that_cannot_be_read_is_never_written_over(tmp_path: Path, content: bytes) -> None:
    lines_of(tmp_path, "here")
    path = tmp_path / "wallets" / f"{file_name_of('here')}.key"
    path.write_bytes(content)
    with pytest.raises(PolywireError, match="holds no wallet key; move it away, and a new wallet is made"):
        lines_of(tmp_path, "here")
    assert path.read_bytes() == content


def test_a_kept_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    lines_of(tmp_path, "here")
    (tmp_path / "wallets" / f"{file_name_of('here')}.key").chmod(0o640)
    with pytest.raises(FileExposed, match=r"has mode 0640.*chmod 600"):
        lines_of(tmp_path, "here")


@given(identity=st.text(max_size=100))
def test_a_venues_file_name_never_leads_elsewhere(identity: str) -> None:
    name = file_name_of(identity)
    assert 1 <= len(name) <= 48
    assert all(sign.isascii() and (sign.isalnum() or sign in "_-") for sign in name)
    assert (name == "polymarket") == (identity == "polymarket")


@given(one=st.text(max_size=40), other=st.text(max_size=40))
def test_no_two_venues_share_a_file(one: str, other: str) -> None:
    assert (file_name_of(one) == file_name_of(other)) == (one == other)
    assert file_name_of(file_name_of(one + "!")) != file_name_of(one + "!")  # nor can one take another's by its name
