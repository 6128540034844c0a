"""Trade on paper with py_clob_client_v2, the client that many bots still use: each kind of order and each cancel.

    polywire exchange --port 8421
    python examples/trade_with_py_clob_client_v2.py http://127.0.0.1:8421

It needs `pip install 'py-clob-client-v2>=1.2.1,<2'` and nothing of ours: host and chain id are all that differs from
the real venue. New code should rather use polymarket-client, which has superseded it.
"""

import argparse
import json
import logging
import secrets
import time
import urllib.request
from typing import Any

from py_clob_client_v2 import (
    AssetType,
    BalanceAllowanceParams,
    ClobClient,
    MarketOrderArgs,
    OrderArgs,
    OrderMarketCancelParams,
    OrderPayload,
    OrderType,
    PostOrdersV2Args,
    TradeParams,
)
from py_clob_client_v2.exceptions import PolyApiException


def client_of(url: str) -> ClobClient:
    """Return a client of the exchange at `url`, with a key made for the occasion and its API key.

    The key's own address is the wallet (signature type 0).
    """
    with urllib.request.urlopen(f"{url}/venue?ledger=0", timeout=10) as answer:  # noqa: S310 - the user's own address
        about = json.load(answer)
    # 80002, not 137: no order signed here is a valid live one.
    client = ClobClient(host=about["urls"]["clob"], chain_id=about["chain_id"], key="0x" + secrets.token_hex(32))
    client.set_api_creds(client.create_or_derive_api_key())
    return client


def choose(client: ClobClient) -> tuple[str, str]:
    """Return condition and first token of the open market that is nearest to even."""
    markets = [market for market in client.get_simplified_markets()["data"] if market["accepting_orders"]]
    best = min(markets, key=lambda market: abs(float(market["tokens"][0]["price"]) - 0.5))
    return best["condition_id"], best["tokens"][0]["token_id"]


class Prices:
    """A market's best prices and its grid, as they are now."""

    def __init__(self, client: ClobClient, token: str) -> None:
        book = client.get_order_book(token)
        self.tick = float(book["tick_size"])
        self.bid = float(book["bids"][-1]["price"])  # the best is last on both sides
        self.ask = float(book["asks"][-1]["price"])

    def below(self, ticks: int) -> float:
        """Return a price so many ticks under the best bid: an order that waits."""
        return round(max(self.tick, self.bid - ticks * self.tick), 4)

    def above(self, ticks: int) -> float:
        """Return a price so many ticks over the best ask: an order that trades at once."""
        return round(min(1 - self.tick, self.ask + ticks * self.tick), 4)


def place_orders_that_wait(client: ClobClient, token: str) -> None:
    """Place a limit order, a post-only one and one that ends by itself."""
    print("\n2. Orders that wait")
    prices = Prices(client, token)
    limit = client.create_and_post_order(OrderArgs(token, prices.below(5), 20, "BUY"))
    print(f"   limit: {limit['orderID'][:10]} {limit['status']}")
    waits = client.create_and_post_order(OrderArgs(token, prices.below(6), 20, "BUY"), post_only=True)
    print(f"   post-only: {waits['orderID'][:10]} {waits['status']}")
    ends = int(time.time()) + 3_600  # it stops a minute before that, as at the venue
    gtd = client.create_and_post_order(
        OrderArgs(token, prices.below(7), 20, "BUY", expiration=ends), order_type=OrderType.GTD
    )
    print(f"   good till {ends}: {gtd['orderID'][:10]} {gtd['status']}")
    try:
        client.create_and_post_order(OrderArgs(token, prices.above(3), 20, "BUY"), post_only=True)
    except PolyApiException as refused:
        print(f"   post-only that would trade: refused ({refused.status_code}): {refused.error_msg['error']}")


def trade_at_once(client: ClobClient, token: str) -> None:
    """Buy and sell what is there. The client itself waits for the transactions' hashes."""
    print("\n3. Orders that trade at once")
    whole = at_market(client, token, "BUY", 20, OrderType.FOK)
    tell("fill or kill", whole)
    some = at_market(client, token, "BUY", 20, OrderType.FAK)
    tell("fill and kill", some)
    half = round(float(whole["takingAmount"]) / 2, 2)
    sold = at_market(client, token, "SELL", half, OrderType.FAK)
    tell("market sale", sold)
    for trade in client.get_trades(TradeParams(id=sold["tradeIDs"][0])):
        print(f"   {trade['id'][:8]}: {trade['side']} {trade['size']} at {trade['price']}, {trade['status']}")
    try:
        client.create_and_post_market_order(
            MarketOrderArgs(token, 9_000, "BUY", price=Prices(client, token).ask), order_type=OrderType.FOK
        )
    except PolyApiException as refused:
        print(f"   more than there is: refused ({refused.status_code}): {refused.error_msg['error']}")


def at_market(client: ClobClient, token: str, side: str, amount: float, kind: str) -> dict[str, Any]:
    """Place a market order, up to three ticks from the best price; where the book has moved on meanwhile, do so again.

    The client cuts a price off at the market's decimals, and to a float 0.57 is a little less: it would offer 0.56.
    Half a tick more leaves the right price.
    """
    for _ in range(5):
        prices = Prices(client, token)
        price = (prices.above(3) if side == "BUY" else prices.below(3)) + prices.tick / 2
        order = MarketOrderArgs(token, amount, side, price=price)
        try:
            placed: dict[str, Any] = client.create_and_post_market_order(order, order_type=kind)
        except PolyApiException as refused:
            if "or killed" not in str(refused):
                raise
            print(f"   the book has moved ({refused.error_msg['error']}); again")
        else:
            return placed
    raise SystemExit("the book moves too fast for us; try another market")


def tell(what: str, order: dict[str, Any]) -> None:
    """Say what became of an order."""
    hashes = ", ".join(one[:10] for one in order["transactionsHashes"])
    print(f"   {what}: {order['status']}, gave {order['makingAmount']}, got {order['takingAmount']}, in {hashes}…")


def place_a_batch(client: ClobClient, token: str) -> None:
    """Post two orders in one request: each is answered by itself, in the same order."""
    print("\n4. A batch")
    prices = Prices(client, token)
    batch = [
        PostOrdersV2Args(client.create_order(OrderArgs(token, prices.below(8), 10, "BUY")), OrderType.GTC),
        PostOrdersV2Args(client.create_order(OrderArgs(token, prices.below(8), 900_000, "BUY")), OrderType.GTC),
    ]
    for order in client.post_orders(batch):
        print(f"   {order['orderID'][:10]} {order['status']}" if order["orderID"] else f"   {order['errorMsg']}")


def read_the_account(client: ClobClient, token: str) -> None:
    """Read what the venue knows of us."""
    print("\n5. What we have")
    for order in client.get_open_orders():
        print(f"   open: {order['id'][:10]} {order['side']} {order['original_size']} at {order['price']}")
    print(f"   {len(client.get_trades())} trades")
    money = client.get_balance_allowance(BalanceAllowanceParams(AssetType.COLLATERAL))
    held = client.get_balance_allowance(BalanceAllowanceParams(AssetType.CONDITIONAL, token))
    print(f"   balances {int(money['balance']) / 1e6:.6f} USDC, {int(held['balance']) / 1e6:.6f} shares")


def cancel_orders(client: ClobClient, condition: str, token: str) -> None:
    """Cancel one order, several, those of a market, and all."""
    print("\n6. Cancels")
    prices = Prices(client, token)
    ids = [
        client.create_and_post_order(OrderArgs(token, prices.below(ticks), 5, "BUY"))["orderID"]
        for ticks in range(9, 13)
    ]
    print(f"   one: {len(client.cancel_order(OrderPayload(ids[0]))['canceled'])} cancelled")
    many = client.cancel_orders(ids[:3])
    print(f"   three: {len(many['canceled'])} cancelled; not: {', '.join(many['not_canceled'].values())}")
    of_market = client.cancel_market_orders(OrderMarketCancelParams(market=condition))
    print(f"   of the market: {len(of_market['canceled'])} cancelled")
    print(f"   all: {len(client.cancel_all()['canceled'])} cancelled")


def beat(client: ClobClient) -> None:
    """Send heartbeats: whoever has sent one and goes silent for ten seconds has its orders cancelled."""
    print("\n7. Heartbeats")
    first = client.post_heartbeat()
    second = client.post_heartbeat(first["heartbeat_id"])
    print(f"   two beats; the next one names {second['heartbeat_id']}")


def main() -> None:
    """Read the command line, and do all of it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("exchange", help="its address: http://127.0.0.1:8421")
    logging.getLogger("py_clob_client_v2").setLevel(logging.CRITICAL)  # it logs each refusal; they are printed below
    print("1. An API key of our own")
    client = client_of(arguments.parse_args().exchange.rstrip("/"))
    condition, token = choose(client)
    print(f"   wallet {client.get_address()}, API key {client.creds.api_key}")
    place_orders_that_wait(client, token)
    trade_at_once(client, token)
    place_a_batch(client, token)
    read_the_account(client, token)
    cancel_orders(client, condition, token)
    beat(client)
    client.delete_api_key()


if __name__ == "__main__":
    main()
