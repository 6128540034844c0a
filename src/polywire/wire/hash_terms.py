"""What enters a token's hash beside its levels: taken from REST, and kept up to date by the hashes themselves.

The stream leaves four of the ten fields out. Three stay as they are. The fourth, the last trade price, moves with every
trade, and the hash can be ahead of the message that tells of one; but it stands last in the hash, and there are only as
many as the grid has prices, so the right one is found by trying all. Source: docs/protocol.md, "Book hash".
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import Final

import msgspec

from polywire.model.levels import Levels
from polywire.model.market import BookStated
from polywire.model.units import PRICE_ONE, ConditionId, TokenId, price_text, size_text
from polywire.wire.book_hash import BookTerms, OpenHash, open_hash

MOST_TRIED: Final = 999
"""Last trade prices that are tried: all of a grid of 0.001, which take 0.3 ms."""

_PLACES: Final[tuple[int, ...]] = (1, 2, 3, 4)
# Decimals that a last trade price may have at least: zeros count, and nobody says how many there are.


class Claim(msgspec.Struct, frozen=True):
    """What the venue says of a book: that its levels at an instant have this hash."""

    condition: ConditionId
    token: TokenId
    venue_ms: int
    tick: int | None  # 1e-4 USDC; None where unsaid
    digest: str


class HashTerms:
    """The terms of one token.

    Args:
        terms: Those that made up a hash of REST.
        tick: The price grid that they name, 1e-4 USDC.

    Attributes:
        terms: As of the last hash that they made up.
        on_grid: Whether every last trade price so far was one of those that are tried.
    """

    __slots__ = ("_places", "_tick", "on_grid", "terms")

    def __init__(self, terms: BookTerms, tick: int) -> None:
        self.on_grid = True
        self._places = _PLACES  # those that agree with how each last trade price so far was spelled
        self._take(terms, tick)

    def make_up(self, claim: Claim, bids: Levels, asks: Levels) -> bool:
        """Return whether these levels have the hash that is claimed, and remember with which last trade price.

        That of before is tried first, then all there can be (see `tries_all`): on the grid of the terms and on that of
        the claim, as either may be ahead.
        """
        for tick in dict.fromkeys((self._tick, claim.tick or self._tick)):
            terms = msgspec.structs.replace(self.terms, tick_size=price_text(tick))
            opened = open_hash(claim.condition, claim.token, claim.venue_ms, bids, asks, terms)
            lasts = chain((terms.last_trade_price,), self._tried(tick, (bids.best + asks.best) // 2))
            closing = _closing(opened, claim.digest, terms, lasts)
            if closing is not None:
                self._take(closing, tick)
                return True
        return False

    def tries_all(self, claim: Claim) -> bool:
        """Return whether those tried are all there can be: then a hash that is not made up is another book's."""
        grids = {self._tick, claim.tick or self._tick}
        return self.on_grid and all(PRICE_ONE // grid - 1 <= MOST_TRIED for grid in grids)

    def update(self, stated: BookStated) -> bool:
        """Take the terms that REST states now; return whether they make up its hash (else nothing is taken)."""
        found = terms_of(stated)
        if found is None:
            return False
        last, middle = found.terms.last_trade_price, (stated.book.bids.best + stated.book.asks.best) // 2
        if last and last != self.terms.last_trade_price and last not in set(self._tried(self._tick, middle)):
            self.on_grid = False
        self._take(found.terms, found._tick)  # noqa: SLF001 - its own kind
        return True

    # ------------------------------------------------------------ inside

    def _tried(self, tick: int, middle: int) -> Iterable[str]:
        """Return the last trade prices to try, the nearest to `middle` (1e-4 USDC) where there are too many."""
        if self.terms.last_trade_price is None:  # it does not enter
            return ()
        spelled = _spelled_on(tick, self._places)
        first = max(0, min(middle // tick - 1 - MOST_TRIED // 2, len(spelled) - MOST_TRIED))
        return chain.from_iterable(spelled[first : first + MOST_TRIED])

    def _take(self, terms: BookTerms, tick: int) -> None:
        self.terms, self._tick = terms, tick
        last = terms.last_trade_price
        if last:
            agreeing = tuple(places for places in _PLACES if _spelled(last, places) == last)
            self._places = tuple(places for places in self._places if places in agreeing) or agreeing or _PLACES


def terms_of(stated: BookStated) -> HashTerms | None:
    """Return the terms of a book that REST states; None where no spelling of them makes up its hash."""
    said = stated.book
    if not said.digest or said.tick is None or stated.min_size is None:
        return None
    terms = BookTerms(size_text(stated.min_size), price_text(said.tick), stated.neg_risk, None)
    opened = open_hash(said.condition, said.token, said.venue_ms, said.bids, said.asks, terms)
    plain = "" if said.last_trade is None else price_text(said.last_trade)
    lasts = (*dict.fromkeys(_spelled(plain, places) for places in (0, *_PLACES)), None)
    closing = _closing(opened, said.digest, terms, lasts)
    return None if closing is None else HashTerms(closing, said.tick)


def _closing(opened: OpenHash, digest: str, terms: BookTerms, lasts: Iterable[str | None]) -> BookTerms | None:
    for last in lasts:
        if opened.closed(last) == digest:
            return msgspec.structs.replace(terms, last_trade_price=last)
    return None


def _spelled(text: str, places: int) -> str:
    """Return a price with at least so many decimals, as few as it needs otherwise.

    >>> _spelled("0.490", 1), _spelled("0.49", 3), _spelled("1", 0), _spelled("", 2)
    ('0.49', '0.490', '1', '')
    """
    whole, _, part = text.partition(".")
    part = f"{part.rstrip('0'):0<{places}}"
    return f"{whole}.{part}" if whole and part else whole


@lru_cache(16)
def _spelled_on(tick: int, places: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    """Return how each price of a grid may be spelled, ascending."""
    plain = map(price_text, range(tick, PRICE_ONE, tick))
    return tuple(tuple(dict.fromkeys(_spelled(text, count) for count in places)) for text in plain)
