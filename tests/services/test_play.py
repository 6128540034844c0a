"""A recording at its own pace."""

from itertools import pairwise

import pytest

from polywire.services.play import play
from polywire.services.replay import Replay
from services.clocks import HandClock
from services.recordings import frame, rehearsal

SECOND_NS = 1_000_000_000


def test_frames_come_when_they_are_due() -> None:
    records = [frame(b"PONG", seen_ns=(10 + at) * SECOND_NS) for at in (0, 1, 3)]
    clock = HandClock()
    began = clock.monotonic_s()
    arrived: list[float] = []
    replay = Replay()
    for _ in play(records, replay, clock, longest_wait_s=10.0):
        if replay.frames > len(arrived):  # a frame is decoded first, then it is waited until its time
            arrived.append(clock.monotonic_s() - began)
    assert arrived == pytest.approx([0.0, 0.1, 1.1])
    assert sum(clock.slept) == pytest.approx(3.0)


def test_while_nothing_is_due_the_caller_gets_a_moment_ten_times_a_second() -> None:
    clock = HandClock()
    moments = list(play([frame(b"PONG", seen_ns=at * SECOND_NS) for at in (10, 11)], Replay(), clock))
    assert moments == [[]] * len(moments)
    assert len(moments) >= 10
    assert max(clock.slept) <= 0.1


def test_twice_the_speed_takes_half_the_time() -> None:
    records = rehearsal(400)
    span_s = (records[-1].seen_ns - records[0].seen_ns) / SECOND_NS
    clock = HandClock()
    list(play(records, Replay(), clock, speed=2.0))
    assert sum(clock.slept) == pytest.approx(span_s / 2, abs=0.01)


def test_it_ends_when_its_time_is_over() -> None:
    clock = HandClock()
    list(play(rehearsal(5_000), Replay(), clock, for_s=3.0))
    assert sum(clock.slept) == pytest.approx(3.0, abs=0.11)


def test_a_long_silence_is_cut_short_and_what_follows_keeps_its_pace() -> None:
    records = [frame(b"PONG", seen_ns=at * SECOND_NS) for at in (10, 3_610, 3_611)]
    clock = HandClock()
    list(play(records, Replay(), clock, longest_wait_s=5.0))
    assert sum(clock.slept) == pytest.approx(6.0)


def test_a_recording_without_times_is_played_by_the_venues() -> None:
    records = [record._replace(seen_ns=0) for record in rehearsal(300)]
    clock = HandClock()
    list(play(records, Replay(), clock))
    times = [record.seen_ns for record in rehearsal(300)]
    assert sum(clock.slept) == pytest.approx((times[-1] - times[8]) / SECOND_NS, abs=0.5)
    assert all(before <= after for before, after in pairwise(times))
