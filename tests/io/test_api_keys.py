"""API keys: of the owner's wallet at production, of a throw-away one elsewhere; made, told again, kept, and refused.

Production is an exchange on loopback that takes logins for chain 137.
"""

import base64
import json
import os
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import msgspec
import pytest

from exchange.traders import trading_server
from exchange.trading.signers import Signer
from io_vaults import made
from loopback import HERE, PATIENCE_S, Peer, serving
from polywire.errors import FileExposed, Misuse, VenueUnreachable
from polywire.io.api_keys import api_credentials, l2_headers
from polywire.io.credentials import Sources, read_credentials
from polywire.io.identities import file_name_of
from polywire.io.venue import find_venue
from polywire.io.wallet import l1_headers, read_wallet_key
from polywire.model.credentials import ApiCredentials
from polywire.model.venue import POLYMARKET, Venue

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_proxies")]
ANN, BEN = Signer(0xA11), Signer(0xBE2)
PAPER = "polywire-exchange:7"


@asynccontextmanager
async def paper() -> AsyncIterator[Venue]:
    """Serve an exchange, found as a user finds it."""
    async with trading_server() as server:
        yield await find_venue(server.url, paper_port=0)


@pytest.fixture
def chain_137(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polywire.exchange.trading.trading.CHAIN_ID", 137)


@asynccontextmanager
async def production() -> AsyncIterator[Venue]:
    """Serve an exchange that takes what is signed for production. Needs `chain_137`."""
    async with trading_server() as server:
        yield at(f"{server.url}/clob")


def at(clob: str) -> Venue:
    """Return production, had it its CLOB there."""
    return msgspec.structs.replace(POLYMARKET, urls=msgspec.structs.replace(POLYMARKET.urls, clob=clob))


def given(data: Path, **values: str) -> Sources:
    return read_credentials(data, environment=values, folder=data)


async def asked(venue: Venue, sources: Sources, **how: Any) -> tuple[ApiCredentials, list[str]]:
    """Return credentials, and what was said; no secret is in that."""
    told = list[str]()
    with anyio.fail_after(PATIENCE_S):
        found = await api_credentials(venue, sources, say=told.append, **how)
    for line in told:
        assert "\n" not in line
        assert found.secret not in line
        assert found.passphrase not in line
    return found, told


async def refused(venue: Venue, sources: Sources) -> str:
    with anyio.fail_after(PATIENCE_S), pytest.raises((Misuse, VenueUnreachable)) as caught:
        await api_credentials(venue, sources, say=lambda _: None)
    assert caught.value.__cause__ is None  # a chain would carry a request and its headers
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


async def takes(venue: Venue, credentials: ApiCredentials) -> bool:
    headers = l2_headers(credentials, "GET", "/auth/api-keys", b"", int(time.time()))
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{venue.urls.clob}/auth/api-keys", headers=headers)
    return bool(answer.status_code == 200)


def kept_file(data: Path, identity: str) -> Path:
    return data / "credentials" / f"{file_name_of(identity)}.json"


# ---------------------------------------------------------------- on paper


async def test_on_paper_a_wallet_and_a_key_are_made_without_asking_and_told_of(tmp_path: Path) -> None:
    async with paper() as venue:
        credentials, told = await asked(venue, given(tmp_path))
        path = kept_file(tmp_path, venue.identity)
        assert told[0].startswith(
            f"a throw-away wallet {credentials.address} was made for {venue.identity}; its key is in"
        )
        assert told[1] == (
            f"an API key for {venue.identity} was made ({credentials.key}) and is kept in {path} (0600), in clear"
        )
        assert len(told) == 2
        assert await takes(venue, credentials)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_the_next_start_uses_what_is_kept_and_says_nothing(tmp_path: Path) -> None:
    async with paper() as venue:
        first, _ = await asked(venue, given(tmp_path))
        assert await asked(venue, given(tmp_path)) == (first, [])


async def test_a_key_whose_file_is_gone_is_told_again_and_not_made_anew(tmp_path: Path) -> None:
    async with paper() as venue:
        first, _ = await asked(venue, given(tmp_path))
        kept_file(tmp_path, venue.identity).unlink()
        again, told = await asked(venue, given(tmp_path))
    assert again == first
    assert [line for line in told if "was told again" in line] == told


async def test_another_venue_has_another_wallet_and_another_key(tmp_path: Path) -> None:
    async with paper() as one, paper() as other:
        assert one.identity != other.identity
        first, _ = await asked(one, given(tmp_path))
        second, _ = await asked(other, given(tmp_path))
        assert (first.address == second.address, first.key == second.key) == (False, False)
        assert (await asked(one, given(tmp_path)))[0] == first


async def test_the_owners_own_key_is_never_shown_to_any_venue_but_production(tmp_path: Path) -> None:
    """Nor is his API key: with all of them given, a throw-away wallet is used on paper."""
    values = {
        "POLYGON_PRIVATE_KEY": ANN.key,
        "POLYMARKET_API_KEY": "0b1c2d3e-4f50-4617-8899-aabbccddeeff",
        "POLYMARKET_API_SECRET": "c2VzYW1l",
        "POLYMARKET_PASSPHRASE": "sesame",
        "POLYMARKET_CHAIN_ID": "137",
    }
    heard = list[bytes]()

    async def attend(peer: Peer) -> None:
        heard.append(await peer.hear_request())
        peer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await peer.until_the_end()

    async with serving(attend) as port:
        urls = msgspec.structs.replace(POLYMARKET.urls, clob=f"http://{HERE}:{port}")
        told = await refused(Venue("stranger", 80_002, urls), given(tmp_path, **values))
    assert "no API key for 0x" in told
    assert len(heard) == 2
    for request in heard:
        assert ANN.address.lower().encode() not in request.lower()
        assert b"0b1c2d3e" not in request
        assert b"sesame" not in request


async def test_a_key_the_venue_does_not_know_any_more_is_made_anew(tmp_path: Path) -> None:
    """As after its state was lost while its name stayed."""
    async with paper() as one:
        first, _ = await asked(one, given(tmp_path))
    async with paper() as other:
        same_name = msgspec.structs.replace(other, identity=one.identity)
        second, told = await asked(same_name, given(tmp_path))
        assert await takes(other, second)
    assert (second.address, second.key == first.key) == (first.address, False)
    assert "is not used: the venue does not take it (HTTP 401)" in told[0]
    assert "was made" in told[1]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"identity":7}'])
async def test_what_is_kept_and_cannot_be_read_is_replaced_and_said(tmp_path: Path, content: bytes) -> None:
    async with paper() as venue:
        first, _ = await asked(venue, given(tmp_path))
        kept_file(tmp_path, venue.identity).write_bytes(content)
        again, told = await asked(venue, given(tmp_path))
        assert again == first
        assert "is no API key; it is replaced" in told[0]
        assert await asked(venue, given(tmp_path)) == (first, [])


async def test_a_file_of_another_venue_is_not_believed(tmp_path: Path) -> None:
    async with paper() as venue:
        first, _ = await asked(venue, given(tmp_path))
        path = kept_file(tmp_path, venue.identity)
        path.write_bytes(path.read_bytes().replace(venue.identity.encode(), b"x" * len(venue.identity)))
        again, told = await asked(venue, given(tmp_path))
    assert again == first
    assert "is another venue's API key; it is replaced" in told[0]


async def test_a_kept_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    async with paper() as venue:
        await asked(venue, given(tmp_path))
        kept_file(tmp_path, venue.identity).chmod(0o644)
        with pytest.raises(FileExposed, match="chmod 600"):
            await asked(venue, given(tmp_path))


async def test_with_a_vault_the_key_is_kept_there_and_the_copy_in_clear_goes(tmp_path: Path) -> None:
    async with paper() as venue:
        first, _ = await asked(venue, given(tmp_path))
        vault = made(tmp_path / "vault")
        again, told = await asked(venue, read_credentials(tmp_path, vault=vault, environment={}, folder=tmp_path))
        name = f"api-key.{file_name_of(venue.identity)}"
        assert again == first
        assert [line.partition(" and is kept in ")[2] for line in told] == [f"the vault as {name}"]
        assert not kept_file(tmp_path, venue.identity).exists()
        assert [entry.name for entry in vault.entries()] == [name]
        sources = read_credentials(tmp_path, vault=vault, environment={}, folder=tmp_path)
        assert await asked(venue, sources) == (first, [])


# ---------------------------------------------------------------- at production


@pytest.mark.usefixtures("chain_137")
async def test_production_is_signed_in_to_with_the_owners_key(tmp_path: Path) -> None:
    async with production() as venue:
        credentials, told = await asked(venue, given(tmp_path, POLYGON_PRIVATE_KEY=ANN.key))
        assert credentials.address == ANN.address
        assert await takes(venue, credentials)
        path = kept_file(tmp_path, "polymarket")
        assert told == [
            f"an API key for polymarket was made ({credentials.key}) and is kept in {path} (0600), in clear"
        ]
        assert not (tmp_path / "wallets").exists()
        assert await asked(venue, given(tmp_path, POLYGON_PRIVATE_KEY=ANN.key)) == (credentials, [])
        assert await asked(venue, given(tmp_path)) == (credentials, [])  # what is kept needs no wallet


@pytest.mark.usefixtures("chain_137")
async def test_the_owners_own_api_key_counts_before_what_is_kept_and_is_not_kept_again(tmp_path: Path) -> None:
    async with production() as venue:
        made_for_ann, _ = await asked(venue, given(tmp_path / "a", POLYGON_PRIVATE_KEY=ANN.key))
        made_for_ben, _ = await asked(venue, given(tmp_path / "b", POLYGON_PRIVATE_KEY=BEN.key))
        values = {
            "POLYGON_ADDRESS": ANN.address,
            "POLYMARKET_API_KEY": made_for_ann.key,
            "POLYMARKET_API_SECRET": made_for_ann.secret.rstrip("="),
            "POLYMARKET_PASSPHRASE": made_for_ann.passphrase,
        }
        credentials, told = await asked(venue, given(tmp_path / "b", **values))
        assert (credentials.key, told) == (made_for_ann.key, [])
        assert json.loads(kept_file(tmp_path / "b", "polymarket").read_bytes())["key"] == made_for_ben.key


@pytest.mark.usefixtures("chain_137")
async def test_a_key_of_another_wallet_is_said_and_not_used(tmp_path: Path) -> None:
    async with production() as venue:
        await asked(venue, given(tmp_path, POLYGON_PRIVATE_KEY=ANN.key))
        credentials, told = await asked(venue, given(tmp_path, POLYGON_PRIVATE_KEY=BEN.key))
    assert credentials.address == BEN.address
    assert f"is not used: it belongs to {ANN.address}, and the wallet is {BEN.address}" in told[0]


@pytest.mark.usefixtures("chain_137")
async def test_with_nothing_that_is_taken_it_says_what_to_set_and_what_was_wrong(tmp_path: Path) -> None:
    async with production() as venue:
        told = await refused(venue, given(tmp_path, POLYGON_PRIVATE_KEY="sesame", POLYMARKET_API_KEY="sesame"))
    assert "there is nothing to sign in to polymarket with: set POLYGON_PRIVATE_KEY, or POLYMARKET_API_KEY" in told
    assert "POLYGON_PRIVATE_KEY: from the environment, not used: it holds signs that are no hex digits" in told
    assert "sesame" not in told


async def test_a_chain_id_that_contradicts_production_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    nobody = at("http://127.0.0.1:1")
    told = await refused(nobody, given(tmp_path, POLYGON_PRIVATE_KEY=ANN.key, POLYMARKET_CHAIN_ID="80002"))
    assert "POLYMARKET_CHAIN_ID says 80002, and polymarket is on chain 137" in told


@pytest.mark.usefixtures("chain_137")
@pytest.mark.parametrize("ahead_s", [3_600, -3_600])
async def test_a_clock_that_is_wrong_is_told_and_the_venues_is_used(tmp_path: Path, ahead_s: int) -> None:
    async with production() as venue, httpx2.AsyncClient() as client:
        venue_s = int((await client.get(f"{venue.urls.clob}/time")).text)
        sources = given(tmp_path, POLYGON_PRIVATE_KEY=ANN.key)
        wrong = {"now_s": lambda: venue_s + ahead_s}
        credentials, told = await asked(venue, sources, **wrong)
        assert await takes(venue, credentials)
        where = "ahead of" if ahead_s > 0 else "behind"
        assert told[0] == f"this machine's clock is 3,600 s {where} the venue's; set it"
        assert await asked(venue, sources, **wrong) == (credentials, told[:1])


# ---------------------------------------------------------------- venues that misbehave


@asynccontextmanager
async def saying(status: str, body: bytes) -> AsyncIterator[Venue]:
    async def attend(peer: Peer) -> None:
        await peer.hear_request()
        peer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await peer.until_the_end()

    async with serving(attend) as port:
        yield at(f"http://{HERE}:{port}")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        ("200 OK", b"", "its answer is not that of a CLOB"),
        ("200 OK", b"{}", "its answer is not that of a CLOB"),
        ("200 OK", b"[" * 100_000, "its answer is not that of a CLOB"),
        ("200 OK", b'{"apiKey":"k","secret":"se$ame","passphrase":"sesame"}', "a secret that is no base64"),
        ("200 OK", b'{"apiKey":"k","secret":"c2VzYW1l","passphrase":"ses\\name"}', "no header can hold"),
        ("200 OK", b'{"apiKey":"","secret":"c2VzYW1l","passphrase":"sesame"}', "no header can hold"),
        ("200 OK", b'"' + b"sesame" * 200_000 + b'"', "an answer of over 1,048,576 bytes"),
        ("400 Bad Request", b"sesame", "no API key for 0x"),
        ("401 Unauthorized", b"sesame", "no API key for 0x"),
        ("500 Oops", b"sesame", "HTTP 500"),
        ("302 Found", b"sesame", "HTTP 302"),
    ],
)
async def test_an_answer_that_is_none_is_told_without_its_words(
    tmp_path: Path, status: str, body: bytes, why: str
) -> None:
    async with saying(status, body) as venue:
        told = await refused(venue, given(tmp_path, POLYGON_PRIVATE_KEY=ANN.key))
    assert why in told
    assert "sesame" not in told
    assert not (tmp_path / "credentials").exists()


async def test_a_venue_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    told = await refused(at("http://127.0.0.1:1"), given(tmp_path, POLYGON_PRIVATE_KEY=ANN.key))
    assert "http://127.0.0.1:1/auth/api-key cannot be reached" in told


# ---------------------------------------------------------------- what is sent


def test_a_request_is_signed_over_time_method_path_and_body() -> None:
    """Against the official client's own arithmetic, whose vectors `tests/real` reads."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    secret = base64.urlsafe_b64encode(os.urandom(32)).decode()
    credentials = ApiCredentials("k", secret, "p", ANN.address)
    headers = l2_headers(credentials, "POST", "/order", b'{"a":1}', 1_790_000_000)
    digest = hmac.digest(base64.urlsafe_b64decode(secret), b'1790000000POST/order{"a":1}', hashlib.sha256)
    assert headers == {
        "POLY_ADDRESS": ANN.address,
        "POLY_API_KEY": "k",
        "POLY_PASSPHRASE": "p",
        "POLY_TIMESTAMP": "1790000000",
        "POLY_SIGNATURE": base64.urlsafe_b64encode(digest).decode(),
    }


def test_a_login_names_its_key_by_nonce() -> None:
    key = read_wallet_key(ANN.key)
    assert l1_headers(key, 137, 1, 0)["POLY_SIGNATURE"] != l1_headers(key, 137, 1, 1)["POLY_SIGNATURE"]
    assert l1_headers(key, 137, 1)["POLY_NONCE"] == "0"
