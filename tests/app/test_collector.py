"""`app.collector`: what stays is walked once, what is garbage is still freed. Afterwards the collector is as it was."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any, Final

import pytest

from polywire.app.collector import NEW_OBJECTS, keep_settled, settle_collector
from services.feed.virtual import VirtualLoop

PYTHONS_OWN: Final = 700


@pytest.fixture(autouse=True)
def the_collector_is_as_python_has_it() -> Iterator[None]:
    threshold = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(PYTHONS_OWN, 10, 10)
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


class Node:
    """Refers to itself, so that its reference count never falls to nothing."""

    def __init__(self) -> None:
        self.itself = self


def lost_cycle() -> "weakref.ref[Node]":
    return weakref.ref(Node())


def is_walked(thing: object) -> bool:
    """Whether a collection looks at something that could be part of a cycle."""
    assert gc.is_tracked(thing)
    return any(one is thing for one in gc.get_objects())


# ---------------------------------------------------------------- once


def test_what_is_there_is_walked_no_more_and_what_comes_later_is() -> None:
    before = Node()
    assert is_walked(before)
    frozen = settle_collector()
    later = Node()
    assert (is_walked(before), is_walked(later)) == (False, True)
    assert frozen > 10_000  # all of Python's modules, and ours


def test_a_cycle_that_nobody_refers_to_is_freed_before_and_not_kept_for_ever() -> None:
    lost = lost_cycle()
    assert lost() is not None
    settle_collector()
    assert lost() is None


def test_what_was_frozen_is_freed_by_its_reference_count_as_ever() -> None:
    kept = Node()
    seen = weakref.ref(kept)
    settle_collector()
    del kept.itself, kept
    assert seen() is None


def test_a_frozen_cycle_is_freed_the_next_time() -> None:
    kept = Node()
    seen = weakref.ref(kept)
    settle_collector()
    del kept
    gc.collect()
    assert seen() is not None  # which is the price
    settle_collector()
    assert seen() is None


def test_cycles_are_freed_without_being_asked_once_enough_has_been_made() -> None:
    settle_collector()
    lost, made = lost_cycle(), list[Node]()
    while lost() is not None and len(made) <= 2 * NEW_OBJECTS:
        made.append(Node())
    assert PYTHONS_OWN < len(made) <= NEW_OBJECTS


def test_young_objects_are_walked_less_often_than_by_python() -> None:
    assert collections_while_making(7 * PYTHONS_OWN) >= 6
    settle_collector()
    assert collections_while_making(NEW_OBJECTS // 2) == 0


def collections_while_making(count: int) -> int:
    begun = []

    def note(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            begun.append(phase)

    gc.callbacks.append(note)
    try:
        made: list[Any] = [Node() for _ in range(count)]
    finally:
        gc.callbacks.remove(note)
    assert len(made) == count
    return len(begun)


# ---------------------------------------------------------------- as books come


def test_it_is_settled_once_there_are_books_and_again_when_they_have_grown_by_a_quarter() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_as_books_come())


async def _as_books_come() -> None:
    books: list[int] = []
    settling = asyncio.create_task(keep_settled(books))
    settled = []
    for count in (0, 100, 124, 125, 156, 157, 30):
        books[:] = range(count)
        early = Node()
        await asyncio.sleep(11)
        late = Node()
        await asyncio.sleep(49)
        settled.append(not is_walked(early))
        assert is_walked(late)  # once is enough
    assert settled == [False, True, False, True, False, True, False]
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    assert settling.cancelled()
