"""An engine's trade as it is kept and shown: one trade for each price met, each with its part of cost and fee."""

import hashlib
import hmac
import uuid
from itertools import groupby

import msgspec

from polywire.core.matching.orders import Leg, Trade
from polywire.exchange.catalogue import VenueMarket
from polywire.exchange.trading.records import TradeLeg, UserOrder, crowd_key
from polywire.model.units import PRICE_ONE


class Fill(msgspec.Struct, frozen=True):
    """What a taker had at one price."""

    price: int  # in the taker's terms
    size: int
    cost: int  # collateral the taker gave (BUY) or got (SELL), before the fee
    fee: int
    legs: tuple[Leg, ...]


def fills_of(trade: Trade, exponent: int) -> list[Fill]:
    """Return a trade by price, in the order the prices were met. Sizes, costs and fees add up to the trade's.

    The fee is shared as the venue reckons it, shares x (p(1-p))^exponent, each share rounded down on the running sum,
    so that none is lost.
    """

    def price_of(leg: Leg) -> int:
        return leg.price if leg.token == trade.token else PRICE_ONE - leg.price

    groups = [(price, tuple(legs)) for price, legs in groupby(trade.legs, price_of)]
    sizes = [sum(leg.size for leg in legs) for _, legs in groups]
    weights = [size * (price * (PRICE_ONE - price)) ** exponent for (price, _), size in zip(groups, sizes, strict=True)]
    whole, running, paid = sum(weights), 0, 0
    fills = []
    for (price, legs), size, weight in zip(groups, sizes, weights, strict=True):
        running += weight
        fee = trade.fee * running // whole - paid
        paid += fee
        cost = sum(leg.amount if leg.token == trade.token else leg.size - leg.amount for leg in legs)
        fills.append(Fill(price, size, cost, fee, legs))
    return fills


def kept_leg(leg: Leg, owner: UserOrder | None, market: VenueMarket, basis: int) -> TradeLeg:
    """Return a resting order's part as it is kept.

    Args:
        leg: The engine's.
        owner: Its order, where it is a user's.
        market: Where.
        basis: What shares that a user sold had cost it.
    """
    return TradeLeg(
        order=leg.order,
        key=crowd_key(leg.account) if owner is None else owner.key,
        account=leg.account,
        maker=leg.account if owner is None else owner.maker,
        token=leg.token,
        outcome=market.outcomes[market.tokens.index(leg.token)],
        outcome_index=market.tokens.index(leg.token),
        side=leg.side,
        price=leg.price,
        size=leg.size,
        amount=leg.amount,
        match=leg.match,
        basis=basis,
    )


def trade_id(secret: bytes, number: int) -> str:
    """Return the id of a trade: a UUID that nobody can guess, the same every time."""
    return str(uuid.UUID(bytes=hmac.digest(secret, b"trade %d" % number, hashlib.sha256)[:16], version=4))


def transaction(secret: bytes, of: str) -> str:
    """Return the hash of a transaction that nobody can foresee, the same every time."""
    return "0x" + hmac.digest(secret, of.encode(), hashlib.sha256).hex()
