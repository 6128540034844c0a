"""Names for those who trade by themselves: made up of an address, the same every time. Nobody of them exists."""

import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

_MANNERS: Final = (
    *("Adored", "Bashful", "Candid", "Dapper", "Earnest", "Frugal", "Gentle", "Hasty", "Idle", "Jovial", "Keen"),
    *("Lofty", "Mellow", "Nimble", "Ornate", "Patient", "Quaint", "Rustic", "Stoic", "Tidy", "Upbeat", "Wistful"),
)
_THINGS: Final = (
    *("Acorn", "Bobbin", "Compass", "Dovecote", "Easel", "Furrow", "Gable", "Hammock", "Inkwell", "Jetty", "Kettle"),
    *("Lantern", "Mooring", "Nutmeg", "Orchard", "Parasol", "Quarry", "Rudder", "Sundial", "Thimble", "Urn", "Willow"),
)


class Trader(NamedTuple):
    """How a wallet is called."""

    name: str
    pseudonym: str


NOBODY: Final = Trader("", "")
"""How the Data API calls a user's wallet, which has chosen no name."""


@lru_cache(maxsize=1_024)
def trader_of(account: str) -> Trader:
    """Return how a wallet of the crowds is called.

    >>> trader_of("0x7d1c")
    Trader(name='earnest.urn', pseudonym='Earnest-Urn')
    """
    digest = hashlib.sha256(account.encode()).digest()
    manner, thing = _MANNERS[digest[0] % len(_MANNERS)], _THINGS[digest[1] % len(_THINGS)]
    return Trader(f"{manner}.{thing}".lower(), f"{manner}-{thing}")
