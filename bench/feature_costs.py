"""What each feature of the feed's path costs: the path grown step by step, from bare JSON to all of it.

    python bench/feature_costs.py [--frames N] [--markets N]

CPU time of this thread per frame, medians over interleaved rounds: quote differences and ratios, not the
microseconds. The frames come from the project's own rehearsal.
"""

import argparse
import gc
import statistics
import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import islice

import msgspec

from polywire.core.book import Book
from polywire.core.books import Books
from polywire.exchange.rehearsal import Rehearsal
from polywire.model.events import Event
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.units import PRICE_ONE, TokenId
from polywire.wire.market import MarketDecoder
from polywire.wire.market_frames import Frame
from polywire.wire.sink import OtherEvent

Feed = Callable[[bytes], object]
ROUND = 2_000


class Deaf:
    """A sink that does nothing: decoding to exact events alone."""

    def book(self, event: BookReplaced) -> None: ...
    def levels(self, events: list[LevelChanged]) -> None: ...
    def event(self, event: OtherEvent) -> None: ...
    def lost(self, tokens: tuple[TokenId, ...] | None, reason: str, seen_ns: int) -> None: ...


class BareBook(Book):
    """A book that applies changes and neither checks best prices nor notes times."""

    __slots__ = ()

    def change(self, event: LevelChanged) -> bool:
        if event.side == "bid":
            ranks, sizes, rank = self._bid_ranks, self._bid_sizes, event.price
        else:
            ranks, sizes, rank = self._ask_ranks, self._ask_sizes, PRICE_ONE - event.price
        size = event.size
        at = bisect_right(ranks, rank)
        if at and ranks[at - 1] == rank:
            if size:
                sizes[at - 1] = size
            else:
                del ranks[at - 1], sizes[at - 1]
        elif size:
            ranks.insert(at, rank)
            sizes.insert(at, size)
        return True


class BareBooks(Books):
    """Books of that kind."""

    def follow(self, token: TokenId) -> Book:
        return self._books.setdefault(token, BareBook(token))


def count(_: Event) -> None:
    """Be a reader."""


def over(books: Books, tokens: list[TokenId], *, read: bool) -> Callable[[bytes, int], object]:
    for token in tokens:
        books.follow(token)
        if read:
            books.read(token, count)
    return MarketDecoder(books).feed


def steps(tokens: list[TokenId]) -> dict[str, Feed]:
    """Return the path at each step of its growth."""
    parsed = msgspec.json.Decoder(Frame | list[Frame], strict=False).decode
    decoded = MarketDecoder(Deaf()).feed
    bare, checked, read = (
        over(BareBooks(), tokens, read=False),
        over(Books(), tokens, read=False),
        over(Books(), tokens, read=True),
    )
    whole, now = over(Books(), tokens, read=True), time.time_ns
    return {
        "parse: JSON to typed frames, every field known": parsed,
        "+ exact ints, frozen events, counts by kind": lambda frame: decoded(frame, 1),
        "+ books of all levels": lambda frame: bare(frame, 1),
        "+ best-price check, times, statistics of the book": lambda frame: checked(frame, 1),
        "+ one reader a token, isolated": lambda frame: read(frame, 1),
        "+ our clock's stamp: everything": lambda frame: whole(frame, now()),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--frames", type=int, default=40_000)
    options.add_argument("--markets", type=int, default=100)
    asked = options.parse_args()
    rehearsal = Rehearsal(seed=7, markets=asked.markets, rate=1_000.0)
    frames = [frame for _, frame in islice(rehearsal.frames(), asked.frames)]
    grown = steps([TokenId(token) for token in rehearsal.tokens])
    names = list(grown)
    costs: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
    for number, start in enumerate(range(0, len(frames), ROUND)):
        part = frames[start : start + ROUND]
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            feed = grown[name]
            began = time.thread_time_ns()
            for frame in part:
                feed(frame)
            costs[name].append((time.thread_time_ns() - began) / len(part) / 1_000)
    medians = [statistics.median(costs[name]) for name in names]
    mean = sum(map(len, frames)) / len(frames)
    print(f"{len(rehearsal.tokens)} tokens, {len(frames):,} frames of {mean:.0f} bytes on the average")
    print("| step | us/frame so far | this step |\n|---|---|---|")
    for name, cost, before in zip(names, medians, [0.0, *medians], strict=False):
        print(f"| {name} | {cost:.2f} | {cost - before:+.2f} |")


if __name__ == "__main__":
    main()
