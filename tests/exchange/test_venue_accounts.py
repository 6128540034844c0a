"""`/venue/accounts`: wallets seen, and set by hand, exactly and by this machine alone."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.raw_client import Server, served
from exchange.traders import DOWN, TRADED, UP, Trader, books, trading_server
from exchange.venues import still_venue
from polywire.exchange.answers import Refused
from polywire.exchange.site import Site
from polywire.exchange.venue_accounts import read_amount
from polywire.model.units import SIZE_LIMIT, size_text

pytestmark = pytest.mark.anyio
ADDRESS = "0xAbCdEf0123456789aBcDeF0123456789AbCdEf01"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    with anyio.fail_after(30):
        async with trading_server() as one:
            yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as one:
        yield one


async def post(client: httpx2.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(f"/venue/accounts/{ADDRESS}{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_collateral_is_set_to_the_unit(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/venue/accounts")).json() == {"accounts": []}
    shown = await post(client, "", {"collateral": "1000.500001"})
    assert shown == {
        "account": ADDRESS.lower(),
        "collateral": "1000.500001",
        "granted": "1000.500001",
        "shares": {},
        "open_orders": 0,
    }
    assert (await post(client, "", {"collateral": "0"}))["collateral"] == "0"
    assert len((await client.get("/venue/accounts")).json()["accounts"]) == 1


async def test_shares_are_split_merged_and_redeemed(server: Server, client: httpx2.AsyncClient) -> None:
    await post(client, "", {"collateral": "100"})
    split = await post(client, "/split", {"condition": TRADED, "shares": "30.5"})
    assert (split["collateral"], split["shares"]) == ("69.5", {UP: "30.5", DOWN: "30.5"})
    merged = await post(client, "/merge", {"condition": TRADED, "shares": "10"})
    assert (merged["collateral"], merged["shares"]) == ("79.5", {UP: "20.5", DOWN: "20.5"})
    assert server.site.venue is not None
    server.site.venue.resolve(TRADED, UP)
    redeemed = await post(client, "/redeem", {"condition": TRADED})
    assert (redeemed["collateral"], redeemed["shares"], redeemed["paid"]) == ("100", {}, "20.5")


async def test_open_orders_are_counted_and_their_money_cannot_be_taken(client: httpx2.AsyncClient) -> None:
    trader = Trader(client)
    await trader.join()
    placed = await trader.place(trader.order("BUY", 4_000, 100))
    assert placed.status_code == 200, placed.text
    (shown,) = (await client.get("/venue/accounts")).json()["accounts"]
    assert (shown["account"], shown["open_orders"]) == (trader.account, 1)
    refused = await client.post(f"/venue/accounts/{trader.account}", json={"collateral": "39"})
    assert refused.status_code == 400
    assert "9960 that no open order claims" in refused.json()["error"]
    assert (await client.post(f"/venue/accounts/{trader.account}", json={"collateral": "40"})).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("", {"collateral": 1000.5}, 400, "collateral is an amount in decimal text"),
        ("", {"collateral": 1000}, 400, "which is no text"),
        ("", {"collateral": "1000.0000001"}, 400, "at most six places"),
        ("", {"collateral": "-1"}, 400, "'-1' was given"),
        ("", {"collateral": "1e3"}, 400, "'1e3' was given"),
        ("", {"collateral": "1000000000"}, 400, "below 1000000000"),
        ("", {"collateral": "NaN"}, 400, "'NaN' was given"),
        ("", {"collateral": "\u0661\u0660"}, 400, "decimal text"),
        ("", {}, 400, "'None' was given"),
        ("/split", {"condition": TRADED, "shares": 5}, 400, "shares is an amount in decimal text, above 0"),
        ("/split", {"condition": TRADED, "shares": "0"}, 400, "above 0"),
        ("/split", {"condition": "0xff", "shares": "5"}, 404, "no market with condition '0xff'"),
        ("/split", {"condition": 7, "shares": "5"}, 404, "no market with condition 7"),
        ("/split", {"condition": TRADED, "shares": "900000000"}, 400, ""),
        ("/merge", {"condition": TRADED, "shares": "5"}, 400, ""),
        ("/redeem", {"condition": TRADED}, 400, "not resolved"),
        ("/redeem", [], 400, "the body is a JSON object"),
    ],
)
async def test_what_is_wrong_is_told_and_changes_nothing(
    server: Server, client: httpx2.AsyncClient, path: str, body: Any, status: int, said: str
) -> None:
    await post(client, "", {"collateral": "1"})
    venue = server.site.venue
    assert venue is not None
    before = venue.engine.digest(), books(server).wallets()
    answer = await client.post(f"/venue/accounts/{ADDRESS}{path}", json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]
    assert (venue.engine.digest(), books(server).wallets()) == before


@pytest.mark.parametrize("address", ["0x12", "ann", ADDRESS + "0", ADDRESS.replace("0x", "1x")])
async def test_an_account_is_an_address(client: httpx2.AsyncClient, address: str) -> None:
    answer = await client.post(f"/venue/accounts/{address}", json={"collateral": "1"})
    assert answer.status_code == 400
    assert "an account is an address" in answer.json()["error"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/venue/accounts"), ("POST", f"/venue/accounts/{ADDRESS}")])
async def test_a_page_elsewhere_neither_sees_nor_sets_them(client: httpx2.AsyncClient, method: str, path: str) -> None:
    for headers in ({"Host": "rebound.example"}, {"Origin": "https://a-page.example"}):
        answer = await client.request(method, path, json={"collateral": "1"}, headers=headers)
        assert answer.status_code == 403


async def test_where_nobody_trades_there_are_no_accounts() -> None:
    with anyio.fail_after(10):
        async with served(still_venue()) as server, httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
            answer = await client.get("/venue/accounts")
            assert answer.status_code == 409
            assert "nobody trades" in answer.json()["error"]


@given(amount=st.integers(0, SIZE_LIMIT - 1))
def test_every_amount_is_read_as_it_is_written(amount: int) -> None:
    assert read_amount({"shares": size_text(amount)}, "shares") == amount


@given(given_=st.one_of(st.floats(), st.integers(), st.none(), st.booleans(), st.lists(st.integers())))
def test_an_amount_that_is_no_text_is_refused(given_: Any) -> None:
    with pytest.raises(Refused) as refusal:
        read_amount({"shares": given_}, "shares")
    assert refusal.value.status == 400


def test_a_site_without_a_store_has_no_traders() -> None:
    venue = still_venue()
    assert Site(venue.clock, seed=7, venue=venue).trading is None
