"""The whole state of an engine as one digest, so that a replay can be compared with what it repeats."""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from polywire.core.matching.accounts import Account
from polywire.core.matching.pool import Pool


def digest(pools: Iterable[Pool], accounts: Iterable[Account], ended: Iterable[str], counters: tuple[int, ...]) -> str:
    """Return the SHA-256, in hex, of all that can make a difference to what an engine answers later.

    Args:
        pools: In any order; their queues count in the order they stand in.
        accounts: In any order; one that holds nothing is as good as none.
        ended: Ids of ended orders that are still refused, oldest first.
        counters: What the engine counts.
    """
    holdings = (
        [account.name, account.collateral, sorted(account.shares.items()), list(account.orders)]
        for account in accounts
        if account.collateral or account.shares or account.orders
    )
    markets = (
        [
            pool.terms,
            pool.pairs,
            pool.winner,
            [
                [resting.order, resting.left, resting.filled, resting.claim, resting.placed_ms, resting.number]
                for resting in pool.resting()
            ],
        ]
        for pool in sorted(pools, key=lambda pool: pool.terms.condition)
    )
    return sha256(msgspec.json.encode([sorted(holdings), list(markets), list(ended), counters])).hexdigest()
