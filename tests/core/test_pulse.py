"""`core.pulse`: how long a busy stream may be silent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polywire.core.pulse import Pulse


def a_pulse(*pauses: float, silent_s: float = 30.0, longest_s: float = 600.0) -> tuple[Pulse, float]:
    """Return a pulse that has paused like this between its messages, and when the last of them came."""
    now = 1_000.0
    pulse = Pulse(now, silent_s, longest_s)
    pulse.beat(now)
    for pause in pauses:
        now += pause
        pulse.beat(now)
    return pulse, now


def test_a_stream_of_which_nothing_came_yet_has_the_whole_time() -> None:
    pulse = Pulse(1_000.0)
    assert not pulse.late(1_029.9)
    assert pulse.late(1_030.0)


def test_one_message_a_second_makes_fifteen_seconds_of_silence_too_long() -> None:
    pulse, last = a_pulse(*[1.0] * 40)
    assert not pulse.late(last + 14.9)
    assert pulse.late(last + 15.0)


def test_a_rhythm_is_not_known_from_a_handful_of_messages() -> None:
    pulse, _ = a_pulse(*[1.0] * 20)
    assert pulse.limit_s == 30.0


def test_a_stream_that_comes_in_bursts_is_judged_by_its_pauses_and_not_by_its_mean() -> None:
    """Ten silent seconds and then all at once have been seen of a service that was well."""
    pulse, _ = a_pulse(*[0.0] * 40, *([9.0, *[0.0] * 5] * 3))
    assert 20.0 < pulse.limit_s <= 27.0


def test_a_long_pause_is_forgotten_as_the_stream_goes_on() -> None:
    pulse, _ = a_pulse(9.0, *[0.5] * 200)
    assert pulse.limit_s == 15.0


@given(st.lists(st.floats(0.0, 100.0), max_size=80))
def test_no_rhythm_makes_a_busy_stream_silent_for_longer_than_the_setting(pauses: list[float]) -> None:
    pulse, last = a_pulse(*pauses)
    assert 15.0 <= pulse.limit_s <= 30.0
    assert pulse.late(last + 30.1)


def test_a_setting_below_the_least_is_kept_to() -> None:
    assert a_pulse(*[1.0] * 40, silent_s=5.0)[0].limit_s == 5.0


def test_a_silence_that_a_new_socket_did_not_end_is_borne_twice_as_long_each_time_up_to_the_longest() -> None:
    pulse, last = a_pulse()
    limits = []
    for _ in range(6):
        limits.append(pulse.limit_s)
        pulse.bear()
    assert limits == [30.0, 60.0, 120.0, 240.0, 480.0, 600.0]
    pulse.beat(last + 700.0)
    assert pulse.limit_s == 30.0


def test_the_pause_before_a_new_socket_is_none_of_the_streams() -> None:
    pulse, last = a_pulse(*[1.0] * 40)
    pulse.listen(last + 300.0)
    assert not pulse.late(last + 329.9)
    for second in range(40):
        pulse.beat(last + 300.0 + second)
    assert pulse.limit_s == 15.0


@pytest.mark.parametrize("earlier", [0.0, 5.0])
def test_listening_never_moves_time_backwards(earlier: float) -> None:
    pulse, last = a_pulse(1.0)
    pulse.listen(last - earlier)
    assert pulse.last_s == last
