"""Deeds in the order of their times."""

import pytest

from polywire.exchange.life.schedule import Schedule


def test_deeds_are_done_in_time_order_and_those_of_one_time_as_they_were_planned() -> None:
    schedule, done = Schedule(), list[tuple[str, int]]()
    schedule.at(20, lambda us: done.append(("late", us)))
    schedule.at(10, lambda us: done.append(("early", us)))
    schedule.at(10, lambda us: done.append(("early too", us)))
    while schedule.next_us() is not None:
        schedule.do_next()
    assert done == [("early", 10), ("early too", 10), ("late", 20)]


def test_a_deed_may_plan_another() -> None:
    schedule, done = Schedule(), list[int]()
    schedule.at(1, lambda us: schedule.at(us + 1, done.append))
    schedule.do_next()
    assert schedule.next_us() == 2
    schedule.do_next()
    assert done == [2]


def test_where_nothing_is_planned_nothing_can_be_done() -> None:
    assert Schedule().next_us() is None
    with pytest.raises(IndexError):
        Schedule().do_next()
