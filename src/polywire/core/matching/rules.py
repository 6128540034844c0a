"""What an order must be to be taken: by itself, against the book, and by what its account holds.

Source: docs/matching.md, "What is refused"; the texts are the venue's own where they are known.
"""

from typing import Final

from polywire.core.matching.accounts import Account
from polywire.core.matching.amounts import cost
from polywire.core.matching.orders import MarketTerms, Order, OrderKind, Refusal
from polywire.core.matching.walk import Walk
from polywire.model.units import PRICE_ONE, SIZE_LIMIT, SIZE_ONE, ConditionId, price_text, size_text

EARLY_S: Final = 60
"""A GTD order ends this long before the time it names."""

_MIN_TAKE: Final = SIZE_ONE  # a BUY that takes is worth one USDC at least (1e-6)


def ends_ms(expires_s: int) -> int:
    """Return the venue time a GTD order ends at, in ms."""
    return (expires_s - EARLY_S) * 1_000


def fault(order: Order, terms: MarketTerms, now_ms: int) -> Refusal | None:
    """Return what is wrong with an order by itself, or None.

    Args:
        order: As it came.
        terms: Of its market.
        now_ms: Venue time.
    """
    kind, price, size, tick = order.kind, order.price, order.size, terms.tick
    rests = kind is OrderKind.GTC or kind is OrderKind.GTD
    if order.collateral:
        if rests or order.side == "SELL" or size or not 0 < order.collateral < SIZE_LIMIT:
            return Refusal(
                "amount",
                f"order {order.id} is invalid. Collateral ({size_text(order.collateral)}) is a target for FOK and FAK "
                f"BUY orders only, above 0 and without a size; give size instead",
            )
    elif not (least := terms.min_size if rests else 1) <= size < SIZE_LIMIT or not size:
        rule = f"lower than the minimum: {size_text(max(least, 1))}" if size < SIZE_LIMIT else "is a billion or more"
        return Refusal("size", f"order {order.id} is invalid. Size ({size_text(size)}) {rule}")
    if not tick <= price <= PRICE_ONE - tick or (price % tick and (rests or order.side == "SELL")):
        rule = f"Price ({price_text(price)}) breaks minimum tick size rule: {price_text(tick)}"
        return Refusal("tick", f"order {order.id} is invalid. {rule}")
    if order.post_only and not rests:
        return Refusal("post-only", f"invalid post-only order: {kind} orders take; post-only is for GTC and GTD")
    if kind is OrderKind.GTD:
        if ends_ms(order.expires_s) <= now_ms:
            return Refusal("expiration", "invalid expiration")  # not a word more: clients know it by this text
    elif order.expires_s:
        return Refusal("expiration", f"invalid expiration: {order.expires_s} on a {kind} order; only GTD orders expire")
    return None


def cannot_take(order: Order, found: Walk, *, crosses: bool) -> Refusal | None:
    """Return what is wrong with an order against the book, or None.

    Args:
        order: As it came.
        found: What it would do.
        crosses: Whether it reaches the other side's best price, whoever's order stands there.
    """
    if order.post_only:
        return Refusal("post-only", "invalid post-only order: order crosses book") if crosses else None
    kind = order.kind
    takes = kind is OrderKind.FOK or kind is OrderKind.FAK
    if order.side == "BUY" and (takes or found.shares):
        worth = order.collateral or order.price * order.size // PRICE_ONE
        if worth < _MIN_TAKE:
            text = f"(${size_text(worth)}), min size: ${size_text(_MIN_TAKE)}"
            return Refusal("marketable", f"invalid amount for a marketable BUY order {text}")
    if kind is OrderKind.FOK and found.left:
        return Refusal("fok", "order couldn't be fully filled. FOK orders are fully filled or killed.")
    if kind is OrderKind.FAK and not found.shares:
        text = "FAK orders are partially filled or killed if no match is found."
        return Refusal("fak", f"no orders found to match with FAK order. {text}")
    return None


def not_covered(order: Order, account: Account, condition: ConditionId, found: Walk, fee: int) -> Refusal | None:
    """Return what an account lacks for an order, or None.

    A SELL needs its shares, a BUY its price for all of them (or its target) and the fee of what trades at once,
    beside what the account's open orders claim: of that token, or of that market.
    """
    if order.side == "SELL":
        have, need = account.unpromised_shares(order.token), order.size
    else:
        have = account.collateral - account.buying.get(condition, 0)
        spend = order.collateral or max(cost(order.price, order.size), found.cost + cost(order.price, found.left))
        need = spend + fee
    if need <= have:
        return None
    text = f"the balance is not enough -> balance: {have}, order amount: {need}"
    return Refusal("balance", f"not enough balance / allowance: {text}")
