"""When something may be told again."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from polywire.interfaces.mcp.pacing import Pacer

MARKS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), max_size=60)


@given(MARKS)
def test_each_thing_is_told_at_most_once_in_a_while_and_its_last_change_always(marks: list[tuple[int, str]]) -> None:
    pacer, told, marked, now_s = Pacer[str](10.0), list[tuple[int, str]](), dict[str, int](), 0
    for step, key in marks:
        now_s += step
        pacer.mark(key)
        marked[key] = now_s
        told += [(now_s, one) for one in pacer.due(now_s)]
    while (wait_s := pacer.wait_s(now_s)) is not None:
        assert wait_s <= 10.0
        now_s += round(wait_s)
        told += [(now_s, one) for one in pacer.due(now_s)]
    for key, last in marked.items():
        times = [at for at, one in told if one == key]
        assert times[-1] >= last
        assert all(later - earlier >= 10 for earlier, later in pairwise(times))


def test_what_was_told_long_ago_is_not_remembered() -> None:
    pacer = Pacer[int](1.0)
    for number in range(1_000):
        pacer.mark(number)
        pacer.due(number * 2.0)
    assert len(pacer._told_s) == 1  # noqa: SLF001 - what it costs is the claim
