"""From the socket to the subscriber: this feed and the official client's stream manager, the same frames, one run.

    python bench/end_to_end.py [--frames N] [--markets N] [--rounds N] [--rate N]

One process blasts frames of the project's own rehearsal at whoever connects and subscribes. Each client runs in a
process of its own, in turn: the official client (polymarket-client, its own reader, parser, registry and handle, no
book) and `polywire.open_feed` (exact books, every check), read by an `async for` as the official client is, then by a
callback. All read every event; a tick-size change at either end of the frames marks where the clock starts and stops.

Flat out the figure is CPU time of the client's process per frame, medians over interleaved rounds: quote the ratio.
Then, paced at `--rate` frames a second, the figure is the time from the blaster's `send` to the subscriber's loop:
each frame carries its own send time where the venue puts a book's hash.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from hashlib import sha1
from itertools import islice
from typing import Any

import uvloop

from polywire import open_feed
from polywire.exchange.rehearsal import Rehearsal
from polywire.model.events import Event
from polywire.model.market import LevelChanged, TickSizeChanged
from polywire.model.venue import Venue, VenueUrls
from polywire.settings import Settings

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HASH = b'"hash":"'
DIGITS = 40
BUFFER = 1 << 16


def framed(payload: bytes) -> bytes:
    """Return a server's text frame."""
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes([size]) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def mark(token: str, number: int) -> bytes:
    """Return a tick-size change that says where measuring starts (1) or stops (2)."""
    return json.dumps(
        {
            "market": "0x1",
            "asset_id": token,
            "old_tick_size": "0.01",
            "new_tick_size": "0.01",
            "timestamp": str(number),
            "event_type": "tick_size_change",
        },
        separators=(",", ":"),
    ).encode()


CENSUS = {"best_bid_ask": 338, "book": 314, "last_trade_price": 155}
CHANGES = 7_771
"""Messages of each kind in a recorded sample of the venue (docs/protocol.md, "Rates"); the rehearsal sends too many
of the first three, and all of those only repeat what the price changes have said."""


def _thinned(frames: Iterator[bytes]) -> Iterator[bytes]:
    """Yield frames with the kinds in the venue's own proportions."""
    changes, sent = 0, dict.fromkeys(CENSUS, 0)
    for frame in frames:
        if b'"price_change"}' in frame[-20:]:
            changes += 1
            yield frame
            continue
        kind = next((kind for kind in CENSUS if f'"event_type":"{kind}"'.encode() in frame), None)
        if kind is None:
            yield frame
        elif sent[kind] * CHANGES < changes * CENSUS[kind]:
            sent[kind] += 1
            yield frame


class Frames:
    """What the blaster sends: the books, then frames cut where a send time goes."""

    def __init__(self, markets: int, count: int) -> None:
        rehearsal = Rehearsal(seed=11, markets=markets)
        self.tokens = rehearsal.tokens
        frames = (frame for _, frame in rehearsal.frames())
        opening = list(islice(frames, markets + 1))
        self.books = opening[-1]
        self.cut = [self._cut(frame) for frame in islice(_thinned(frames), count)]

    def _cut(self, frame: bytes) -> tuple[bytes, bytes]:
        """Return what stands before and after the first hash of a price change; another frame stays whole."""
        at = frame.find(HASH) + len(HASH)
        if not frame.endswith(b'"price_change"}') or at < len(HASH):
            return frame, b""
        return frame[:at], frame[at + DIGITS :]

    def stamped(self) -> Iterator[bytes]:
        """Yield each frame, ready to be sent at the moment it is asked for."""
        for before, after in self.cut:
            yield framed(before + b"%040x" % time.time_ns() + after if after else before)


def blast(connection: socket.socket, frames: Frames, rate: int) -> None:
    """Serve one client: handshake, its subscription, the books, the frames between two marks."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(BUFFER)
    lines = request.split(b"\r\n")
    key = next(line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(b"sec-websocket-key"))
    accept = b64encode(sha1(key + GUID, usedforsecurity=False).digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    connection.sendall(head + accept + b"\r\n\r\n")
    connection.recv(BUFFER)  # the subscription, or its beginning
    time.sleep(0.3)  # the rest of it
    connection.sendall(framed(frames.books))
    time.sleep(1.0)  # for the client to read them
    connection.sendall(framed(mark(frames.tokens[0], 1)))
    if rate:
        _paced(connection, frames, rate)
    else:
        buffer = bytearray()
        for frame in frames.stamped():
            buffer += frame
            if len(buffer) > BUFFER:
                connection.sendall(buffer)
                buffer.clear()
        connection.sendall(buffer)
    connection.sendall(framed(mark(frames.tokens[0], 2)))
    connection.settimeout(20)
    while connection.recv(BUFFER):
        pass


def _paced(connection: socket.socket, frames: Frames, rate: int) -> None:
    began = time.perf_counter()
    for sent, frame in enumerate(frames.stamped()):
        while sent > (time.perf_counter() - began) * rate:
            time.sleep(0.000_1)
        connection.sendall(frame)


def serve(arguments: argparse.Namespace) -> None:
    """Be the blaster: print the port, then serve whoever comes, until killed."""
    frames = Frames(arguments.markets, arguments.frames)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def one(connection: socket.socket) -> None:
        try:
            blast(connection, frames, arguments.rate)
        except OSError:
            pass  # the client has what it came for
        finally:
            connection.close()

    while True:
        threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()


class Stopwatch:
    """Between the marks: CPU time, wall time, latencies."""

    def __init__(self) -> None:
        self.latencies_ns: list[int] = []
        self.cpu_s = self.wall_s = 0.0

    def start(self) -> None:
        self.cpu_s, self.wall_s = time.process_time(), time.perf_counter()

    def stop(self) -> None:
        self.cpu_s = time.process_time() - self.cpu_s
        self.wall_s = time.perf_counter() - self.wall_s

    def stamp(self, digest: str) -> None:
        sent = int(digest, 16)
        if sent < 1 << 64:  # a real hash has 160 bits
            self.latencies_ns.append(time.time_ns() - sent)


async def official(port: int, tokens: list[str], watch: Stopwatch, *, paced: bool) -> dict[str, int]:
    from polymarket._internal.streams.clob.market import ClobMarketStreamManager

    manager = ClobMarketStreamManager(url=f"ws://127.0.0.1:{port}/ws/market")
    handle = await manager.subscribe(token_ids=tokens, custom_feature_enabled=True)
    events = 0
    async for event in handle:
        events += 1
        if event.type == "tick_size_change":
            at = event.payload.timestamp
            number = 0 if at is None else round(at.timestamp() * 1_000)
            if number == 1:
                watch.start()
            elif number == 2:
                watch.stop()
                break
        elif paced and event.type == "price_change":
            watch.stamp(event.payload.price_changes[0].hash or "f" * DIGITS)
    dropped = handle.dropped
    await manager.close()
    return {"events": events, "dropped": dropped}


async def ours(port: int, tokens: list[str], watch: Stopwatch, *, paced: bool, called: bool = False) -> dict[str, int]:
    urls = VenueUrls("http://127.0.0.1:1", "http://127.0.0.1:1", f"ws://127.0.0.1:{port}/ws/market")
    async with open_feed(Settings(), venue=Venue("bench", 80002, urls)) as feed:
        over = asyncio.get_running_loop().create_future()
        events = 0

        def take(event: Event) -> None:
            nonlocal events
            events += 1
            if type(event) is TickSizeChanged:
                if event.venue_ms == 1:
                    watch.start()
                elif event.venue_ms == 2:
                    watch.stop()
                    over.set_result(None)
            elif paced and type(event) is LevelChanged:
                watch.stamp(event.digest)

        async with feed.subscribe(tokens=tokens, callback=take if called else None, limit=1 << 16) as stream:
            if called:
                await over
            else:
                async for event in stream:
                    events += 1
                    if type(event) is TickSizeChanged:
                        if event.venue_ms == 1:
                            watch.start()
                        elif event.venue_ms == 2:
                            watch.stop()
                            break
                    elif paced and type(event) is LevelChanged:
                        watch.stamp(event.digest)
        wrong = feed.books.total("best_mismatches") + feed.books.total("book_mismatches")
        return {"events": events, "dropped": stream.dropped, "undecoded": feed.tally.lost_in_all, "wrong": wrong}


def client(arguments: argparse.Namespace) -> None:
    """Be one client: print what was measured."""
    tokens = Rehearsal(seed=11, markets=arguments.markets).tokens
    watch, paced = Stopwatch(), bool(arguments.rate)
    kind: Any = {"official": official, "iteration": ours, "callback": partial(ours, called=True)}[arguments.kind]
    found = uvloop.run(asyncio.wait_for(kind(arguments.port, tokens, watch, paced=paced), 120))
    late = sorted(watch.latencies_ns)
    told = {"cpu_s": watch.cpu_s, "wall_s": watch.wall_s, **found}
    if late:
        told |= {name: late[min(len(late) - 1, int(len(late) * part))] / 1e6 for name, part in PARTS}
    print(json.dumps(told))


PARTS = (("p50_ms", 0.5), ("p99_ms", 0.99), ("p99.9_ms", 0.999), ("max_ms", 1.0))


def run(arguments: argparse.Namespace, rate: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Return each client's rounds, interleaved."""
    shared = ["--markets", str(arguments.markets), "--frames", str(arguments.frames), "--rate", str(rate)]
    blaster = subprocess.Popen([sys.executable, __file__, "serve", *shared], stdout=subprocess.PIPE, text=True)
    results: dict[str, list[dict[str, float]]] = {"official": [], "iteration": [], "callback": []}
    try:
        assert blaster.stdout
        port = blaster.stdout.readline().strip()
        for _ in range(rounds):
            for kind, rows in results.items():
                command = [sys.executable, __file__, "client", "--kind", kind, "--port", port, *shared]
                done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
                if done.returncode:
                    sys.exit(f"{kind} failed: {done.stderr.strip().splitlines()[-1:]}")
                rows.append(json.loads(done.stdout.splitlines()[-1]))
    finally:
        blaster.terminate()
        blaster.wait()
    return results


def main() -> None:
    """Parse the arguments and play the part they name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", nargs="?", default="run", choices=["run", "serve", "client"])
    parser.add_argument("--markets", type=int, default=100, help="two tokens each")
    parser.add_argument("--frames", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=10_000, help="frames a second of the paced part")
    parser.add_argument("--port", type=int)
    parser.add_argument("--kind", choices=["official", "iteration", "callback"])
    arguments = parser.parse_args()
    if arguments.role == "serve":
        return serve(arguments)
    if arguments.role == "client":
        return client(arguments)
    flat = run(arguments, 0, arguments.rounds)
    frames = arguments.frames
    print(f"flat out, {frames:,} frames, {2 * arguments.markets} tokens, {arguments.rounds} rounds: CPU us a frame")
    medians = {}
    for kind, rows in flat.items():
        each = [row["cpu_s"] / frames * 1e6 for row in rows]
        medians[kind] = statistics.median(each)
        rest = {name: rows[-1][name] for name in ("events", "dropped", "undecoded", "wrong") if name in rows[-1]}
        print(f"  {kind:9} {medians[kind]:6.2f}  ({' '.join(f'{one:.2f}' for one in each)})  {rest}")
    ratios = {kind: medians["official"] / medians[kind] for kind in ("iteration", "callback")}
    said = ", ".join(f"{ratio:.2f} times the {kind}'s" for kind, ratio in ratios.items())
    print(f"  the official client takes {said}")
    paced = run(arguments, arguments.rate, 1)
    print(f"paced at {arguments.rate:,} frames a second: from send to subscriber")
    for kind, rows in paced.items():
        row = rows[-1]
        late = ", ".join(f"{name} {row[name]:.3f}" for name, _ in PARTS)
        print(f"  {kind:9} {late}; CPU {row['cpu_s'] / frames * 1e6:.2f} us a frame")
    return None


if __name__ == "__main__":
    main()
