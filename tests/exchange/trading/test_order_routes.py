"""Order entry, cancels and account reads over HTTP, with signatures of the venue's older client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
import pytest

from exchange.raw_client import Server
from exchange.traders import ANNS_KEY, BOBS_KEY, DOWN, TRADED, UP, Trader, trading_server
from polywire.exchange.trading import open_orders
from polywire.exchange.trading.order_routes import CANCEL_LIMIT, PAGE

pytestmark = pytest.mark.anyio
GONE: Final = "order can't be found - already canceled or matched"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def two_traders() -> AsyncIterator[tuple[Server, Trader, Trader]]:
    """Serve a market, and yield two traders with 10,000 USDC and 2,000 pairs each."""
    async with trading_server() as server, httpx2.AsyncClient(base_url=server.url, timeout=10) as http:
        traders = Trader(http, ANNS_KEY), Trader(http, BOBS_KEY)
        for trader in traders:
            await trader.join()
            split = {"condition": TRADED, "shares": "2000"}
            assert (await http.post(f"/venue/accounts/{trader.address}/split", json=split)).status_code == 200
        yield server, *traders


async def read(trader: Trader, path: str, query: str = "") -> Any:
    answer = await trader.client.get(f"/clob{path}?{query}", headers=trader.headers("GET", path))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def placed(trader: Trader, side: str, price: int, shares: int = 10, *, token: str = UP) -> str:
    answer = await trader.place(trader.order(side, price, shares, token=token))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["orderID"])


async def test_an_answer_states_what_was_given_and_got_in_shares_and_usdc() -> None:
    async with two_traders() as (_, ann, bob):
        live = (await ann.place(ann.order("BUY", 4_000, 10))).json()
        assert (live["status"], live["makingAmount"], live["takingAmount"], live["errorMsg"]) == ("live", "", "", "")
        assert "tradeIDs" not in live
        sold = (await bob.place(bob.order("SELL", 4_000, 6))).json()
        assert (sold["status"], sold["makingAmount"], sold["takingAmount"]) == ("matched", "6", "2.4")
        minted = (await bob.place(bob.order("BUY", 6_000, 4, token=DOWN, kind="FAK"))).json()
        assert (minted["status"], minted["makingAmount"], minted["takingAmount"]) == ("matched", "2.4", "4")
        assert [len(answer["tradeIDs"]) for answer in (sold, minted)] == [1, 1]
        assert sold["transactionsHashes"] == []


async def test_a_batch_is_answered_order_by_order_and_a_bad_leg_spoils_no_other() -> None:
    async with two_traders() as (_, ann, _bob):
        good, small = ann.order("BUY", 4_000, 10), ann.order("BUY", 4_000, 1)
        answers = (await ann.ask("POST", "/orders", [good, small, {"order": 7}, good])).json()
        assert [answer["status"] for answer in answers] == ["live", "", "", ""]
        assert all(answer["success"] for answer in answers)
        assert "lower than the minimum: 5" in answers[1]["errorMsg"]
        assert answers[2]["errorMsg"] == "Invalid order payload"
        assert answers[3]["errorMsg"].endswith("is invalid. Duplicated.")
        many = await ann.ask("POST", "/orders", [good] * 16)
        assert (many.status_code, many.json()) == (400, {"error": "Too many orders in payload: 16, max allowed: 15"})


async def test_an_order_is_taken_once_however_many_came_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many ids are known by heart; of older ones the store is asked."""
    monkeypatch.setattr(open_orders, "REMEMBERED", 3)
    async with two_traders() as (_, ann, bob):
        first = ann.order("BUY", 4_000, 10)
        order_id = (await ann.place(first)).json()["orderID"]
        await ann.ask("DELETE", "/order", {"orderID": order_id})
        for _number in range(4):
            await placed(bob, "BUY", 1_000)
        again = await ann.place(first)
        assert (again.status_code, again.json()) == (400, {"error": f"order {order_id} is invalid. Duplicated."})
        assert (await read(ann, "/data/orders"))["data"] == []


async def test_orders_are_cancelled_one_by_one_many_at_once_by_market_and_all() -> None:
    async with two_traders() as (_, ann, bob):
        ids = [await placed(ann, "BUY", 1_000 + 100 * number) for number in range(6)]
        other = await placed(ann, "BUY", 1_000, token=DOWN)
        bobs = await placed(bob, "BUY", 1_000)

        async def cancel(path: str, body: Any = None) -> Any:
            answer = await ann.ask("DELETE", path, body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        assert await cancel("/order", {"orderID": ids[0]}) == {"canceled": [ids[0]], "not_canceled": {}}
        assert await cancel("/order", {"orderID": ids[0]}) == {"canceled": [], "not_canceled": {ids[0]: GONE}}
        assert await cancel("/orders", [ids[1], ids[0], bobs, ids[1]]) == {
            "canceled": [ids[1]],
            "not_canceled": {ids[0]: GONE, bobs: GONE},
        }
        assert (await cancel("/cancel-market-orders", {"asset_id": DOWN}))["canceled"] == [other]
        assert (await cancel("/cancel-market-orders", {"market": "0xother"}))["canceled"] == []
        assert (await cancel("/cancel-market-orders", {"market": TRADED, "asset_id": UP}))["canceled"] == ids[2:]
        last = await placed(ann, "BUY", 1_000)
        assert await cancel("/cancel-all") == {"canceled": [last], "not_canceled": {}}
        assert [order["id"] for order in (await read(bob, "/data/orders"))["data"]] == [bobs]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/order", {"orderID": 7}),
        ("/order", {}),
        ("/order", []),
        ("/orders", []),
        ("/orders", {"orderID": "0x1"}),
        ("/orders", [7]),
        ("/orders", ["0x1"] * (CANCEL_LIMIT + 1)),
        ("/cancel-market-orders", {}),
        ("/cancel-market-orders", {"market": 7}),
        ("/cancel-market-orders", b"{"),
    ],
)
async def test_a_cancel_that_names_nothing_is_refused_with_a_sentence(path: str, body: Any) -> None:
    async with two_traders() as (_, ann, _bob):
        answer = await ann.ask("DELETE", path, body)
        assert answer.status_code == 400
        assert len(answer.json()["error"]) > 5


async def test_pages_of_trades_and_orders_hold_each_row_once_whatever_comes_between_them() -> None:
    """Pages by offset would tell the last row of a page again when a trade has come meanwhile."""
    async with two_traders() as (_, ann, bob):
        await placed(ann, "BUY", 4_000, 3_000)
        for _ in range(PAGE + 5):
            await placed(bob, "SELL", 4_000, 5)
        first = await read(ann, "/data/trades")
        assert (len(first["data"]), first["limit"], first["count"]) == (PAGE, PAGE, PAGE)
        await placed(bob, "SELL", 4_000, 7)
        second = await read(ann, "/data/trades", f"next_cursor={first['next_cursor']}")
        assert (len(second["data"]), second["next_cursor"]) == (5, "LTE=")
        shown = [trade["id"] for page in (first, second) for trade in page["data"]]
        assert len(set(shown)) == len(shown) == PAGE + 5
        assert (await read(ann, "/data/trades", "next_cursor=LTE="))["data"] == []

        ids = [await placed(bob, "BUY", 100, 5) for _ in range(PAGE + 2)]
        first = await read(bob, "/data/orders")
        await bob.ask("DELETE", "/order", {"orderID": ids[0]})
        second = await read(bob, "/data/orders", f"next_cursor={first['next_cursor']}")
        assert [order["id"] for page in (first, second) for order in page["data"]] == ids
        assert second["next_cursor"] == "LTE="


async def test_trades_and_orders_are_found_by_what_clients_filter_by() -> None:
    async with two_traders() as (_, ann, bob):
        up, down = await placed(ann, "BUY", 4_000), await placed(ann, "BUY", 3_000, token=DOWN)
        assert [order["id"] for order in (await read(ann, "/data/orders", f"asset_id={DOWN}"))["data"]] == [down]
        assert [order["id"] for order in (await read(ann, "/data/orders", f"id={up}"))["data"]] == [up]
        assert (await read(ann, "/data/orders", "market=0xother"))["data"] == []
        await placed(bob, "SELL", 4_000)
        (trade,) = (await read(bob, "/data/trades", f"market={TRADED}&asset_id={UP}"))["data"]
        assert (await read(bob, "/data/trades", f"id={trade['id']}&maker_address={ann.address}"))["data"] == [trade]
        then = int(trade["match_time"])
        assert (await read(bob, "/data/trades", f"after={then - 1}&before={then + 1}"))["data"] == [trade]
        assert (await read(bob, "/data/trades", f"after={then}"))["data"] == []
        wrong = await bob.client.get("/clob/data/trades?after=soon", headers=bob.headers("GET", "/data/trades"))
        assert (wrong.status_code, wrong.json()) == (400, {"error": "Invalid trade params payload"})


async def test_a_heartbeat_names_the_last_one_and_silence_cancels() -> None:
    async with two_traders() as (server, ann, bob):
        await placed(ann, "BUY", 1_000)
        await placed(bob, "BUY", 1_000)

        async def beat(heartbeat_id: Any) -> tuple[int, dict[str, str]]:
            answer = await ann.ask("POST", "/v1/heartbeats", {"heartbeat_id": heartbeat_id})
            return answer.status_code, answer.json()

        status, first = await beat("")
        assert (status, list(first)) == (200, ["heartbeat_id"])
        status, second = await beat(first["heartbeat_id"])
        assert status == 200
        stale = await beat(first["heartbeat_id"])
        assert stale == (400, {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": second["heartbeat_id"]})
        assert (await beat(7))[0] == 400
        trading = server.site.trading
        assert trading is not None
        await ann.client.post("/venue/clock", json={"step_ms": 10_001})
        trading.act(server.site.channel.now_ms())
        assert (await read(ann, "/data/orders"))["data"] == []
        assert len((await read(bob, "/data/orders"))["data"]) == 1, "it was another key's switch"
        assert (await beat(""))[0] == 200, "it begins anew"


async def test_what_there_is_nothing_of_is_answered_with_nothing() -> None:
    async with two_traders() as (_, ann, _bob):
        assert await read(ann, "/notifications", "signature_type=0") == []
        assert (await ann.ask("DELETE", "/notifications")).json() == "OK"
        assert await read(ann, "/order-scoring", "order_id=0x1") == {"scoring": False}
        assert (await ann.ask("POST", "/orders-scoring", ["0x1"])).json() == {"0x1": False}
        assert (await read(ann, "/data/pre-migration-orders"))["data"] == []
        assert (await ann.client.get("/clob/fees/builder-fees/0xab")).status_code == 404
        unknown = await ann.client.get("/clob/data/order/0x1", headers=ann.headers("GET", "/data/order/0x1"))
        assert (unknown.status_code, unknown.json()) == (404, {"error": "order not found"})


@pytest.mark.parametrize(
    ("query", "error"),
    [("", "Invalid asset type"), ("asset_type=COLLATERAL&signature_type=9", "Invalid signature_type")],
)
async def test_a_balance_of_nothing_known_is_refused(query: str, error: str) -> None:
    async with two_traders() as (_, ann, _bob):
        path = "/balance-allowance"
        answer = await ann.client.get(f"/clob{path}?{query}", headers=ann.headers("GET", path))
        assert (answer.status_code, answer.json()) == (400, {"error": error})


async def test_each_kind_of_wallet_has_its_own_balance() -> None:
    async with two_traders() as (_, ann, _bob):
        found = [await read(ann, "/balance-allowance", f"asset_type=COLLATERAL&signature_type={n}") for n in range(4)]
        assert [one["balance"] for one in found] == ["8000000000", *["10000000000"] * 3]
