"""Which socket carries which token."""

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.shards import TOKENS_A_SOCKET, Shards
from polywire.model.units import TokenId


def tokens(*numbers: int) -> list[TokenId]:
    return [TokenId(str(number)) for number in numbers]


def test_the_first_tokens_open_the_first_socket_in_the_order_given() -> None:
    shards = Shards(4)
    assert shards.place(tokens(3, 1, 2)) == {1: tokens(3, 1, 2)}
    assert (len(shards), shards.of(TokenId("1")), shards.of(TokenId("9"))) == (1, 1, None)


def test_a_socket_carries_no_more_than_its_size_and_the_rest_goes_on_the_next() -> None:
    shards = Shards(2)
    assert shards.place(tokens(*range(5))) == {1: tokens(0, 1), 2: tokens(2, 3), 3: tokens(4)}


def test_unless_told_otherwise_a_socket_carries_two_hundred() -> None:
    """docs/protocol.md, "Limits"."""
    placed = Shards().place(tokens(*range(401)))
    assert [len(carried) for carried in placed.values()] == [200, 200, 1]
    assert TOKENS_A_SOCKET == 200


def test_a_token_placed_twice_stays_where_it_is_and_is_not_told_again() -> None:
    shards = Shards(2)
    shards.place(tokens(1))
    assert shards.place(tokens(1, 2, 2, 1)) == {1: tokens(2)}
    assert shards.place(tokens(1, 2)) == {}
    assert len(shards) == 1


def test_tokens_placed_together_stay_together_where_a_socket_has_room_for_all() -> None:
    shards = Shards(4)
    shards.place(tokens(1, 2, 3, 4, 5, 6))  # four and two
    shards.release(tokens(1))
    assert shards.place(tokens(7, 8)) == {2: tokens(7, 8)}  # the first has room for one only


def test_of_the_sockets_with_room_for_all_the_fullest_is_taken() -> None:
    """So that the emptier ones can run dry and be closed."""
    shards = Shards(4)
    shards.place(tokens(*range(12)))
    shards.release(tokens(0, 1, 2, 4, 8, 9))  # left: one, three, two
    assert shards.place(tokens(20)) == {2: tokens(20)}
    assert shards.place(tokens(21, 22)) == {3: tokens(21, 22)}


def test_where_no_socket_has_room_for_all_the_roomiest_is_filled_before_another_is_opened() -> None:
    shards = Shards(4)
    shards.place(tokens(*range(8)))
    shards.release(tokens(0, 4, 5))
    assert shards.place(tokens(20, 21, 22)) == {2: tokens(20, 21), 1: tokens(22)}
    assert shards.place(tokens(23)) == {3: tokens(23)}


def test_released_tokens_are_told_by_socket_and_unknown_ones_passed_over() -> None:
    shards = Shards(2)
    shards.place(tokens(1, 2, 3))
    assert shards.release(tokens(3, 9, 1, 1)) == {2: tokens(3), 1: tokens(1)}
    assert (shards.of(TokenId("1")), shards.of(TokenId("2")), len(shards)) == (None, 1, 1)
    assert shards.release(tokens(1)) == {}


def test_a_socket_with_none_left_is_forgotten_and_its_number_never_used_again() -> None:
    """A late word of the old socket must not be taken for the new one's."""
    shards = Shards(2)
    shards.place(tokens(1, 2))
    shards.release(tokens(1, 2))
    assert len(shards) == 0
    assert shards.place(tokens(1)) == {2: tokens(1)}


SIZE: Final = 4
NUMBERS: Final = st.lists(st.integers(0, 30), max_size=12)
STEPS: Final = st.lists(st.tuples(st.sampled_from(["place", "release"]), NUMBERS), max_size=30)


@given(steps=STEPS)
def test_each_token_is_on_exactly_one_socket_which_is_never_overfull_and_only_opened_when_all_are_full(
    steps: list[Any],
) -> None:
    shards = Shards(SIZE)
    carried: dict[int, set[TokenId]] = {}
    for what, numbers in steps:
        asked = tokens(*numbers)
        on_any = {token for some in carried.values() for token in some}
        before = {number: len(some) for number, some in carried.items()}
        if what == "place":
            told = shards.place(asked)
            assert [token for some in told.values() for token in some] == [
                token for token in dict.fromkeys(asked) if token not in on_any
            ]
            for number, some in told.items():
                carried.setdefault(number, set()).update(some)
            opened = told.keys() - before.keys()
            if opened:  # fragmentation is filled before another socket is opened, and only the last may have room
                assert all(len(carried[number]) == SIZE for number in carried if number != max(opened))
        else:
            told = shards.release(asked)
            assert {token for some in told.values() for token in some} == on_any & set(asked)
            for number, some in told.items():
                carried[number] -= set(some)
            carried = {number: some for number, some in carried.items() if some}
        assert all(len(some) <= SIZE for some in carried.values())
        assert len(shards) == len(carried)
        for number in range(31):
            where = [socket for socket, some in carried.items() if TokenId(str(number)) in some]
            assert shards.of(TokenId(str(number))) == (where[0] if where else None)
            assert len(where) <= 1


@given(steps=st.lists(NUMBERS, max_size=10))
def test_without_a_release_there_are_never_more_sockets_than_needed(steps: list[list[int]]) -> None:
    shards, known = Shards(SIZE), set[int]()
    for numbers in steps:
        shards.place(tokens(*numbers))
        known |= set(numbers)
        assert len(shards) == -(-len(known) // SIZE)
