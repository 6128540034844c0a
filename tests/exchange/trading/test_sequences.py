"""Random trading over HTTP: after every step REST, the user stream, the ledger and the engine tell one story.

The pure half of this claim, 2,000 sequences on engine and ledger, is `tests/core/matching/test_flows.py`.
"""

import json
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, Final

import anyio
import httpx2
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect

from exchange.raw_client import Server
from exchange.traders import DOWN, TRADED, UP, Trader, books, trading_server
from polywire.model.units import SIZE_ONE

pytestmark = pytest.mark.anyio
KEYS: Final = tuple("0x" + f"{number:02x}" * 32 for number in (0xA1, 0xB2, 0xC3))
WAIT_S: Final = 10
OUTCOMES: Final = (UP, DOWN)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Step = tuple[str, int, Any]
"""What is done, by which trader, and how."""

orders = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["BUY", "BUY", "SELL"]),
        "token": st.sampled_from(OUTCOMES),
        "price": st.sampled_from([4_900, 5_000, 5_100]),
        "shares": st.integers(4, 40),
        "kind": st.sampled_from(["GTC", "GTC", "GTC", "FOK", "FAK"]),
    }
)
who = st.integers(0, len(KEYS) - 1)
how: dict[str, st.SearchStrategy[Any]] = {
    "place": orders,
    "batch": st.lists(orders, min_size=2, max_size=4),
    "cancel": st.integers(0, 5),
    "cancel-all": st.none(),
    "split": st.integers(10, 50),
    "merge": st.integers(1, 50),
    "deposit": st.integers(0, 20_000),
    "settle": st.none(),
    "ghosts": st.sampled_from([0, 1]),
}
steps: st.SearchStrategy[Step] = st.sampled_from([*["place"] * 8, "batch", *how]).flatmap(
    lambda name: st.tuples(st.just(name), who, how[name])
)


class Follower:
    """One trader, and what somebody knows who only listens to their user stream."""

    def __init__(self, trader: Trader, socket: ClientConnection) -> None:
        self.trader, self.socket = trader, socket
        self.orders: dict[str, dict[str, Any]] = {}  # the last message of each
        self.states: dict[str, list[str]] = {}  # of trades
        self.trades: dict[str, dict[str, Any]] = {}  # the last message of each
        self.by_hand = 0  # pairs split less pairs merged, 1e-6

    async def catch_up(self) -> None:
        """Read everything that was sent before now."""
        await self.socket.send("PING")
        with anyio.fail_after(WAIT_S):
            while (text := await self.socket.recv()) != "PONG":
                self._heard(json.loads(text))

    def _heard(self, told: dict[str, Any]) -> None:
        if told["event_type"] == "trade":
            self.states.setdefault(told["id"], []).append(told["status"])
            self.trades[told["id"]] = told
            return
        before = self.orders.get(told["id"])
        assert (told["type"] == "PLACEMENT") == (before is None) or "killed" in told["status"]
        if before is not None and told["type"] == "UPDATE":
            assert Decimal(told["size_matched"]) > Decimal(before["size_matched"])
        self.orders[told["id"]] = told

    def resting(self) -> dict[str, Decimal]:
        """Return what rests, with what of it is matched."""
        return {
            order: Decimal(told["size_matched"])
            for order, told in self.orders.items()
            if told["type"] != "CANCELLATION" and told["status"] == "LIVE" and told["order_type"] == "GTC"
        }

    def shares(self, token: str) -> Decimal:
        """Return what is held of a token: by trades that stand, and by hand."""
        total = Decimal(self.by_hand) / SIZE_ONE
        for trade in self.trades.values():
            if trade["status"] == "FAILED":
                continue
            took = trade["trader_side"] == "TAKER"
            legs = [leg | {"size": leg["matched_amount"]} for leg in trade["maker_orders"]]
            mine = [trade] if took else [leg for leg in legs if leg["owner"] == self.trader.credentials["apiKey"]]
            for side in mine:
                if side["asset_id"] == token:
                    total += Decimal(side["size"]) * (1 if side["side"] == "BUY" else -1)
        return total

    async def read(self, path: str, query: str = "") -> Any:
        """Return the answer to a private read."""
        answer = await self.trader.client.get(f"/clob{path}?{query}", headers=self.trader.headers("GET", path))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def all_trades(self) -> dict[str, str]:
        """Return the state of every trade over REST, page by page."""
        found: dict[str, str] = {}
        cursor = "MA=="
        while cursor != "LTE=":
            page = await self.read("/data/trades", f"next_cursor={cursor}")
            found |= {trade["id"]: trade["status"] for trade in page["data"]}
            cursor = page["next_cursor"]
        return found


async def act(server: Server, follower: Follower, step: Step) -> None:
    """Do one thing; refusals are answers too."""
    name, _, how = step
    trader = follower.trader

    def body(order: dict[str, Any]) -> dict[str, Any]:
        kind = order["kind"]
        return trader.order(order["side"], order["price"], order["shares"], token=order["token"], kind=kind)

    async def by_hand(path: str, **asked: str) -> bool:
        answer = await trader.client.post(f"/venue/accounts/{trader.address}{path}", json=asked)
        assert answer.status_code in {200, 400}, answer.text
        return answer.status_code == 200

    match name:
        case "place":
            answer = await trader.place(body(how))
            assert answer.status_code in {200, 400}, answer.text
            event(answer.json().get("status") or "refused")
        case "batch":
            answer = await trader.ask("POST", "/orders", [body(order) for order in how])
            assert len(answer.json()) == len(how)
        case "cancel":
            mine = (await follower.read("/data/orders"))["data"]
            if mine:
                wanted = mine[how % len(mine)]["id"]
                answer = await trader.ask("DELETE", "/order", {"orderID": wanted})
                assert answer.json() == {"canceled": [wanted], "not_canceled": {}}
        case "cancel-all":
            mine = [order["id"] for order in (await follower.read("/data/orders"))["data"]]
            assert (await trader.ask("DELETE", "/cancel-all")).json() == {"canceled": mine, "not_canceled": {}}
        case "split" | "merge":
            done = await by_hand(f"/{name}", condition=TRADED, shares=str(how))
            follower.by_hand += done * how * SIZE_ONE * (1 if name == "split" else -1)
        case "deposit":
            await by_hand("", collateral=str(Decimal(how) / 100))
        case "settle":
            assert server.site.trading is not None
            await trader.client.post("/venue/clock", json={"step_ms": 1_600})
            server.site.trading.act(server.site.channel.now_ms())
        case "ghosts":
            await trader.client.post("/venue/faults", json={"name": "ghost-fill", "argument": how})
        case _:
            raise AssertionError(f"nobody says how to {name}")


async def one_story(server: Server, followers: list[Follower]) -> None:
    """Compare what each source tells."""
    bookkeeper, venue = books(server), server.site.venue
    assert venue is not None
    engine = venue.engine
    for token in OUTCOMES:
        assert sum(engine.shares(account, token) for account in engine.accounts()) == engine.pairs(TRADED)
    held = sum(map(engine.collateral, engine.accounts())) + engine.pairs(TRADED)
    assert held == sum(wallet.granted for wallet in bookkeeper.wallets()), "money was made or lost"
    for follower in followers:
        account = follower.trader.account
        rest = {order["id"]: Decimal(order["size_matched"]) for order in (await follower.read("/data/orders"))["data"]}
        trades = await follower.all_trades()
        await follower.catch_up()
        matched = {order.order.id: Decimal(order.matched) / SIZE_ONE for order in engine.open_orders(account)}
        assert rest == matched == follower.resting()
        assert trades == {trade: states[-1] for trade, states in follower.states.items()}
        for states in follower.states.values():
            event(states[-1])
            assert states in (["MATCHED", "MINED", "CONFIRMED"][: len(states)], ["MATCHED", "FAILED"])
        told = await follower.read("/balance-allowance", "asset_type=COLLATERAL&signature_type=0")
        assert int(told["balance"]) == engine.collateral(account)
        holdings = bookkeeper.positions(account)
        for token in OUTCOMES:
            told = await follower.read("/balance-allowance", f"asset_type=CONDITIONAL&token_id={token}")
            known = holdings[token].position.size if token in holdings else 0
            assert int(told["balance"]) == engine.shares(account, token) == known == follower.shares(token) * SIZE_ONE


@given(walk=st.lists(steps, min_size=12, max_size=24))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
async def test_after_every_step_all_sources_tell_one_story(walk: list[Step]) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(trading_server())
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=server.url, timeout=WAIT_S))
        followers = []
        for key in KEYS:
            trader = Trader(http, key)
            await trader.join()
            socket = await stack.enter_async_context(connect(f"ws{server.url.removeprefix('http')}/ws/user"))
            trio = {name: trader.credentials[name] for name in ("apiKey", "secret", "passphrase")}
            await socket.send(json.dumps({"type": "user", "auth": trio}))
            followers.append(Follower(trader, socket))
            await followers[-1].catch_up()
            await trader.client.post(f"/venue/accounts/{trader.address}", json={"collateral": "100"})
            await act(server, followers[-1], ("split", 0, 50))
        for step in walk:
            await act(server, followers[step[1]], step)
            await one_story(server, followers)
