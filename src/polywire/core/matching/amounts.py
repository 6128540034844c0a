"""What fills and fees come to, in whole units of 1e-6 USDC: the only place where the engine rounds.

A resting order is rounded on what it has had in all, never fill by fill: after any fills a BUY has paid its price
times the shares, rounded up, a SELL has got them, rounded down. So no number of small fills takes more from it than
one large fill would, and never more than it promised. The taker gives or gets the complement.

Source: the contract's floor(filled x takerAmount / makerAmount), applied to the sum of an order's fills.
"""

from typing import Final

from polywire.model.units import PRICE_ONE, TradeSide

_FEE_STEP: Final = 10  # fees are whole 1e-5 USDC


def cost(price: int, shares: int) -> int:
    """Return what `shares` (1e-6) at `price` (1e-4 USDC) take at most, in 1e-6 USDC, rounded up.

    >>> cost(5_000, 3)  # 0.000003 shares at 0.50
    2
    """
    return -(-price * shares // PRICE_ONE)


def maker_amount(side: TradeSide, price: int, filled: int, shares: int) -> int:
    """Return what a resting order gives (BUY) or gets (SELL) for its next `shares`, in 1e-6 USDC.

    Args:
        side: Its own.
        price: Its own, 1e-4 USDC.
        filled: Shares it has had since it rests, 1e-6.
        shares: Shares of this fill, 1e-6.

    >>> [maker_amount("BUY", 5_000, filled, 1) for filled in range(4)]  # 0.5 each: 2 in all
    [1, 0, 1, 0]
    >>> [maker_amount("SELL", 5_000, filled, 1) for filled in range(4)]
    [0, 1, 0, 1]
    """
    before, after = filled * price, (filled + shares) * price
    if side == "BUY":
        return -before // PRICE_ONE - -after // PRICE_ONE
    return after // PRICE_ONE - before // PRICE_ONE


def shares_for(price: int, filled: int, collateral: int) -> int:
    """Return how many shares (1e-6) a taking BUY gets from one resting order for exactly `collateral`.

    Args:
        price: What the taker pays there, 1e-4 USDC, > 0: one less the resting order's where both buy.
        filled: Shares the resting order has had since it rests, 1e-6.
        collateral: 1e-6 USDC.

    The fewest that cost so much, so a price that divides leaves no dust. There are always some: one more millionth of
    a share never costs more than one more unit.

    >>> shares_for(4_000, 0, 1_000_000), shares_for(3_000, 0, 1_000_000)  # 1 USDC at 0.40, and at 0.30
    (2500000, 3333334)
    >>> maker_amount("SELL", 3_000, 0, 3_333_333), maker_amount("SELL", 3_000, 0, 3_333_334)
    (999999, 1000000)
    """
    return -((filled * price // PRICE_ONE + collateral) * -PRICE_ONE // price) - filled


def fee_weight(price: int, shares: int, exponent: int) -> int:
    """Return what one fill adds to the base of a fee: `taker_fee` takes the sum over a trade's fills.

    `price` may be either outcome's: p(1-p) is the same for both.
    """
    return int(shares * (price * (PRICE_ONE - price)) ** exponent)


def taker_fee(weight: int, rate: int, exponent: int) -> int:
    """Return the fee of one trade in 1e-6 USDC, a multiple of 10.

    Shares x rate x (p(1-p))^exponent, summed exactly over the fills and then rounded once to 1e-5 USDC, half up;
    less than 1e-5 is nothing.

    Args:
        weight: The sum of `fee_weight` over the fills.
        rate: 1e-4.
        exponent: The one used for `weight`.

    Source: docs.polymarket.com, "Fees" (5 decimals, smallest 0.00001); the direction of rounding is ours.

    >>> taker_fee(fee_weight(5_000, 100_000_000, 1), 700, 1)  # 100 shares at 0.50, crypto: 1.75 USDC
    1750000
    """
    due, step = int(weight * rate), int(_FEE_STEP * PRICE_ONE * (PRICE_ONE * PRICE_ONE) ** exponent)
    return _FEE_STEP * ((2 * due + step) // (2 * step)) if due >= step else 0
