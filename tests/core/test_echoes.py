"""`core.echoes`: one stream heard from two sources, each message once."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.echoes import Echoes


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 3)), max_size=60))
def test_of_each_message_as_many_are_told_as_the_source_that_brought_most_of_them(heard: list[tuple[int, int]]) -> None:
    echoes = Echoes()
    told = Counter(key for source, key in heard if echoes.first(source, key))
    brought = Counter[int](), Counter[int]()
    for source, key in heard:
        brought[source][key] += 1
    assert told == brought[0] | brought[1]


def test_whether_a_source_has_brought_a_message_is_known() -> None:
    echoes = Echoes()
    assert not echoes.heard(0, "a")
    echoes.first(0, "a")
    assert echoes.heard(0, "a")
    assert not echoes.heard(1, "a")


def test_two_sources_are_made_one_that_brought_all_that_either_did() -> None:
    echoes = Echoes()
    for source, key in ((0, "a"), (0, "a"), (1, "a"), (1, "b")):
        echoes.first(source, key)
    one = echoes.as_one()
    assert [one.first(1, key) for key in "aaabb"] == [False, False, True, False, True]
    assert not echoes.first(1, "a"), "the other is left as it was"


def test_what_is_forgotten_is_told_again_and_nothing_is_lost() -> None:
    echoes = Echoes(limit=2)
    assert all(echoes.first(0, key) for key in "abc")
    assert not echoes.first(1, "c")
    assert echoes.first(1, "a")
