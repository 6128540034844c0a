"""How like a real market the exchange's life is: spreads, levels, sizes, rates and bursts, beside recordings' own.

    python bench/life_figures.py [--minutes N] [--seed N] [--rate X] [RECORDING ...]

A recording is JSON lines, plain or zstd: market channel frames, bare or under `raw` or `message`, or full books.
Figures are the 10th, 50th, 90th and 99th percentile. Fano: variance by mean of the messages in each 100 ms, 1 where
they come independently of one another.
"""

import argparse
import io
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zstandard

from polywire.core.matching.engine import Engine
from polywire.exchange.catalogue import Catalogue
from polywire.exchange.clock import VenueClock
from polywire.exchange.happenings import BookMoved, Happening
from polywire.exchange.life.life import Life
from polywire.exchange.venue import Venue
from polywire.model.units import NO_ASK, NO_BID, PRICE_ONE, SIZE_ONE

START_MS = 1_790_000_000_000
EVERY = 50  # books of ours are looked at after so many changes


class Figures:
    """What is counted."""

    def __init__(self) -> None:
        self.spreads: list[float] = []
        self.levels: list[int] = []
        self.level_sizes: list[float] = []
        self.trade_sizes: list[float] = []
        self.times: list[int] = []
        self.markets: set[str] = set()

    def book(self, bids: Sequence[tuple[float, float]], asks: Sequence[tuple[float, float]]) -> None:
        self.levels.append(len(bids) + len(asks))
        self.level_sizes += [size for _, size in (*bids, *asks)]
        if bids and asks:
            self.spreads.append(min(price for price, _ in asks) - max(price for price, _ in bids))

    def show(self, name: str) -> None:
        print(name)
        print(f"  spread, USDC              {quantiles(self.spreads)}")
        print(f"  levels a book             {quantiles(self.levels)}")
        print(f"  shares a level            {quantiles(self.level_sizes)}")
        print(f"  shares a trade            {quantiles(self.trade_sizes)}")
        if self.times:
            span_s = (max(self.times) - min(self.times)) / 1_000 or 1.0
            rate = len(self.times) / span_s
            counts = Counter(at // 100 for at in self.times)
            each = [counts.get(at, 0) for at in range(min(counts), max(counts) + 1)]
            fano = statistics.pvariance(each) / statistics.fmean(each)
            seconds = Counter(at // 1_000 for at in self.times)
            many = max(1, len(self.markets))
            print(f"  messages a second         {rate:.1f} over {many} markets, {rate / many:.1f} a market")
            print(f"  busiest second, Fano      {max(seconds.values())}, {fano:.1f}")
            print(f"  trades in 100 messages    {100 * len(self.trade_sizes) / len(self.times):.1f}")


def quantiles(values: Sequence[float]) -> str:
    if not values:
        return "-"
    ordered = sorted(values)
    return "  ".join(f"{ordered[min(len(ordered) - 1, int(part * len(ordered)))]:g}" for part in (0.1, 0.5, 0.9, 0.99))


def ours(minutes: float, seed: int, rate: float) -> dict[str, Figures]:
    """Return figures by kind of event, and what a command costs."""
    venue = Venue(Engine(), Catalogue(), VenueClock(time.monotonic, start_ms=START_MS))
    life = Life(seed, venue, START_MS, rate=rate)
    kinds: dict[str, Figures] = {}
    moves = 0

    def look(happenings: tuple[Happening, ...]) -> None:
        nonlocal moves
        for moved in happenings:
            if not isinstance(moved, BookMoved):
                continue
            moves += 1
            market = venue.catalogue.markets[moved.condition]
            kind = venue.catalogue.events[market.event_id].tags[0]
            for figures in (kinds.setdefault(kind, Figures()), kinds.setdefault("all", Figures())):
                figures.markets.add(market.slug)
                figures.times += [moved.venue_ms] * max(1, len(moved.levels))
                figures.trade_sizes += [trade.size / SIZE_ONE for trade in moved.trades]
                if moves % EVERY == 0 and venue.engine.best(moved.condition) != (NO_BID, NO_ASK):
                    bids, asks = venue.engine.levels(moved.condition)
                    figures.book(
                        [(level.price / PRICE_ONE, level.size / SIZE_ONE) for level in bids],
                        [(level.price / PRICE_ONE, level.size / SIZE_ONE) for level in asks],
                    )

    life.act(START_MS)
    venue.observe(look)
    life.act(START_MS + int(minutes * 60_000))
    bare_venue = Venue(Engine(), Catalogue(), VenueClock(time.monotonic, start_ms=START_MS))
    bare = Life(seed, bare_venue, START_MS, rate=rate)
    bare.act(START_MS)
    began = time.process_time()
    bare.act(START_MS + int(minutes * 60_000))
    spent = time.process_time() - began
    print(f"{moves:,} changes of books in {minutes:g} venue minutes: {spent / moves * 1e6:.1f} us of CPU each\n")
    return kinds


def messages(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the messages and books of a recording."""
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw) if path.suffix == ".zst" else raw
        for line in io.TextIOWrapper(stream, "utf-8"):
            item = json.loads(line)
            if isinstance(item, dict):
                item = item.get("raw", item.get("message", item))
            if isinstance(item, str):
                item = json.loads(item) if item[:1] in {"{", "["} else []
            yield from (each for each in (item if isinstance(item, list) else [item]) if isinstance(each, dict))


def recorded(path: Path) -> Figures:
    figures = Figures()
    for message in messages(path):
        kind = message.get("event_type", "book" if "bids" in message else "")
        if kind not in {"book", "price_change", "last_trade_price"}:
            continue
        figures.markets.add(str(message.get("market", message.get("series", ""))))
        if "timestamp" in message:
            figures.times.append(int(message["timestamp"]))
        if kind == "book":
            sides = ([(float(at["price"]), float(at["size"])) for at in message[side]] for side in ("bids", "asks"))
            figures.book(*sides)
        elif kind == "last_trade_price":
            figures.trade_sizes.append(float(message["size"]))
        else:
            change = message["price_changes"][0]
            if change.get("best_bid") and change.get("best_ask"):
                figures.spreads.append(round(float(change["best_ask"]) - float(change["best_bid"]), 6))
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("recordings", nargs="*", type=Path)
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--rate", type=float, default=1.0)
    asked = options.parse_args()
    for kind, figures in ours(asked.minutes, asked.seed, asked.rate).items():
        figures.show(f"ours, {kind}")
    for path in asked.recordings:
        recorded(path).show(path.name)


if __name__ == "__main__":
    main()
