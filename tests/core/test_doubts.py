"""Doubts about books: told soon, told at the end, and not for every flap."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.doubts import Doubts
from polywire.model.units import TokenId
from watched_books import A, B

STEPS = st.lists(st.tuples(st.integers(0, 6_000), st.sampled_from([A, B]), st.booleans()), max_size=50)


@given(STEPS)
def test_what_was_told_last_is_how_it_stands_once_ten_seconds_have_passed(
    steps: list[tuple[int, TokenId, bool]],
) -> None:
    doubts, now_ms = Doubts(), 0
    told: dict[TokenId, list[tuple[int, bool]]] = {A: [], B: []}
    stands = {A: True, B: True}
    for pause_ms, token, answers in steps:
        until_ms = now_ms + pause_ms
        while doubts.due_ms is not None and doubts.due_ms <= until_ms:
            now_ms = doubts.due_ms
            for one, _ in doubts.due(now_ms):
                told[one].append((now_ms, False))
        now_ms = until_ms
        stands[token] = answers
        said = doubts.end(token, now_ms) if answers else doubts.begin(token, "why", now_ms)
        if said:
            told[token].append((now_ms, answers))
        assert set(doubts.reasons) == {one for one in stands if not stands[one]}
    for one, _ in doubts.due(now_ms + 10_000):
        told[one].append((now_ms + 10_000, False))
    assert doubts.due_ms is None
    for token, entries in told.items():
        assert (entries[-1][1] if entries else True) == stands[token]
        assert all(one[1] is not other[1] for one, other in itertools.pairwise(entries))
        begun = [at for at, answers in entries if not answers]
        assert all(later - earlier >= 10_000 for earlier, later in itertools.pairwise(begun))


def test_of_a_doubt_that_goes_on_the_newest_reason_is_known_and_it_is_told_once() -> None:
    doubts = Doubts()
    assert doubts.begin(A, "first", 0)
    assert not doubts.begin(A, "second", 1)
    assert doubts.reasons == {A: "second"}
    assert doubts.due(2) == []
    assert not doubts.end(B, 3)


def test_the_end_of_a_doubt_that_was_told_before_a_restart_is_told_after_it() -> None:
    before, after = Doubts(), Doubts()
    before.begin(A, "lost", 0)
    before.begin(B, "lost", 0)
    before.end(B, 1)
    before.begin(B, "lost again", 2)  # held back: whoever is restarted meanwhile has told nothing of it
    after.restore(before.state)
    assert after.reasons == {A: "lost"}
    assert after.end(A, 9)
