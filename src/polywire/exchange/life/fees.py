"""What takers pay, by kind of market. Source: docs/protocol.md, "Fees"."""

from typing import NamedTuple


class Fees(NamedTuple):
    """Of shares x (price x (1 - price)), and the makers' part of it; both in 1e-4."""

    rate: int
    rebate: int


CRYPTO = Fees(700, 2_000)
SPORTS = Fees(500, 1_500)
POLITICS = Fees(400, 2_500)
CULTURE = Fees(500, 2_500)
