"""One side of a book as packed numbers: what a snapshot carries and what a book is made of."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from polywire.model.units import PRICE_ONE, BookSide


class Level(NamedTuple):
    """`size` shares (1e-6) rest at `price` (1e-4 USDC)."""

    price: int
    size: int


class Levels(Sequence[Level]):
    """The levels of one side, worst first and best last (the venue's own order), never changed after creation.

    Levels are stored by *rank*: how near a price is to the other side. The rank of a bid is its price, of an
    ask `PRICE_ONE - price`, so on both sides ranks ascend and the best level is the last one.

    Args:
        side: `bid` or `ask`.
        ranks: Strictly ascending, typecode `H`. Taken as it is, not copied.
        sizes: Of the same length, typecode `q`, 1e-6 shares, > 0. Taken as it is, not copied.

    >>> asks = Levels.of("ask", [(9_900, 5_000_000), (3_400, 7_000_000)])
    >>> asks[-1], len(asks), asks.best
    (Level(price=3400, size=7000000), 2, 3400)
    """

    __slots__ = ("ranks", "side", "sizes")

    def __init__(self, side: BookSide, ranks: "array[int]", sizes: "array[int]") -> None:
        self.side, self.ranks, self.sizes = side, ranks, sizes

    @classmethod
    def of(cls, side: BookSide, levels: Iterable[tuple[int, int]]) -> "Levels":
        """Return the packed form of (price, size) pairs in any order; of a price given twice, the last counts."""
        by_rank = {price if side == "bid" else PRICE_ONE - price: size for price, size in levels}
        ranks = sorted(rank for rank, size in by_rank.items() if size)
        return cls(side, array("H", ranks), array("q", [by_rank[rank] for rank in ranks]))

    @property
    def best(self) -> int:
        """The best price, in 1e-4 USDC; of an empty side 0 (bid) or 10,000 (ask), as the venue states it."""
        rank = self.ranks[-1] if self.ranks else 0
        return rank if self.side == "bid" else PRICE_ONE - rank

    @overload
    def __getitem__(self, index: int) -> Level: ...
    @overload
    def __getitem__(self, index: slice) -> "Levels": ...
    def __getitem__(self, index: int | slice) -> "Level | Levels":
        if isinstance(index, slice):
            if index.step is not None and index.step < 0:
                raise ValueError("levels stand best last; use reversed() to walk from the best")
            return Levels(self.side, self.ranks[index], self.sizes[index])
        rank = self.ranks[index]
        return Level(rank if self.side == "bid" else PRICE_ONE - rank, self.sizes[index])

    def __len__(self) -> int:
        return len(self.ranks)

    def __iter__(self) -> Iterator[Level]:
        if self.side == "bid":
            return map(Level, self.ranks, self.sizes)
        return (Level(PRICE_ONE - rank, size) for rank, size in zip(self.ranks, self.sizes, strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Levels):
            return NotImplemented
        return self.side == other.side and self.ranks == other.ranks and self.sizes == other.sizes

    def __hash__(self) -> int:
        return hash((self.side, self.ranks.tobytes(), self.sizes.tobytes()))

    def __repr__(self) -> str:
        return f"Levels({self.side!r}, {len(self)} levels, best {self.best})"
