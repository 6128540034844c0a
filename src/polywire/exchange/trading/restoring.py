"""A venue begins again with what a store kept: what is listed, what users hold, and what of theirs rests."""

from typing import Final

from polywire.core.matching.orders import Order
from polywire.errors import Misuse, PolywireError
from polywire.exchange.trading.records import UserOrder
from polywire.exchange.trading.store import Kept
from polywire.exchange.venue import Venue
from polywire.model.units import TokenId

HOUSE: Final = "house"
"""The account that has the other side of users' shares: whoever had it in an earlier run is not kept."""


def restore(venue: Venue, kept: Kept) -> None:
    """Put back what was kept, in the order it needs: markets, holders, pairs, orders. Nothing is announced.

    Args:
        venue: An empty one that nobody trades on yet.
        kept: From the store.

    Raises:
        PolywireError: What was kept does not add up.
    """
    try:
        _restore(venue, kept)
    except Misuse as misuse:
        raise PolywireError(
            f"the state file does not add up: {misuse}; it was left as it is; name another with --state, and please "
            "report it"
        ) from misuse


def _restore(venue: Venue, kept: Kept) -> None:
    for event in kept.events:
        venue.list_event(event)
    for market in kept.markets:
        venue.put_back(market)
    engine = venue.engine
    shares: dict[str, dict[TokenId, int]] = {wallet.account: {} for wallet in kept.wallets}
    for holding in kept.holdings:
        if holding.position.size:
            shares[holding.account][holding.token] = holding.position.size
    for wallet in kept.wallets:
        engine.restore_holder(wallet.account, wallet.collateral, shares[wallet.account])
    for condition in dict.fromkeys(holding.condition for holding in kept.holdings):
        engine.balance_pairs(condition, HOUSE)
    for order in kept.open_orders:
        left = order.size - order.matched
        engine.restore_order(_asked(order), left=left, filled=order.rested - left, placed_ms=order.placed_ms)


def _asked(order: UserOrder) -> Order:
    return Order(
        id=order.id,
        account=order.account,
        token=order.token,
        side=order.side,
        price=order.price,
        size=order.size,
        kind=order.kind,
        post_only=order.post_only,
        expires_s=order.expires_s,
    )
