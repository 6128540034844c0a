"""How much memory books take: 100,000 books of 150 levels, as unique set size (what the process alone holds).

    python bench/memory.py [--books N] [--levels N]

Linux only: reads /proc/self/smaps_rollup.
"""

import argparse
import gc
import random
from pathlib import Path

from polywire.core.books import Books
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced
from polywire.model.units import SIZE_ONE, ConditionId, TokenId

PROMISE_GIB = 0.5


def unique_bytes() -> int:
    """Return the private memory of this process, in bytes."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1_024 * sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--books", type=int, default=100_000)
    options.add_argument("--levels", type=int, default=150)
    asked = options.parse_args()
    rng = random.Random(7)
    books = Books(follow_all=True)
    gc.collect()
    before = unique_bytes()
    half = asked.levels // 2
    for _ in range(asked.books):
        middle = rng.randrange(2_000, 8_000) // 10 * 10
        sides = [
            [(middle + way * step * 10, rng.randrange(5, 10**6) * SIZE_ONE) for step in range(1, half + 1)]
            for way in (-1, 1)
        ]
        token = TokenId(str(rng.randrange(10**76, 10**77)))
        bids, asks = Levels.of("bid", sides[0]), Levels.of("ask", sides[1])
        books.book(BookReplaced(token, ConditionId("0x1"), bids, asks, 10, None, "", 1, 1))
    gc.collect()
    held = unique_bytes() - before
    levels = sum(len(book.bids) + len(book.asks) for book in books.values())
    gib = held / 2**30
    print(f"{len(books):,} books, {levels:,} levels: {gib:.3f} GiB, {held / len(books) / 1_024:.2f} KiB a book")
    print(f"promise: under {PROMISE_GIB} GiB: {'held' if gib < PROMISE_GIB else 'MISSED'}")


if __name__ == "__main__":
    main()
