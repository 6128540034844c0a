"""Pauses, budgets and digests, against a plain account of what was said when."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.allowance import Allowance, Digest

HOUR_MS = 3_600_000
STEPS = st.lists(st.tuples(st.integers(0, 1_500_000), st.sampled_from("ab")), max_size=50)


@given(STEPS, st.integers(0, 4), st.sampled_from([0, 600_000]))
def test_every_alert_is_told_or_counted_and_no_hour_tells_more_than_its_budget(
    steps: list[tuple[int, str]], budget: int, cooldown_ms: int
) -> None:
    allowance = Allowance(budget, cooldown_ms)
    now_ms, told, held, hushed = HOUR_MS, list[tuple[int, str]](), 0, 0
    for number, (pause_ms, token) in enumerate(steps):
        now_ms += pause_ms
        digest = allowance.digest(now_ms)
        if digest is not None:
            held += digest.alerts
        restored = Allowance(budget, cooldown_ms)  # a restart at any moment changes nothing
        restored.restore(allowance.state)
        allowance = restored
        pausing = any(one == token and now_ms < at + cooldown_ms for at, one in told)
        if allowance.admits(token, f"{number}", now_ms):
            assert not pausing
            told.append((now_ms, token))
            hushed += allowance.hushed(token)
        assert 0 <= allowance.left(now_ms) <= budget
    rest = allowance.digest(now_ms + 2 * HOUR_MS)
    held += rest.alerts if rest else 0
    hushed += allowance.hushed("a") + allowance.hushed("b")
    assert len(told) + held + hushed == len(steps)
    for at, _ in told:
        assert len([1 for one, _ in told if at <= one < at + HOUR_MS]) <= 2 * budget  # two hours may touch in it


def test_what_is_over_the_budget_comes_as_one_digest_at_the_hours_end() -> None:
    allowance = Allowance(1, 0)
    assert allowance.admits("a", "first", HOUR_MS)
    assert allowance.due_ms is None
    assert not allowance.admits("a", "second", HOUR_MS + 1)
    assert allowance.spent
    assert not allowance.admits("a", "third", HOUR_MS + 2)
    assert not allowance.spent
    assert allowance.digest(allowance.due_ms - 1 if allowance.due_ms else 0) is None
    assert allowance.left(HOUR_MS + 2) == 0
    assert allowance.left(2 * HOUR_MS) == 1
    assert allowance.digest(2 * HOUR_MS) == Digest(2, "second", "third", HOUR_MS + 1)
    assert allowance.admits("a", "fourth", 2 * HOUR_MS)
