"""One market's resting orders: two sides in terms of its first token, price before time.

Levels are kept by *rank*, as in `model.levels`: the nearer to the other side the higher. A BUY has its price for a
rank, a SELL one less its price, whichever token it names; two orders meet where their ranks add up to one or more.
"""

from array import array
from bisect import bisect_left
from typing import Final

from polywire.core.matching.accounts import Account
from polywire.core.matching.orders import LevelMoved, MarketTerms, OpenOrder, Order
from polywire.model.levels import Levels
from polywire.model.units import PRICE_ONE, BookSide, TokenId


class Resting:
    """An order that waits in a queue.

    Attributes:
        filled: Shares it has had since it rests; what it took before is not in it.
        claim: What it promises: collateral of a BUY, shares of a SELL.
    """

    __slots__ = ("account", "claim", "filled", "left", "number", "order", "placed_ms", "pool", "rank", "side")

    def __init__(
        self,
        order: Order,
        account: Account,
        pool: "Pool",
        side: "Side",
        rank: int,
        left: int,
        placed_ms: int,
        number: int,
    ) -> None:
        self.order, self.account, self.pool, self.side, self.rank = order, account, pool, side, rank
        self.left, self.placed_ms, self.number = left, placed_ms, number
        self.filled = self.claim = 0

    def view(self) -> OpenOrder:
        """Return it as it stands now."""
        matched, condition = self.order.size - self.left, self.pool.terms.condition
        return OpenOrder(self.order, condition, self.left, matched, self.placed_ms, self.number, self.filled)


class Level:
    """The queue at one price: `orders` by id, first come first, and the shares they want together."""

    __slots__ = ("orders", "size")

    def __init__(self) -> None:
        self.size = 0
        self.orders: dict[str, Resting] = {}


class Side:
    """One side of a pool.

    Attributes:
        name: `bid` or `ask`, in terms of the first token.
        ranks: Of every level, ascending: the best is the last.
        levels: By rank; none is empty.
    """

    __slots__ = ("levels", "name", "ranks")

    def __init__(self, name: BookSide) -> None:
        self.name: Final = name
        self.ranks: list[int] = []
        self.levels: dict[int, Level] = {}

    def add(self, resting: Resting) -> LevelMoved:
        """Put an order at the end of its level's queue."""
        rank = resting.rank
        level = self.levels.get(rank)
        if level is None:
            level = self.levels[rank] = Level()
            self.ranks.insert(bisect_left(self.ranks, rank), rank)
        level.orders[resting.order.id] = resting
        level.size += resting.left
        return self.moved(rank)

    def drop(self, resting: Resting) -> None:
        """Take an order, and what is left of it, out of its queue."""
        rank = resting.rank
        level = self.levels[rank]
        del level.orders[resting.order.id]
        level.size -= resting.left
        if not level.orders:
            del self.levels[rank]
            if self.ranks[-1] == rank:
                self.ranks.pop()
            else:
                del self.ranks[bisect_left(self.ranks, rank)]

    def moved(self, rank: int) -> LevelMoved:
        """Return a level as it stands now, as the fact that it moved."""
        level = self.levels.get(rank)
        return LevelMoved(self.name, self.price(rank), 0 if level is None else level.size)

    def price(self, rank: int) -> int:
        """Return the price of a rank in terms of the first token, 1e-4 USDC."""
        return rank if self.name == "bid" else PRICE_ONE - rank

    def packed(self) -> Levels:
        """Return every level with its size, best last."""
        sizes = array("q", [self.levels[rank].size for rank in self.ranks])
        return Levels(self.name, array("H", self.ranks), sizes)


class Pool:
    """One market.

    Attributes:
        terms: Its rules now; the tick may change.
        pairs: Pairs of one share each outcome that exist, 1e-6: the collateral locked in the market.
        winner: The outcome that won; None: it is open.
    """

    __slots__ = ("asks", "bids", "pairs", "terms", "winner")

    def __init__(self, terms: MarketTerms) -> None:
        self.terms = terms
        self.bids, self.asks = Side("bid"), Side("ask")
        self.pairs = 0
        self.winner: TokenId | None = None

    def sides(self, token: TokenId, *, buying: bool) -> tuple[Side, Side]:
        """Return the side an order rests on, and the side it takes from."""
        return (self.bids, self.asks) if (token == self.terms.tokens[0]) is buying else (self.asks, self.bids)

    def resting(self) -> list[Resting]:
        """Return every order that waits: bids, then asks, best level first, first come first."""
        levels = [side.levels[rank] for side in (self.bids, self.asks) for rank in reversed(side.ranks)]
        return [resting for level in levels for resting in level.orders.values()]
