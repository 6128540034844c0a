"""Who is let in, and everybody else refused with the venue's words; over HTTP, with the official clients' headers."""

import time
from typing import Any

import httpx2
import pytest
from polymarket._internal.l1_auth import sign_api_key_auth

from exchange.traders import ANNS_KEY, BOBS_KEY, Trader, trading_server
from exchange.trading.signers import Signer, signed_headers
from polywire.exchange.trading.auth import Authenticator
from polywire.exchange.trading.keys import Credentials, Keys
from polywire.exchange.trading.recovery import Recovery
from polywire.exchange.trading.sqlite_store import opened_store
from polywire.exchange.trading.typed_data import CHAIN_ID

pytestmark = pytest.mark.anyio
BAD_LOGIN, BAD_KEY = {"error": "Invalid L1 Request headers"}, {"error": "Unauthorized/Invalid api key"}
ANN = Signer(0xA11)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def made_key(http: httpx2.AsyncClient) -> Credentials:
    made = (await http.post("/clob/auth/api-key", headers=ANN.login())).json()
    return Credentials(made["apiKey"], made["secret"], made["passphrase"])


async def test_a_key_is_made_told_again_listed_and_deleted() -> None:
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        missing = await http.get("/clob/auth/derive-api-key", headers=ANN.login())
        assert (missing.status_code, missing.json()) == (400, {"error": "Could not derive api key!"})
        key = await made_key(http)
        again = await http.post("/clob/auth/api-key", headers=ANN.login())
        assert (again.status_code, again.json()) == (400, {"error": "Could not create api key"})
        derived = (await http.get("/clob/auth/derive-api-key", headers=ANN.login())).json()
        assert derived == {"apiKey": key.id, "secret": key.secret, "passphrase": key.passphrase}

        async def asked(method: str, path: str) -> Any:
            headers = signed_headers(ANN.address.lower(), key, method, path)  # in lower case, as one client writes it
            answer = await http.request(method, f"/clob{path}", headers=headers)
            return answer.status_code, answer.json()

        assert await asked("GET", "/auth/api-keys") == (200, {"apiKeys": [key.id]})
        assert await asked("GET", "/auth/ban-status/closed-only") == (200, {"closed_only": False})
        assert await asked("DELETE", "/auth/api-key") == (200, "OK")
        assert await asked("GET", "/auth/api-keys") == (401, BAD_KEY)


async def test_a_login_that_the_official_client_signed_is_taken() -> None:
    login = sign_api_key_auth(ANN.account, chain_id=CHAIN_ID, timestamp=int(time.time()), nonce=3)
    headers = {
        "POLY_ADDRESS": login.address,
        "POLY_SIGNATURE": login.signature,
        "POLY_TIMESTAMP": str(login.timestamp),
        "POLY_NONCE": str(login.nonce),
    }
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        made = await http.post("/clob/auth/api-key", headers=headers)
        assert made.status_code == 200
        assert (await http.get("/clob/auth/derive-api-key", headers=headers)).json() == made.json()


async def test_whoever_makes_a_key_is_given_the_grant() -> None:
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        await made_key(http)
        trading = server.site.trading
        assert trading is not None
        assert [(wallet.account, wallet.collateral) for wallet in trading.bookkeeper.wallets()] == [
            (ANN.address.lower(), trading.terms.grant)
        ]


async def test_a_login_of_somebody_else_or_of_another_time_is_refused() -> None:
    now = int(time.time())
    good, bob = ANN.login(), Signer(0xB0B).login()
    wrong: list[dict[str, str]] = [
        {},
        *({name: value for name, value in good.items() if name != left_out} for left_out in good),
        bob | {"POLY_ADDRESS": ANN.address},
        good | {"POLY_SIGNATURE": bob["POLY_SIGNATURE"]},
        good | {"POLY_NONCE": "1"},
        good | {"POLY_NONCE": "-1"},
        good | {"POLY_NONCE": "9" * 100},
        good | {"POLY_TIMESTAMP": str(now + 1)},
        good | {"POLY_TIMESTAMP": "soon"},
        good | {"POLY_SIGNATURE": "0x"},
        good | {"POLY_SIGNATURE": "0x" + "f" * 400},
        good | {"POLY_ADDRESS": "0x12"},
        good | {"POLY_ADDRESS": "0x" + "zz" * 20},
        ANN.login(timestamp=now - 300),
        ANN.login(timestamp=now + 300),
        ANN.login(chain_id=137),
    ]
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        for headers in wrong:
            for method, path in (("POST", "/clob/auth/api-key"), ("GET", "/clob/auth/derive-api-key")):
                answer = await http.request(method, path, headers=headers)
                assert (answer.status_code, answer.json()) == (401, BAD_LOGIN), headers


async def test_a_request_signed_with_anything_wrong_is_refused() -> None:
    now = int(time.time())
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        key = await made_key(http)
        good = signed_headers(ANN.address, key, "GET", "/data/orders")
        other = Credentials(key.id, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", key.passphrase)
        wrong: list[dict[str, str]] = [
            {},
            *({name: value for name, value in good.items() if name != left_out} for left_out in good),
            good | {"POLY_API_KEY": "00000000-0000-0000-0000-000000000000"},
            good | {"POLY_ADDRESS": Signer(0xB0B).address},
            good | {"POLY_PASSPHRASE": "0" * 64},
            good | {"POLY_TIMESTAMP": str(now - 1)},
            signed_headers(ANN.address, other, "GET", "/data/orders"),
            signed_headers(ANN.address, key, "GET", "/clob/data/orders"),  # with the prefix
            signed_headers(ANN.address, key, "GET", "/data/orders?id=1"),  # with the query
            signed_headers(ANN.address, key, "POST", "/data/orders"),
            signed_headers(ANN.address, key, "GET", "/data/orders", b"{}"),
            signed_headers(ANN.address, key, "GET", "/data/orders", timestamp=now - 300),
            signed_headers(ANN.address, key, "GET", "/data/orders", timestamp=now + 300),
        ]
        assert (await http.get("/clob/data/orders", headers=good)).status_code == 200
        for headers in wrong:
            answer = await http.get("/clob/data/orders", headers=headers)
            assert (answer.status_code, answer.json()) == (401, BAD_KEY), headers
            assert key.secret not in answer.text
            assert key.passphrase not in answer.text


async def test_the_time_of_the_venue_is_taken_as_well_as_the_real_one() -> None:
    """The venue's clock may be scaled; a client that asks for its time signs with that."""
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        key = await made_key(http)
        venue_s = int((await http.get("/clob/time")).text)
        assert abs(venue_s - time.time()) > 1_000
        headers = signed_headers(ANN.address, key, "GET", "/data/orders", timestamp=venue_s)
        assert (await http.get("/clob/data/orders", headers=headers)).status_code == 200


async def test_a_key_is_shown_whole_or_it_is_nobodys() -> None:
    """What the user channel asks for: its subscription carries all three, and no signature."""
    async with opened_store(None) as store:
        keys = Keys(store, (), lambda: 5)
        authenticator = Authenticator(keys, Recovery(), CHAIN_ID, wall_s=time.time, venue_s=time.time)
        made = keys.create("0xa", 0)
        assert made is not None
        key = authenticator.credentials(made.id, made.secret, made.passphrase)
        assert key is not None
        assert key == keys.get(made.id)
        assert authenticator.credentials("", made.secret, made.passphrase) is None
        assert authenticator.credentials(made.id, made.secret[:-2], made.passphrase) is None
        assert authenticator.credentials(made.id, made.secret, made.passphrase[:-1]) is None
        keys.delete(key)
        assert authenticator.credentials(made.id, made.secret, made.passphrase) is None


async def test_nobody_reads_or_cancels_what_is_anothers() -> None:
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url) as http:
        ann, bob = Trader(http, ANNS_KEY), Trader(http, BOBS_KEY)
        await ann.join()
        await bob.join()
        placed = (await ann.place(ann.order("BUY", 4_000, 10))).json()
        stolen = await bob.place(ann.order("BUY", 4_000, 10))
        assert stolen.json() == {"error": "the order owner has to be the owner of the API KEY"}
        dressed = ann.order("BUY", 4_000, 10) | {"owner": bob.credentials["apiKey"]}
        assert (await bob.place(dressed)).json() == {
            "error": "the order signer address has to be the address of the API KEY"
        }
        assert (await bob.ask("GET", "/data/orders")).json()["data"] == []
        assert (await bob.ask("GET", f"/data/order/{placed['orderID']}")).status_code == 404
        answer = (await bob.ask("DELETE", "/order", {"orderID": placed["orderID"]})).json()
        assert answer["canceled"] == []
        assert len((await ann.ask("GET", "/data/orders")).json()["data"]) == 1
