"""Market events with what a test does not care about filled in. Prices in 1e-4 USDC, sizes in 1e-6 shares."""

from collections.abc import Iterable
from typing import Final

from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.units import BookSide, ConditionId, TokenId

TOKEN: Final = TokenId("7")
OTHER: Final = TokenId("8")
CONDITION: Final = ConditionId("0x1")

Pairs = Iterable[tuple[int, int]]


def snapshot(
    bids: Pairs = (),
    asks: Pairs = (),
    *,
    token: TokenId = TOKEN,
    tick: int | None = None,
    venue_ms: int = 1,
    seen_ns: int = 1_000,
) -> BookReplaced:
    """Return a snapshot."""
    sides = Levels.of("bid", bids), Levels.of("ask", asks)
    return BookReplaced(token, CONDITION, *sides, tick, None, "", venue_ms, seen_ns)


def change(
    side: BookSide,
    price: int,
    size: int,
    bests: tuple[int | None, int | None] = (None, None),
    *,
    token: TokenId = TOKEN,
    venue_ms: int = 2,
    seen_ns: int = 2_000,
) -> LevelChanged:
    """Return a level change; `bests` are the best bid and ask it states."""
    return LevelChanged(token, CONDITION, side, price, size, *bests, "", venue_ms, seen_ns)
