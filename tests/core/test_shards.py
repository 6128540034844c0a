"""Which socket carries which token."""

from collections import Counter
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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


SIZES: Final = st.integers(2, 5)
NUMBERS: Final = st.lists(st.integers(0, 30), max_size=12)


class PlacedAndReleased(RuleBasedStateMachine):
    """Any order of placing and releasing, beside a dictionary of where each token was put."""

    @initialize(size=SIZES)
    def begin(self, size: int) -> None:
        self.size, self.shards = size, Shards(size)
        self.where = dict[TokenId, int]()
        self.newest = 0

    def rooms(self) -> dict[int, int]:
        """Return how many more each socket takes."""
        return {number: self.size - load for number, load in Counter(self.where.values()).items()}

    def put(self, asked: list[TokenId]) -> None:
        """Place tokens, and hold that each lot of them went where the docstrings say."""
        new = [token for token in dict.fromkeys(asked) if token not in self.where]
        told = self.shards.place(iter(asked))
        assert [token for some in told.values() for token in some] == new
        left = len(new)
        for number, some in told.items():
            rooms = self.rooms()
            whole = [room for room in rooms.values() if room >= left]
            if whole:  # all of them stay together, on the fullest socket that takes them
                assert (rooms.get(number), len(some)) == (min(whole), left)
            elif any(rooms.values()):  # no socket is opened before the others are full
                assert rooms.get(number) == len(some) == max(rooms.values())
            else:  # a late word of an old socket must not be taken for the new one's
                assert number > self.newest
                assert len(some) == min(left, self.size)
            self.newest = max(self.newest, number)
            self.where.update(dict.fromkeys(some, number))
            left -= len(some)

    def take(self, asked: list[TokenId]) -> None:
        """Release tokens, and hold that exactly those that had a socket are told, each by its own."""
        expected: dict[int, list[TokenId]] = {}
        for token in asked:
            number = self.where.pop(token, None)
            if number is not None:
                expected.setdefault(number, []).append(token)
        assert self.shards.release(iter(asked)) == expected

    @rule(numbers=NUMBERS)
    def place(self, numbers: list[int]) -> None:
        self.put(tokens(*numbers))

    @rule(market=st.integers(0, 14))
    def place_a_market(self, market: int) -> None:
        one, other = tokens(2 * market, 2 * market + 1)
        fits_or_all_are_full = max(self.rooms().values(), default=0) != 1
        both_are_new = not {one, other} & self.where.keys()
        self.put([one, other])
        if both_are_new and fits_or_all_are_full:
            assert self.shards.of(one) == self.shards.of(other)

    @rule(numbers=NUMBERS)
    def release(self, numbers: list[int]) -> None:
        self.take(tokens(*numbers))

    @precondition(lambda self: self.where)
    @rule(data=st.data())
    def release_all_of_a_socket(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(set(self.where.values()))), label="socket")
        self.take([token for token, its in self.where.items() if its == number])

    @rule()
    def release_everything(self) -> None:
        self.take(list(self.where))
        assert len(self.shards) == 0

    @invariant()
    def each_token_is_on_the_one_socket_it_was_put_on_and_on_none_when_released(self) -> None:
        every = tokens(*range(31))
        assert {token: self.shards.of(token) for token in every} == {token: self.where.get(token) for token in every}

    @invariant()
    def no_socket_is_overfull_and_none_without_tokens_is_counted(self) -> None:
        assert all(0 <= room < self.size for room in self.rooms().values())
        assert len(self.shards) == len(self.rooms())


test_in_any_order_each_token_has_one_socket_until_it_is_released_and_no_socket_is_overfull_or_left_empty = (
    PlacedAndReleased.TestCase
)


@given(size=SIZES, steps=st.lists(NUMBERS, max_size=10))
def test_without_a_release_there_are_never_more_sockets_than_needed(size: int, steps: list[list[int]]) -> None:
    shards, known = Shards(size), set[int]()
    for numbers in steps:
        shards.place(tokens(*numbers))
        known |= set(numbers)
        assert len(shards) == -(-len(known) // size)
