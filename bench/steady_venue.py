"""A venue for `feed_soak.py`: a market channel that sends an exact number of frames a second, evenly, each stamped.

    python bench/steady_venue.py --origin NS [--markets N] [--rate N]

It prints its port, serves whoever subscribes, answers `POST /books`, and starts once every market is subscribed to.
The size of a changed level is the moment at which its frame is written, in microseconds after `--origin`
(CLOCK_MONOTONIC, which all processes of a machine share): a size is an exact int of 1e-6 shares, so the stamp goes the
feed's whole way as what it is, and books stay whole. Every fourth frame takes the best bid back and has no stamp.
`stop` on its standard input has it say what it sent, in one line of JSON; the end of the input ends it.
"""

import argparse
import json
import selectors
import socket
import sys
import time
from array import array
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha1
from itertools import cycle
from typing import Any

from end_to_end import BUFFER, GUID, framed

BIDS = [f"0.{cents:02}" for cents in range(20, 50)]
ASKS = [f"0.{cents:02}" for cents in range(52, 82)]
SETTLE_S = 2.0
SLEEP_S = 0.000_1
CHECK_S = 0.002
BID, ASK = "BUY", "SELL"
STEPS = ((BID, "0.50", "0.50"), (ASK, "0.52", "0.50"), (BID, "0.50", "0.49"), (ASK, "0.60", "0.49"))
"""What a market does in turn: side and price of the level that changes, best bid after it. The best ask stays."""
REMOVAL = 2
STOP = "stop"


class Delays:
    """How late things were, in a bounded place: buckets of 10 µs up to a second, and the exact greatest."""

    def __init__(self) -> None:
        self.buckets = array("L", bytes(8 * 100_001))
        self.count = self.most_us = 0

    def add(self, late_us: int) -> None:
        """Count one delay."""
        self.buckets[min(max(late_us, 0) // 10, 100_000)] += 1
        self.count += 1
        self.most_us = max(self.most_us, late_us)

    def add_all(self, others: "Delays") -> None:
        """Count all of others' too."""
        self.buckets = array("L", map(int.__add__, self.buckets, others.buckets))
        self.count += others.count
        self.most_us = max(self.most_us, others.most_us)

    def told(self) -> dict[str, float]:
        """Return percentiles in milliseconds, each rounded up to its bucket's end."""
        told, parts = {}, [("p50_ms", 0.5), ("p99_ms", 0.99), ("p99.9_ms", 0.999)]
        seen, at = 0, 0
        for name, part in parts:
            while seen < self.count * part:
                seen += self.buckets[at]
                at += 1
            told[name] = at / 100
        return told | {"max_ms": self.most_us / 1_000}


def other(price: str) -> str:
    """Return a price as the market's second outcome sees it."""
    return f"{(100 - int(price[2:])) / 100:.2f}"


class Market:
    """One market: its book, and the frames of its cycle cut where size, hash and time go."""

    def __init__(self, number: int) -> None:
        self.condition = f"0x{number:064x}"
        self.tokens = [str(10**76 + 2 * number + outcome) for outcome in (0, 1)]
        self.bids = dict.fromkeys(BIDS, "100")
        self.asks = dict.fromkeys(ASKS, "100")
        self.steps = cycle([(*step, self._cut(*step)) for step in STEPS])
        self.step = 0
        self.digest = "0" * 40  # of both books: no hash, but the same wherever the same books are stated

    def _cut(self, side: str, price: str, best_bid: str) -> list[bytes]:
        first = {"asset_id": self.tokens[0], "price": price, "size": "|", "side": side, "hash": "|"}
        second = {"asset_id": self.tokens[1], "price": other(price), "size": "|", "side": ASK if side == BID else BID}
        changes = [
            first | {"best_bid": best_bid, "best_ask": "0.52"},
            second | {"hash": "|", "best_bid": other("0.52"), "best_ask": other(best_bid)},
        ]
        whole = {"market": self.condition, "price_changes": changes, "timestamp": "|", "event_type": "price_change"}
        return json.dumps(whole, separators=(",", ":")).encode().split(b"|")

    def next(self, stamp_us: int) -> bytes:
        """Change one level, and return the frame that says so."""
        side, price, _, cut = next(self.steps)
        removal = self.step == REMOVAL
        self.step = (self.step + 1) % len(STEPS)
        size = "0" if removal else f"{stamp_us // 1_000_000}.{stamp_us % 1_000_000:06}"
        levels = self.bids if side == BID else self.asks
        if removal:
            del levels[price]
        else:
            levels[price] = size
        self.digest = f"{stamp_us:040x}"
        told, digest, now = size.encode(), self.digest.encode(), b"%d" % (time.time_ns() // 1_000_000)
        return framed(b"".join([cut[0], told, cut[1], digest, cut[2], told, cut[3], digest, cut[4], now, cut[5]]))

    def book(self, token: str) -> dict[str, Any]:
        """Return the snapshot of an outcome."""
        bids, asks = list(self.bids.items()), list(self.asks.items())
        if token == self.tokens[1]:
            bids, asks = ([(other(price), size) for price, size in side] for side in (asks, bids))
        return {
            "market": self.condition,
            "asset_id": token,
            "timestamp": str(time.time_ns() // 1_000_000),
            "hash": self.digest,
            "bids": [{"price": price, "size": size} for price, size in sorted(bids)],
            "asks": [{"price": price, "size": size} for price, size in sorted(asks, reverse=True)],
            "tick_size": "0.01",
            "event_type": "book",
            "last_trade_price": "",
        }


class Client:
    """One socket: what it says is taken apart, PINGs are answered, subscriptions too."""

    def __init__(self, connection: socket.socket, venue: "Venue") -> None:
        self.connection, self._venue = connection, venue
        self._heard = b""
        self._open = False  # as a WebSocket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self) -> bool:
        """Take what has come; return whether the socket is still there."""
        try:
            came = self.connection.recv(BUFFER, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._heard += came
        while not self._open and b"\r\n\r\n" in self._heard:
            if b"sec-websocket-key" in self._heard.lower():
                self._shake_hands()
            elif not self._answer_request():
                break
        while self._open and (text := self._next_text()) is not None:
            self._answer(text)
        return bool(came)

    def _shake_hands(self) -> None:
        head, _, self._heard = self._heard.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        key = next(line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(b"sec-websocket-key"))
        accept = b64encode(sha1(key + GUID, usedforsecurity=False).digest())
        upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.connection.sendall(upgrade + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self._open = True

    def _answer_request(self) -> bool:
        """Answer one HTTP request; return whether it was there whole."""
        head, _, rest = self._heard.partition(b"\r\n\r\n")
        sizes = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        size = int(sizes[0]) if sizes else 0
        if len(rest) < size:
            return False
        self._heard = rest[size:]
        status, answer = "404 Not Found", b"{}"
        if head.startswith(b"POST /books "):
            books = self._venue.books(one["token_id"] for one in json.loads(rest[:size]))
            status, answer = "200 OK", json.dumps(books, separators=(",", ":")).encode()
        told = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        self.connection.sendall(told.encode() + answer)
        return True

    def _next_text(self) -> bytes | None:
        """Return a client's next frame without its mask; None while it is not whole."""
        heard = self._heard
        if len(heard) < 6:
            return None
        size, at = heard[1] & 127, 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, at = int.from_bytes(heard[2 : 2 + wide], "big"), 2 + wide
        end = at + 4 + size
        if len(heard) < end:
            return None
        self._heard = heard[end:]
        mask = (heard[at : at + 4] * (size // 4 + 1))[:size]
        return (int.from_bytes(heard[at + 4 : end], "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")

    def _answer(self, text: bytes) -> None:
        if text == b"PING":
            self.connection.sendall(framed(b"PONG"))
        elif text.startswith(b"{"):
            asked = json.loads(text)
            if asked.get("operation") != "unsubscribe":
                books = self._venue.subscribe(self, asked["assets_ids"])
                self.connection.sendall(framed(json.dumps(books, separators=(",", ":")).encode()))


class Venue:
    """Everything at once, in one loop that looks at sockets now and then and sends whenever a frame is due."""

    def __init__(self, markets: int, rate: int, origin_ns: int) -> None:
        self._rate, self._origin_ns = rate, origin_ns
        self._markets = [Market(number) for number in range(markets)]
        self._of = {token: market for market in self._markets for token in market.tokens}
        self._carrier: dict[Market, Client] = {}
        self._tokens: set[str] = set()
        self._selector = selectors.DefaultSelector()
        self._late = Delays()
        self._sent = 0
        self._stopped = False

    def subscribe(self, client: Client, tokens: list[str]) -> list[dict[str, Any]]:
        """Return the books of these tokens; their markets' frames go to this client from now on."""
        self._tokens.update(tokens)
        for token in tokens:
            self._carrier[self._of[token]] = client
        return self.books(tokens)

    def books(self, tokens: Iterable[str]) -> list[dict[str, Any]]:
        """Return the books of these tokens."""
        return [self._of[token].book(token) for token in tokens if token in self._of]

    def run(self) -> None:
        """Serve until the standard input ends."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=1_000)
        print(listener.getsockname()[1], flush=True)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ, STOP)
        while len(self._tokens) < len(self._of):
            if not self._look(listener, 0.1):
                return
        begin = time.monotonic() + SETTLE_S
        while time.monotonic() < begin:
            if not self._look(listener, 0.01):
                return
        self._send_for_ever(listener)

    def _send_for_ever(self, listener: socket.socket) -> None:
        turns, began_ns, looked = cycle(self._markets), time.monotonic_ns(), 0.0
        due, sent = 0, 0
        while True:
            now = time.monotonic()
            if now - looked > CHECK_S:
                looked = now
                if not self._look(listener, 0.0):
                    return
            due = (time.monotonic_ns() - began_ns) * self._rate // 1_000_000_000
            while sent < due and not self._stopped:
                sent += 1
                market = next(turns)
                client = self._carrier.get(market)
                if client is not None:
                    self._send(client, market, began_ns + sent * 1_000_000_000 // self._rate)
            time.sleep(SLEEP_S)

    def _send(self, client: Client, market: Market, due_ns: int) -> None:
        now_ns = time.monotonic_ns()
        self._late.add((now_ns - due_ns) // 1_000)
        try:
            client.connection.sendall(market.next((now_ns - self._origin_ns) // 1_000))
            self._sent += 1
        except OSError:
            self._forget(client)

    def _look(self, listener: socket.socket, within_s: float) -> bool:
        """Serve those who have something to say; return whether to go on."""
        for key, _ in self._selector.select(within_s):
            if key.fileobj is listener:
                connection, _ = listener.accept()
                self._selector.register(connection, selectors.EVENT_READ, Client(connection, self))
            elif key.data == STOP:
                if not sys.stdin.readline():
                    return False
                self._stopped = True
                print(json.dumps({"sent": self._sent, "late": self._late.told()}), flush=True)
            elif not key.data.read():
                self._forget(key.data)
        return True

    def _forget(self, client: Client) -> None:
        self._selector.unregister(client.connection)
        client.connection.close()
        gone = [market for market, carrier in self._carrier.items() if carrier is client]
        for market in gone:
            del self._carrier[market]


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markets", type=int, default=5_000, help="two tokens each")
    parser.add_argument("--rate", type=int, default=10_000, help="frames a second, all markets together")
    parser.add_argument("--origin", type=int, required=True, help="what stamps count from, nanoseconds")
    arguments = parser.parse_args()
    Venue(arguments.markets, arguments.rate, arguments.origin).run()


if __name__ == "__main__":
    main()
