"""Silences, each told once."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.conditions.of_silence import SilenceObserver
from polywire.model.health import Freshness
from polywire.model.watch import Silent
from watched_books import A, B, changed, freshness, traded


@given(st.lists(st.tuples(st.integers(0, 4_000), st.sampled_from([A, B])), max_size=40))
def test_a_silence_is_told_once_and_only_when_it_has_lasted(steps: list[tuple[int, str]]) -> None:
    """Told each millisecond at which it wants to be: against the list of what came when."""
    observer = SilenceObserver(Silent(5.0), [A, B])
    assert list(observer.tick(0)) == []
    heard, told, now_ms = {A: 0, B: 0}, {A: False, B: False}, 0
    for pause_ms, token in [*steps, (20_000, A)]:
        until_ms = now_ms + pause_ms
        while observer.due_ms is not None and observer.due_ms <= until_ms:
            now_ms = observer.due_ms
            for found in observer.tick(now_ms):
                assert now_ms - heard[found.token] >= 5_000
                assert not told[found.token]
                told[found.token] = True
        now_ms = until_ms
        for one in (A, B):
            assert told[one] == (now_ms - heard[one] >= 5_000)
        observer.look(changed(token), None, now_ms)  # type: ignore[arg-type]
        heard[token], told[token] = now_ms, False  # type: ignore[index]


def test_what_the_feed_says_of_itself_is_no_sign_of_life_and_a_told_silence_is_remembered() -> None:
    observer = SilenceObserver(Silent(5.0), [A])
    observer.tick(0)
    observer.look(freshness(Freshness.QUIET), None, 4_000)
    observer.doubt(A, 4_500)
    assert [found.token for found in observer.tick(5_000)] == [A]
    assert observer.moved
    after = SilenceObserver(Silent(5.0), [A])
    after.restore(observer.state)
    after.tick(6_000)
    assert list(after.tick(99_000)) == []
    assert after.due_ms is None
    after.look(traded(), None, 100_000)
    assert after.due_ms == 105_000
    assert list(after.tick(104_999)) == []
    assert [found.token for found in after.tick(105_000)] == [A]


def test_two_that_speak_again_are_waited_for_from_the_first_of_them() -> None:
    observer = SilenceObserver(Silent(5.0), [A, B])
    observer.restore({"silent": [A, B]})
    observer.tick(0)
    observer.look(changed(A), None, 1_000)
    observer.look(changed(B), None, 2_000)
    assert observer.due_ms == 6_000
