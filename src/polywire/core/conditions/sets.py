"""All outcomes together: what one of each costs, or brings, against the one USDC that a whole set is worth."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from polywire.model.units import NO_ASK, NO_BID, PRICE_ONE

_SCALE: Final = PRICE_ONE * PRICE_ONE  # a fee is rate x price x (1 - price): two more factors of 1e-4


class Top(NamedTuple):
    """The best of both sides of one outcome: 1e-4 USDC and 1e-6 shares."""

    bid: int
    bid_size: int
    ask: int
    ask_size: int


class Edge(NamedTuple):
    """What a set earns."""

    way: Literal["buy", "sell"]  # buy every outcome, or sell every outcome
    edge: int  # 1e-4 USDC a set after fees, rounded down
    total: int  # 1e-4 USDC: the sum of the prices
    size: int  # sets (1e-6) that can be had at these prices


def best_edge(tops: Sequence[Top], fee_rate_bps: int, least_size: int) -> Edge | None:
    """Return the better of buying and selling one of each, and None where neither can be had in that size.

    The fee is the taker's, rate x price x (1 - price) a share, computed exactly and before the venue's rounding.

    Source: docs/protocol.md, "Fees".

    >>> best_edge([Top(4_000, 9, 4_500, 7), Top(5_000, 9, 5_300, 5)], 0, 1)
    Edge(way='buy', edge=200, total=9800, size=5)
    >>> best_edge([Top(4_000, 9, 4_500, 7), Top(5_000, 9, 5_300, 5)], 100, 1)  # 1 %: 0.25 + 0.25 cents
    Edge(way='buy', edge=150, total=9800, size=5)
    """
    found = None
    if all(top.ask < NO_ASK for top in tops):
        total, size = sum(top.ask for top in tops), min(top.ask_size for top in tops)
        if size >= least_size:
            found = Edge("buy", _less_fees(PRICE_ONE - total, [top.ask for top in tops], fee_rate_bps), total, size)
    if all(top.bid > NO_BID for top in tops):
        total, size = sum(top.bid for top in tops), min(top.bid_size for top in tops)
        if size >= least_size:
            edge = _less_fees(total - PRICE_ONE, [top.bid for top in tops], fee_rate_bps)
            if found is None or edge > found.edge:
                found = Edge("sell", edge, total, size)
    return found


def _less_fees(edge: int, prices: Sequence[int], fee_rate_bps: int) -> int:
    fees = sum(fee_rate_bps * price * (PRICE_ONE - price) for price in prices)
    return (edge * _SCALE - fees) // _SCALE
