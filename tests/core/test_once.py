"""What was told before."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.once import Once


def test_a_key_is_new_once() -> None:
    once = Once()
    assert [once.first(("resolved", "0x1")) for _ in range(3)] == [True, False, False]
    assert once.first(("resolved", "0x2"))


def test_the_oldest_key_is_forgotten_beyond_the_limit_so_memory_is_bounded() -> None:
    once = Once(3)
    assert all(once.first(key) for key in range(4))
    assert [once.first(key) for key in (1, 2, 3)] == [False, False, False]
    assert once.first(0)


def test_being_asked_again_does_not_keep_a_key_longer() -> None:
    """What is broadcast comes over all sockets at about the same time, so a key's age is that of its first."""
    once = Once(2)
    assert [once.first(key) for key in "aba"] == [True, True, False]
    assert once.first("c")
    assert once.first("a")


def test_unless_told_otherwise_four_thousand_keys_are_remembered() -> None:
    once = Once()
    assert all(once.first(key) for key in range(4_096))
    assert not any(once.first(key) for key in range(4_096))
    assert once.first(4_096)
    assert once.first(0)


@given(keys=st.lists(st.integers(0, 9)), limit=st.integers(1, 5))
def test_a_key_is_new_exactly_if_it_is_not_among_the_last_that_were_new(keys: list[int], limit: int) -> None:
    once, new = Once(limit), list[int]()
    for key in keys:
        assert once.first(key) is (key not in new[-limit:])
        if key not in new[-limit:]:
            new.append(key)
