"""Names of what has ended."""

from hypothesis import given
from hypothesis import strategies as st

from polywire.core.departed import DAY_NS, Departed


def test_a_name_is_kept_for_a_day_after_its_end_and_then_forgotten() -> None:
    departed = Departed()
    departed.add("0x1", 5)
    departed.expire(5 + DAY_NS)
    assert "0x1" in departed
    departed.expire(6 + DAY_NS)
    assert "0x1" not in departed
    assert len(departed) == 0


def test_nothing_is_forgotten_of_nothing() -> None:
    departed = Departed()
    departed.expire(DAY_NS)
    assert len(departed) == 0


@given(ends=st.lists(st.integers(0, 100)), now=st.integers(0, 200))
def test_whatever_ended_within_the_time_is_kept(ends: list[int], now: int) -> None:
    departed = Departed(keep_ns=50)
    for number, ended in enumerate(sorted(ends)):
        departed.add(str(number), ended)
    departed.expire(now)
    kept = [number for number, ended in enumerate(sorted(ends)) if ended >= now - 50]
    assert all(str(number) in departed for number in kept)
    assert len(departed) == len(kept)
