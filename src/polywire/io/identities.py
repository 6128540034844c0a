"""The names under which what belongs to one venue is kept, whatever that venue calls itself."""

import hashlib
import re
from typing import Final

from polywire.model.venue import POLYMARKET

_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]+")
_SHOWN: Final = 24
_DIGITS: Final = 16


def file_name_of(identity: str) -> str:
    """Return a name for a venue's file, and for its entry in the vault: at most 48 of A-Z a-z 0-9 _ -.

    No two venues share one, and none leads out of its folder: what a venue calls itself is a stranger's word.

    >>> file_name_of("polymarket")
    'polymarket'
    >>> file_name_of("../../polymarket")
    'polymarket-25bd1898bd902577'
    """
    if identity == POLYMARKET.identity:
        return identity
    shown = _OTHER.sub("-", identity)[:_SHOWN].strip("-") or "venue"
    return f"{shown}-{hashlib.sha256(identity.encode(errors='surrogatepass')).hexdigest()[:_DIGITS]}"
