"""The nouns of the matching engine."""

from core.matching.setting import MARKET, YES
from polywire.core.matching.orders import NOWHERE, OpenOrder, Order, Outcome, Refusal, refused


def test_an_open_order_names_the_token_of_its_order() -> None:
    order = Order("o1", "ada", YES, "BUY", 5_000, 7)
    assert OpenOrder(order, MARKET, 7, 0, 1, 1, 0).token == YES


def test_a_refused_order_moved_nothing() -> None:
    assert refused("tick", "why") == Outcome("refused", refusal=Refusal("tick", "why"), condition=NOWHERE)
    assert refused("tick", "why", MARKET).condition == MARKET


def test_outcomes_do_not_share_what_moved_elsewhere() -> None:
    one, other = Outcome(), Outcome()
    one.elsewhere[MARKET] = other
    assert other.elsewhere == {}
