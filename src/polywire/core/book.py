"""One token's order book: packed, exact, and silent while it may be wrong."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Final

from polywire.errors import BookNotCurrent, Misuse, NotEnoughShares
from polywire.model.events import Event
from polywire.model.health import ANSWERING, Freshness
from polywire.model.levels import Levels
from polywire.model.market import BookReplaced, LevelChanged
from polywire.model.units import NO_ASK, NO_BID, PRICE_ONE, BookSide, ConditionId, TokenId

Reader = Callable[[Event], None]
"""Called with each event of a token, in order, inside the socket's own callback: it must be quick."""

_PRICES: Final = tuple(range(PRICE_ONE + 1))
# Best prices are kept as these very objects: an int of its own for each book would be one more cache miss a change.


class Book:
    """The book of one token, as far as it is known.

    Writers (`replace`, `change`, `settle`, `doubt`) are the feed's. Readers (`best_bid`, `depth`, …) are
    everybody's, and raise `BookNotCurrent` while the book may be wrong. Sides are packed arrays of ranks
    (see `Levels`), best last: 1.5 KiB for 150 levels.

    Attributes:
        token: Whose book.
        freshness: How far it can be believed.
        reason: Why it is so, one sentence.
        tick: The price grid in 1e-4 USDC; None until the venue says. A change of it keeps all levels (every
            price fits 1e-4) and proves nothing about them.
        verified_ns: Our clock (Unix ns) when the whole book was last proven: by a snapshot, an equal hash or
            equal REST levels. An agreeing best price never moves it. 0: never.
        ended: Whether the market is resolved: nothing will move the book any more.
        condition: Of its market; "" until a snapshot says.
        heard_digest, heard_ms, heard_ns: Of the last message that moved the book, the venue's hash, its time and ours;
            "" and 0: there was none. Not the message itself: kept for each of 100,000 books, it costs the cache.
        disproven_ns: Our clock, when the latest change came after which its hash was not the venue's; 0: none since
            the last proof. Whatever proves the book next, changes of it were lost before.
        readers: Who is handed this token's events. They stand here so that one look-up finds book and readers.
    """

    __slots__ = (
        "_ask",
        "_ask_ranks",
        "_ask_sizes",
        "_bid",
        "_bid_ranks",
        "_bid_sizes",
        "condition",
        "disproven_ns",
        "ended",
        "freshness",
        "heard_digest",
        "heard_ms",
        "heard_ns",
        "readers",
        "reason",
        "tick",
        "token",
        "verified_ns",
    )

    def __init__(self, token: TokenId) -> None:
        self.token = token
        self.readers: tuple[Reader, ...] = ()
        self.freshness = Freshness.COLD
        self.reason = "no snapshot yet"
        self.tick: int | None = None
        self.verified_ns = 0
        self.condition = ConditionId("")
        self.heard_digest = ""
        self.heard_ms = self.heard_ns = 0
        self.ended = False
        self.disproven_ns = 0
        self._bid, self._ask = NO_BID, NO_ASK
        self._bid_ranks, self._ask_ranks = array("H"), array("H")
        self._bid_sizes, self._ask_sizes = array("q"), array("q")

    # ------------------------------------------------------------ writing

    def replace(self, event: BookReplaced) -> bool:
        """Take a snapshot as the whole truth; return whether the book had been equal to it.

        A snapshot is evidence for the whole book: `verified_ns` moves to its `seen_ns` and the book is current.
        """
        bids, asks = event.bids, event.asks
        equal = (
            self._bid_ranks == bids.ranks
            and self._ask_ranks == asks.ranks
            and self._bid_sizes == bids.sizes
            and self._ask_sizes == asks.sizes
        )
        if not equal:  # copies: an event keeps the snapshot's own arrays
            self._bid_ranks, self._bid_sizes = bids.ranks[:], bids.sizes[:]
            self._ask_ranks, self._ask_sizes = asks.ranks[:], asks.sizes[:]
            self._bid, self._ask = _PRICES[bids.best], _PRICES[asks.best]
        self.verified_ns = event.seen_ns
        self.disproven_ns = 0
        self.condition = event.condition
        self.heard_digest, self.heard_ms, self.heard_ns = event.digest, event.venue_ms, event.seen_ns
        if event.tick is not None:
            self.tick = event.tick
        self.freshness, self.reason = Freshness.CURRENT, "snapshot"
        return equal

    def change(self, event: LevelChanged) -> bool:
        """Apply one level change; return whether both bests are now what the venue states.

        If not, call `settle`: it tells a stale level from a lost change, and knows an unstated best.
        """
        # Both sides are spelled out, and the bests are kept: the other side's arrays are not touched at all.
        self.heard_digest, self.heard_ms, self.heard_ns = event.digest, event.venue_ms, event.seen_ns
        size = event.size
        if event.side == "bid":
            rank, ranks = event.price, self._bid_ranks
            at = bisect_right(ranks, rank)
            if not at or ranks[at - 1] != rank:
                if size:
                    ranks.insert(at, rank)
                    self._bid_sizes.insert(at, size)
                    self._bid = _PRICES[ranks[-1]]
            elif size:
                self._bid_sizes[at - 1] = size
            else:
                del ranks[at - 1], self._bid_sizes[at - 1]
                self._bid = _PRICES[ranks[-1]] if ranks else NO_BID
        else:
            rank, ranks = PRICE_ONE - event.price, self._ask_ranks
            at = bisect_right(ranks, rank)
            if not at or ranks[at - 1] != rank:
                if size:
                    ranks.insert(at, rank)
                    self._ask_sizes.insert(at, size)
                    self._ask = _PRICES[PRICE_ONE - ranks[-1]]
            elif size:
                self._ask_sizes[at - 1] = size
            else:
                del ranks[at - 1], self._ask_sizes[at - 1]
                self._ask = _PRICES[PRICE_ONE - ranks[-1]] if ranks else NO_ASK
        return self._bid == event.best_bid and self._ask == event.best_ask

    def lacks(self, event: BookReplaced) -> int:
        """Return in how many levels a snapshot differs beyond what trades explain: a change was lost, and heals now.

        Trades take levels from the best on, and the venue may leave that to its next snapshot, with what a taker leaves
        there; so only levels worse than the snapshot's best are compared, and at the best, whether one has grown.
        """
        differing = 0
        for ranks, sizes, stated in (
            (self._bid_ranks, self._bid_sizes, event.bids),
            (self._ask_ranks, self._ask_sizes, event.asks),
        ):
            if stated.ranks:
                until = bisect_left(ranks, stated.ranks[-1])
                ours, theirs = (ranks[:until], sizes[:until]), (stated.ranks[:-1], stated.sizes[:-1])
                if ours != theirs:
                    differing += len(set(zip(*ours, strict=True)) ^ set(zip(*theirs, strict=True)))
                known = until < len(ranks) and ranks[until] == stated.ranks[-1]
                differing += known and stated.sizes[-1] > sizes[until]
        return differing

    def settle(self, best_bid: int | None, best_ask: int | None) -> tuple[int, bool]:
        """Remove levels better than the best prices the venue states, and tell what remains to doubt.

        Such levels were taken by trades whose changes the venue leaves to its next snapshot (docs/protocol.md,
        "Keeping a book"); a stated best that is missing here means a change was lost.

        Returns:
            How many levels were removed, and whether a stated best is missing.
        """
        pruned = 0
        for stated, ranks, sizes in (
            (best_bid, self._bid_ranks, self._bid_sizes),
            (None if best_ask is None else PRICE_ONE - best_ask, self._ask_ranks, self._ask_sizes),
        ):
            while stated is not None and ranks and ranks[-1] > stated:
                ranks.pop()
                sizes.pop()
                pruned += 1
        self._bid = self._bid_ranks[-1] if self._bid_ranks else NO_BID
        self._ask = PRICE_ONE - self._ask_ranks[-1] if self._ask_ranks else NO_ASK
        return pruned, best_bid not in {None, self._bid} or best_ask not in {None, self._ask}

    def doubt(self, freshness: Freshness, reason: str) -> None:
        """Stop answering: the book may be wrong. `verified_ns` stays, it is where a gap begins."""
        self.freshness, self.reason = freshness, reason

    # ------------------------------------------------------------ reading

    def answer(self, now_ns: int | None = None, max_age_s: float | None = None) -> "Book":
        """Return this book if it can be believed.

        Args:
            now_ns: Our clock; needed with `max_age_s`.
            max_age_s: How long ago, at most, the whole book may have been proven.

        Raises:
            BookNotCurrent: It cannot be believed, or was proven too long ago.
            Misuse: `max_age_s` without `now_ns`.
        """
        if max_age_s is not None and now_ns is None:
            raise Misuse(f"max_age_s={max_age_s:g} needs now_ns: a book reads no clock")
        age_s = None if now_ns is None or not self.verified_ns else (now_ns - self.verified_ns) / 1e9
        if self.freshness not in ANSWERING:
            raise BookNotCurrent(self.token, self.freshness, self.reason, age_s=age_s, max_age_s=max_age_s)
        if max_age_s is not None and (age_s is None or age_s > max_age_s):
            reason = "too long ago for the caller"
            raise BookNotCurrent(self.token, self.freshness, reason, age_s=age_s, max_age_s=max_age_s)
        return self

    @property
    def bids(self) -> Levels:
        """The bids, best last, as a copy that stays as it is.

        Raises:
            BookNotCurrent: The book may be wrong.
        """
        self.answer()
        return Levels("bid", self._bid_ranks[:], self._bid_sizes[:])

    @property
    def asks(self) -> Levels:
        """The asks, best last, as a copy that stays as it is.

        Raises:
            BookNotCurrent: The book may be wrong.
        """
        self.answer()
        return Levels("ask", self._ask_ranks[:], self._ask_sizes[:])

    @property
    def best_bid(self) -> int:
        """The best bid in 1e-4 USDC; 0: there is none.

        Raises:
            BookNotCurrent: The book may be wrong.
        """
        self.answer()
        return self._bid

    @property
    def best_ask(self) -> int:
        """The best ask in 1e-4 USDC; 10,000: there is none.

        Raises:
            BookNotCurrent: The book may be wrong.
        """
        self.answer()
        return self._ask

    @property
    def spread(self) -> int | None:
        """Best ask less best bid, 1e-4 USDC; None where a side is empty; not positive in a crossed book.

        Raises:
            BookNotCurrent: The book may be wrong.
        """
        self.answer()
        return self._ask - self._bid if self._bid_ranks and self._ask_ranks else None

    @property
    def doubled_mid(self) -> int | None:
        """Best bid plus best ask: twice the mid price, so that it stays exact; None where a side is empty.

        Raises:
            BookNotCurrent: The book may be wrong.
        """
        self.answer()
        return self._ask + self._bid if self._bid_ranks and self._ask_ranks else None

    @property
    def microprice(self) -> float | None:
        """The mid weighted by the opposite best sizes, in 1e-4 USDC: where the next trade pulls the price.

        (bid x ask size + ask x bid size) / (bid size + ask size); None where a side is empty. An indicator,
        not money: it is a float.

        Raises:
            BookNotCurrent: The book may be wrong.

        Source: Stoikov, "The micro-price", 2018, its first approximation (the weighted mid).
        """
        self.answer()
        if not (self._bid_ranks and self._ask_ranks):
            return None
        bid_size, ask_size = self._bid_sizes[-1], self._ask_sizes[-1]
        return (self._bid * ask_size + self._ask * bid_size) / (bid_size + ask_size)

    def depth(self, side: BookSide, within: int | None = None) -> int:
        """Return the shares (1e-6) resting on a side, all or no further than `within` (1e-4 USDC) from its best.

        Raises:
            BookNotCurrent: The book may be wrong.
        """
        self.answer()
        ranks, sizes = self._side(side)
        if within is None or not ranks:
            return sum(sizes)
        return sum(sizes[bisect_left(ranks, ranks[-1] - within) :])

    def size_at(self, side: BookSide, price: int) -> int:
        """Return the shares (1e-6) resting at a price, 0 where none do.

        Raises:
            BookNotCurrent: The book may be wrong.
        """
        self.answer()
        ranks, sizes = self._side(side)
        rank = price if side == "bid" else PRICE_ONE - price
        at = bisect_left(ranks, rank)
        return sizes[at] if at < len(ranks) and ranks[at] == rank else 0

    def cost_to_fill(self, side: BookSide, shares: int) -> int:
        """Return what taking `shares` from a side moves, in 1e-10 USDC, exact and before fees.

        Args:
            side: `ask`: what buying costs. `bid`: what selling brings.
            shares: 1e-6 shares, > 0.

        Raises:
            BookNotCurrent: The book may be wrong.
            Misuse: `shares` is not positive.
            NotEnoughShares: The side holds fewer; `.available` is what it holds.

        Source: a trade happens at the resting order's price; docs/protocol.md, "Matching".

        >>> from polywire.model.units import ConditionId
        >>> asks = Levels.of("ask", [(4_000, 100_000_000), (5_000, 80_000_000)])
        >>> book = Book(TokenId("7"))
        >>> book.replace(BookReplaced(book.token, ConditionId("0x1"), Levels.of("bid", []), asks, 100, None, "", 0, 1))
        False
        >>> book.cost_to_fill("ask", 150_000_000)  # 150 shares: 100 at 0.40 and 50 at 0.50, 65 USDC
        650000000000
        """
        self.answer()
        if shares <= 0:
            raise Misuse(f"{shares} shares (1e-6) cannot be filled; ask for a positive number")
        ranks, sizes = self._side(side)
        cost, left = 0, shares
        for rank, size in zip(reversed(ranks), reversed(sizes), strict=True):
            taken = min(left, size)
            cost += taken * (rank if side == "bid" else PRICE_ONE - rank)
            left -= taken
            if not left:
                return cost
        raise NotEnoughShares(shares, shares - left)

    def bare_levels(self) -> tuple[Levels, Levels]:
        """Return bids and asks as they stand, right or wrong: for whoever finds out which. A copy."""
        bids = Levels("bid", self._bid_ranks[:], self._bid_sizes[:])
        return bids, Levels("ask", self._ask_ranks[:], self._ask_sizes[:])

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, as happens for a message or two (any freshness)."""
        return bool(self._bid_ranks and self._ask_ranks) and self._bid >= self._ask

    def _side(self, side: BookSide) -> "tuple[array[int], array[int]]":
        return (self._bid_ranks, self._bid_sizes) if side == "bid" else (self._ask_ranks, self._ask_sizes)
