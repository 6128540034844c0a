"""A market channel over real sockets that plays a rehearsal at a steady rate, to each socket with a lag of its own."""

import asyncio
import random
from collections import deque
from itertools import islice
from typing import Any, Final

import msgspec

from loopback import PING, PONG, TEXT, Peer, frame
from polywire.core.books import Books
from polywire.exchange.rehearsal import Rehearsal
from polywire.model.events import Event
from polywire.model.units import TokenId, price_text, size_text
from polywire.wire.market import MarketDecoder
from polywire.wire.requests import read_market_request
from polywire.wire.tally import Tally

TICK_S: Final = 0.005
LONGEST_LAG_TICKS: Final = 8
"""A socket is never further behind, however slow the machine is."""


class LaggingVenue:
    """The venue. Its own books are the truth, and what they were told the ledger.

    Args:
        seed: Of what happens and of the lags.
        frames_a_second: How fast the rehearsal is played.

    Attributes:
        told: Every event there was since `play` began.
        books: As they are now.
        tokens: All there are.
        played: Frames so far.
        tick: Ticks so far.
    """

    def __init__(self, seed: int, frames_a_second: float) -> None:
        rehearsal = Rehearsal(seed, markets=5, rate=frames_a_second)
        self._frames = rehearsal.frames()
        self._a_tick = frames_a_second * TICK_S
        self.tokens = [TokenId(token) for token in rehearsal.tokens]
        self.books, self.told, self.played = Books(follow_all=True), list[Event](), 0
        self._decode = MarketDecoder(self.books, Tally()).feed
        self._rng = random.Random(seed)
        self._waiting: dict[str, deque[tuple[int, bytes]]] = {}
        self._peers: dict[str, Peer] = {}
        self.tick = 0
        for message in islice(self._frames, len(self.tokens) // 2 + 1):  # the announcements, and the first books
            self._decode(message[1], 1)
        self.books.read_all(self.told.append)

    async def attend(self, peer: Peer) -> None:
        """Serve one connection until it ends."""
        await peer.hear_request()
        peer.accept()
        host, port = peer.writer.get_extra_info("peername")[:2]
        address = f"{host}:{port}"
        try:
            while True:
                kind, text = await peer.read()
                if kind == PING:
                    peer.write(frame(PONG, text))
                elif kind != TEXT:
                    return
                elif text == b"PING":
                    peer.write(frame(TEXT, b"PONG"))
                else:
                    wanted = read_market_request(text).tokens
                    self._waiting.setdefault(address, deque()).append((self.tick, self._snapshots(wanted)))
                    self._peers[address] = peer
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._peers.pop(address, None)
            self._waiting.pop(address, None)

    async def play(self, frames: int) -> None:
        """Play so many frames at the rate, then let every socket have all of it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        due = 0.0
        while self.played < frames:
            due += self._a_tick
            for _, message in islice(self._frames, min(round(due) - self.played, frames - self.played)):
                self.played += 1
                self._decode(message, 1)
                for waiting in self._waiting.values():
                    waiting.append((self.tick + self._rng.randrange(LONGEST_LAG_TICKS), message))
            self._flush()
            self.tick += 1
            await asyncio.sleep(max(0.0, began + self.tick * TICK_S - loop.time()))
        for _ in range(2 * LONGEST_LAG_TICKS):
            self._flush()
            self.tick += 1
            await asyncio.sleep(TICK_S)

    def kill(self, address: str) -> None:
        """End a connection as a crash does; what it was still to be sent is lost to it."""
        self._waiting.pop(address, None)
        self._peers.pop(address).reset()

    def _flush(self) -> None:
        """Send what is due: in order, so that one late frame holds up what is behind it."""
        for address, waiting in self._waiting.items():
            due = []
            while waiting and waiting[0][0] <= self.tick:
                due.append(frame(TEXT, waiting.popleft()[1]))
            if due:
                self._peers[address].write(*due)

    def _snapshots(self, tokens: tuple[str, ...]) -> bytes:
        return msgspec.json.encode([self._snapshot(TokenId(token)) for token in tokens])

    def _snapshot(self, token: TokenId) -> dict[str, Any]:
        book = self.books[token]
        bids, asks = ([{"price": price_text(p), "size": size_text(s)} for p, s in side] for side in book.bare_levels())
        return {
            "market": book.condition,
            "asset_id": token,
            "timestamp": str(book.heard_ms),
            "hash": book.heard_digest,
            "bids": bids,
            "asks": asks,
            "tick_size": price_text(book.tick or 100),
            "event_type": "book",
            "last_trade_price": "",
        }
