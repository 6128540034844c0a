"""`wire.tally`: everything heard is counted, and counting is bounded."""

from polywire.wire.sink import Heard
from polywire.wire.tally import KINDS_KEPT, OTHER, SAMPLE_BYTES, SAMPLES_KEPT, Tally


def test_a_new_tally_has_counted_nothing() -> None:
    tally = Tally()
    assert (tally.frames, tally.decoded, tally.lost_in_all) == (0, 0, 0)
    assert (tally.messages, tally.texts, tally.undecoded, tally.samples, tally.unknown_fields) == ({}, {}, {}, {}, {})


def test_frames_are_those_of_the_fast_path_and_all_others() -> None:
    tally = Tally()
    tally.changes, tally.other_frames = 5, 3
    assert tally.frames == 8


def test_level_changes_of_both_paths_are_counted_together() -> None:
    tally = Tally()
    tally.changes = 5
    for kind in "price_change", "book", "book":
        tally.message(kind)
    assert tally.messages == {"price_change": 6, "book": 2}
    assert tally.decoded == 8
    assert tally.other_messages == {"price_change": 1, "book": 2}


def test_a_kind_that_never_came_has_no_count() -> None:
    tally = Tally()
    tally.message("book")
    assert tally.messages == {"book": 1}


def test_texts_are_counted_by_word() -> None:
    tally = Tally()
    for word in "PONG", "PONG", "NO NEW ASSETS":
        tally.text(word)
    assert tally.texts == {"PONG": 2, "NO NEW ASSETS": 1}


def test_undecoded_kinds_are_bounded_and_the_rest_is_counted_together() -> None:
    tally = Tally()
    for number in range(KINDS_KEPT + 50):
        tally.lost(f"unknown:{number}", b"x")
    tally.lost("unknown:0", b"x")
    assert len(tally.undecoded) == KINDS_KEPT + 1
    assert (tally.undecoded[OTHER], tally.undecoded["unknown:0"]) == (50, 2)
    assert tally.lost_in_all == KINDS_KEPT + 51


def test_samples_are_bounded_in_number_and_in_size() -> None:
    tally = Tally()
    for number in range(SAMPLES_KEPT + 4):
        tally.lost("not-json", bytes([number]) * (SAMPLE_BYTES + 5))
    assert tally.samples == {"not-json": [bytes([number]) * SAMPLE_BYTES for number in range(SAMPLES_KEPT)]}
    assert tally.undecoded == {"not-json": SAMPLES_KEPT + 4}


def test_samples_of_all_kinds_together_are_bounded() -> None:
    tally = Tally()
    for number in range(KINDS_KEPT * 3):
        for _ in range(SAMPLES_KEPT + 1):
            tally.lost(f"unknown:{number}", b"x")
    assert tally.samples.keys() == tally.undecoded.keys()
    assert sum(map(len, tally.samples.values())) == (KINDS_KEPT + 1) * SAMPLES_KEPT


def test_unknown_fields_are_counted_by_kind_and_name() -> None:
    tally = Tally()
    for kind, field in ("book", "a"), ("book", "a"), ("book", "b"), ("price_change", "a"):
        tally.unknown(kind, field)
    assert tally.unknown_fields == {("book", "a"): 2, ("book", "b"): 1, ("price_change", "a"): 1}


def test_unknown_fields_beyond_the_bound_are_counted_by_kind() -> None:
    tally = Tally()
    for number in range(KINDS_KEPT):
        tally.unknown("book", f"field {number}")
    for number in range(10):
        tally.unknown("book", f"later {number}")
    tally.unknown("price_change", "later")
    tally.unknown("book", "field 0")
    assert tally.unknown_fields["book", OTHER] == 10
    assert tally.unknown_fields["price_change", OTHER] == 1
    assert tally.unknown_fields["book", "field 0"] == 2
    assert len(tally.unknown_fields) == KINDS_KEPT + 2


def test_not_even_invented_kinds_make_the_counts_of_unknown_fields_grow_without_end() -> None:
    tally = Tally()
    for number in range(10 * KINDS_KEPT):
        tally.unknown(f"kind {number}", "field")
    assert len(tally.unknown_fields) == 2 * KINDS_KEPT + 1
    assert tally.unknown_fields[OTHER, OTHER] == 8 * KINDS_KEPT
    assert sum(tally.unknown_fields.values()) == 10 * KINDS_KEPT


def test_a_word_of_the_protocol_is_counted_and_told_and_anything_else_is_left_to_be_read() -> None:
    tally = Tally()
    words = {b"PONG": Heard.PONG, b"": Heard.NOTICE}
    assert [tally.word(frame, words) for frame in (b"PONG", b" PONG\n", b"", b"{}")] == [
        Heard.PONG,
        Heard.PONG,
        Heard.NOTICE,
        None,
    ]
    assert (tally.texts, tally.frames) == ({"PONG": 2, "": 1}, 4)
