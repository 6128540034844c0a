"""How many signed orders a second the exchange takes over HTTP, on one core, its signatures checked.

    python bench/order_entry.py [--orders N] [--connections N] [--memory]

An exchange with its usual life runs in a process of its own, held to one core, with a state file on this disk unless
`--memory` is given. Orders are signed beforehand (EIP-712, and the HMAC of each request), from eight wallets: half of
them rest, a quarter take, and a quarter cancel one that rests. They are sent over so many connections at once, each
waiting for its answer before it sends the next; every answer must be a 200. Promise: 300 orders a second.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from py_clob_client_v2.config import get_contract_config
from py_clob_client_v2.headers.headers import create_level_1_headers
from py_clob_client_v2.order_utils.exchange_order_builder_v2 import ExchangeOrderBuilderV2
from py_clob_client_v2.order_utils.model.order_data_v2 import OrderDataV2, order_to_json_v2
from py_clob_client_v2.order_utils.model.side import Side
from py_clob_client_v2.signer import Signer

PROMISE: Final = 300
CHAIN: Final = 80_002
WALLETS: Final = 8


class Wallet:
    """One wallet and its API key."""

    def __init__(self, base: str, number: int) -> None:
        self.signer = Signer(f"0x{number + 1:064x}", CHAIN)
        self.builder = ExchangeOrderBuilderV2(get_contract_config(CHAIN).exchange_v2, CHAIN, self.signer)
        self.key = _json(base + "/clob/auth/api-key", b"", create_level_1_headers(self.signer))
        self.secret = base64.urlsafe_b64decode(self.key["secret"])

    def order(self, token: str, side: str, cents: int, shares: int, kind: str) -> bytes:
        """Return the body of a signed order."""
        size, collateral = shares * 1_000_000, shares * cents * 10_000
        maker, taker = (collateral, size) if side == "BUY" else (size, collateral)
        data = OrderDataV2(
            maker=self.signer.address(), tokenId=token, makerAmount=str(maker), takerAmount=str(taker), side=Side[side]
        )
        body = order_to_json_v2(self.builder.build_signed_order(data), self.key["apiKey"], kind)
        return json.dumps(body, separators=(",", ":")).encode()

    def request(self, method: str, path: str, body: bytes) -> bytes:
        """Return a whole HTTP request."""
        stamp = str(int(time.time()))
        digest = hmac.digest(self.secret, f"{stamp}{method}{path}".encode() + body, hashlib.sha256)
        head = (
            f"{method} /clob{path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\npoly_address: {self.signer.address()}\r\n"
            f"poly_api_key: {self.key['apiKey']}\r\npoly_passphrase: {self.key['passphrase']}\r\n"
            f"poly_timestamp: {stamp}\r\npoly_signature: {base64.urlsafe_b64encode(digest).decode()}\r\n\r\n"
        )
        return head.encode() + body


def _json(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    request = urllib.request.Request(url, body, headers or {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class Line:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request, and return status and body."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head)
        assert found is not None
        return int(head[9:12]), await self.reader.readexactly(int(found[1]))


async def storm(base: str, wallets: list[Wallet], tokens: list[str], orders: int, lines: int) -> list[float]:
    """Send so many orders and cancels, and return how long each answer took, in seconds."""
    rng = random.Random(7)
    rest = [wallet.request("POST", "/order", wallet.order(tokens[0], "BUY", 1, 100, "GTC")) for wallet in wallets * 2]
    left = iter(range(orders))
    resting: list[tuple[Wallet, str]] = []
    made: list[tuple[Wallet, str, bytes]] = []
    for number in range(orders):
        wallet, token = wallets[number % len(wallets)], rng.choice(tokens)
        if number % 4 == 3:
            made.append((wallet, "cancel", b""))
        elif number % 4 == 1:
            made.append((wallet, "take", wallet.order(token, "BUY", 99, rng.randrange(2, 5), "FAK")))
        else:
            made.append((wallet, "rest", wallet.order(token, "BUY", 1, rng.randrange(5, 50), "GTC")))
    host, port = base.removeprefix("http://").split(":")
    opened = [Line(*await asyncio.open_connection(host, int(port))) for _ in range(lines)]
    for request, wallet in zip(rest, wallets * 2, strict=True):
        _, body = await opened[0].ask(request)
        resting.append((wallet, json.loads(body)["orderID"]))
    requests = [(wallet, kind, wallet.request("POST", "/order", body) if body else b"") for wallet, kind, body in made]
    took: list[float] = []

    async def work(line: Line) -> None:
        for number in left:
            wallet, kind, request = requests[number]
            if kind == "cancel":
                wallet, order_id = resting.pop()
                request = wallet.request("DELETE", "/order", json.dumps({"orderID": order_id}).encode())
            began = time.perf_counter()
            status, body = await line.ask(request)
            took.append(time.perf_counter() - began)
            answer = json.loads(body)
            assert status == 200, answer
            if kind == "rest":
                resting.append((wallet, answer["orderID"]))

    await asyncio.gather(*map(work, opened))
    return took


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--memory", action="store_true", help="keep nothing on disk")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = [] if asked.memory else ["--state", str(Path(folder) / "state.sqlite3")]
        command = [sys.executable, "-m", "polywire", "exchange", "--port", "0", *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, contextlib.ExitStack() as end:
            end.callback(process.terminate)
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(process.pid, {0})
                os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {0} or {0})
            assert process.stderr is not None
            found = re.search(r"http://\S+:\d+", process.stderr.readline())
            assert found is not None
            base = found[0]
            about = _json(base + "/venue?ledger=0")
            tokens = [token for one in about["markets"] if "-pass-in-" in one["slug"] for token in one["tokens"]]
            wallets = [Wallet(base, number) for number in range(WALLETS)]
            for connections in asked.connections:
                before, began = cpu_s(process.pid), time.perf_counter()
                took = asyncio.run(storm(base, wallets, tokens, asked.orders, connections))
                wall = sum(took) / connections
                used = cpu_s(process.pid) - before
                cuts = statistics.quantiles(took, n=100)
                print(
                    f"{connections:3} connections: {len(took) / wall:7.0f} orders/s  "
                    f"p50 {cuts[49] * 1e3:6.2f} ms  p99 {cuts[98] * 1e3:6.2f} ms  "
                    f"exchange CPU {used / len(took) * 1e6:6.0f} us an order, its life included "
                    f"({time.perf_counter() - began:.1f} s in all)"
                )
    print(f"promise: {PROMISE} orders/s on one core, state {'in memory' if asked.memory else 'on disk'}")


if __name__ == "__main__":
    main()
