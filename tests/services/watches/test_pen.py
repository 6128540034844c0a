"""`services.watches.pen`: what the journal does not take is counted, said, and never raised."""

import pytest

from polywire.model.journal import Draft, EntryKind
from polywire.services.watches.keeping import Kept
from polywire.services.watches.pen import Pen
from services.clocks import HandClock
from services.watches.memory_journal import MemoryJournal, data_of

pytestmark = pytest.mark.anyio

ALERT = Draft(EntryKind.ALERT, "crossed", watch="a")
PRICE = Draft(EntryKind.PRICE, "moved", watch="a")


async def test_what_a_full_journal_did_not_take_is_told_by_watch_and_kind_before_anything_else_is_written() -> None:
    journal, clock = MemoryJournal(), HandClock()
    pen = Pen(journal, clock)
    assert pen.write("a", [ALERT], None)
    journal.full = True
    assert not pen.write("a", [ALERT, PRICE], None)
    clock.sleep(2.0)
    assert not pen.write("a", [ALERT], None)
    assert not pen.write("b", [ALERT], None)
    assert not pen.settle()
    assert pen.lost == 4
    journal.full = False
    assert pen.write("b", [ALERT], None)
    assert pen.lost == 0
    _, of_a, of_b, last = journal.entries
    assert (of_a.kind, of_a.watch, last.kind) == (EntryKind.SYSTEM, "a", EntryKind.ALERT)
    assert data_of(of_a) == {
        "what": "lost", "lost": 3, "kinds": {"alert": 2, "price": 1}, "from_ms": 100_000, "to_ms": 102_000,
    }  # fmt: skip
    assert of_a.text == (
        "3 entries of watch a could not be written from 1970-01-01 00:01:40 UTC to 1970-01-01 00:01:42 UTC, and will "
        "not be: the journal has 100,000 entries waiting for the disk, which is the most; this was not taken"
    )
    assert of_b.text.startswith("1 entry of watch b could not be written")
    assert pen.settle()
    assert len(journal.entries) == 4, "it is told once"


async def test_a_watch_that_was_to_be_forgotten_is_forgotten_later() -> None:
    journal = MemoryJournal()
    pen = Pen(journal, HandClock())
    assert pen.write("a", (), Kept("a", b"body", b"state"))
    journal.broken = "is on a disk that is full"
    assert not pen.write("a", [ALERT], Kept("a", None, b""))
    assert journal.watches == {"a": (b"body", b"state")}
    journal.broken = ""
    assert pen.settle()
    assert journal.watches == {}
    (lost,) = journal.entries
    assert lost.text.endswith("the journal is on a disk that is full")


async def test_a_state_that_was_not_taken_is_no_loss_as_the_next_one_holds_it() -> None:
    journal = MemoryJournal()
    pen = Pen(journal, HandClock())
    journal.full = True
    assert not pen.write("a", (), Kept("a", b"", b"state"))
    journal.full = False
    assert pen.write("a", [ALERT], None)
    assert [one.kind for one in journal.entries] == [EntryKind.ALERT]
