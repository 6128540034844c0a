"""When orders end by themselves."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.matching.expiries import Expiries

NOBODY: Final[list[str]] = []


def holding(*ends_ms: int) -> Expiries:
    """Return one whose orders `0`, `1`, … end at these times."""
    expiries = Expiries()
    for number, end in enumerate(ends_ms):
        expiries.add(end, number, str(number))
    return expiries


def test_nothing_is_due_where_nothing_ends() -> None:
    expiries = Expiries()
    assert (expiries.next_ms(), expiries.due(10**18)) == (None, NOBODY)


def test_what_ends_first_is_due_first_and_of_equals_the_earlier_order() -> None:
    expiries = holding(30, 10, 20, 10)
    assert expiries.next_ms() == 10
    assert expiries.due(9) == NOBODY
    assert expiries.due(20) == ["1", "3", "2"]
    assert (expiries.next_ms(), expiries.due(29), expiries.due(30)) == (30, NOBODY, ["0"])
    assert expiries.next_ms() is None


def test_an_order_that_ended_otherwise_is_never_due() -> None:
    expiries = holding(10, 20)
    expiries.drop("0")
    expiries.drop("0")
    expiries.drop("never noted")
    assert (expiries.next_ms(), expiries.due(100)) == (20, ["1"])


def test_an_id_that_comes_again_ends_when_it_says_now() -> None:
    expiries = holding(10)
    expiries.drop("0")
    expiries.add(50, 7, "0")
    assert (expiries.due(49), expiries.due(50)) == (NOBODY, ["0"])


def test_orders_that_are_cancelled_long_before_their_end_leave_nothing_behind() -> None:
    """A maker who requotes all day with far ends must not fill the memory."""
    expiries = Expiries()
    for number in range(10_000):
        expiries.add(10**15 + number, number, str(number))
        if number >= 10:
            expiries.drop(str(number - 10))
    assert len(expiries) <= 2 * 10 + 65
    assert len(expiries.due(10**18)) == 10


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=300), st.integers(0, 20))
def test_due_is_what_stands_and_ends_by_then_in_order(entries: list[tuple[int, bool]], now_ms: int) -> None:
    expiries = holding(*[end for end, _ in entries])
    for number, (_, drop) in enumerate(entries):
        if drop:
            expiries.drop(str(number))
    standing = sorted((end, number) for number, (end, drop) in enumerate(entries) if not drop)
    assert expiries.due(now_ms) == [str(number) for end, number in standing if end <= now_ms]
    assert expiries.next_ms() == min((end for end, _ in standing if end > now_ms), default=None)
