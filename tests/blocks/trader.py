"""Trade on an exchange until standard input ends: small orders that rest, that are filled and that are cancelled.

    python trader.py URL

Its first line of output is its keys, as the environment variables that users have them in. It shares no code with
Polywire: py_clob_client_v2 is the venue's own older client.
"""

import json
import logging
import secrets
import select
import sys
import urllib.request
from collections import deque
from typing import Any

from py_clob_client_v2 import ClobClient, OrderArgs, OrderPayload, OrderType
from py_clob_client_v2.exceptions import PolyApiException, PolyException

EVERY_S = 0.2  # from one market to the next
SHARES = 5  # the least that may rest
RESTING = 20  # orders at a time


def open_markets(url: str) -> list[str]:
    """Return the first token of each market that is open."""
    with urllib.request.urlopen(f"{url}/venue?ledger=0", timeout=10) as answer:  # noqa: S310 - the runner's own
        about: Any = json.load(answer)
    return [market["tokens"][0] for market in about["markets"] if not market["closed"]]


def trade(client: ClobClient, token: str, resting: deque[str]) -> None:
    """Place an order that rests, buy what is offered, and cancel the oldest order that rests."""
    book = client.get_order_book(token)
    if not book["bids"] or not book["asks"]:
        return
    low, ask = float(book["bids"][0]["price"]), float(book["asks"][-1]["price"])  # the best is last on both sides
    placed = client.create_and_post_order(OrderArgs(token, low, SHARES, "BUY"))
    resting.append(placed["orderID"])
    client.create_and_post_order(OrderArgs(token, ask, SHARES, "BUY"), order_type=OrderType.FAK)
    if len(resting) > RESTING:
        client.cancel_order(OrderPayload(resting.popleft()))


def main(url: str) -> None:
    """Say who it is, and trade."""
    logging.getLogger("py_clob_client_v2").setLevel(logging.CRITICAL)  # it logs each refusal
    key = "0x" + secrets.token_hex(32)
    with urllib.request.urlopen(f"{url}/venue?ledger=0", timeout=10) as answer:  # noqa: S310 - the runner's own
        about: Any = json.load(answer)
    client = ClobClient(about["urls"]["clob"], about["chain_id"], key=key)
    client.set_api_creds(client.create_or_derive_api_key())
    keys = {
        "POLYMARKET_API_KEY": client.creds.api_key,
        "POLYMARKET_API_SECRET": client.creds.api_secret,
        "POLYMARKET_PASSPHRASE": client.creds.api_passphrase,
        "POLYGON_PRIVATE_KEY": key,
        "POLYGON_ADDRESS": client.get_address(),
    }
    sys.stdout.write(json.dumps(keys) + "\n")
    sys.stdout.flush()
    resting: deque[str] = deque()
    waiting: list[str] = []
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        waiting = waiting or open_markets(url)
        try:
            trade(client, waiting.pop(), resting)
        except PolyException as refused:  # the book has moved on, or its grid became finer, or the market has ended
            if isinstance(refused, PolyApiException) and (refused.status_code or 0) >= 500:
                raise


if __name__ == "__main__":
    main(sys.argv[1])
