"""What a reader of the journal is served without a disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from polywire.core.chain import ZEROS
from polywire.core.pages import Tail, standing_of
from polywire.model.journal import Cursor, Entry, EntryKind, Standing

ID = "3f9a11c02b7e"


@pytest.mark.parametrize(
    ("cursor", "oldest", "newest", "standing"),
    [
        (Cursor(ID, 0), 1, 0, Standing.GOOD),  # of a new journal
        (Cursor(ID, 1), 1, 0, Standing.FUTURE),
        (Cursor(ID, 0), 1, 9, Standing.GOOD),
        (Cursor(ID, 9), 1, 9, Standing.GOOD),
        (Cursor(ID, 10), 1, 9, Standing.FUTURE),
        (Cursor(ID, 4), 5, 9, Standing.GOOD),  # the next one is the oldest there is
        (Cursor(ID, 3), 5, 9, Standing.TRUNCATED),
        (Cursor(ID, 9), 10, 9, Standing.GOOD),  # all were removed
        (Cursor(ID, 8), 10, 9, Standing.TRUNCATED),
        (Cursor("000000000000", 4), 1, 9, Standing.FOREIGN),
        (Cursor("000000000000", 99), 1, 9, Standing.FOREIGN),
    ],
)
def test_a_cursor_stands_as_its_journal_says(cursor: Cursor, oldest: int, newest: int, standing: Standing) -> None:
    assert standing_of(cursor, ID, oldest, newest) is standing


def entry(seq: int, watch: str = "", kind: EntryKind = EntryKind.ALERT) -> Entry:
    return Entry(seq, kind, "", Raw(b"{}"), watch, "", "", 0, 0, 0, 1, ZEROS, ZEROS)


WATCHES = st.sampled_from(["", "a", "b"])
KINDS = st.sampled_from([EntryKind.ALERT, EntryKind.PRICE, EntryKind.GAP])


@given(
    start=st.integers(0, 5),
    groups=st.lists(st.lists(st.tuples(WATCHES, KINDS), max_size=6), max_size=12),
    after=st.integers(0, 80),
    limit=st.integers(1, 20),
    watches=st.lists(WATCHES, max_size=2),
    kinds=st.lists(KINDS, max_size=2),
)
def test_a_tail_answers_as_the_whole_journal_would_or_not_at_all(
    start: int,
    groups: list[list[tuple[str, EntryKind]]],
    after: int,
    limit: int,
    watches: list[str],
    kinds: list[EntryKind],
) -> None:
    tail, every = Tail(start, most=10), list[Entry]()
    for group in groups:
        new = [entry(start + len(every) + at, *made) for at, made in enumerate(group, 1)]
        every += new
        tail.extend(new)
    there = [one for one in every if one.seq > after]
    wanted = [one for one in there if (not watches or one.watch in watches) and (not kinds or one.kind in kinds)]
    found = tail.read(after, limit, watches, kinds)
    if found is None:
        assert after < start or len(there) > 10  # the newest ten are always here
    else:
        assert found == wanted[:limit]


def test_a_tail_forgets_what_is_older_than_its_newest() -> None:
    tail = Tail(0, most=10)
    tail.extend([entry(seq) for seq in range(1, 21)])
    assert tail.read(0, 100) == [entry(seq) for seq in range(1, 21)]
    tail.extend([entry(21)])
    assert tail.read(10, 100) is None
    assert tail.read(11, 100) == [entry(seq) for seq in range(12, 22)]
    assert tail.read(21, 100) == []


def test_no_more_than_the_limit_of_a_watch_are_returned_however_many_follow() -> None:
    tail = Tail(0)
    tail.extend([entry(seq, "ab"[seq % 2]) for seq in range(1, 11)])
    assert tail.read(0, 2, watches=["a"]) == [entry(2, "a"), entry(4, "a")]
    assert tail.read(8, 2, watches=["a"]) == [entry(10, "a")]
