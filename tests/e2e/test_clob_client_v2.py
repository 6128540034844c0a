"""py_clob_client_v2, unchanged: keys, orders of every kind, cancels and reads, to the unit."""

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import anyio
import pytest
from eth_account import Account
from polymarket import AsyncPublicClient
from py_clob_client_v2 import (
    AssetType,
    BalanceAllowanceParams,
    BookParams,
    ClobClient,
    MarketOrderArgs,
    OpenOrderParams,
    OrderArgs,
    OrderMarketCancelParams,
    OrderPayload,
    OrderType,
    PostOrdersV2Args,
    TradeParams,
)
from py_clob_client_v2.exceptions import PolyApiException

from e2e.processes import asked
from e2e.traders import CONFIRMED_MS, GONE, GRANT, MINED_MS, Market, choose, paused_exchange, step, units
from trade_with_polymarket_client import environment_of

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    """An exchange whose clock stands."""
    async with paused_exchange() as base:
        yield base


class Desk:
    """A client with a key of its own, and the market it trades. Its calls block: run it in a thread."""

    def __init__(self, about: dict[str, Any], market: Market) -> None:
        self.client = ClobClient(about["urls"]["clob"], about["chain_id"], key=Account.create().key.hex())
        self.client.set_api_creds(self.client.create_or_derive_api_key())
        self.market, self.condition, self.token = market, market.condition, market.token
        self.tick, self.bid, self.ask = market.tick, market.bid, market.ask

    def wait(self, price: Decimal, size: int = 20, **how: Any) -> str:
        """Place a BUY that waits; return its id."""
        order = self.client.create_and_post_order(OrderArgs(self.token, float(price), size, "BUY"), **how)
        assert (order["success"], order["errorMsg"], order["status"]) == (True, "", "live")
        assert (order["makingAmount"], order["takingAmount"]) == ("", "")
        made: str = order["orderID"]
        return made

    def balances(self) -> tuple[int, int]:
        """Return collateral and shares, 1e-6."""
        money = self.client.get_balance_allowance(BalanceAllowanceParams(AssetType.COLLATERAL))
        shares = self.client.get_balance_allowance(BalanceAllowanceParams(AssetType.CONDITIONAL, self.token))
        return int(money["balance"]), int(shares["balance"])

    def refusal(self, *arguments: Any, **how: Any) -> str:
        """Return the words in which an order is refused."""
        with pytest.raises(PolyApiException) as refused:
            self.client.create_and_post_order(OrderArgs(self.token, *arguments), **how)
        assert refused.value.status_code == 400
        error: str = refused.value.error_msg["error"]
        return error


async def at_desk(url: str, *, neg_risk: bool) -> Desk:
    about = await asked(f"{url}/venue?ledger=0")
    async with AsyncPublicClient(environment_of(about)) as public:
        market = await choose(public, neg_risk=neg_risk)
    return await anyio.to_thread.run_sync(Desk, about, market)


async def test_it_creates_a_key_once_and_derives_it_ever_after(url: str) -> None:
    desk = await at_desk(url, neg_risk=False)

    def claims() -> None:
        client = desk.client
        assert client.get_ok() == "OK"
        assert client.get_version() == 2
        assert abs(int(client.get_server_time()) - time.time()) < 3_600
        assert client.derive_api_key() == client.creds
        assert client.create_or_derive_api_key() == client.creds
        assert client.get_api_keys() == {"apiKeys": [client.creds.api_key]}
        second = client.create_api_key(nonce=1)
        assert second.api_key != client.creds.api_key
        assert set(client.get_api_keys()["apiKeys"]) == {client.creds.api_key, second.api_key}
        assert client.delete_api_key() == "OK"
        with pytest.raises(PolyApiException) as refused:
            client.get_open_orders()
        assert (refused.value.status_code, refused.value.error_msg) == (
            401,
            {"error": "Unauthorized/Invalid api key"},
        )

    await anyio.to_thread.run_sync(claims)


@pytest.mark.parametrize("neg_risk", [False, True], ids=["ordinary", "neg-risk"])
async def test_its_orders_wait_and_trade_to_the_unit(url: str, neg_risk: bool) -> None:  # noqa: FBT001 - a parameter
    desk = await at_desk(url, neg_risk=neg_risk)
    client, token, ask = desk.client, desk.token, desk.ask
    low, half = desk.bid - 5 * desk.tick, float(desk.tick / 2)

    def trades() -> list[str]:
        assert desk.balances() == (GRANT, 0)
        limit = desk.wait(low)
        post_only = desk.wait(low - desk.tick, post_only=True)
        ends = int(time.time()) + 7_200
        gtd = client.create_and_post_order(
            OrderArgs(token, float(low), 10, "BUY", expiration=ends), order_type=OrderType.GTD
        )["orderID"]
        rows = client.get_open_orders()
        assert [row["id"] for row in rows] == [limit, post_only, gtd]
        assert [(row["order_type"], row["expiration"]) for row in rows] == [
            ("GTC", "0"),
            ("GTC", "0"),
            ("GTD", str(ends)),
        ]
        assert client.get_open_orders(OpenOrderParams(id=gtd)) == rows[2:]
        assert client.get_order(limit) == rows[0]

        # The client cuts off: what is 8.7 or 0.57 to us is a little less to a float, and would become 8.69 or 0.56.
        amount, limit_price, least_price = float(10 * ask) + 0.005, float(ask) + half, float(desk.bid) + half
        fok = client.create_and_post_market_order(
            MarketOrderArgs(token, amount, "BUY", price=limit_price), order_type=OrderType.FOK
        )
        assert (fok["status"], Decimal(fok["makingAmount"]), fok["takingAmount"]) == ("matched", 10 * ask, "10")
        (made,) = client.get_trades(TradeParams(id=fok["tradeIDs"][0]))
        assert fok["transactionsHashes"] == [made["transaction_hash"]]  # the client has waited for it
        assert (made["size"], Decimal(made["price"]), made["trader_side"]) == ("10", ask, "TAKER")
        spent = units(10 * ask) + desk.market.fee([(ask, Decimal(10))])
        assert desk.balances() == (GRANT - spent, 10_000_000)
        fak = client.create_and_post_market_order(
            MarketOrderArgs(token, 4, "SELL", price=least_price, order_type=OrderType.FAK),
            order_type=OrderType.FAK,
        )
        assert (fak["makingAmount"], Decimal(fak["takingAmount"])) == ("4", 4 * desk.bid)
        earned = units(4 * desk.bid) - desk.market.fee([(desk.bid, Decimal(4))])
        assert desk.balances() == (GRANT - spent + earned, 6_000_000)

        assert len(client.get_trades()) == 2
        assert client.get_pre_migration_orders() == []
        assert client.get_notifications() == []
        ids: list[str] = fok["tradeIDs"]
        return ids

    ids = await anyio.to_thread.run_sync(trades)
    await step(url, MINED_MS)
    await step(url, CONFIRMED_MS)
    states: list[str] = []
    with anyio.fail_after(5):
        while states != ["CONFIRMED"]:  # each turn is a request
            rows = await anyio.to_thread.run_sync(client.get_trades, TradeParams(id=ids[0]))
            states = [row["status"] for row in rows]


async def test_what_it_may_not_have_is_refused_in_the_venues_words_and_changes_nothing(url: str) -> None:
    desk = await at_desk(url, neg_risk=False)
    client, token, ask = desk.client, desk.token, desk.ask
    low = desk.bid - 5 * desk.tick

    def claims() -> None:
        waiting = desk.wait(low)
        crossing = desk.refusal(float(ask), 10, "BUY", post_only=True)
        assert crossing == "invalid post-only order: order crosses book"
        killed = "order couldn't be fully filled. FOK orders are fully filled or killed."
        assert desk.refusal(float(ask), 15_000, "BUY", order_type=OrderType.FOK) == killed
        claimed = units(20 * low)
        assert desk.refusal(float(low), 40_000, "BUY") == (
            "not enough balance / allowance: the balance is not enough -> "
            f"balance: {GRANT - claimed}, order amount: {units(40_000 * low)}"
        )
        assert desk.refusal(float(low), 4, "BUY").endswith("is invalid. Size (4) lower than the minimum: 5")
        assert desk.refusal(float(desk.bid), 5.01, "SELL") == (
            "not enough balance / allowance: the balance is not enough -> balance: 0, order amount: 5010000"
        )
        batch = [
            PostOrdersV2Args(client.create_order(OrderArgs(token, float(price), size, "BUY")), OrderType.GTC)
            for price, size in ((low, 10), (low, 40_000), (low - desk.tick, 10))
        ]
        answers = client.post_orders(batch)
        assert [answer["status"] for answer in answers] == ["live", "", "live"]
        assert answers[1]["errorMsg"].startswith("not enough balance / allowance")
        assert [row["id"] for row in client.get_open_orders()] == [
            waiting,
            answers[0]["orderID"],
            answers[2]["orderID"],
        ]
        assert client.get_trades() == []
        assert desk.balances() == (GRANT, 0)

    await anyio.to_thread.run_sync(claims)


async def test_it_cancels_one_many_those_of_a_market_and_all_and_beats(url: str) -> None:
    desk = await at_desk(url, neg_risk=True)

    def claims() -> None:
        client = desk.client
        ids = [desk.wait(desk.bid - ticks * desk.tick, 5) for ticks in range(3, 9)]
        assert client.cancel_order(OrderPayload(ids[0])) == {"canceled": [ids[0]], "not_canceled": {}}
        assert client.cancel_orders(ids[:3]) == {"canceled": ids[1:3], "not_canceled": {ids[0]: GONE}}
        assert client.cancel_market_orders(OrderMarketCancelParams(market=desk.condition))["canceled"] == ids[3:]
        last = desk.wait(desk.bid - 9 * desk.tick, 5)
        assert client.cancel_all()["canceled"] == [last]
        assert client.get_open_orders() == []
        first = client.post_heartbeat()["heartbeat_id"]
        second = client.post_heartbeat(first)["heartbeat_id"]
        with pytest.raises(PolyApiException) as stale:
            client.post_heartbeat(first)
        assert stale.value.error_msg == {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": second}

    await anyio.to_thread.run_sync(claims)


async def test_its_public_reads_agree_with_the_book(url: str) -> None:
    desk = await at_desk(url, neg_risk=False)

    def claims() -> None:
        client, token = desk.client, desk.token
        assert Decimal(client.get_price(token, "BUY")["price"]) == desk.bid
        assert Decimal(client.get_price(token, "SELL")["price"]) == desk.ask
        assert Decimal(client.get_midpoint(token)["mid"]) == (desk.bid + desk.ask) / 2
        assert Decimal(client.get_spread(token)["spread"]) == desk.ask - desk.bid
        assert Decimal(client.get_tick_size(token)) == desk.tick
        assert client.get_neg_risk(token) is False
        assert client.get_order_books([BookParams(token)])[0] == client.get_order_book(token)
        assert client.get_market(desk.condition)["condition_id"] == desk.condition
        assert client.calculate_market_price(token, "BUY", 5, OrderType.FOK) == float(desk.ask)

    await anyio.to_thread.run_sync(claims)
