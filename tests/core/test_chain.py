"""The chain of the journal: nothing in it can be changed, moved, taken out or put in without being found."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from polywire.core.chain import START, ZEROS, Broken, Checkpoint, entry_hash, linked, verify
from polywire.model.journal import Draft, Entry, EntryKind

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
DRAFTS = st.builds(
    Draft,
    kind=st.sampled_from(EntryKind),
    text=TEXTS,
    data=st.dictionaries(TEXTS, st.integers(-9, 9) | TEXTS, max_size=2),
    watch=TEXTS,
    token=TEXTS,
    condition=TEXTS,
    venue_ms=st.integers(0, 1 << 42),
    seen_ns=st.integers(0, 1 << 62),
)


def chained(drafts: list[Draft], after: Checkpoint = START) -> list[Entry]:
    entries = list[Entry]()
    for draft in drafts:
        entries.append(linked(after, draft, msgspec.json.encode(draft.data), 1, 1_700_000_000_000))
        after = Checkpoint(entries[-1].seq, entries[-1].hash)
    return entries


FIVE = chained([Draft(EntryKind.ALERT, f"No. {number}", {"n": number}, "w", "7") for number in range(1, 6)])


def test_the_encoding_is_what_it_was_when_the_first_journals_were_written() -> None:
    """Another one would declare every journal there is to be broken."""
    told = entry_hash(ZEROS, 1, "alert", "Über 0.6", b'{"p":"0.61"}', "w1", "7", "0xc", 5, 6, 7, 2)
    assert told == "80759f0db0e6cff251350cb073feeb6e887f01d47324027e6fc3b1a79def1faa"


def test_an_entry_holds_its_draft_and_follows_the_one_before() -> None:
    draft = Draft(EntryKind.PRICE, "It is 0.61.", {"mid": "0.61"}, "w1", "7", "0xc", 5, 6)
    entry = linked(Checkpoint(41, "ab" * 32), draft, b'{"mid":"0.61"}', 3, 9)
    assert (entry.seq, entry.prev_hash, entry.stands_for, entry.written_ms) == (42, "ab" * 32, 3, 9)
    assert msgspec.json.decode(entry.data) == draft.data
    same = ("kind", "text", "watch", "token", "condition", "venue_ms", "seen_ns")
    assert [getattr(entry, name) for name in same] == [getattr(draft, name) for name in same]


@given(drafts=st.lists(DRAFTS, max_size=6), cut=st.integers(0, 6))
def test_a_chain_verifies_whole_and_from_any_checkpoint_in_it(drafts: list[Draft], cut: int) -> None:
    entries = chained(drafts)
    end = Checkpoint(entries[-1].seq, entries[-1].hash) if entries else START
    assert verify(entries) == end
    middle = verify(entries[:cut])
    assert isinstance(middle, Checkpoint)
    assert verify(entries[cut:], middle) == end


@dataclass
class Change:
    field: str
    value: Any


CHANGES = [
    Change("kind", EntryKind.NOTICE),
    Change("text", "No. 3 "),
    Change("data", msgspec.Raw(b'{"n": 3}')),
    Change("watch", "w7"),
    Change("token", ""),
    Change("condition", "0xc"),
    Change("venue_ms", 1),
    Change("seen_ns", 1),
    Change("written_ms", 0),
    Change("stands_for", 2),
    Change("hash", "0" * 64),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.field)
def test_a_change_of_any_field_is_found_at_its_entry(change: Change) -> None:
    changed = [*FIVE[:2], replace(FIVE[2], **{change.field: change.value}), *FIVE[3:]]
    broken = verify(changed)
    assert isinstance(broken, Broken)
    assert broken.seq == 3
    assert "its hash does not fit" in broken.reason


def test_every_field_is_tried_above() -> None:
    """The others, `seq` and `prev_hash`, are below."""
    assert {change.field for change in CHANGES} | {"seq", "prev_hash"} == set(Entry.__struct_fields__)


@pytest.mark.parametrize(
    ("entries", "seq"),
    [
        (FIVE[1:], 1),
        (FIVE[:2] + FIVE[3:], 3),
        ([FIVE[0], FIVE[2], FIVE[1]], 2),
        ([FIVE[0], FIVE[0]], 2),
        ([FIVE[0], replace(FIVE[1], prev_hash=ZEROS)], 2),
        ([*FIVE[:2], *chained([Draft(EntryKind.ALERT, "made up")], Checkpoint(2, ZEROS))], 3),
    ],
    ids=["first-gone", "one-gone", "swapped", "twice", "other-link", "made-up"],
)
def test_an_entry_that_is_gone_moved_or_put_in_is_found(entries: list[Entry], seq: int) -> None:
    broken = verify(entries)
    assert isinstance(broken, Broken)
    assert broken.seq == seq


def test_a_checkpoint_of_another_chain_does_not_fit() -> None:
    broken = verify(FIVE[2:], Checkpoint(2, FIVE[0].hash))
    assert broken == Broken(3, "entry 3 does not follow the entry 2 that is here")


@given(first=DRAFTS, second=DRAFTS)
def test_two_entries_that_differ_have_different_hashes(first: Draft, second: Draft) -> None:
    """Else a word could be moved from one field to the next."""
    one, other = chained([first])[0], chained([second])[0]
    assert (one.hash == other.hash) == (first == second)


def test_a_word_that_moves_to_the_next_field_changes_the_hash() -> None:
    hashes = {
        chained([Draft(EntryKind.ALERT, text, watch=watch, token=token)])[0].hash
        for text, watch, token in [("ab", "", ""), ("a", "b", ""), ("a", "", "b"), ("", "ab", ""), ("", "a", "b")]
    }
    assert len(hashes) == 5
